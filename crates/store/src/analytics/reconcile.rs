//! Whether the counts are what the events give: each month of a tenant is counted again and compared, bucket by bucket, in one snapshot.
//!
//! Nothing is changed. Postgres counts, and what is held here is one month's differences.

use slipstream_event::{Tenant, Timestamp};
use sqlx::{FromRow, PgConnection};
use time::{Month, OffsetDateTime, Time};

use super::snapshot;
use crate::number::{signed, unsigned};
use crate::store::Mode;
use crate::{Error, Scope, Store, limits};

/// A count that is not what the events give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `hour` for the counts by hour and type, `actor` and `entity` for those by day; `head` when more events are said to be counted than there are.
    pub kind: String,
    /// Begin of the quarter of an hour, or of the day.
    pub bucket: Timestamp,
    /// The texts of its key, for people.
    pub key: String,
    /// What is counted.
    pub rollup: u64,
    /// What there is.
    pub events: u64,
}

/// What a comparison says while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The month that begins here was compared.
    Month(Timestamp),
    /// One of the first [`limits::ANALYTICS_DIFFERENCES_MAX`].
    Difference(Difference),
}

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events 1 to this were compared: those that are counted.
    pub folded: u64,
    /// Differences, those that were not told of too.
    pub differences: u64,
}

#[derive(FromRow)]
struct Row {
    kind: String,
    bucket: OffsetDateTime,
    key: String,
    kept: i64,
    counted: i64,
    differences: i64,
}

/// Compares the counts of a tenant, through a pool of [`Role::Reader`](crate::Role::Reader). Statements may take as long as they need.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn reconcile(reader: &Store, tenant: &Tenant, mut tell: impl FnMut(Told)) -> Result<Report, Error> {
    let scope = Scope::Account(tenant.clone());
    let mut tx = reader.begin(&scope, Mode::Snapshot).await?;
    sqlx::query("select set_config('statement_timeout', '0', true)").execute(&mut *tx).await?;
    let standing = snapshot::standing(&mut tx, &scope).await?;
    let mut report = Report { folded: standing.folded, differences: 0 };
    if standing.folded > standing.size {
        report.differences += 1;
        let key = "events counted, and events archived".to_owned();
        tell(Told::Difference(Difference { kind: "head".to_owned(), bucket: Timestamp::now(), key, rollup: standing.folded, events: standing.size }));
    }
    let mut after = None;
    while let Some((from, to)) = next_month(&mut tx, tenant, after).await? {
        for statement in [include_str!("../../queries/analytics/differing_hours.sql"), include_str!("../../queries/analytics/differing_days.sql")] {
            let room = limits::ANALYTICS_DIFFERENCES_MAX.saturating_sub(report.differences).max(1);
            let rows: Vec<Row> = sqlx::query_as(statement)
                .bind(tenant.as_str())
                .bind(signed(standing.folded))
                .bind(from)
                .bind(to)
                .bind(signed(room))
                .fetch_all(&mut *tx)
                .await?;
            let is_told = report.differences < limits::ANALYTICS_DIFFERENCES_MAX;
            report.differences += rows.first().map_or(0, |row| unsigned(row.differences));
            rows.into_iter().filter(|_| is_told).for_each(|row| tell(Told::Difference(row.into())));
        }
        tell(Told::Month(from.into()));
        after = Some(to);
    }
    tx.commit().await?;
    Ok(report)
}

impl From<Row> for Difference {
    fn from(row: Row) -> Self {
        Self { kind: row.kind, bucket: row.bucket.into(), key: row.key, rollup: unsigned(row.kept), events: unsigned(row.counted) }
    }
}

/// The first month from `after` on that holds an event or a count, and the begin of the month behind it.
async fn next_month(connection: &mut PgConnection, tenant: &Tenant, after: Option<OffsetDateTime>) -> Result<Option<(OffsetDateTime, OffsetDateTime)>, Error> {
    let statement = sqlx::query_scalar::<_, Option<OffsetDateTime>>(include_str!("../../queries/analytics/next_month.sql"));
    let next = statement.bind(tenant.as_str()).bind(after).fetch_one(connection).await?;
    Ok(next.and_then(month))
}

fn month(at: OffsetDateTime) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let begin = at.replace_day(1).ok()?.replace_time(Time::MIDNIGHT);
    let next = begin.replace_month(begin.month().next()).ok()?;
    let next = if begin.month() == Month::December { next.replace_year(begin.year() + 1).ok()? } else { next };
    Some((begin, next))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn months_follow_each_other() {
        assert_eq!(month(datetime!(2024-01-31 23:59:59 UTC)), Some((datetime!(2024-01-01 00:00 UTC), datetime!(2024-02-01 00:00 UTC))));
        assert_eq!(month(datetime!(2024-12-05 00:00 UTC)), Some((datetime!(2024-12-01 00:00 UTC), datetime!(2025-01-01 00:00 UTC))));
    }
}
