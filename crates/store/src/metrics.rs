//! Names of this crate's metrics.

/// Histogram: seconds of a whole write transaction, from begin to commit.
pub const WRITE_SECONDS: &str = "slipstream_store_write_seconds";
/// Counter: events appended to the outbox.
pub const OUTBOX_APPENDED_TOTAL: &str = "slipstream_outbox_appended_total";
/// Histogram: seconds of one archive transaction.
pub const APPEND_SECONDS: &str = "slipstream_archive_append_seconds";
/// Histogram: seconds of one page of history.
pub const HISTORY_SECONDS: &str = "slipstream_history_page_seconds";
/// Histogram: seconds of one page of the activity log, without its total.
pub const ACTIVITY_SECONDS: &str = "slipstream_activity_page_seconds";
/// Histogram: seconds of one batch of an export.
pub const EXPORT_BATCH_SECONDS: &str = "slipstream_export_batch_seconds";
/// Gauge: connections of a pool, by `role` and `state` (`busy`, `idle`).
pub const CONNECTIONS: &str = "slipstream_store_connections";

/// Describes the metrics to the recorder. Call once, after it is installed.
pub fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_histogram!(WRITE_SECONDS, Unit::Seconds, "A whole write transaction, from begin to commit");
    describe_counter!(OUTBOX_APPENDED_TOTAL, Unit::Count, "Events appended to the outbox");
    describe_histogram!(APPEND_SECONDS, Unit::Seconds, "One archive transaction");
    describe_histogram!(HISTORY_SECONDS, Unit::Seconds, "One page of history");
    describe_histogram!(ACTIVITY_SECONDS, Unit::Seconds, "One page of the activity log, without its total");
    describe_histogram!(EXPORT_BATCH_SECONDS, Unit::Seconds, "One batch of an export");
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections of a pool, by role and state");
}
