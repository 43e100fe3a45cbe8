//! Every limit of the gateway, and what happens at it.
//!
//! The model of streams ([`crate::stream`]) is tried with small windows and pages, so that short schedules reach every seam.

use std::time::Duration;

/// Most events in one tenant's window. Beyond: the oldest leave it; readers behind them read the broker.
pub const WINDOW_EVENTS_MAX: usize = if cfg!(test) { 12 } else { 2_048 };
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

/// How many events from its end a window is searched one by one before it is searched by halves.
pub const NEAR_EVENTS: usize = 8;
/// Most events that a stream takes in one read, and so in one write.
pub const SPAN_EVENTS_MAX: usize = if cfg!(test) { 5 } else { 256 };
/// Most bytes that a stream takes in one read, unless a single event is larger.
pub const SPAN_BYTES_MAX: usize = 64 * 1024;
/// Most spans that are remembered during one pass over the streams of a tenant. Beyond: streams at further positions have bytes of their own.
pub const SPANS_KNOWN_MAX: usize = 16;
/// Changes of its activity log that a lane remembers. Beyond: the oldest is asked of the archive, and of the broker's log behind it.
pub const TURNS_MAX: usize = 64;
/// Longest wait for the archive to tell what an activity log shows. Longer: what is known of it counts, else the stream ends and its client comes back.
pub const SHOWN_WAIT: Duration = Duration::from_secs(2);
/// Most pages of the broker's log that are read for changes of an activity log that are not archived yet. More: the same.
pub const SHOWN_PAGES_MAX: usize = 64;
/// Most events of one page of a replay.
pub const REPLAY_EVENTS_MAX: usize = if cfg!(test) { 7 } else { 1_000 };
/// How much of a tenant's budgets for replays may be used at once: what so long a time brings.
pub const BUDGET_AHEAD: Duration = Duration::from_secs(16);
/// Most bytes of one page of a replay.
pub const REPLAY_BYTES_MAX: usize = 1024 * 1024;
/// How many events of a page are made frames at once, before others' work has its turn.
pub const MAKE_EVENTS: usize = 32;
/// How long a page that was read for one stream is kept for others.
pub const PAGE_KEPT: Duration = Duration::from_secs(3);
/// Most bytes of events in all pages that are kept. Beyond: pages serve only the stream that asked.
pub const PAGES_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most bytes of events in the pages that are kept for one tenant. Beyond: those that were not asked for longest are let go.
pub const PAGES_TENANT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long a stream whose socket takes nothing keeps its page. Then it reads it again when it goes on.
pub const PAGE_STALLED: Duration = Duration::from_secs(1);
/// Most reads for one tenant's replays at a time. Beyond: they wait, and look first whether what came meanwhile is what they need.
pub const READS_TENANT_MAX: usize = 1;
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

/// How long a stream whose socket takes no byte is kept, when it is to end. Then it is cut.
pub const LAST_WRITE: Duration = Duration::from_millis(500);
/// Streams of one tenant that are written to before another tenant's turn.
pub const TURN_STREAMS: usize = 16;
/// Writes to one stream that catches up before another stream's turn.
pub const TURN_WRITES: usize = 4;
/// Longest time that writing goes on before sockets are looked at.
pub const TURNS: Duration = Duration::from_millis(1);
/// How often the clock of all streams of a thread ticks: heartbeats, ends of tokens, stalled sockets. At short heartbeats four times in each.
pub const TICK_MAX: Duration = Duration::from_millis(250);
/// Streams that wait for a page of one thread. Beyond: they ask again at the next tick.
pub const WANTED_MAX: usize = 16 * 1024;
/// Reads under way for the streams of one thread: most of them wait for their tenant's turn or budget, and must not keep other tenants' from being asked.
pub const READS_MAX: usize = 16 * 1024;
/// Events of sockets taken at once.
pub const SOCKET_EVENTS_MAX: usize = 1_024;
/// Most bytes that a client may send after its request. More: it is cut.
pub const CLIENT_BYTES_MAX: usize = 64 * 1024;
/// On a stop, streams are closed one after the other over a time that grows with their number: this much for each, at most [`CLOSING_MAX`].
pub const CLOSING_EACH: Duration = Duration::from_millis(1);
/// Longest time over which streams are closed on a stop.
pub const CLOSING_MAX: Duration = Duration::from_secs(3);

/// Connections that wait in the kernel to be taken, at most what the system allows (`net.core.somaxconn`). Beyond: dropped, and tried again by the peer's kernel.
pub const BACKLOG: u32 = 16 * 1024;
/// Longest time from the handshake of a WebSocket to its credential. Longer: it is closed with 4401.
pub const HELLO_WAIT: Duration = Duration::from_secs(10);
/// Largest message of a WebSocket's client, in bytes. Larger: it is closed with 1009.
pub const CLIENT_MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Most messages of a WebSocket's client at once; one more is allowed each second. More: it is closed with 1008.
pub const CLIENT_MESSAGES_MAX: u32 = 64;
/// Most bytes that are read of a WebSocket's client after it was closed. More: it is reset.
pub const CLIENT_REST_BYTES_MAX: usize = 1024 * 1024;
/// A WebSocket's buffer for what its client says, in bytes.
pub const MESSAGE_READ_BYTES: usize = 2 * 1024;
/// A WebSocket's buffer for messages that go out together, in bytes; a message that goes beyond it leaves at once.
pub const MESSAGE_WRITE_BYTES: usize = 8 * 1024;
/// Most bytes that wait in a WebSocket's buffer: at least its size and the largest message, which is an event in its frame. More: it is cut.
pub const MESSAGE_WRITE_BYTES_MAX: usize = 256 * 1024;

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
