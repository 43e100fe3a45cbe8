//! Numbers that Postgres keeps with a sign.

/// As `bigint`. Nothing that is stored is beyond its end, so for comparisons the end stands for all that is.
pub(crate) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// From `bigint`; what the schema keeps from being negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or_default()
}
