//! Partitions: one per month, made before the first event of the month comes in.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use time::{Date, Month, OffsetDateTime};

use crate::{Error, Store};

/// The months that are known to have their partition. A set of at most some dozens: months of the distant past share one partition, but are noted all the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Months(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    months: BTreeSet<Date>,
    /// The first month that has a partition of its own.
    past_before: Option<Date>,
}

impl Months {
    /// Makes the partitions of `months` that are missing. Returns whether all were known, so that nothing was asked, and the first month that has a
    /// partition of its own.
    ///
    /// It runs in a transaction of its own before the batch's: two archivers that make the same month wait for each other only as long as that takes.
    pub(super) async fn ensure(&self, store: &Store, months: &BTreeSet<Date>) -> Result<(bool, Date), Error> {
        let (unknown, past_before) = {
            let known = self.known();
            (months.difference(&known.months).copied().collect::<Vec<_>>(), known.past_before)
        };
        if let Some(past_before) = past_before.filter(|_| unknown.is_empty()) {
            return Ok((true, past_before));
        }
        let statement = sqlx::query_scalar("select (slipstream.event_past_before() at time zone 'UTC')::date from slipstream.ensure_event_partitions($1)");
        let past_before: Date = statement.bind(&unknown).fetch_one(&store.pool).await?;
        let mut known = self.known();
        known.months.extend(unknown);
        known.past_before = Some(past_before);
        Ok((false, past_before))
    }

    /// Asks for all again.
    pub(super) fn forget(&self) {
        *self.known() = Known::default();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of the partition that an event of this time belongs to.
pub(super) fn name(moment: OffsetDateTime, past_before: Date) -> String {
    let month = month(moment);
    if month < past_before { "event_past".to_owned() } else { format!("event_{:04}_{:02}", month.year(), u8::from(month.month())) }
}

/// The first day of the month, in UTC, which stands for its partition.
pub(super) fn month(moment: OffsetDateTime) -> Date {
    // The first day exists in every month.
    moment.date().replace_day(1).unwrap_or(moment.date())
}

pub(super) async fn ensure_ahead(store: &Store, months: u32) -> Result<u32, Error> {
    let current = month(OffsetDateTime::now_utc());
    let wanted: Vec<Date> = std::iter::successors(Some(current), |month| Some(following(*month))).take(months as usize + 1).collect();
    let made: i32 = sqlx::query_scalar("select slipstream.ensure_event_partitions($1)").bind(wanted).fetch_one(&store.pool).await?;
    Ok(u32::try_from(made).unwrap_or_default())
}

pub(super) async fn months_ahead(store: &Store) -> Result<u32, Error> {
    let months: i32 = sqlx::query_scalar("select slipstream.event_months_ahead()").fetch_one(&store.pool).await?;
    Ok(u32::try_from(months).unwrap_or_default())
}

fn following(month: Date) -> Date {
    let year = if month.month() == Month::December { month.year() + 1 } else { month.year() };
    Date::from_calendar_date(year, month.month().next(), 1).unwrap_or(month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_over_the_year() {
        let day = |year, month| Date::from_calendar_date(year, month, 1).unwrap();
        assert_eq!(following(day(2026, Month::November)), day(2026, Month::December));
        assert_eq!(following(day(2026, Month::December)), day(2027, Month::January));
        assert_eq!(name(OffsetDateTime::UNIX_EPOCH, day(1970, Month::January)), "event_1970_01");
        assert_eq!(name(OffsetDateTime::UNIX_EPOCH, day(1970, Month::February)), "event_past");
        assert_eq!(month(OffsetDateTime::UNIX_EPOCH + time::Duration::days(30)), day(1970, Month::January));
    }
}
