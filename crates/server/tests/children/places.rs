//! Programs and directories for the tests.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use slipstream_server::children::{NatsConfig, PostgresConfig, Search, find_nats, find_postgres, find_setpriv};
use tempfile::TempDir;

/// A directory that also the account of Postgres can pass through.
pub(crate) fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("slipstream-children-").permissions(PermissionsExt::from_mode(0o711)).tempdir().unwrap()
}

pub(crate) async fn nats_config(dir: &Path) -> NatsConfig {
    let bin = find_nats(&search("SLIPSTREAM_NATS_BIN")).await.unwrap();
    NatsConfig { bin, dir: dir.join("nats"), port: None, setpriv: setpriv().await }
}

pub(crate) async fn postgres_config(dir: &Path) -> PostgresConfig {
    let bin_dir = find_postgres(&search("SLIPSTREAM_POSTGRES_BIN")).await.unwrap();
    PostgresConfig { bin_dir, dir: dir.join("postgres"), elsewhere: None, setpriv: setpriv().await, settings: vec![] }
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

async fn setpriv() -> Option<PathBuf> {
    find_setpriv(&search("")).await
}

fn search(explicit: &str) -> Search {
    let local = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.slipstream/bin");
    Search { explicit: variable(explicit).map(PathBuf::from), path: variable("PATH"), local: Some(local) }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::vars_os().find(|(found, _)| found == name).map(|(_, value)| value)
}
