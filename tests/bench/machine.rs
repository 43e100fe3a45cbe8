//! The machine and its processes, as Linux tells of them.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

/// The unit of processor time in `/proc`: the same on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;
/// A page of memory.
const PAGE_KIB: f64 = 4.0;
/// Writes of the probe of the disk.
const SYNCS: usize = 100;

/// What figures depend on.
pub(crate) struct Facts {
    cores: usize,
    processor: String,
    memory_gib: f64,
    kernel: String,
    load: String,
    sync_us: f64,
}

impl Facts {
    /// Reads them, and measures how long the disk of the temporary directory takes to sync.
    pub(crate) fn read() -> Self {
        let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| text.lines().find_map(|line| Some(line.strip_prefix(name)?.trim_start_matches([' ', '\t', ':']).to_owned()));
        let memory_kib = field(&text("/proc/meminfo"), "MemTotal").and_then(|value| value.split(' ').next()?.parse::<f64>().ok());
        Self {
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            processor: field(&text("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown processor".to_owned()),
            memory_gib: memory_kib.unwrap_or_default() / 1_048_576.0,
            kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: text("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            sync_us: sync_us(),
        }
    }

    /// For the file.
    pub(crate) fn to_json(&self) -> Value {
        let Self { cores, processor, memory_gib, kernel, load, sync_us } = self;
        json!({"cores": cores, "processor": processor, "memory_gib": memory_gib, "kernel": kernel, "load_before": load, "sync_us": sync_us})
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, memory_gib, kernel, load, sync_us } = self;
        write!(
            f,
            "{cores} cores ({processor}), {memory_gib:.0} GiB, Linux {kernel}; load before: {load}; a write of 4 KiB with fdatasync takes {sync_us:.0} µs"
        )
    }
}

fn sync_us() -> f64 {
    let mut file = tempfile::tempfile().unwrap();
    let mut took: Vec<u128> = (0..SYNCS)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).unwrap();
            begun.elapsed().as_micros()
        })
        .collect();
    took.sort_unstable();
    took[SYNCS / 2] as f64
}

/// Lets this process and its children open as many files as they may.
pub(crate) fn raise_file_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

/// Nanoseconds since 1970: the one clock of all processes.
pub(crate) fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> f64 {
    kib(&format!("/proc/{pid}/smaps_rollup"), "Rss:")
}

/// The most resident memory that a process has had, in KiB.
pub(crate) fn resident_kib_max(pid: u32) -> f64 {
    kib(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// What the kernel keeps for everything that runs here, in KiB: its own objects, and the bytes in TCP's buffers.
pub(crate) fn kernel_kib() -> [f64; 2] {
    let sockstat = std::fs::read_to_string("/proc/net/sockstat").unwrap();
    let pages = sockstat.lines().find_map(|line| line.strip_prefix("TCP:")?.rsplit(' ').next()?.parse::<f64>().ok()).unwrap();
    [kib("/proc/meminfo", "Slab:"), pages * PAGE_KIB]
}

/// Connections that the kernel dropped so far, on the whole machine, because their server had too many to take. Their clients try again after 1, 3, 7, 15 s.
pub(crate) fn dropped_connections() -> f64 {
    let text = std::fs::read_to_string("/proc/net/netstat").unwrap();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
    let (names, values) = (lines.next().unwrap().split_whitespace(), lines.next().unwrap().split_whitespace());
    names.zip(values).find_map(|(name, value)| value.parse().ok().filter(|_| name == "ListenDrops")).unwrap()
}

/// Whether a process runs with this library.
pub(crate) fn has_loaded(pid: u32, library: &Path) -> bool {
    let library = library.canonicalize().unwrap();
    std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap().lines().any(|line| line.ends_with(library.to_str().unwrap()))
}

fn kib(file: &str, name: &str) -> f64 {
    let text = std::fs::read_to_string(file).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {file}"))
}

/// The child of this process whose command line holds `part`.
pub(crate) fn child(part: &str) -> u32 {
    let own = std::process::id();
    let matches = |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(part));
    let found = processes().into_iter().find(|(pid, process)| process.parent == own && matches(*pid));
    found.unwrap_or_else(|| panic!("no child process with {part:?}")).0
}

/// Processor time of process trees from now on.
pub(crate) struct Cpu {
    roots: Vec<u32>,
    before: Vec<f64>,
}

impl Cpu {
    /// Begins to count for each of these processes with all its descendants.
    pub(crate) fn of(roots: impl IntoIterator<Item = u32>) -> Self {
        let roots: Vec<u32> = roots.into_iter().collect();
        let before = seconds(&roots);
        Self { roots, before }
    }

    /// Seconds of each since it began.
    pub(crate) fn seconds(&self) -> Vec<f64> {
        seconds(&self.roots).iter().zip(&self.before).map(|(now, before)| (now - before).max(0.0)).collect()
    }
}

struct Process {
    parent: u32,
    ticks: u64,
}

fn seconds(roots: &[u32]) -> Vec<f64> {
    let all = processes();
    let own = std::process::id();
    // This process has all others below it: it counts alone.
    let below = |pid: u32, root: u32| {
        let mut above = std::iter::successors(Some(pid), |pid| all.get(pid).map(|process| process.parent));
        if root == own { pid == own } else { above.any(|above| above == root) }
    };
    let of = |root: u32| all.iter().filter(|(pid, _)| below(**pid, root)).map(|(_, process)| process.ticks).sum::<u64>();
    roots.iter().map(|root| of(*root) as f64 / TICKS_PER_SECOND).collect()
}

fn processes() -> HashMap<u32, Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, process(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?))).collect()
}

/// Reads a line of `/proc/<pid>/stat`: the name may hold anything, so the fields count from its closing bracket.
fn process(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Process { parent: u32::try_from(number(1)?).ok()?, ticks: number(11)? + number(12)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parent_and_time_behind_any_name() {
        let process = process("77 (a) b) S 12 77 77 0 -1 4194560 1 2 0 0 150 50 7 7 20 0 1 0 1 1 1").unwrap();
        assert_eq!((process.parent, process.ticks), (12, 200));
    }
}
