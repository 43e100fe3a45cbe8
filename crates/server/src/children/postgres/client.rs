//! `psql`, for the few statements that come before any pool.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use crate::children::Error;
use crate::children::limits::{DATABASE_NAME_BYTES_MAX, SQL_TIMEOUT};

/// The one login of a private server.
pub(super) const SUPERUSER: &str = "slipstream";

pub(super) fn url(sockets: &Path, database: &str) -> String {
    let encoded: String = sockets.as_os_str().as_bytes().iter().map(percent_encoded).collect();
    format!("postgres://{SUPERUSER}@localhost/{database}?host={encoded}")
}

fn percent_encoded(byte: &u8) -> String {
    if byte.is_ascii_alphanumeric() { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
}

/// The name as an identifier; only names that need no escape are taken.
pub(super) fn quoted(name: &str) -> Result<String, Error> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let starts_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    if plain && starts_well && name.len() <= DATABASE_NAME_BYTES_MAX { Ok(format!("\"{name}\"")) } else { Err(Error::DatabaseName(name.to_owned())) }
}

pub(super) async fn run(psql: &Path, url: &str, statements: &str) -> Result<String, Error> {
    let mut command = Command::new(psql);
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--command"]);
    command.arg(statements).arg(url);
    // No `PG…` variable of the user's may lead elsewhere.
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(SQL_TIMEOUT, command.output()).await {
        Ok(output) => output.map_err(Error::file("run", psql))?,
        Err(_) => {
            return Err(Error::Sql(format!("no answer within {} s", SQL_TIMEOUT.as_secs())));
        }
    };
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    } else {
        Err(Error::Sql(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

/// The major version of the programs as it stands in `PG_VERSION`; `None` when they do not tell.
pub(super) async fn major_version(bin_dir: &Path) -> Option<String> {
    let output = Command::new(bin_dir.join("postgres")).arg("--version").output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(number.chars().take_while(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_blanks_and_commas_stays_one_value() {
        assert_eq!(url(Path::new("/a b,c"), "x"), "postgres://slipstream@localhost/x?host=%2Fa%20b%2Cc");
    }

    #[test]
    fn only_plain_names_are_databases() {
        assert_eq!(quoted("test_1").unwrap(), "\"test_1\"");
        for bad in ["", "1a", "a-b", "A", "a\"b", &"a".repeat(64)] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }
}
