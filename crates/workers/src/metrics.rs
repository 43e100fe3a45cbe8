//! Names of this crate's metrics.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Whether this process leads the relay.
pub const RELAY_LEADS: &str = "slipstream_relay_leader_state";
/// Rows of the outbox that were published, by `outcome`: `stored`, `duplicate` (the broker knew the id), `found` (the log was seen to hold it).
pub const RELAY_PUBLISHED_TOTAL: &str = "slipstream_relay_published_total";
/// From the append of a row, just before its commit, to the broker's ack.
pub const RELAY_LATENCY_SECONDS: &str = "slipstream_relay_commit_to_publish_seconds";
/// Publishing of a tenant's rows that failed and is tried again.
pub const RELAY_FAILURES_TOTAL: &str = "slipstream_relay_publish_failures_total";
/// Rows that were set aside for good.
pub const RELAY_SET_ASIDE_TOTAL: &str = "slipstream_relay_set_aside_total";
/// Rows that were published once and are to be published again, because the stream lost them.
pub const RELAY_REOPENED_TOTAL: &str = "slipstream_relay_reopened_total";
/// Rows of the outbox that wait to be published.
pub const OUTBOX_DEPTH: &str = "slipstream_outbox_pending_rows";
/// Age of the oldest of them; 0 when none waits.
pub const OUTBOX_OLDEST_SECONDS: &str = "slipstream_outbox_oldest_seconds";
/// Rows of the outbox that stand aside.
pub const OUTBOX_SET_ASIDE: &str = "slipstream_outbox_set_aside_rows";

/// Refused calls of known callers, by `outcome`: `told`, `counted` (told together with others), `dropped` (too many, or the database was away).
pub const DENIALS_TOTAL: &str = "slipstream_denials_total";

/// Events archived, by `shard`.
pub const ARCHIVED_TOTAL: &str = "slipstream_archiver_archived_total";
/// Events that the archive had already, by `shard`.
pub const DUPLICATES_TOTAL: &str = "slipstream_archiver_duplicates_total";
/// Messages of one batch.
pub const BATCH_MESSAGES: &str = "slipstream_archiver_batch_messages";
/// From the making of one batch to its commit.
pub const BATCH_SECONDS: &str = "slipstream_archiver_batch_seconds";
/// From the broker's storing of a message to its commit in the archive: of the oldest message of each batch.
pub const ARCHIVE_LATENCY_SECONDS: &str = "slipstream_archiver_publish_to_archive_seconds";
/// Messages of the stream that are not archived yet, by `shard`.
pub const LAG_MESSAGES: &str = "slipstream_archiver_lag_messages";
/// Age of the last archived message while some are not archived yet, else 0; by `shard`.
pub const LAG_SECONDS: &str = "slipstream_archiver_lag_seconds";
/// Messages that were archived as quarantined, by `reason`.
pub const QUARANTINED_TOTAL: &str = "slipstream_archiver_quarantined_total";
/// Messages that left the broker before they were archived, by `shard`.
pub const HOLES_TOTAL: &str = "slipstream_archiver_lost_messages_total";
/// Dead letters that could not be written; the messages are in quarantine only.
pub const DEAD_LETTERS_MISSED_TOTAL: &str = "slipstream_archiver_dead_letters_missed_total";
/// New readers made after something went wrong, by `reason`.
pub const RESTARTS_TOTAL: &str = "slipstream_archiver_restarts_total";
/// Months after the current one for which the archive has partitions.
pub const MONTHS_AHEAD: &str = "slipstream_archive_ahead_months";
/// Entries that fell out of activity logs because of their limits.
pub const ACTIVITY_PRUNED_TOTAL: &str = "slipstream_activity_pruned_total";
/// How long the last look at all activity logs took.
pub const ACTIVITY_PRUNE_SECONDS: &str = "slipstream_activity_prune_seconds";
/// Events that were counted into the rollups of analytics.
pub const ANALYTICS_FOLDED_TOTAL: &str = "slipstream_analytics_folded_total";
/// Events of a tenant that are archived and not counted yet: of the tenant with the most.
pub const ANALYTICS_LAG_EVENTS: &str = "slipstream_analytics_lag_events";
/// For how long the first event that is not counted yet has been archived, of any tenant; 0 when all are counted.
pub const ANALYTICS_LAG_SECONDS: &str = "slipstream_analytics_lag_seconds";
/// One piece of a tenant's events, counted.
pub const ANALYTICS_FOLD_SECONDS: &str = "slipstream_analytics_fold_seconds";

/// Checkpoints of ledgers that were signed.
pub const CHECKPOINTS_TOTAL: &str = "slipstream_ledger_checkpoints_total";
/// Ledgers that were not signed because they do not begin with what was signed of them: someone changed the archive.
pub const CHECKPOINTS_REFUSED_TOTAL: &str = "slipstream_ledger_checkpoints_refused_total";
/// Jobs of exports that a worker let go of, by `outcome`: `ready`, `failed`, `lost`.
pub const EXPORTS_TOTAL: &str = "slipstream_exports_made_total";
/// From the claim of an export's job to the whole file.
pub const EXPORT_SECONDS: &str = "slipstream_exports_job_seconds";
/// Batches of ledgers that became one with their neighbours, or got a filter.
pub const BATCHES_JOINED_TOTAL: &str = "slipstream_ledger_batches_joined_total";
/// Events that redaction looked at, by `outcome`: `redacted`, `unchanged`, `held`, `exempt`.
pub const REDACTION_EVENTS_TOTAL: &str = "slipstream_redaction_events_total";
/// How long the oldest events that the last rule has not looked at have been due; 0 when it is done.
pub const REDACTION_LAG_SECONDS: &str = "slipstream_redaction_rule_lag_seconds";
/// Events that retention removed from the archive.
pub const RETENTION_REMOVED_TOTAL: &str = "slipstream_retention_removed_total";
/// Months of the archive that retention took away as a whole.
pub const RETENTION_MONTHS_TOTAL: &str = "slipstream_retention_months_total";
/// From the beginning of a tenant's run of retention to its end.
pub const RETENTION_RUN_SECONDS: &str = "slipstream_retention_run_seconds";
/// For how long the tenant that waits longest has been due for retention; 0 when none is.
pub const RETENTION_LAG_SECONDS: &str = "slipstream_retention_lag_seconds";
/// Rounds and turns of retention that failed; they are tried again.
pub const RETENTION_FAILURES_TOTAL: &str = "slipstream_retention_failures_total";

/// Registers the descriptions.
pub fn describe() {
    describe_gauge!(RELAY_LEADS, Unit::Count, "1 while this process leads the relay");
    describe_counter!(RELAY_PUBLISHED_TOTAL, Unit::Count, "Outbox rows published, by outcome (stored, duplicate, found)");
    describe_histogram!(RELAY_LATENCY_SECONDS, Unit::Seconds, "From the append of an outbox row to the broker's ack");
    describe_counter!(RELAY_FAILURES_TOTAL, Unit::Count, "Failed publishing of a tenant's outbox rows, tried again");
    describe_counter!(RELAY_SET_ASIDE_TOTAL, Unit::Count, "Outbox rows set aside because they can never be published");
    describe_counter!(RELAY_REOPENED_TOTAL, Unit::Count, "Outbox rows to be published again because the stream lost them");
    describe_gauge!(OUTBOX_DEPTH, Unit::Count, "Outbox rows that wait to be published");
    describe_gauge!(OUTBOX_OLDEST_SECONDS, Unit::Seconds, "Age of the oldest outbox row that waits");
    describe_gauge!(OUTBOX_SET_ASIDE, Unit::Count, "Outbox rows that stand aside");
    describe_counter!(ARCHIVED_TOTAL, Unit::Count, "Events archived, by shard");
    describe_counter!(DUPLICATES_TOTAL, Unit::Count, "Events that the archive had already, by shard");
    describe_histogram!(BATCH_MESSAGES, Unit::Count, "Messages of one archiver batch");
    describe_histogram!(BATCH_SECONDS, Unit::Seconds, "From the making of an archiver batch to its commit");
    describe_histogram!(ARCHIVE_LATENCY_SECONDS, Unit::Seconds, "From the broker's storing of a message to its commit in the archive");
    describe_gauge!(LAG_MESSAGES, Unit::Count, "Messages of the stream that are not archived yet, by shard");
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "Age of the last archived message while others wait, by shard");
    describe_counter!(QUARANTINED_TOTAL, Unit::Count, "Messages kept in quarantine instead of the archive, by reason");
    describe_counter!(HOLES_TOTAL, Unit::Count, "Messages that left the broker before they were archived, by shard");
    describe_counter!(DEAD_LETTERS_MISSED_TOTAL, Unit::Count, "Dead letters that could not be written");
    describe_counter!(RESTARTS_TOTAL, Unit::Count, "New archiver readers after a failure, by reason");
    describe_counter!(CHECKPOINTS_TOTAL, Unit::Count, "Checkpoints of ledgers that were signed");
    describe_counter!(CHECKPOINTS_REFUSED_TOTAL, Unit::Count, "Ledgers that were not signed because the archive is not what it was");
    describe_counter!(EXPORTS_TOTAL, Unit::Count, "Jobs of exports that a worker let go of, by outcome (ready, failed, lost)");
    describe_histogram!(EXPORT_SECONDS, Unit::Seconds, "From the claim of an export's job to the whole file");
    describe_gauge!(MONTHS_AHEAD, Unit::Count, "Months after the current one for which the archive has partitions");
    describe_counter!(DENIALS_TOTAL, Unit::Count, "Refused calls of known callers, by outcome (told, counted, dropped)");
    describe_counter!(ACTIVITY_PRUNED_TOTAL, Unit::Count, "Entries beyond the limits of activity logs");
    describe_counter!(RETENTION_REMOVED_TOTAL, Unit::Count, "Events that retention removed from the archive");
    describe_counter!(RETENTION_MONTHS_TOTAL, Unit::Count, "Months of the archive that went as a whole");
    describe_histogram!(RETENTION_RUN_SECONDS, Unit::Seconds, "One run of retention for a tenant");
    describe_gauge!(RETENTION_LAG_SECONDS, Unit::Seconds, "For how long the tenant that waits longest has been due for retention");
    describe_counter!(RETENTION_FAILURES_TOTAL, Unit::Count, "Failed rounds and turns of retention, tried again");
    describe_gauge!(ACTIVITY_PRUNE_SECONDS, Unit::Seconds, "The last look at the limits of all activity logs");
    describe_counter!(BATCHES_JOINED_TOTAL, Unit::Count, "Batches of ledgers that became one with their neighbours, or got a filter");
    describe_counter!(REDACTION_EVENTS_TOTAL, Unit::Count, "Events that redaction looked at, by outcome (redacted, unchanged, held, exempt)");
    describe_gauge!(REDACTION_LAG_SECONDS, Unit::Seconds, "How long the oldest events that the last rule has not looked at have been due");
    describe_counter!(ANALYTICS_FOLDED_TOTAL, Unit::Count, "Events counted into the rollups of analytics");
    describe_gauge!(ANALYTICS_LAG_EVENTS, Unit::Count, "Archived events of a tenant that are not counted yet, of the tenant with the most");
    describe_gauge!(ANALYTICS_LAG_SECONDS, Unit::Seconds, "Time since the first event that is not counted yet was archived");
    describe_histogram!(ANALYTICS_FOLD_SECONDS, Unit::Seconds, "Counting one piece of a tenant's events");
}
