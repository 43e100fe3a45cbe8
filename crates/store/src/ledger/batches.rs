//! Upkeep of the ledgers' batches: many small ones become one, and those without a filter get one.
//!
//! The archiver makes a batch of what a tenant has in each of its transactions: for a tenant with few events that is one event. A search looks at every batch's filter, so it would look at as
//! many filters as there are events. And a redaction takes filters away, because they tell of the words as they were.
//!
//! What the ledger proves does not change: leaves are put one behind the other. Batches become larger in steps, so that every event is read a few times only ([`runs`]).

use slipstream_event::Tenant;
use sqlx::FromRow as _;
use sqlx::postgres::PgRow;

use crate::analytics::correct;
use crate::archive::terms::{Asked, Terms};
use crate::number::{signed, unsigned};
use crate::{Error, Store, Tx, limits};

/// Sizes from which on batches in a row become one, smaller ones first. A batch of the last size or more stays as it is.
const STEPS: [u64; 2] = [64, limits::LEDGER_BATCH_SMALL];

/// The batches behind a pool that finds them, of [`Role::Archiver`](crate::Role::Archiver), and one that changes them, of [`Role::Redactor`](crate::Role::Redactor).
#[derive(Clone, Debug)]
pub struct Batches {
    archiver: Store,
    redactor: Store,
}

/// Where a look ended: the next goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    tenant: String,
    start: i64,
}

/// Batches that become one: a tenant's numbers after `after` up to `through`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Whose.
    pub tenant: Tenant,
    /// The number before the first.
    pub after: u64,
    /// The last number.
    pub through: u64,
    /// How many batches it was.
    pub batches: usize,
}

/// A batch that is small or has no filter.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
struct Small {
    tenant_id: String,
    start: i64,
    size: i32,
    shard: i32,
    epoch: i64,
    has_filter: bool,
}

impl Batches {
    /// Over both pools.
    pub fn new(archiver: Store, redactor: Store) -> Self {
        Self { archiver, redactor }
    }

    /// What is to be done among the next batches behind `place`, and where that ended; `None` at the end of the last tenant.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn look(&self, place: Option<&Place>) -> Result<(Vec<Run>, Option<Place>), Error> {
        let most = i64::from(limits::LEDGER_BATCHES_AT_ONCE);
        let statement = sqlx::query_as(include_str!("../../queries/ledger/small.sql")).bind(place.map_or("", |place| &place.tenant));
        let small: Vec<Small> = statement.bind(place.map_or(-1, |place| place.start)).bind(most).fetch_all(&self.archiver.pool).await?;
        let is_last = (small.len() as u64) < u64::from(limits::LEDGER_BATCHES_AT_ONCE);
        let place = small.last().filter(|_| !is_last).map(|last| Place { tenant: last.tenant_id.clone(), start: last.start });
        let runs = neighbours(&small).flat_map(runs).map(|run| named(run, &small)).collect::<Result<_, _>>()?;
        Ok((runs, place))
    }

    /// Makes the batches of a run one, with a filter of what its events say now.
    ///
    /// # Errors
    /// [`Error::Contended`] when they are not as they were found, because another process was at it; [`Error::Unavailable`] and the like. Nothing changed then.
    pub async fn join(&self, run: &Run) -> Result<(), Error> {
        let tenant = &run.tenant;
        let work = async |tx: &mut Tx| {
            // Whoever changes events holds this lock: no word that is being taken away gets into the filter.
            correct::lock(tx, tenant).await?;
            let events = sqlx::query(include_str!("../../queries/ledger/asked.sql")).bind(tenant.as_str());
            let events = events.bind(signed(run.after)).bind(signed(run.through)).fetch_all(tx.connection()).await?;
            let join = sqlx::query("select slipstream.join_ledger_batches($1, $2, $3)").bind(signed(run.after)).bind(signed(run.through));
            join.bind(filter(&events)?).execute(tx.connection()).await?;
            Ok(())
        };
        self.redactor.write(tenant, work).await
    }
}

/// The filter of what these events say.
fn filter(events: &[PgRow]) -> Result<Vec<u8>, sqlx::Error> {
    let mut terms = Terms::default();
    for row in events {
        terms.add_event(&Asked::from_row(row)?);
    }
    Ok(terms.filter())
}

/// Batches without another in between, of one tenant and one log.
fn neighbours(small: &[Small]) -> impl Iterator<Item = &[Small]> {
    let follows = |a: &Small, b: &Small| a.tenant_id == b.tenant_id && a.start + i64::from(a.size) == b.start && (a.shard, a.epoch) == (b.shard, b.epoch);
    small.chunk_by(follows)
}

/// Which of the neighbours become one: as soon as those below a step are as many events as the step, and those without a filter in any case. Each run begins behind the one before.
fn runs(neighbours: &[Small]) -> Vec<&[Small]> {
    let mut found = Vec::new();
    let mut rest = neighbours;
    while let Some(count) = STEPS.iter().rev().find_map(|step| leading(rest, *step)).or_else(|| rest.first().map(|_| 1)) {
        let (run, behind) = rest.split_at(count);
        if run.len() > 1 || run.iter().any(|batch| !batch.has_filter) {
            found.push(run);
        }
        rest = behind;
    }
    found
}

/// How many of the first batches, all smaller than the step, are together as large as it.
fn leading(batches: &[Small], step: u64) -> Option<usize> {
    let mut events = 0;
    for (place, batch) in batches.iter().enumerate() {
        let size = u64::from(batch.size.unsigned_abs());
        if size >= step {
            return None;
        }
        events += size;
        if events >= step {
            return Some(place + 1);
        }
    }
    None
}

fn named(run: &[Small], small: &[Small]) -> Result<Run, Error> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Err(Error::Bug(format!("a run of none of {} batches", small.len()))) };
    let tenant = Tenant::new(&first.tenant_id).map_err(|fault| Error::Bug(format!("the database names a tenant that is none: {fault}")))?;
    Ok(Run { tenant, after: unsigned(first.start), through: unsigned(last.start + i64::from(last.size)), batches: run.len() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn batches(sizes: &[i32]) -> Vec<Small> {
        let starts = sizes.iter().scan(0_i64, |start, size| Some(std::mem::replace(start, *start + i64::from(*size))));
        let batch = |(start, size): (i64, &i32)| Small { tenant_id: "t".to_owned(), start, size: *size, shard: 0, epoch: 1, has_filter: true };
        starts.zip(sizes).map(batch).collect()
    }

    fn sizes(batches: &[Small]) -> Vec<i32> {
        batches.iter().map(|batch| batch.size).collect()
    }

    /// Joins until nothing is left to join; what it looks like then, and how many events were read for it.
    fn settle(mut sizes_now: Vec<i32>) -> (Vec<i32>, u64) {
        let mut read = 0;
        loop {
            let all = batches(&sizes_now);
            let small: Vec<Small> = all.iter().filter(|batch| batch.size.unsigned_abs() < 1024).cloned().collect();
            let found: Vec<Vec<Small>> = neighbours(&small).flat_map(runs).map(<[Small]>::to_vec).collect();
            if found.is_empty() {
                return (sizes_now, read);
            }
            for run in found.iter().rev() {
                let from = all.iter().position(|batch| batch == &run[0]).unwrap();
                let sum: i32 = run.iter().map(|batch| batch.size).sum();
                read += u64::from(sum.unsigned_abs());
                sizes_now.splice(from..from + run.len(), [sum]);
            }
        }
    }

    #[test]
    fn single_events_become_batches_of_a_thousand_and_are_read_a_few_times() {
        let (mut now, mut read) = (Vec::new(), 0);
        for _ in 0..10_000 {
            now.push(1);
            let (settled, more) = settle(now);
            (now, read) = (settled, read + more);
        }
        assert!(now.len() < 10 + 16 + 64, "{now:?}");
        assert!(read <= 10_000 * 2, "{read}");
        assert_eq!(now.iter().sum::<i32>(), 10_000);
    }

    proptest! {
        #[test]
        fn few_remain_whatever_came(came in prop::collection::vec(1_i32..1_500, 0..300)) {
            let (settled, _) = settle(came.clone());
            prop_assert_eq!(settled.iter().sum::<i32>(), came.iter().sum::<i32>());
            prop_assert!(settled.iter().all(|size| *size < 2 * 1024 || came.contains(size)));
            // Between two large ones stay fewer than a step holds of each.
            for small in settled.split(|size| *size >= 1024) {
                prop_assert!(small.iter().sum::<i32>() < 3 * 1024 && small.len() < 2 * 64 + 3 * 16, "{:?}", settled);
            }
        }
    }

    #[test]
    fn other_logs_gaps_and_filters() {
        let mut small = batches(&[40, 40, 40, 40]);
        small[2].epoch = 2;
        small[3].epoch = 2;
        let found: Vec<Vec<i32>> = neighbours(&small).flat_map(runs).map(sizes).collect();
        assert_eq!(found, [[40, 40], [40, 40]]);
        small[1].size = 39;
        assert_eq!(neighbours(&small).map(<[Small]>::len).collect::<Vec<_>>(), [2, 2]);
        let mut alone = batches(&[5]);
        assert!(runs(&alone).is_empty());
        alone[0].has_filter = false;
        assert_eq!(runs(&alone), [&alone[..]]);
    }
}
