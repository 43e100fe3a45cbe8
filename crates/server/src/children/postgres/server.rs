//! Starting the postmaster.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::layout::{Layout, SOCKET_NAME};
use super::{PostgresConfig, SHARED_MEMORY_TIMEOUT};
use crate::children::account::Account;
use crate::children::limits::{POLL_INTERVAL, START_TIMEOUT};
use crate::children::process::{Handle, Log, Process, Spec};
use crate::children::slot::Running;
use crate::children::{Error, proc};

/// What Postgres says when backends of a killed postmaster have not ended yet.
const STILL_IN_USE: &str = "pre-existing shared memory block";

/// Ends what was left behind, starts the postmaster and waits until it accepts connections.
pub(super) async fn launch(config: &PostgresConfig, account: &Account, layout: &Layout) -> Result<Running, Error> {
    end_left_behind(layout).await?;
    let deadline = Instant::now() + SHARED_MEMORY_TIMEOUT;
    loop {
        let log = Log::begin(layout.log.clone())?;
        let process = Process::spawn(spec(config, account, layout), &log).await?;
        match await_ready(&process.handle(), &layout.data, &log).await {
            Ok(()) => return Ok(Running { process, log }),
            Err(Error::Failed { log_tail, .. }) if log_tail.contains(STILL_IN_USE) && Instant::now() < deadline => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn spec(config: &PostgresConfig, account: &Account, layout: &Layout) -> Spec {
    let mut args: Vec<OsString> = vec!["-D".into(), layout.data.clone().into()];
    let own = own_settings(&layout.sockets);
    for (name, value) in own.iter().chain(&config.settings) {
        args.push("-c".into());
        args.push(format!("{name}={value}").into());
    }
    Spec {
        name: "postgres",
        program: config.bin_dir.join("postgres"),
        args,
        env: Vec::new(),
        cwd: layout.data.clone(),
        account: account.clone(),
        setpriv: config.setpriv.clone(),
    }
}

fn own_settings(sockets: &Path) -> Vec<(String, String)> {
    let sockets = format!("\"{}\"", sockets.to_string_lossy().replace('"', "\"\""));
    let settings = [
        ("listen_addresses", ""),
        ("port", "5432"),
        ("unix_socket_directories", &sockets),
        ("unix_socket_permissions", "0700"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("max_connections", "200"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("logging_collector", "off"),
        // A backend in a long query notices that its client was killed, and does not outlive it.
        ("client_connection_check_interval", "1s"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Postgres writes its state into the eighth line of its pid file, as `pg_ctl` reads it.
async fn await_ready(handle: &Handle, data: &Path, log: &Log) -> Result<(), Error> {
    let deadline = Instant::now() + START_TIMEOUT;
    let failed = |reason: String| Error::Failed { name: "Postgres", reason, log_tail: log.tail(), log: log.path().to_owned() };
    loop {
        if let Some(status) = handle.exit() {
            return Err(failed(format!("ended while starting ({status})")));
        }
        if is_ready(&fs::read_to_string(pid_path(data)).unwrap_or_default(), handle.pid()) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(failed(format!("was not ready within {} s", START_TIMEOUT.as_secs())));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

fn is_ready(pid_file: &str, pid: u32) -> bool {
    let mut lines = pid_file.lines();
    lines.next() == Some(&pid.to_string()) && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

/// We hold the directory's lock: a postmaster that still works on it has lost its parent, and is ended. The files that
/// name it would stop Postgres for as long as that process id exists, be it a zombie's or a stranger's.
async fn end_left_behind(layout: &Layout) -> Result<(), Error> {
    let pid_file = pid_path(&layout.data);
    let text = fs::read_to_string(&pid_file).unwrap_or_default();
    if let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) {
        proc::end_stale(pid, &layout.data).await;
    }
    remove(&pid_file)?;
    remove(&layout.sockets.join(format!("{SOCKET_NAME}.lock")))
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("remove", path)(error)),
        _ => Ok(()),
    }
}

fn pid_path(data: &Path) -> PathBuf {
    data.join("postmaster.pid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_read_from_our_own_pid_file_only() {
        let file = "77\n/data\n1795214376\n5432\n/run\n\n  12345 7\nready   \n";
        assert!(is_ready(file, 77));
        assert!(!is_ready(file, 78));
        assert!(!is_ready(&file.replace("ready", "starting"), 77));
        assert!(!is_ready("77\n/data\n", 77));
    }
}
