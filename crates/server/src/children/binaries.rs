//! Where the servers' programs are on this machine.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::Error;

/// First version of nats-server that we run on.
const NATS_VERSION_MIN: (u32, u32) = (2, 15);

/// First major version of Postgres that we run on.
const POSTGRES_VERSION_MIN: u32 = 15;

/// Folders with one subfolder per major version of Postgres: Debian's and Ubuntu's, then others'.
const POSTGRES_HOMES: [&str; 4] = ["/usr/lib/postgresql", "/usr/libexec/postgresql", "/usr/local", "/usr"];

/// Where to look for programs. All values are the caller's: nothing here reads the environment.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Named by the user: taken without a check of its version. For Postgres the folder, or the `postgres` in it.
    pub explicit: Option<PathBuf>,
    /// The value of `PATH`.
    pub path: Option<OsString>,
    /// The checkout's own folder of programs, `.slipstream/bin`.
    pub local: Option<PathBuf>,
}

impl Search {
    fn candidates(&self, program: &str) -> Vec<PathBuf> {
        let path = self.path.iter().flat_map(std::env::split_paths);
        path.chain(self.local.clone()).map(|dir| dir.join(program)).filter(|file| file.is_file()).collect()
    }
}

/// Finds `nats-server` 2.15 or later: what the user named, else on `PATH`, else in the checkout.
///
/// # Errors
/// [`Error::Missing`], which says how to get it.
pub async fn find_nats(search: &Search) -> Result<PathBuf, Error> {
    let missing = |how: String| Error::Missing { what: "nats-server 2.15 or later", how };
    if let Some(named) = &search.explicit {
        return if named.is_file() { Ok(named.clone()) } else { Err(missing(format!("no file {}", named.display()))) };
    }
    let mut rejected = String::new();
    for file in search.candidates("nats-server") {
        match version(&file).await {
            Some(found) if found >= NATS_VERSION_MIN => return Ok(file),
            Some((major, minor)) => rejected += &format!("{} is {major}.{minor}; ", file.display()),
            None => rejected += &format!("{} does not tell its version; ", file.display()),
        }
    }
    Err(missing(format!("{rejected}run `scripts/setup`, which puts the right one into .slipstream/bin")))
}

/// Finds the folder with Postgres 15 or later (`postgres`, `initdb`, `psql`): what the user named, else on `PATH`, else
/// the newest in the distribution's folders.
///
/// # Errors
/// [`Error::Missing`], which says how to get it.
pub async fn find_postgres(search: &Search) -> Result<PathBuf, Error> {
    let missing = |how: String| Error::Missing { what: "Postgres 15 or later", how };
    if let Some(named) = &search.explicit {
        let dir = if named.is_file() { named.parent().unwrap_or(named) } else { named };
        let complete = is_postgres(dir);
        return if complete { Ok(dir.to_owned()) } else { Err(missing(format!("none in {}", named.display()))) };
    }
    let on_path = search.candidates("postgres").into_iter().filter_map(|file| Some(file.parent()?.to_owned()));
    for dir in on_path.chain(distribution_folders()).filter(|dir| is_postgres(dir)) {
        if version(&dir.join("postgres")).await.is_some_and(|(major, _)| major >= POSTGRES_VERSION_MIN) {
            return Ok(dir);
        }
    }
    Err(missing("run `scripts/setup`, or install it (Debian, Ubuntu: `apt-get install postgresql`)".into()))
}

/// Finds a `setpriv` that can bind a child's life to ours. Without one, children may outlive a killed parent.
pub async fn find_setpriv(search: &Search) -> Option<PathBuf> {
    for file in search.candidates("setpriv") {
        let probe = Command::new(&file).args(["--pdeathsig", "KILL", "--no-new-privs", "--", "true"]).output().await;
        if probe.is_ok_and(|answer| answer.status.success()) {
            return Some(file);
        }
    }
    None
}

fn is_postgres(dir: &Path) -> bool {
    ["postgres", "initdb", "psql"].iter().all(|program| dir.join(program).is_file())
}

/// Every `<home>/<version>/bin`, newest first.
fn distribution_folders() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in POSTGRES_HOMES.iter().filter_map(|home| std::fs::read_dir(home).ok()).flatten().flatten() {
        if let Some(major) = entry.file_name().to_str().and_then(folder_version) {
            found.push((major, entry.path().join("bin")));
        }
    }
    found.sort_by_key(|(major, _)| Reverse(*major));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// Reads `15`, `postgresql15`, `postgresql-15` or `pgsql-15`.
fn folder_version(name: &str) -> Option<u32> {
    name.trim_start_matches("postgresql").trim_start_matches("pgsql").trim_start_matches('-').parse().ok()
}

async fn version(program: &Path) -> Option<(u32, u32)> {
    let answer = Command::new(program).arg("--version").output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&answer.stdout))
}

/// Reads the first word that looks like `15.18`, `v2.15.1` or `18beta1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split(|c: char| !c.is_ascii_digit());
        let major = numbers.next()?.parse().ok()?;
        Some((major, numbers.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_programs_print_them() {
        assert_eq!(parse_version("nats-server: v2.15.1\n"), Some((2, 15)));
        assert_eq!(parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18)));
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some((18, 0)));
        assert_eq!(parse_version("no number"), None);
    }

    #[test]
    fn folders_of_the_distributions_tell_their_version() {
        assert_eq!(["15", "postgresql17", "pgsql-16", "bin"].map(folder_version), [Some(15), Some(17), Some(16), None]);
    }

    #[tokio::test]
    async fn what_is_missing_is_said_with_the_way_to_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let search = Search { path: Some(dir.path().into()), ..Search::default() };
        let message = find_nats(&search).await.unwrap_err().to_string();
        assert!(message.contains("nats-server 2.15") && message.contains("scripts/setup"), "{message}");
    }

    #[tokio::test]
    async fn a_server_that_is_too_old_is_named_and_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("nats-server");
        std::fs::write(&old, "#!/bin/sh\necho nats-server: v2.10.26\n").unwrap();
        std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let search = Search { path: Some(dir.path().into()), ..Search::default() };
        let message = find_nats(&search).await.unwrap_err().to_string();
        assert!(message.contains("is 2.10"), "{message}");
        let named = Search { explicit: Some(old.clone()), ..search };
        assert_eq!(find_nats(&named).await.unwrap(), old);
    }
}
