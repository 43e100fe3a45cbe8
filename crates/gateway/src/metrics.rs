//! The gateway's metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Events that ingest acknowledged.
pub const INGESTED: &str = "slipstream_gateway_ingested_events_total";
/// Ingest requests that were refused.
pub const INGEST_REFUSED: &str = "slipstream_gateway_ingest_refused_total";
/// Open streams.
pub const STREAMS: &str = "slipstream_gateway_streams";
/// Streams that were refused because a cap was reached.
pub const STREAMS_REFUSED: &str = "slipstream_gateway_streams_refused_total";
/// Openings of streams and requests for tickets that came too soon.
pub const OPENS_REFUSED: &str = "slipstream_gateway_opens_refused_total";
/// Events delivered to streams, by source.
pub const DELIVERED: &str = "slipstream_gateway_delivered_events_total";
/// Pages that were read for replays, by source. Streams that share a page count once.
pub const PAGES: &str = "slipstream_gateway_replay_pages_total";
/// Streams that the server ended, by reason.
pub const CLOSED: &str = "slipstream_gateway_closed_streams_total";
/// Streams that were cut because their socket took no byte for too long.
pub const EVICTED: &str = "slipstream_gateway_evicted_streams_total";
/// WebSockets that the server closed, by close code.
pub const WEBSOCKETS_CLOSED: &str = "slipstream_gateway_closed_websockets_total";
/// `reset` events sent, by code.
pub const RESETS: &str = "slipstream_gateway_resets_total";
/// Events that the feed took from the log, by way.
pub const FED: &str = "slipstream_gateway_fed_events_total";
/// Messages of the log that were no event and were passed over.
pub const FEED_UNREADABLE: &str = "slipstream_gateway_feed_unreadable_total";
/// Gaps of the live subscription that were filled from the log.
pub const FEED_GAPS: &str = "slipstream_gateway_feed_gaps_total";
/// How far the feed is behind the end of the log.
pub const FEED_LAG: &str = "slipstream_gateway_feed_lag_messages";
/// From the broker's store time to the window, in seconds.
pub const FEED_DELAY: &str = "slipstream_gateway_feed_delay_seconds";
/// Entries that cut somebody off, as this process knows them.
pub const REVOCATIONS: &str = "slipstream_gateway_revocations_rows";
/// How long ago the revocations were last compared with the broker's.
pub const REVOCATIONS_AGE: &str = "slipstream_gateway_revocations_age_seconds";
/// Entries of the bucket of revocations that could not be read.
pub const REVOCATIONS_UNREADABLE: &str = "slipstream_gateway_revocations_unreadable_total";
/// Open connections.
pub const CONNECTIONS: &str = "slipstream_gateway_connections";

/// Registers the descriptions.
pub fn describe() {
    describe_counter!(INGESTED, Unit::Count, "Events that ingest acknowledged");
    describe_counter!(INGEST_REFUSED, Unit::Count, "Ingest requests that were refused");
    describe_gauge!(STREAMS, Unit::Count, "Open streams");
    describe_counter!(STREAMS_REFUSED, Unit::Count, "Streams that were refused because a cap was reached");
    describe_counter!(OPENS_REFUSED, Unit::Count, "Openings of streams and requests for tickets that came too soon, by whose bucket was empty (user, tenant)");
    describe_counter!(DELIVERED, Unit::Count, "Events delivered to streams, by source (window, broker, archive)");
    describe_counter!(PAGES, Unit::Count, "Pages that were read for replays, by source (broker, archive)");
    describe_counter!(CLOSED, Unit::Count, "Streams that the server ended, by reason");
    describe_counter!(EVICTED, Unit::Count, "Streams that were cut because their socket took no byte for too long");
    describe_counter!(WEBSOCKETS_CLOSED, Unit::Count, "WebSockets that the server closed, by close code");
    describe_counter!(RESETS, Unit::Count, "Reset events sent, by code");
    describe_counter!(FED, Unit::Count, "Events that the feed took from the log, by way (live, fill)");
    describe_counter!(FEED_UNREADABLE, Unit::Count, "Messages of the log that were no event and were passed over");
    describe_counter!(FEED_GAPS, Unit::Count, "Gaps of the live subscription that were filled from the log");
    describe_gauge!(FEED_LAG, Unit::Count, "How far the feed is behind the end of the log");
    describe_histogram!(FEED_DELAY, Unit::Seconds, "From the broker's store time to the window");
    describe_gauge!(REVOCATIONS, Unit::Count, "Entries that cut somebody off, as this process knows them");
    describe_gauge!(REVOCATIONS_AGE, Unit::Seconds, "How long ago the revocations were last compared with the broker's");
    describe_counter!(REVOCATIONS_UNREADABLE, Unit::Count, "Entries of the bucket of revocations that could not be read");
    describe_gauge!(CONNECTIONS, Unit::Count, "Open connections");
}
