//! The limits of supervising children, and what happens at each.

use std::time::Duration;

/// How long a server may take from its start until it answers; then the start fails with the end of its log.
/// Long enough for a crash recovery.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a polite request to stop may take; then the next, less polite signal is sent.
pub(super) const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long `Drop` may block while a child ends; then it is left to the kernel's parent-death signal.
pub(super) const DROP_TIMEOUT: Duration = Duration::from_secs(3);

/// How long killed processes may take to vanish; then starting on their files fails.
pub(super) const VANISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one statement through `psql` may take; then it is killed and fails.
pub(super) const SQL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long `initdb` may take; then it is killed and the start fails.
pub(super) const INITDB_TIMEOUT: Duration = Duration::from_secs(120);

/// Pause between two looks at a condition that has no event of its own.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Size at which a log file is moved to `<name>.old` before the next start, in bytes.
pub(super) const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How much of the end of a log goes into an error message, in bytes.
pub(super) const LOG_TAIL_BYTES_MAX: u64 = 2 * 1024;

/// How many ports are tried before giving up.
pub(super) const PORT_ATTEMPTS_MAX: u32 = 20;

/// Longest path of a Unix socket that the kernel takes, in bytes (`sun_path` without its closing zero).
pub(super) const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Longest name of a Postgres database, in bytes.
pub(super) const DATABASE_NAME_BYTES_MAX: usize = 63;
