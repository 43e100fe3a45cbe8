//! Every limit of the vocabulary, and what happens at it.
//!
//! A value over a limit is refused with a [`Fault`](crate::Fault) that names the field; nothing is cut silently.

/// Longest tenant id, in characters. Longer: refused.
pub const TENANT_LEN_MAX: usize = 64;

/// Fewest tokens of an event type (`<module>.<entity>.<action>`). Fewer: refused.
pub const TYPE_TOKENS_MIN: usize = 3;
/// Most tokens of an event type. More: refused.
pub const TYPE_TOKENS_MAX: usize = 5;
/// Longest event type, in characters. Longer: refused.
pub const TYPE_LEN_MAX: usize = 200;

/// Longest entity id, in characters. Longer: refused.
pub const ENTITY_ID_LEN_MAX: usize = 256;
/// Longest id that a producer gives an event, in characters. Longer: refused.
pub const SOURCE_ID_LEN_MAX: usize = 256;
/// Longest short text (names, departments, correlation and batch ids), in characters. Longer: refused.
pub const NAME_LEN_MAX: usize = 256;
/// Longest message of an event, in characters. Longer: refused.
pub const MESSAGE_LEN_MAX: usize = 1_000;

/// Largest event as published, in bytes of canonical JSON. Larger: refused with `payload_too_large`.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of `metadata` and `changes`, counting the object itself. Deeper: refused.
pub const OBJECT_DEPTH_MAX: usize = 16;
/// Most keys of the top level of `metadata` and `changes`. More: refused.
pub const OBJECT_KEYS_MAX: usize = 256;

/// Most keys of the metadata of an entry of the activity log. More: left out of the entry; the event keeps them.
pub const ENTRY_METADATA_KEYS_MAX: usize = 32;
/// Largest metadata of an entry of the activity log, in bytes of JSON. A key that goes beyond is left out of the entry; the event keeps it.
pub const ENTRY_METADATA_BYTES_MAX: usize = 8 * 1024;

/// Most events of one ingest request. More: the request is refused whole with 413.
pub const BATCH_EVENTS_MAX: usize = 1_000;
/// Largest ingest request body, in bytes. Larger: refused with 413 before it is read to its end.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How far an event's timestamp may lie in the future, in seconds. Further: refused.
pub const FUTURE_SECONDS_MAX: i64 = 5 * 60;
/// Earliest year of an event's timestamp. Earlier: refused.
pub const YEAR_MIN: i32 = 1900;

/// Longest cursor accepted from a client, in characters. Longer: `cursor_invalid`.
pub const CURSOR_LEN_MAX: usize = 96;
/// Most values of one filter parameter. More: refused.
pub const FILTER_VALUES_MAX: usize = 50;
/// Longest value of a filter parameter, in characters. Longer: refused.
pub const FILTER_VALUE_LEN_MAX: usize = 256;

/// Most shards of a stream.
pub const SHARDS_MAX: u16 = 64;

/// Most leaves of a ledger: what a signed 64-bit number counts. A tree or checkpoint that claims more: refused.
pub const LEDGER_LEAVES_MAX: u64 = i64::MAX as u64;
/// Largest signed note, in bytes; room for [`NOTE_SIGNATURES_MAX`] post-quantum signatures. Larger: refused.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// Most signatures of a note: what the standard asks for at least. More: refused.
pub const NOTE_SIGNATURES_MAX: usize = 16;
/// Longest name of a key of ours, in bytes. Longer: refused.
pub const KEY_NAME_LEN_MAX: usize = 128;
/// Most findings of a check of a ledger. More: the first ones, by number.
pub const FINDINGS_MAX: usize = 1_000;

/// Longest path of a field to redact, in characters. Longer: refused.
pub const REDACTED_PATH_LEN_MAX: usize = 256;
