//! Programs of others that the tests drive; `scripts/setup --with clients --with nginx` puts them in place.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

use crate::places;

/// A program of `tests/clients`, by its file name: `.mjs` in Node, `.py` in Python. It ends with the test.
pub async fn client_program(name: &str, args: &[&str]) -> Command {
    let root = places::root();
    let interpreter = if name.ends_with(".py") { "python3" } else { "node" };
    let mut command = match places::setpriv().await {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--", interpreter]);
            command
        }
        None => Command::new(interpreter),
    };
    command.arg(root.join("tests/clients").join(name)).args(args).env("PYTHONPATH", root.join(".slipstream/python"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
    command
}

/// An nginx: `SLIPSTREAM_TEST_NGINX`, an installed one, or the one that set-up has unpacked.
pub(crate) fn nginx_program() -> PathBuf {
    let named = places::variable("SLIPSTREAM_TEST_NGINX").map(PathBuf::from);
    let usual = [PathBuf::from("/usr/sbin/nginx"), places::root().join(".slipstream/nginx/usr/sbin/nginx")];
    let found = named.into_iter().chain(usual).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("there is no nginx: run `scripts/setup --with nginx`, or set SLIPSTREAM_TEST_NGINX"))
}
