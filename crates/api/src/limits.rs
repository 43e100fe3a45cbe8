//! Every limit of this crate, and what happens at it.

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

/// Rows of a list when the request does not say.
pub const LIST_LIMIT_DEFAULT: i64 = 100;
/// Most rows of a list. More: 422.
pub const LIST_LIMIT_MAX: i64 = 500;
/// Most rows that a list may leave out at its beginning. More: 422; use `cursor`.
pub const LIST_OFFSET_MAX: i64 = 1_000_000;

/// Longest `If-None-Match` header that is looked at, in bytes. Longer: answered in full.
pub const IF_NONE_MATCH_BYTES_MAX: usize = 4 * 1024;
