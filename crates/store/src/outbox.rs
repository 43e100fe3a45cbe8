//! The outbox: what was committed and is not yet published.
//!
//! The writer's side is [`Store::write`]; here is the relay's. One leader works on it at a time ([`Outbox::lead`]), at least once, deduplicated by the
//! broker by tenant and event id.

mod acked_at;
mod append;
mod leadership;
mod row;
mod wakeups;

pub(crate) use append::{append, wake};
pub use leadership::Leadership;
pub use row::{Acked, Depth, Row, SetAside};
pub use wakeups::Wakeups;

use std::time::Duration;

use slipstream_event::{Position, Tenant};

use crate::number::signed;
use crate::{Error, Store, limits};

/// The relay's side of the outbox.
#[derive(Clone, Debug)]
pub struct Outbox {
    store: Store,
}

impl Outbox {
    /// The outbox behind a pool of [`Role::Relay`](crate::Role::Relay).
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Becomes the leader of a shard group, when no other process is. Lasts as long as its connection; check [`Leadership::is_held`] before every claim.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn lead(&self, group: u16) -> Result<Option<Leadership>, Error> {
        leadership::lead(&self.store, group).await
    }

    /// The oldest pending rows in order, at most `limit` and [`CLAIM_BYTES_MAX`](limits::CLAIM_BYTES_MAX), without those of the tenants in `except`
    /// (whose publishing is being retried). A tenant's row never comes without its earlier ones. It is a read: a row is pending until it is marked or set aside.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn claim(&self, limit: usize, except: &[Tenant]) -> Result<Vec<Row>, Error> {
        let except: Vec<&str> = except.iter().map(Tenant::as_str).collect();
        Ok(sqlx::query_as(include_str!("../queries/outbox/claim.sql"))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .bind(except)
            .bind(limits::CLAIM_BYTES_MAX)
            .fetch_all(&self.store.pool)
            .await?)
    }

    /// Notes where rows were stored. A row that was marked before takes the new position.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; then nothing is marked, and publishing again is harmless (the broker drops the known id).
    pub async fn mark_published(&self, acks: &[(i64, Position)]) -> Result<(), Error> {
        let ids: Vec<i64> = acks.iter().map(|(id, _)| *id).collect();
        let shards: Vec<i32> = acks.iter().map(|(_, at)| i32::from(at.shard)).collect();
        let epochs: Vec<i64> = acks.iter().map(|(_, at)| signed(at.epoch)).collect();
        let seqs: Vec<i64> = acks.iter().map(|(_, at)| signed(at.seq)).collect();
        let statement = sqlx::query(include_str!("../queries/outbox/mark_published.sql")).bind(ids).bind(shards).bind(epochs).bind(seqs);
        statement.execute(&self.store.pool).await?;
        Ok(())
    }

    /// Counts a failed attempt for each row.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn record_failure(&self, ids: &[i64], error: &str) -> Result<(), Error> {
        let statement = sqlx::query("update slipstream.outbox set attempts = attempts + 1, last_error = $2 where id = any($1)");
        statement.bind(ids).bind(cut(error)).execute(&self.store.pool).await?;
        Ok(())
    }

    /// Takes a row that can never be published out of the way of the others, with the reason.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn set_aside(&self, id: i64, reason: &str) -> Result<(), Error> {
        let statement = sqlx::query("update slipstream.outbox set set_aside_at = clock_timestamp(), attempts = attempts + 1, last_error = $2 where id = $1");
        statement.bind(id).bind(cut(reason)).execute(&self.store.pool).await?;
        Ok(())
    }

    /// The rows that were set aside, oldest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn list_set_aside(&self, limit: usize) -> Result<Vec<SetAside>, Error> {
        let statement = sqlx::query_as(include_str!("../queries/outbox/list_set_aside.sql"));
        Ok(statement.bind(i64::try_from(limit).unwrap_or(i64::MAX)).fetch_all(&self.store.pool).await?)
    }

    /// Makes rows that were set aside pending again. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn reinstate(&self, ids: &[i64]) -> Result<u64, Error> {
        let statement = sqlx::query("update slipstream.outbox set set_aside_at = null, attempts = 0 where id = any($1) and set_aside_at is not null");
        Ok(statement.bind(ids).execute(&self.store.pool).await?.rows_affected())
    }

    /// What was acknowledged in each epoch of `shard`, for comparison with the stream after a broker's restart.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn acked(&self, shard: u16) -> Result<Vec<Acked>, Error> {
        let statement = sqlx::query_as(include_str!("../queries/outbox/acked.sql"));
        Ok(statement.bind(i32::from(shard)).fetch_all(&self.store.pool).await?)
    }

    /// Makes rows pending again that were acknowledged in the same shard and epoch beyond `after`: what the stream lost. Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn reopen_after(&self, after: Position) -> Result<u64, Error> {
        let statement =
            sqlx::query("update slipstream.outbox set published_at = null where shard = $1 and epoch = $2 and seq > $3 and published_at is not null");
        let statement = statement.bind(i32::from(after.shard)).bind(signed(after.epoch)).bind(signed(after.seq));
        Ok(statement.execute(&self.store.pool).await?.rows_affected())
    }

    /// Deletes rows that were published longer ago than `older_than`, at most [`PRUNE_ROWS_MAX`](limits::PRUNE_ROWS_MAX). Returns how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn prune(&self, older_than: Duration) -> Result<u64, Error> {
        let statement = sqlx::query(include_str!("../queries/outbox/prune.sql")).bind(older_than.as_secs_f64()).bind(limits::PRUNE_ROWS_MAX);
        Ok(statement.execute(&self.store.pool).await?.rows_affected())
    }

    /// How much waits, for metrics.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn depth(&self) -> Result<Depth, Error> {
        Ok(sqlx::query_as(include_str!("../queries/outbox/depth.sql")).fetch_one(&self.store.pool).await?)
    }

    /// The relay's alarm clock. It holds a connection of the pool: drop it before the pool is closed.
    pub fn wakeups(&self) -> Wakeups {
        Wakeups::new(&self.store)
    }
}

/// A reason, within its limit.
fn cut(reason: &str) -> String {
    reason.chars().filter(|c| *c != '\0').take(limits::REASON_LEN_MAX).collect()
}
