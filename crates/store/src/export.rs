//! Reading a tenant's history from end to end, in batches, up to a place that is fixed at the start.
//!
//! No transaction and no lock lasts longer than one batch. What is archived meanwhile does not appear: the [`Bound`] is a position of the log, and an archived
//! event keeps the position at which it came in. A batch whose reader goes away is cancelled.
//!
//! Large exports are jobs: rows that callers add and read ([`insert`], [`list`], [`chunk`]), and that workers turn into files in pieces ([`Work`]).

mod job;
mod saved;
mod windows;
mod work;

use std::time::{Duration, Instant};

use slipstream_event::{Keyset, Tenant};
use sqlx::{PgConnection, Postgres, QueryBuilder};

use crate::history::{self, Item, Query, predicate};
use crate::number::{signed, unsigned};
use crate::{Error, Store, limits, metrics};

pub use job::{Job, New, Reach, State, chunk, insert, list, remove};
use windows::{Window, Windows};
pub use work::{Claimed, Progress, Work};

/// The end of an export: what is archived beyond it does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The tenant's shard.
    pub shard: u16,
    /// Epoch of the shard's stream; 0 while nothing is archived.
    pub epoch: u64,
    /// Sequence in the epoch, inclusive.
    pub seq: u64,
    /// The largest number that an event of the tenant has there: the size of its ledger. 0 while nothing is archived.
    pub number: u64,
}

/// In which order events are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As history shows them.
    NewestFirst,
    /// As they happened.
    OldestFirst,
}

/// Where the archive of a tenant ends now.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn bound(store: &Store, tenant: &Tenant, shard: u16) -> Result<Bound, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let statement = sqlx::query_as(include_str!("../queries/export/bound.sql")).bind(tenant.as_str()).bind(i32::from(shard));
    let (epoch, seq, number): (i64, i64, i64) = statement.fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(Bound { shard, epoch: unsigned(epoch), seq: unsigned(seq), number: unsigned(number) })
}

/// How many events an export holds. `None` when counting them takes longer than `wait`.
///
/// # Errors
/// [`Error::Unavailable`] when there is no connection, and the like.
pub async fn count(store: &Store, tenant: &Tenant, query: &Query, bound: Bound, wait: Duration) -> Result<Option<u64>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let wait_ms = wait.as_millis().to_string();
    sqlx::query("select set_config('statement_timeout', $1, true)").bind(wait_ms).execute(&mut *tx).await?;
    let mut sql = QueryBuilder::new("select count(*) from slipstream.event as e where e.tenant_id = ");
    push_conditions(&mut sql, tenant, query, bound, Order::NewestFirst, None);
    let counted = sql.build_query_scalar::<i64>().fetch_one(&mut *tx).await.map_err(Error::from);
    match counted {
        Ok(count) => Ok(Some(unsigned(count))),
        Err(Error::Unavailable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A reading under way.
#[derive(Clone, Debug)]
pub struct Reading {
    tenant: Tenant,
    query: Query,
    bound: Bound,
    order: Order,
    after: Option<Keyset>,
    rows: usize,
    /// What is left to read; `None` before the first batch.
    windows: Option<Windows>,
}

impl Reading {
    /// All that `query` asks for (without its `after` and `limit`) up to `bound`.
    pub fn new(tenant: &Tenant, query: Query, bound: Bound, order: Order) -> Self {
        let query = Query { after: None, limit: 0, ..query };
        Self { tenant: tenant.clone(), query, bound, order, after: None, rows: limits::EXPORT_ROWS_FIRST, windows: None }
    }

    /// Begins after an event that was read before.
    #[must_use]
    pub fn after(mut self, last: Option<Keyset>) -> Self {
        self.after = last;
        self
    }

    /// The next events, at most [`EXPORT_ROWS_MAX`](limits::EXPORT_ROWS_MAX) and about [`EXPORT_BATCH_BYTES`](limits::EXPORT_BATCH_BYTES); `None` after the last. After an error the
    /// same call may be repeated. However rare they are, each statement reads a bounded part of the archive.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn next(&mut self, store: &Store) -> Result<Option<Vec<Item>>, Error> {
        let begun = Instant::now();
        loop {
            let Some(window) = self.window(store).await? else { return Ok(None) };
            let items = self.read(store, window).await?;
            if items.len() < self.rows
                && let Some(windows) = &mut self.windows
            {
                windows.pass();
            }
            if let Some(last) = items.last() {
                self.after = Some(last.keyset);
                self.rows = rows_next(items.iter().map(|item| item.payload.len()).sum(), items.len());
                ::metrics::histogram!(metrics::EXPORT_BATCH_SECONDS).record(begun.elapsed().as_secs_f64());
                return Ok(Some(items));
            }
        }
    }

    async fn window(&mut self, store: &Store) -> Result<Option<Window>, Error> {
        if self.windows.is_none() {
            let find = async |connection: &mut PgConnection| Windows::find(connection, &self.tenant, &self.query, self.order, self.after).await;
            self.windows = Some(store.read_stoppable(&self.tenant, find).await?);
        }
        Ok(self.windows.as_ref().and_then(Windows::current))
    }

    async fn read(&self, store: &Store, window: Window) -> Result<Vec<Item>, Error> {
        let mut sql = QueryBuilder::new("select e.occurred_at, e.event_id, e.payload, e.has_changes from slipstream.event as e where e.tenant_id = ");
        push_conditions(&mut sql, &self.tenant, &self.query, self.bound, self.order, self.after);
        sql.push(" and e.occurred_at >= ").push_bind(window.from).push(" and e.occurred_at < ").push_bind(window.below);
        sql.push(match self.order {
            Order::NewestFirst => " order by e.occurred_at desc, e.event_id desc limit ",
            Order::OldestFirst => " order by e.occurred_at, e.event_id limit ",
        });
        sql.push_bind(i64::try_from(self.rows).unwrap_or(i64::MAX));
        let read = async |connection: &mut PgConnection| -> Result<_, Error> { Ok(sql.build().fetch_all(connection).await?) };
        let rows = store.read_stoppable(&self.tenant, read).await?;
        rows.iter().map(|row| history::item(row, self.query.with_changes)).collect()
    }
}

/// How many rows to ask for next, when the last `rows` had `bytes`: large events come in smaller batches. At least 1, at most [`EXPORT_ROWS_MAX`](limits::EXPORT_ROWS_MAX).
pub fn rows_next(bytes: usize, rows: usize) -> usize {
    let average = (bytes / rows.max(1)).max(1);
    (limits::EXPORT_BATCH_BYTES / average).clamp(1, limits::EXPORT_ROWS_MAX)
}

fn push_conditions(sql: &mut QueryBuilder<Postgres>, tenant: &Tenant, query: &Query, bound: Bound, order: Order, after: Option<Keyset>) {
    sql.push_bind(tenant.as_str().to_owned());
    predicate::push_time(sql, query, predicate::Leg { from: None, below: None });
    if let Some(after) = after {
        // The first condition lets Postgres leave partitions out; a comparison of pairs does not.
        let (edge, pair) = match order {
            Order::NewestFirst => (" and e.occurred_at <= ", " and (e.occurred_at, e.event_id) < ("),
            Order::OldestFirst => (" and e.occurred_at >= ", " and (e.occurred_at, e.event_id) > ("),
        };
        sql.push(edge).push_bind(after.timestamp.datetime());
        sql.push(pair).push_bind(after.timestamp.datetime()).push(", ").push_bind(after.id).push(")");
    }
    // What came in under another number of shards is of the past.
    sql.push(" and (e.shard <> ").push_bind(i32::from(bound.shard));
    sql.push(" or (e.epoch, e.seq) <= (").push_bind(signed(bound.epoch)).push(", ").push_bind(signed(bound.seq)).push("))");
    predicate::push_viewer(sql, &query.viewer);
    predicate::push_filter(sql, query);
    predicate::push_text(sql, query.text.as_deref());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_events_come_in_small_batches() {
        assert_eq!(rows_next(100 * 500, 100), limits::EXPORT_ROWS_MAX);
        assert_eq!(rows_next(100 * 65_536, 100), limits::EXPORT_BATCH_BYTES / 65_536);
        assert_eq!((rows_next(0, 0), rows_next(usize::MAX, 1)), (limits::EXPORT_ROWS_MAX, 1));
    }
}
