//! In which parts of time what an export asks for can lie, so that each statement reads a bounded part of the archive, and none reads what cannot hold it.
//!
//! The ledger's batches tell: by their filters which may hold a text or a value, and of all others when their events happened. Batches are in the order of the archive and an import may bring
//! old events late, so the times of batches overlap; windows do not.

use slipstream_event::{Keyset, Tenant};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};

use super::Order;
use crate::Error;
use crate::history::Query;
use crate::history::search;
use crate::number::{signed, unsigned};

/// Events after which a window ends, unless more of them share its last moment.
const WINDOW_EVENTS: u64 = 100_000;

/// A part of time: from its first moment up to, and without, its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: OffsetDateTime,
    pub(super) below: OffsetDateTime,
}

/// The windows that a reading has still to read; the next one is the last.
#[derive(Clone, Debug)]
pub(super) struct Windows(Vec<Window>);

impl Windows {
    /// Those in which events of the query may lie, behind `after`.
    pub(super) async fn find(connection: &mut PgConnection, tenant: &Tenant, query: &Query, order: Order, after: Option<Keyset>) -> Result<Self, Error> {
        let parts: Vec<(OffsetDateTime, OffsetDateTime, i64)> = sqlx::query_as(include_str!("../../queries/export/windows.sql"))
            .bind(tenant.as_str())
            .bind(search::bits(query))
            .bind(query.from.map(|from| from.datetime()))
            .bind(query.until.map(|until| until.datetime()))
            .bind(signed(WINDOW_EVENTS))
            .fetch_all(connection)
            .await?;
        let times = parts.into_iter().map(|(from, to, events)| (from, to, unsigned(events))).collect();
        let mut windows = cut(times, WINDOW_EVENTS);
        match order {
            Order::NewestFirst => windows.retain(|window| after.is_none_or(|after| window.from <= after.timestamp.datetime())),
            Order::OldestFirst => {
                windows.retain(|window| after.is_none_or(|after| window.below > after.timestamp.datetime()));
                windows.reverse();
            }
        }
        Ok(Self(windows))
    }

    /// The window to read.
    pub(super) fn current(&self) -> Option<Window> {
        self.0.last().copied()
    }

    /// There is nothing more in it.
    pub(super) fn pass(&mut self) {
        self.0.pop();
    }
}

/// Windows in the order of time that together hold all these times (first, last, how many events), each of about `events` of them. Nothing lies between two that touch no time.
fn cut(mut times: Vec<(OffsetDateTime, OffsetDateTime, u64)>, events: u64) -> Vec<Window> {
    times.sort_unstable();
    let mut windows: Vec<Window> = Vec::new();
    let mut held = 0;
    for (from, to, size) in times {
        let below = to + Duration::microseconds(1);
        match windows.last_mut() {
            Some(last) if from < last.below && (held < events || from == last.from) => {
                last.below = last.below.max(below);
                held += size;
            }
            // It is full: the next one begins here, and holds what of those before lies behind.
            Some(last) if from < last.below => {
                let below = below.max(last.below);
                last.below = from;
                windows.push(Window { from, below });
                held = size;
            }
            _ => {
                windows.push(Window { from, below });
                held = size;
            }
        }
    }
    windows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap()
    }

    proptest! {
        #[test]
        fn every_moment_is_in_one_window_and_no_other_is(times in prop::collection::vec((0_i64..500, 0_i64..60, 1_u64..50), 0..60), events in 1_u64..200) {
            let times: Vec<_> = times.into_iter().map(|(from, long, size)| (at(from), at(from + long), size)).collect();
            let windows = cut(times.clone(), events);
            prop_assert!(windows.windows(2).all(|pair| pair[0].below <= pair[1].from), "{:?}", windows);
            for second in 0..600 {
                let held = times.iter().any(|(from, to, _)| (*from..=*to).contains(&at(second)));
                let covering = windows.iter().filter(|window| (window.from..window.below).contains(&at(second))).count();
                prop_assert_eq!(covering, usize::from(held), "{}", second);
            }
        }
    }

    #[test]
    fn windows_end_when_they_are_full() {
        let hours: Vec<_> = (0..10).map(|hour| (at(hour * 3_600), at((hour + 1) * 3_600), 1_000)).collect();
        let windows = cut(hours, 2_500);
        assert_eq!(windows.len(), 4);
        assert!(windows.windows(2).all(|pair| pair[0].below == pair[1].from));
        let imported = vec![(at(0), at(36_000), 1), (at(10), at(20), 5), (at(30), at(40), 5)];
        assert_eq!(
            cut(imported, 5).iter().map(|window| (window.from, window.below)).collect::<Vec<_>>(),
            [(at(0), at(30)), (at(30), at(36_000) + Duration::microseconds(1))]
        );
    }
}
