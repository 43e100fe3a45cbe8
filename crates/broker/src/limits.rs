//! Every limit of this crate, and what happens at it.

use std::time::Duration;

/// Pause between pings to the server; after two without answer the connection counts as dead. A server that hangs without closing is noticed after three pauses.
pub const PING_INTERVAL: Duration = Duration::from_secs(2);
/// Longest time to connect to one server. Longer: the next server's turn.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest pause between two attempts to connect; the pauses are random below a bound that doubles up to here.
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(2);
/// How often a waiting call looks again whether there is a connection, should the notice be lost.
pub const CONNECTION_POLL: Duration = Duration::from_millis(100);

/// Messages that the client keeps for one subscription. More: dropped; readers see it as a gap.
pub const SUBSCRIPTION_MESSAGES_MAX: usize = 65_536;

/// Most publishes of one [`crate::Broker`] waiting for their acks. More: they wait for their turn, within the request time-out.
pub const PUBLISHES_IN_FLIGHT_MAX: usize = 1_024;
/// Most publishes of one [`crate::Broker::publish_all`] waiting for their acks.
pub const PUBLISH_ALL_IN_FLIGHT_MAX: usize = 512;
/// Most messages of one atomic batch (the server's limit). More: several batches, one after the other.
pub const ATOMIC_MESSAGES_MAX: usize = 1_000;
/// Fewest messages for which a batch is made atomic: the server takes some milliseconds to set one up. Fewer: one after the other, in the same order.
pub const ATOMIC_MESSAGES_MIN: usize = 32;
/// Most payload bytes of one atomic batch. More: several batches, one after the other.
pub const ATOMIC_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most atomic batches of one [`crate::Broker`] under way (the server takes 50 per stream). More: they wait for their turn, within the request time-out.
pub const ATOMIC_IN_FLIGHT_MAX: usize = 16;

/// Oldest knowledge of a stream's epoch that an ack may be stamped with. Older: asked again.
pub const EPOCH_AGE_MAX: Duration = Duration::from_secs(5);

/// Longest wait for a short-lived consumer to be made. Longer: another one under a new name.
pub const CONSUMER_CREATE_TIMEOUT: Duration = Duration::from_millis(1_200);
/// Sign of life of a consumer without messages.
pub const HEARTBEAT: Duration = Duration::from_millis(500);
/// Longest silence of a consumer. Longer: the reader is lost.
pub const SILENCE_MAX: Duration = Duration::from_millis(1_750);
/// How long one pull request stays open on the server.
pub const PULL_EXPIRES: Duration = Duration::from_secs(5);
/// Messages of one pull request; at most one and a half times as many wait in this process.
pub const PULL_MESSAGES: usize = 1_000;
/// Payload bytes of one pull request; at most twice as many wait in this process.
pub const PULL_BYTES: usize = 8 * 1024 * 1024;
/// Longest wait of a log reader for the first message of a batch.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Most messages of one fill. More: the fill ends there and says so.
pub const FILL_MESSAGES_MAX: usize = 20_000;
/// Most payload bytes of one fill. More: the fill ends there and says so.
pub const FILL_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Longest time of one fill. Longer: it ends with what came.
pub const FILL_TIMEOUT: Duration = Duration::from_secs(5);

/// Most messages of one replay page, whatever the caller asks for.
pub const REPLAY_MESSAGES_MAX: usize = 1_000;
/// Most payload bytes of one replay page, about, whatever the caller asks for.
pub const REPLAY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most replay pages of one [`crate::Broker`] under way. More: they wait for their turn, within the request time-out.
pub const REPLAYS_IN_FLIGHT_MAX: usize = 64;
/// How often a page is tried in both ways, within the request time-out. More: the page fails.
pub const REPLAY_ATTEMPTS_MAX: usize = 3;
/// Longest silence within a batched direct get. Longer: the page is read over a consumer.
pub const DIRECT_SILENCE_MAX: Duration = Duration::from_millis(500);

/// Longest reason of a dead letter, in characters. Longer: cut.
pub const REASON_LEN_MAX: usize = 1_000;
/// Most dead letters of one listing, whatever the caller asks for.
pub const DEAD_LETTERS_LISTED_MAX: usize = 1_000;
/// Longest name of a consumer, in characters. Longer: refused.
pub const CONSUMER_NAME_LEN_MAX: usize = 64;

/// How often a watch over a bucket compares what it knows with the bucket's leader.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(400);
/// Longest wait of a watch for one answer of the leader. Longer: the watch says that what it knows may be old. Short, because an answer that went with a leader must not
/// delay what its successor acknowledges.
pub const WATCH_TIMEOUT: Duration = Duration::from_millis(600);
/// Pause before a watch that failed should be asked again.
pub const WATCH_RETRY: Duration = Duration::from_millis(100);
/// How long the mark of a deleted key stays. Readers that were away longer read everything.
pub const DELETED_MARK: Duration = Duration::from_secs(3_600);
/// Longest key of a bucket, in bytes. Longer: refused.
pub const KEY_BYTES_MAX: usize = 256;

/// How much longer the server waits for an ack than a handler may take, so that a handler is never still at work when its message comes again.
pub const ACK_MARGIN: Duration = Duration::from_secs(5);
/// Longest pause before a work consumer looks for the broker again.
pub const WORK_RETRY_DELAY_MAX: Duration = Duration::from_secs(5);
