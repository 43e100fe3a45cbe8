//! Every limit of this crate, and what happens at it.

use std::time::Duration;

/// Longest wait for a connection, unless configured otherwise. Longer: [`Error::Unavailable`](crate::Error::Unavailable).
pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest statement, unless configured otherwise. Longer: cancelled by Postgres, [`Error::Unavailable`](crate::Error::Unavailable).
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest wait for a lock. Longer: [`Error::Contended`](crate::Error::Contended).
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait of a migration for a lock, another migration included. Longer: it fails and changes nothing, instead of stopping all others behind it.
pub const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest time that a transaction may stay open without a statement. Longer: Postgres ends the connection.
pub const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// How often Postgres looks whether whoever waits for the batch of an export, or for a page of the activity log, is still there. Gone: the statement is cancelled.
pub const CLIENT_CHECK_EVERY: Duration = Duration::from_secs(1);
/// Longest life of a pooled connection, so that a pool follows a moved database. Longer: closed when it is idle.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Most events of one write. More: [`Error::TooManyEvents`](crate::Error::TooManyEvents), and nothing is written.
pub const WRITE_EVENTS_MAX: usize = 10_000;

/// Longest time that a write spends, after its commit, on telling relays in other processes. Longer: they find its rows at their next poll.
pub const NOTIFY_WAIT: Duration = Duration::from_millis(250);
/// Shortest time between two attempts of a relay to listen for notifications. Meanwhile it polls.
pub const LISTEN_RETRY: Duration = Duration::from_secs(1);
/// Longest wait for the connection that holds a leadership to answer. Longer: the leadership counts as lost.
pub const LEADERSHIP_ANSWER_WAIT: Duration = Duration::from_secs(3);

/// Most bytes of payload in one claim of the outbox, in bytes. More: the claim is cut; at least one row is claimed.
pub const CLAIM_BYTES_MAX: i64 = 8 * 1024 * 1024;
/// Longest error kept with an outbox row or a quarantined message, in characters. Longer: cut.
pub const REASON_LEN_MAX: usize = 1_000;
/// How long published rows stay in the outbox: longer than what a broker may lose. Older: deleted by [`Outbox::prune`](crate::outbox::Outbox::prune).
pub const PUBLISHED_KEPT: Duration = Duration::from_secs(15 * 60);
/// Most rows that one statement of [`Outbox::prune`](crate::outbox::Outbox::prune) deletes. More: the next call.
pub const PRUNE_ROWS_MAX: i64 = 5_000;

/// Bytes of rows that are sent to Postgres at once. More: the next message.
pub const COPY_BYTES: usize = 128 * 1024;

/// Most ledgers that are read at once to be signed. More: the next read.
pub const CHECKPOINTS_AT_ONCE: i64 = 500;

/// Most numbers of a ledger about which completeness is told at once. More: refused.
pub const COMPLETENESS_MAX: u64 = 1_000_000;
/// Most ranges of missing numbers that are named. More: left out.
pub const GAPS_MAX: i64 = 100;

/// Months for which partitions are kept ready beyond the current one.
pub const MONTHS_AHEAD: u32 = 3;

/// Most items of one page of history. More: cut to this.
pub const HISTORY_LIMIT_MAX: u32 = 1_000;
/// Rows of the first batch of an export, so that it begins at once.
pub const EXPORT_ROWS_FIRST: usize = 100;
/// Most rows of one batch of an export. More: the next batch.
pub const EXPORT_ROWS_MAX: usize = 1_000;
/// Bytes of payload that a batch of an export aims at, by the size of the events before it. A batch whose events are suddenly larger holds more, at most
/// [`EXPORT_ROWS_MAX`] of the largest events.
pub const EXPORT_BATCH_BYTES: usize = 1024 * 1024;
/// Jobs of a user that are not done. More: [`Error::Refused`](crate::Error::Refused) with `export_in_progress`.
pub const EXPORT_JOBS_USER_MAX: i64 = 1;
/// Jobs of a tenant that are not done. More: [`Error::Refused`](crate::Error::Refused) with `too_many_exports`.
pub const EXPORT_JOBS_TENANT_MAX: i64 = 4;
/// Most jobs of one list. Older ones are left out.
pub const EXPORT_JOBS_LISTED_MAX: i64 = 200;
/// How long the file of a job can be fetched. Later: the job is expired.
pub const EXPORT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an expired job is still told of.
pub const EXPORT_TOLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Most pieces of expired files that one statement deletes. More: the next call.
pub const EXPORT_CHUNKS_DELETED_MAX: i64 = 16;
/// Batches of the ledger with fewer events than this become one with their neighbours. The index `ledger_batch_small` and the statement `ledger/small.sql` say the same.
pub const LEDGER_BATCH_SMALL: u64 = 1_024;
/// Most small batches that are looked at at once. More: the next look.
pub const LEDGER_BATCHES_AT_ONCE: u32 = 10_000;

/// Longest search for free text. Longer: [`Error::SearchTimeout`](crate::Error::SearchTimeout).
pub const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);
/// Batches that a search for free text reads at once: first so many (one without a text), then twice as many each time, up to [`SEARCH_BATCHES_MAX`].
pub const SEARCH_BATCHES_FIRST: usize = 4;
/// Most batches that a search reads at once. More: the next round.
pub const SEARCH_BATCHES_MAX: usize = 64;
/// Most events that are counted for one answer. More: the count is this, and said to be an estimate.
pub const HISTORY_COUNT_MAX: u32 = 100_000;
/// Most events of one page of cold replay. More: cut to this; the page says through where it is complete.
pub const COLD_LIMIT_MAX: u32 = 5_000;

/// Most entries of one page of the activity log. More: cut to this.
pub const ACTIVITY_LIMIT_MAX: u32 = 1_000;
/// How many numbers a page of the activity log looks through before it looks through all, over all months.
pub const ACTIVITY_NEAR: u64 = 2_000;
/// How often what all activity logs show is moved on, at times that are multiples of it.
pub const ACTIVITY_PRUNE_EVERY: Duration = Duration::from_secs(10 * 60);
/// Up to how many entries of the activity log are counted. More: the total is this, and an estimate.
pub const ACTIVITY_COUNT_MAX: u64 = 100_000;
/// Longest count of entries of the activity log. Longer: the total is what is known, and an estimate.
pub const COUNT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a tenant can turn its activity log off. More: refused; the log stays as it is.
pub const SILENCES_MAX: i64 = 1_000;
/// How long the archive may be behind the log before it is late.
pub const LATE_AFTER: Duration = Duration::from_secs(1);
/// How long ago the archiver may have looked at the log's end. Longer: the archive counts as late, for nobody knows.
pub const LOOKED_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait after a change of the activity log's settings until the log tells of it. Longer: the change is answered all the same.
pub const ACTIVITY_SETTLED: Duration = Duration::from_secs(2);
/// First pause between two looks whether it does; each next one is twice as long.
pub const ACTIVITY_SETTLE_PAUSE: Duration = Duration::from_millis(4);
/// Most tenants that are looked up at once for pruning. More: the next look-up.
pub const PRUNE_TENANTS_MAX: i64 = 1_000;

/// Legal holds of a tenant that are not released. More: [`Error::Refused`](crate::Error::Refused) with `too_many_holds`.
pub const HOLDS_OPEN_MAX: i64 = 1_000;
/// Redactions of a tenant that are not done. More: [`Error::Refused`](crate::Error::Refused) with `too_many_redactions`.
pub const REDACTION_JOBS_OPEN_MAX: i64 = 20;
/// How long a redaction that is done is still told of. Later: deleted.
pub const REDACTION_JOBS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Rules of redaction of a tenant. More: [`Error::Refused`](crate::Error::Refused) with `too_many_rules`.
pub const REDACTION_RULES_MAX: i64 = 100;
/// How often a rule with nothing to do is looked at.
pub const REDACTION_RULE_EVERY: Duration = Duration::from_secs(30);
/// Most events that one transaction of a redaction looks at to choose from. More: the next transaction.
pub const REDACTION_SCAN_MAX: i64 = 2_000;

/// Most events that one turn of retention examines, and so removes. More: the next turn.
pub const RETENTION_ROWS: u64 = 2_000;
/// Most numbers that one statement of retention counts. More: the next one.
pub const RETENTION_COUNTED: u64 = 10_000;
/// Most tenants that are looked up at once for retention. More: the next look-up.
pub const RETENTION_TENANTS: i64 = 100;
/// Runs of retention that are kept of each tenant. Older ones are forgotten; their events are not.
pub const RETENTION_RUNS_KEPT: i64 = 20;
/// Longest wait of retention for readers of the archive when it takes a month away. Longer: it lets them go first and tries again.
pub const MONTH_LOCK_TIMEOUT: Duration = Duration::from_millis(300);
/// How often it tries in a row. More: the month waits for the next look, and what is removed until then goes one by one.
pub const MONTH_TRIES: u32 = 20;
/// Pause between two tries.
pub const MONTH_TRY_PAUSE: Duration = Duration::from_millis(700);
/// Longest statement about a whole month.
pub const MONTH_STATEMENT_TIMEOUT: Duration = Duration::from_secs(10 * 60);
/// Most tenants with events in a month that goes as a whole. More: their events go one by one.
pub const MONTH_TENANTS_MAX: usize = 2_000;
/// Most events of a month that stay because they tell of the archive itself. More: the others go one by one.
pub const MONTH_KEPT_MAX: u64 = 10_000;
/// Fewest events of a month that goes as a whole. Fewer: they go one by one, which locks nobody out.
pub const MONTH_EVENTS_MIN: u64 = 1_000;
/// Most events that one call of [`analytics::fold`](crate::analytics::fold) counts. More: the next call.
pub const ANALYTICS_FOLD_MAX: u64 = 20_000;
/// Most tenants whose events wait to be counted that are told of at once. More: the next read.
pub const ANALYTICS_TENANTS_AT_ONCE: i64 = 500;
/// Most events that a query reads beside the rollups. More: they are left out, and the answer says so.
pub const ANALYTICS_TAIL_MAX: u64 = 50_000;
/// Longest statement of a query of analytics. Longer: the query is refused as too slow.
pub const ANALYTICS_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest ranking of entities, of which there may be nearly as many as events. Longer: refused as too slow.
pub const ANALYTICS_ENTITIES_TIMEOUT: Duration = Duration::from_secs(12);
/// Memory in which Postgres groups them, in its notation: for each of up to three processes, and up to twice as much. More: on disk.
pub const ANALYTICS_ENTITIES_MEMORY: &str = "64MB";
/// Longest id of a user by which its events have an index, in bytes, as in migration 0017. Longer: all of a tenant's are looked at.
pub const CONCERNED_INDEXED_BYTES: usize = 1_000;
/// Most differences that a reconciliation tells of one by one. More: only counted.
pub const ANALYTICS_DIFFERENCES_MAX: u64 = 1_000;
/// Most numbers of one correction. More: refused; the caller splits them.
pub const ANALYTICS_NUMBERS_MAX: usize = 100_000;
