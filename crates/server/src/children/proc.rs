//! What `/proc` says about processes that are not, or no longer, our own children.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::limits::{POLL_INTERVAL, VANISH_TIMEOUT};

/// Ends the process with this id if it is the one that works on `marker` (its command line names that path), and waits
/// until it and its children are gone. A stranger that got the same id later is left alone.
pub(super) async fn end_stale(pid: u32, marker: &Path) -> bool {
    if !names(pid, marker) {
        return false;
    }
    let mut family = children_of(pid);
    family.insert(0, pid);
    tracing::warn!(pid, path = %marker.display(), "ending a server that an earlier run left behind");
    kill_all(&family);
    vanished(&family, VANISH_TIMEOUT).await;
    true
}

/// Kills each of these.
pub(super) fn kill_all(pids: &[u32]) {
    signal_each(pids, Signal::SIGKILL);
}

/// Signals each of these; one that is gone already needs no signal.
pub(super) fn signal_each(pids: &[u32], signal: Signal) {
    for pid in pids {
        if let Err(error) = kill(Pid::from_raw(pid.cast_signed()), signal) {
            tracing::debug!(pid, %error, "a process could not be signalled");
        }
    }
}

/// Waits until all of these are gone; false when some remain after `limit`.
pub(super) async fn vanished(pids: &[u32], limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while pids.iter().any(|pid| alive(*pid)) {
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    true
}

/// The direct children of `parent` at this moment.
pub(super) fn children_of(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| stat(*pid).is_some_and(|found| found.parent == parent))
        .collect()
}

fn names(pid: u32, marker: &Path) -> bool {
    let marker = marker.as_os_str().as_bytes();
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.split(|byte| *byte == 0).any(|argument| argument == marker))
}

fn alive(pid: u32) -> bool {
    stat(pid).is_some_and(|found| !matches!(found.state, 'Z' | 'X'))
}

struct Stat {
    state: char,
    parent: u32,
}

fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `pid (name) state parent …`; the name may itself contain spaces and parentheses.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    Some(Stat { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse_the_parser() {
        let found = parse_stat("42 (a) Z 9 (b)) S 7 42 42 0 -1").unwrap();
        assert_eq!((found.state, found.parent), ('S', 7));
        assert!(parse_stat("42 cut").is_none());
    }

    #[test]
    fn this_process_is_alive_and_the_child_of_its_parent() {
        let own = std::process::id();
        assert!(alive(own));
        assert!(children_of(stat(own).unwrap().parent).contains(&own));
        assert!(!names(own, Path::new("/no/such/path")));
    }
}
