//! Every limit of this crate, and what happens at it.

use std::time::Duration;

/// Most rows of one claim of the outbox, and so of one ordered batch of a tenant. More: the next claim.
pub const CLAIM_ROWS_MAX: usize = 1_000;
/// Most rows of the outbox in hand (claimed and not yet marked). At the limit the relay claims no more until some are marked.
pub const ROWS_IN_HAND_MAX: usize = 8_000;
/// Most tenants that are being published or wait for a retry. At the limit the relay claims no more until some are done.
pub const TENANTS_IN_HAND_MAX: usize = 50_000;
/// Most tenants of one shard that are published at the same time. More: they wait for their turn.
pub const TENANTS_PUBLISHING_MAX: usize = 64;
/// Longest time between a claim and the sending of its rows. Longer (the process was frozen): the rows are given back, another leader may have them.
pub const CLAIM_AGE_MAX: Duration = Duration::from_secs(60);

/// Shortest pause between two looks at the outbox that nobody asked for.
pub const POLL_MIN: Duration = Duration::from_millis(50);
/// Longest pause between two looks at the outbox. While nothing comes, the pause grows up to here.
pub const POLL_MAX: Duration = Duration::from_millis(500);
/// Pause between two attempts to become the relay that leads.
pub const LEAD_EVERY: Duration = Duration::from_secs(1);

/// First pause of a tenant whose publishing failed; it doubles up to [`TENANT_PAUSE_MAX`].
pub const TENANT_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause of a tenant whose publishing failed.
pub const TENANT_PAUSE_MAX: Duration = Duration::from_secs(10);
/// First pause after a failure of a server or the database; it doubles up to [`RETRY_PAUSE_MAX`].
pub const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause after a failure of a server or the database.
pub const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often the relay compares a stream with what it was acknowledged, without an occasion.
pub const COMPARE_EVERY: Duration = Duration::from_secs(60);
/// How far the clocks of relay and database may differ. Further: a row that an earlier leader had published could be taken for a new one.
pub const CLOCKS_APART_MAX: Duration = Duration::from_secs(60);
/// Most rows in a row that are set aside for a reason that may lie with the broker. More: they wait, until the broker takes some other row.
pub const SET_ASIDE_RUN_MAX: u32 = 20;
/// Most messages of one page when the relay looks for rows in the stream.
pub const LOOK_MESSAGES: usize = 1_000;
/// Most bytes of one page when the relay looks for rows in the stream.
pub const LOOK_BYTES: usize = 4 * 1024 * 1024;

/// How often published rows are pruned.
pub const PRUNE_EVERY: Duration = Duration::from_secs(10);
/// How often depth and age of the outbox are measured.
pub const DEPTH_EVERY: Duration = Duration::from_secs(5);

/// Most messages of one batch of the archiver while it keeps up. More: the next batch.
pub const BATCH_MESSAGES: usize = 1_000;
/// Most messages of one batch of an archiver that is behind: as many wait for it, or more.
pub const BATCH_MESSAGES_MAX: usize = 4_000;
/// Most payload bytes of one batch of the archiver, unless one message alone is larger. More: the next batch.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How long a batch waits, from its first message on, to become full.
pub const BATCH_WAIT: Duration = Duration::from_millis(50);
/// The same while the archiver is behind: the messages are there, and come as fast as they can.
pub const BATCH_WAIT_BEHIND: Duration = Duration::from_millis(500);

/// How long the watermark must stand still, beside a stream that is ahead of it, before an archiver that was fenced off takes over.
pub const STANDBY: Duration = Duration::from_secs(3);
/// How often an archiver that was fenced off looks at the watermark.
pub const STANDBY_EVERY: Duration = Duration::from_millis(500);
/// How often an archiver that has nothing to do makes sure that the stream is still the one that it reads.
pub const RECHECK_EVERY: Duration = Duration::from_secs(5);
/// Messages of the stream that are looked at, at most, to tell whether the archive holds a place of it.
pub const EVIDENCE_MESSAGES: u64 = 16;
/// Attempts to write a dead letter while the broker answers otherwise. More: the message is kept in quarantine only.
pub const DEAD_LETTER_ATTEMPTS: u32 = 3;
/// How often lag is measured, and the log's end noted for those who read the archive: often enough for [`LOOKED_WITHIN`](slipstream_store::limits::LOOKED_WITHIN).
pub const LAG_EVERY: Duration = Duration::from_secs(1);
/// Bytes after which a piece of an export is kept; it ends with the event that passes them.
pub const EXPORT_CHUNK_BYTES: usize = 1024 * 1024;
/// Largest file of an export. Larger: the job fails, with the reason.
pub const EXPORT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// How often an export may be begun. More: something in it ends the workers, and it fails.
pub const EXPORT_ATTEMPTS_MAX: u32 = 10;
/// How often a worker that makes an export says that it is alive.
pub const EXPORT_BEAT: Duration = Duration::from_secs(2);
/// After how long without a word the job of a worker is another's. Much longer than a statement may take.
pub const EXPORT_STALE: Duration = Duration::from_secs(30);
/// How long a worker tries to read while the database is away. Then it leaves the job where it is.
pub const EXPORT_PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two looks for jobs.
pub const EXPORT_POLL: Duration = Duration::from_millis(500);
/// How often old files are looked for.
pub const EXPORT_CLEAN_EVERY: Duration = Duration::from_secs(10);
/// Pause between two batches of old pieces that are deleted.
pub const EXPORT_CLEAN_PAUSE: Duration = Duration::from_millis(100);
/// How often the partitions of the months to come are seen to.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// Denials that wait to be recorded. More: dropped, and counted.
pub const DENIALS_WAITING_MAX: usize = 1_024;
/// How often it is looked whether a caller's window of denials is over.
pub const DENIALS_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest time that recording one may take. Longer: dropped, and counted.
pub const DENIAL_WRITE: Duration = Duration::from_secs(2);

/// How often activity logs with new settings are looked for.
pub const ACTIVITY_LOOK_EVERY: Duration = Duration::from_secs(1);

/// Pause after a turn of redaction that had something to do, so that live work goes on beside it.
pub const REDACTION_PAUSE: Duration = Duration::from_millis(50);
/// Pause between two looks for redactions.
pub const REDACTION_POLL: Duration = Duration::from_millis(500);
/// How often requests that were done long ago are deleted.
pub const REDACTION_CLEAN_EVERY: Duration = Duration::from_secs(60 * 60);
/// Pause between two looks at which tenants are due for retention.
pub const RETENTION_POLL: Duration = Duration::from_secs(1);
/// How long turns are taken before it is looked again which tenants are due.
pub const RETENTION_ROUND: Duration = Duration::from_secs(30);
/// Shortest pause after a turn of retention. A turn that took longer is followed by a pause as long as itself.
pub const RETENTION_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause after a turn of retention.
pub const RETENTION_PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often it is looked at whether a month may go as a whole, while anything is due. Meanwhile its events go one by one.
pub const RETENTION_MONTH_EVERY: Duration = Duration::from_secs(60 * 60);
/// How often events that are not counted for analytics yet are looked for. The longer, the more events of one key are one change; until then a query reads them one by one.
pub const ANALYTICS_FOLD_EVERY: Duration = Duration::from_secs(5);
/// How often small batches of ledgers are looked for. Until then a search looks at each of them.
pub const JOIN_EVERY: Duration = Duration::from_secs(30);
/// Longest time that joining batches waits for archivers that are behind. Longer: both share the database.
pub const JOIN_WAIT_MAX: Duration = Duration::from_secs(30);
/// Longest time that counting waits for archivers that are behind. Longer: both share the database.
pub const ANALYTICS_WAIT_MAX: Duration = Duration::from_secs(30);
