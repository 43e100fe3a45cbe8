//! Names of this crate's metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// 1 while there is a connection, by `connection` (its name).
pub const CONNECTED: &str = "slipstream_broker_connected";
/// Connections made, the first one included, by `connection`.
pub const CONNECTS_TOTAL: &str = "slipstream_broker_connects_total";
/// Errors that the server reported, such as missing rights, by `connection`.
pub const SERVER_ERRORS_TOTAL: &str = "slipstream_broker_server_errors_total";
/// Messages dropped because a reader of this process was slow, by `connection`.
pub const DROPPED_TOTAL: &str = "slipstream_broker_dropped_messages_total";
/// Messages published, by `outcome` (`stored`, `duplicate`, `unavailable`, `rejected`).
pub const PUBLISHED_TOTAL: &str = "slipstream_broker_published_messages_total";
/// From publish to ack, of one message or one atomic batch.
pub const PUBLISH_SECONDS: &str = "slipstream_broker_publish_seconds";
/// One call that publishes many messages side by side, from call to last ack.
pub const PUBLISH_ALL_SECONDS: &str = "slipstream_broker_publish_all_seconds";
/// Atomic batches that were published one by one instead, because the server did not take them whole.
pub const ATOMIC_FALLBACKS_TOTAL: &str = "slipstream_broker_atomic_fallbacks_total";
/// Readers lost to a gap, silence or a deleted consumer.
pub const READERS_LOST_TOTAL: &str = "slipstream_broker_readers_lost_total";
/// Messages read by fills.
pub const FILLED_TOTAL: &str = "slipstream_broker_filled_messages_total";
/// One fill, from call to answer.
pub const FILL_SECONDS: &str = "slipstream_broker_fill_seconds";
/// Replay pages, by `way` (`direct`, `consumer`).
pub const REPLAY_PAGES_TOTAL: &str = "slipstream_broker_replay_pages_total";
/// One replay page, from call to answer.
pub const REPLAY_SECONDS: &str = "slipstream_broker_replay_seconds";
/// Dead letters written, by `consumer`.
pub const DEAD_LETTERS_TOTAL: &str = "slipstream_broker_dead_letters_total";
/// Deliveries to background consumers, by `consumer` and `verdict` (`ack`, `retry`, `reject`).
pub const WORK_TOTAL: &str = "slipstream_broker_work_deliveries_total";

/// Registers the descriptions.
pub fn describe() {
    describe_gauge!(CONNECTED, Unit::Count, "1 while there is a connection to the broker, by connection");
    describe_counter!(CONNECTS_TOTAL, Unit::Count, "Connections made to the broker, by connection");
    describe_counter!(SERVER_ERRORS_TOTAL, Unit::Count, "Errors that the broker reported, such as missing rights, by connection");
    describe_counter!(DROPPED_TOTAL, Unit::Count, "Messages dropped because a reader of this process was slow, by connection");
    describe_counter!(PUBLISHED_TOTAL, Unit::Count, "Messages published, by outcome (stored, duplicate, unavailable, rejected)");
    describe_histogram!(PUBLISH_SECONDS, Unit::Seconds, "From publish to ack, of one message or one atomic batch");
    describe_histogram!(PUBLISH_ALL_SECONDS, Unit::Seconds, "One call that publishes many messages side by side, from call to last ack");
    describe_counter!(ATOMIC_FALLBACKS_TOTAL, Unit::Count, "Atomic batches that were published one by one instead");
    describe_counter!(READERS_LOST_TOTAL, Unit::Count, "Readers lost to a gap, silence or a deleted consumer");
    describe_counter!(FILLED_TOTAL, Unit::Count, "Messages read by fills");
    describe_histogram!(FILL_SECONDS, Unit::Seconds, "One fill, from call to answer");
    describe_counter!(REPLAY_PAGES_TOTAL, Unit::Count, "Replay pages, by way (direct, consumer)");
    describe_histogram!(REPLAY_SECONDS, Unit::Seconds, "One replay page, from call to answer");
    describe_counter!(DEAD_LETTERS_TOTAL, Unit::Count, "Dead letters written, by consumer");
    describe_counter!(WORK_TOTAL, Unit::Count, "Deliveries to background consumers, by consumer and verdict (ack, retry, reject)");
}
