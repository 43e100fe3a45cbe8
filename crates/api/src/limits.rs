//! Every limit of this crate, and what happens at it.

/// Items of a page of history when the request does not say.
pub const HISTORY_LIMIT_DEFAULT: i64 = 50;
/// Most items of a page of history. More: 422.
pub const HISTORY_LIMIT_MAX: i64 = 500;
/// Longest free text of a search, in characters. Longer: 422.
pub const SEARCH_LEN_MAX: usize = 200;
/// How long a page of history may be shown without asking again, in seconds.
pub const HISTORY_MAX_AGE_SECONDS: u32 = 15;

/// Rows of a list when the request does not say.
pub const LIST_LIMIT_DEFAULT: i64 = 100;
/// Most rows of a list. More: 422.
pub const LIST_LIMIT_MAX: i64 = 500;
/// Most rows that a list may leave out at its beginning. More: 422; use `cursor`.
pub const LIST_OFFSET_MAX: i64 = 1_000_000;

/// Longest `If-None-Match` header that is looked at, in bytes. Longer: answered in full.
pub const IF_NONE_MATCH_BYTES_MAX: usize = 4 * 1024;

/// Entries of a ledger that are read at once for its export. More: the next read.
pub const LEDGER_ENTRIES: u32 = 1_000;
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
