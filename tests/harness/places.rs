//! Where programs and files are.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use slipstream_server::children::{Search, find_nats, find_postgres, find_setpriv};
use tempfile::TempDir;

/// The program under test.
pub(crate) fn program() -> PathBuf {
    let beside = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("slipstream");
    let program = variable("SLIPSTREAM_TEST_BIN").map_or(beside, PathBuf::from);
    assert!(program.is_file(), "there is no {}: run `cargo build -p slipstream-server` first, or set SLIPSTREAM_TEST_BIN", program.display());
    program
}

/// The folder of what one run of tests leaves for the next.
pub(crate) fn cache() -> PathBuf {
    let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
    let cache = target.join("slipstream-tests");
    std::fs::create_dir_all(&cache).unwrap();
    cache
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A directory that also the account of Postgres can pass through.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("slipstream-test-").permissions(PermissionsExt::from_mode(0o711)).tempdir().unwrap()
}

pub(crate) async fn nats() -> PathBuf {
    find_nats(&search("SLIPSTREAM_NATS_BIN")).await.unwrap()
}

pub(crate) async fn postgres() -> PathBuf {
    find_postgres(&search("SLIPSTREAM_POSTGRES_BIN")).await.unwrap()
}

pub(crate) async fn setpriv() -> Option<PathBuf> {
    find_setpriv(&search("")).await
}

fn search(explicit: &str) -> Search {
    Search { explicit: variable(explicit).map(PathBuf::from), path: variable("PATH"), local: Some(root().join(".slipstream/bin")) }
}

pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::vars_os().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value)
}
