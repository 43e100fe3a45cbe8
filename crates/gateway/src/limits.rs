//! Every limit of the gateway, and what happens at it.

use std::time::Duration;

/// Most events in one tenant's window. Beyond: the oldest leave it; readers behind them read the broker.
pub const WINDOW_EVENTS_MAX: usize = 2_048;
/// Most bytes of frames in one tenant's window. Beyond: the oldest leave it.
pub const WINDOW_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most bytes of frames in all windows of a shard. Beyond: the windows that were written longest ago and have no reader are dropped.
pub const SHARD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How many events before the end of the log a starting gateway reads into its windows.
pub const WARM_EVENTS: u64 = 5_000;
/// Most events of one request of a gap fill. A larger gap is filled in several.
pub const FILL_EVENTS_MAX: u64 = 2_000;
/// How often the end of the log is compared with what came in.
pub const END_CHECK: Duration = Duration::from_secs(1);
/// Pause before the feed tries again after an error.
pub const FEED_RETRY: Duration = Duration::from_millis(500);

/// Most frames that a stream takes from its window in one read.
pub const READ_FRAMES_MAX: usize = 64;
/// Most events of one page of a replay.
pub const REPLAY_EVENTS_MAX: usize = 500;
/// Most bytes of one page of a replay.
pub const REPLAY_BYTES_MAX: usize = 1024 * 1024;
/// How often a stream tries again when the broker or the archive does not answer in the middle of its replay. Then it is closed, and its client resumes.
pub const REPLAY_TRIES_MAX: u32 = 5;
/// Pause between such tries.
pub const REPLAY_RETRY: Duration = Duration::from_millis(500);

/// How long a client is told to wait before it connects anew, in milliseconds; up to half of it is added at random.
pub const RETRY_MS: u64 = 2_000;
/// How long before its token's end a stream says `expiring`.
pub const EXPIRING: Duration = Duration::from_secs(60);
/// Longest `lastEventId` that a `reset` repeats, in characters. Longer: cut.
pub const LAST_EVENT_ID_ECHO_MAX: usize = 128;

/// Longest time to read a request's head.
pub const HEAD_READ: Duration = Duration::from_secs(10);
/// Largest request head, in bytes. Larger: 431.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest time that sent bytes may stay unacknowledged by the peer's kernel before its connection is cut.
pub const PEER_SILENCE: Duration = Duration::from_secs(20);
/// Kernel send buffer of a connection, in bytes: what a reader that stalls can hold.
pub const SEND_BUFFER_BYTES: usize = 64 * 1024;
/// Pause of the accept loop when the process is out of file descriptors.
pub const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How often full buckets of stream openings are forgotten.
pub const OPENS_FORGOTTEN: Duration = Duration::from_secs(30);
/// Longest wait of a revocation's answer for this process to know of it. Longer: answered all the same.
pub const REVOCATION_SETTLED: Duration = Duration::from_secs(1);
/// Revocations of one page, when the caller does not say.
pub const REVOCATIONS_PAGE: i64 = 100;
/// Most revocations of one page. More: 422.
pub const REVOCATIONS_PAGE_MAX: i64 = 1_000;
