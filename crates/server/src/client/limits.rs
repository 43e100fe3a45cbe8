//! Every limit of the client, and what happens at it.

use std::time::Duration;

/// Longest time to make a connection. Longer: the try has failed.
pub const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for a request and its whole answer; streams have none. Longer: the try has failed.
pub const REQUEST: Duration = Duration::from_secs(60);

/// First pause after a failed try; doubled with each further one, and moved by chance by up to half of it.
pub const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// Longest pause between two tries, unless the server asks for a longer one.
pub const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Longest pause that a server may ask for. Longer: cut.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
/// How long an import tries one batch. Then it gives up; loading the file again goes on where it stopped.
pub const PATIENCE_IMPORT: Duration = Duration::from_secs(180);
/// How long one command of a person at a terminal tries. Then it gives up.
pub const PATIENCE_COMMAND: Duration = Duration::from_secs(15);

/// Longest silence on a stream before it is taken for dead: longer than the rarest heartbeat that a server may send (60 s).
pub const SILENCE: Duration = Duration::from_secs(75);
/// Pause before a stream is opened again, when the server did not name one.
pub const RECONNECT: Duration = Duration::from_secs(2);
/// Longest frame of a stream, in bytes. Longer: the stream is broken and is opened again after the last whole frame.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Largest error answer that is read, in bytes. What is beyond is not looked at.
pub const PROBLEM_BYTES_MAX: usize = 256 * 1024;
/// Most events of one page of history that are asked for.
pub const PAGE_EVENTS: usize = 200;
