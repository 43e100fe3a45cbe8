//! Every limit of this crate, and what happens at it.

use std::time::Duration;

/// Items of a page of history when the request does not say.
pub const HISTORY_LIMIT_DEFAULT: i64 = 50;
/// Most items of a page of history. More: 422.
pub const HISTORY_LIMIT_MAX: i64 = 500;
/// Rows of the audit log when the request does not say.
pub const AUDIT_LIMIT_DEFAULT: i64 = 100;
/// Most rows of a page of the audit log. More: 422.
pub const AUDIT_LIMIT_MAX: i64 = 1_000;
/// Most bytes of the filters that the event of a reading keeps. More: they are left out, and it says so.
pub const AUDIT_FILTERS_BYTES_MAX: usize = 8 * 1024;
/// Longest `Idempotency-Key`, in characters. Longer: 422.
pub const REQUEST_KEY_LEN_MAX: usize = 200;
/// Longest name of a saved view, in characters. Longer: 422.
pub const VIEW_NAME_LEN_MAX: usize = 100;
/// Largest query of a saved view, in bytes of JSON. Larger: 422.
pub const VIEW_QUERY_BYTES_MAX: usize = 8 * 1024;
/// Most saved views of a user, beside those that are shared. More: 409.
pub const VIEWS_OWN_MAX: i64 = 100;
/// Most saved views that a tenant shares. More: 409.
pub const VIEWS_SHARED_MAX: i64 = 200;
/// Longest free text of a search, in characters. Longer: 422.
pub const SEARCH_LEN_MAX: usize = 200;
/// How long a page of history may be shown without asking again, in seconds.
pub const HISTORY_MAX_AGE_SECONDS: u32 = 15;

/// Exports at a time that one process hands out to one user. More: 429.
pub const EXPORTS_USER_MAX: usize = 1;
/// Exports at a time that one process hands out to one tenant. More: 429.
pub const EXPORTS_TENANT_MAX: usize = 4;
/// How long a caller with too many exports is asked to wait.
pub const EXPORTS_RETRY_AFTER: Duration = Duration::from_secs(5);
/// How long the events of an export are counted, beforehand. Longer: it begins without a number.
pub const EXPORT_COUNT_WAIT: Duration = Duration::from_millis(500);
/// Largest evidence pack, in bytes before it is compressed. What is beyond is left out and named in the pack's `manifest.json`.
pub const PACK_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Most correlation ids whose events are linked in an evidence pack. More: named in its `manifest.json`.
pub const PACK_LINKED_MAX: usize = 200;

/// Rows of a list when the request does not say.
pub const LIST_LIMIT_DEFAULT: i64 = 100;
/// Most rows of a list. More: 422.
pub const LIST_LIMIT_MAX: i64 = 500;
/// Most rows that a list may leave out at its beginning. More: 422; use `cursor`.
pub const LIST_OFFSET_MAX: i64 = 1_000_000;

/// Longest `If-None-Match` header that is looked at, in bytes. Longer: answered in full.
pub const IF_NONE_MATCH_BYTES_MAX: usize = 4 * 1024;

/// Most checkpoints in the export of a ledger. More: they are spread over it.
pub const LEDGER_CHECKPOINTS_MAX: u32 = 1_000;
/// Entries of a page of the activity log when the request does not say.
pub const ACTIVITY_LIMIT_DEFAULT: i64 = 50;
/// Most entries of a page of the activity log. More: 422.
pub const ACTIVITY_LIMIT_MAX: i64 = 200;
/// Longest entity type or id to look for in the activity log, in characters. Longer: 422.
pub const ACTIVITY_ENTITY_LEN_MAX: usize = 64;
/// How long a page of the activity log may be shown without asking again, in seconds: settings take effect at once.
pub const ACTIVITY_MAX_AGE: u32 = 0;

/// Items of a list about the archive (holds, redactions) when the request does not say.
pub const ARCHIVE_LIST_LIMIT_DEFAULT: i64 = 100;
/// Most items of a page of such a list. More: 422.
pub const ARCHIVE_LIST_LIMIT_MAX: i64 = 500;

/// What analytics count when the request does not say, in days, up to now.
pub const ANALYTICS_DAYS_DEFAULT: i64 = 7;
/// Longest time that analytics count, in days. Longer: 422.
pub const ANALYTICS_DAYS_MAX: i64 = 1_100;
/// Most steps of a series. More: 422; a longer step has fewer.
pub const ANALYTICS_STEPS_MAX: i64 = 2_000;
/// Groups of a series when the request does not say; all others are one.
pub const ANALYTICS_GROUPS_DEFAULT: i64 = 10;
/// Most groups of a series. More: 422.
pub const ANALYTICS_GROUPS_MAX: i64 = 50;
/// Items of a ranking when the request does not say.
pub const ANALYTICS_TOP_DEFAULT: i64 = 10;
/// Most items of a ranking. More: 422.
pub const ANALYTICS_TOP_MAX: i64 = 100;
/// Longest time whose entities are ranked at once, in days. Longer: in turn with others.
pub const ANALYTICS_RANKING_DAYS_SHORT: i64 = 31;
/// Rankings of entities over a longer time that one process makes at a time. More: they wait.
pub const ANALYTICS_RANKINGS_MAX: usize = 2;
/// How long such a ranking waits for its turn. Longer: 503.
pub const ANALYTICS_RANKINGS_WAIT: Duration = Duration::from_secs(5);
/// How long an answer of analytics may be shown without asking again, in seconds.
pub const ANALYTICS_MAX_AGE_SECONDS: u32 = 15;
