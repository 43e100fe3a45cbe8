//! What the gateway may ask of the archive, without knowing it.

use std::pin::Pin;

use bytes::Bytes;
use slipstream_event::{Position, Tenant, Timestamp};
use uuid::Uuid;

use crate::activity::Shown;

/// A future of the archive's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Unavailable>> + Send + 'a>>;

/// The archive cannot answer now.
#[derive(Debug, thiserror::Error)]
#[error("the archive does not answer: {0}")]
pub struct Unavailable(pub String);

/// A page of archived events, ascending.
#[derive(Debug, Default)]
pub struct Page {
    /// Sequence and canonical JSON.
    pub events: Vec<(u64, Bytes)>,
    /// The page holds all of the tenant's events of this log from its start to this sequence.
    pub through_seq: u64,
}

/// Reads of the archive for what the broker no longer has.
pub trait ColdReplay: Send + Sync {
    /// The tenant's events after `after` and up to `up_to_seq`, at most `limit`, in order, of the shard and epoch of `after`.
    fn page<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to_seq: u64, limit: usize) -> Answer<'a, Page>;

    /// How many events [`ColdReplay::page`] would give without a limit.
    fn count<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to_seq: u64) -> Answer<'a, u64>;

    /// Where an event stands in the log.
    fn locate<'a>(&'a self, tenant: &'a Tenant, id: Uuid) -> Answer<'a, Option<Position>>;

    /// Where those events stand that are archived, one answer for each asked.
    fn known<'a>(&'a self, tenant: &'a Tenant, events: &'a [(Uuid, Timestamp)]) -> Answer<'a, Vec<Option<Position>>>;

    /// What the tenant's activity log shows, by sequences of the shard and epoch of `of`, as far as the archive knows.
    fn shown<'a>(&'a self, tenant: &'a Tenant, of: Position) -> Answer<'a, Shown>;
}
