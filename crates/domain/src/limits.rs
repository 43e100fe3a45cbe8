//! Every limit of the domain, and what happens at it.

/// Longest subject of a ticket, in characters. Longer: refused.
pub const TICKET_SUBJECT_LEN_MAX: usize = 500;
/// Longest description of a ticket, in characters. Longer: refused.
pub const TICKET_DESCRIPTION_LEN_MAX: usize = 50_000;
/// Longest name of a person or profile in a ticket, in characters. Longer: refused.
pub const TICKET_PERSON_LEN_MAX: usize = 256;
/// Most tickets of one bulk update. More: refused.
pub const TICKET_BULK_MAX: usize = 1_000;

/// How far the time of an entry in the audit log may lie from now, in seconds, before and after. Further: refused.
pub const ENTRY_CLOCK_SECONDS_MAX: i64 = 5 * 60;

/// Longest text of a changed field that an event keeps, in characters, before and after each. Longer: cut, and marked as cut.
pub const CHANGE_TEXT_LEN_MAX: usize = 4_000;

/// Longest reason for a change, in characters. Longer: refused.
pub const REASON_LEN_MAX: usize = 500;
/// For how many days an activity log may show its entries: at least and at most. Outside: refused.
pub const ACTIVITY_DAYS: std::ops::RangeInclusive<i64> = 1..=3_650;
/// How many entries an activity log may show: at least and at most. Outside: refused.
pub const ACTIVITY_ENTRIES: std::ops::RangeInclusive<i64> = 100..=10_000_000;

/// Most events that one transaction redacts: what one event can tell of. More: the next transaction.
pub const REDACTION_EVENTS_MAX: usize = 500;
/// Most events that a request for a redaction names by their ids. More: refused.
pub const REDACTION_IDS_MAX: usize = 1_000;
/// Most fields of a redaction. More: refused.
pub const REDACTION_FIELDS_MAX: usize = 50;
/// Largest sum of the paths of a redaction's fields, in bytes. More: refused.
pub const REDACTION_FIELDS_BYTES_MAX: usize = 4 * 1024;
/// After how many days a rule may redact: at least and at most. Outside: refused.
pub const REDACTION_DAYS: std::ops::RangeInclusive<i64> = 0..=3_650;
/// For how many days a rule of retention may keep events: at least and at most. Outside: refused.
pub const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 1..=36_500;
/// How many events a rule of retention may keep: at least and at most. Outside: refused.
pub const RETENTION_ENTRIES: std::ops::RangeInclusive<i64> = 1..=1_000_000_000_000;
/// Most ranges of numbers in one event that tells what retention removed. More: further events.
pub const RANGES_MAX: usize = 1_000;

/// Refused calls of one caller that are told one by one in a window. More: counted, and told together when it is over.
pub const REFUSALS_TOLD_MAX: u32 = 5;
/// Length of such a window, in seconds.
pub const REFUSALS_WINDOW_SECONDS: i64 = 60;
/// Most callers whose refusals are counted at a time. More: dropped, and counted as such.
pub const REFUSED_CALLERS_MAX: usize = 10_000;
