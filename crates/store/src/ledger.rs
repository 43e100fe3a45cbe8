//! The ledger of a tenant, to read: where it ends, what was signed of it, proofs, and its entries.
//!
//! What is read here is written by the archive's transaction and, the checkpoints, by the archiver. Proofs are made from stored nodes of 256 leaves and more, and from
//! few leaves below these, so their cost does not grow with the ledger but with the logarithm of its size.

mod batches;
mod checkpoints;
pub mod completeness;
mod entries;
mod hashes;

pub use batches::{Batches, Place, Run};
pub use checkpoints::{Checkpoints, Grown};

use slipstream_event::ledger::{Hash, Tree, proof};
use slipstream_event::{Tenant, Viewer, Visibility};
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use crate::number::{signed, unsigned};
use crate::{Error, Store};

/// Where a ledger ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// How many events it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The last checkpoint, as a signed note; `None` before the first.
    pub checkpoint: Option<String>,
}

/// That an event is in a ledger of a certain size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Its number, from 1. Its place among the leaves is one less.
    pub number: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// The size of the tree that the path leads to.
    pub size: u64,
    /// The path (RFC 9162, section 2.1.3.1).
    pub path: Vec<Hash>,
}

/// Where the tenant's ledger ends. A tenant without events has the empty one.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn state(store: &Store, tenant: &Tenant) -> Result<State, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let tree = tree(&mut tx, tenant).await?;
    let last = sqlx::query_scalar("select note from slipstream.ledger_checkpoint where tenant_id = $1 order by size desc limit 1");
    let checkpoint: Option<String> = last.bind(tenant.as_str()).fetch_optional(&mut *tx).await?;
    tx.commit().await?;
    Ok(State { size: tree.size(), root: tree.root(), checkpoint })
}

/// The number of an event that `viewer` may see, by its id; `None` when there is none.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn find(store: &Store, tenant: &Tenant, viewer: &Viewer, event_id: Uuid) -> Result<Option<u64>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let statement = sqlx::query_as(include_str!("../queries/ledger/find.sql")).bind(tenant.as_str()).bind(event_id);
    let found: Option<(i64, String, Option<String>)> = statement.fetch_optional(&mut *tx).await?;
    tx.commit().await?;
    let sees = |visibility: &str, concerned: Option<&str>| Visibility::parse(visibility).is_ok_and(|class| viewer.sees(&class, concerned));
    Ok(found.filter(|(_, visibility, concerned)| sees(visibility, concerned.as_deref())).map(|(number, ..)| unsigned(number)))
}

/// The proof that the event with this number is in the ledger as it was with `size` events. `None` when it is not, or the ledger is smaller.
///
/// # Errors
/// [`Error::Unavailable`] and the like; [`Error::Bug`] when leaves or nodes are missing, which [`Error`] says.
pub async fn inclusion(store: &Store, tenant: &Tenant, number: u64, size: u64) -> Result<Option<Inclusion>, Error> {
    let Some(index) = number.checked_sub(1) else { return Ok(None) };
    let mut tx = store.begin_read(tenant).await?;
    if size > head(&mut tx, tenant).await?.0 {
        return Ok(None);
    }
    let Some(steps) = proof::inclusion(index, size) else { return Ok(None) };
    let path = hashes::fold(&mut tx, tenant, &steps).await?;
    let leaf = hashes::leaf(&mut tx, tenant, index).await?;
    tx.commit().await?;
    Ok(Some(Inclusion { number, leaf, size, path }))
}

/// The proof that the ledger with `to` events begins with the one that had `from` (RFC 9162, section 2.1.4.1). `None` when it is smaller.
///
/// # Errors
/// As [`inclusion`].
pub async fn consistency(store: &Store, tenant: &Tenant, from: u64, to: u64) -> Result<Option<Vec<Hash>>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    if to > head(&mut tx, tenant).await?.0 {
        return Ok(None);
    }
    let Some(steps) = proof::consistency(from, to) else { return Ok(None) };
    let path = hashes::fold(&mut tx, tenant, &steps).await?;
    tx.commit().await?;
    Ok(Some(path))
}

/// Signed notes of the tenant's checkpoints over more than `after` events, with their sizes, ascending: at most `limit`, and of every `every` events one.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn checkpoints(store: &Store, tenant: &Tenant, after: u64, every: u64, limit: u32) -> Result<Vec<(u64, String)>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let statement = sqlx::query_as(include_str!("../queries/ledger/checkpoints.sql"));
    let found: Vec<(i64, String)> =
        statement.bind(tenant.as_str()).bind(signed(after)).bind(signed(every.max(1))).bind(i64::from(limit)).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(found.into_iter().map(|(size, note)| (unsigned(size), note)).collect())
}

/// Entries of the tenant's ledger with numbers after `after`, at most `limit`, up to `size`; beyond it rows that the ledger does not hold.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn entries(store: &Store, tenant: &Tenant, after: u64, size: u64, limit: u32) -> Result<Vec<slipstream_event::ledger::export::Entry>, Error> {
    store.read_stoppable(tenant, async |connection: &mut PgConnection| entries::read(connection, tenant, after, size, limit).await).await
}

/// Size and peaks.
async fn head(tx: &mut Transaction<'_, Postgres>, tenant: &Tenant) -> Result<(u64, Option<Vec<u8>>), Error> {
    let statement = sqlx::query_as("select ledger_size, peaks from slipstream.tenant_head where tenant_id = $1").bind(tenant.as_str());
    let found: Option<(i64, Option<Vec<u8>>)> = statement.fetch_optional(&mut **tx).await?;
    Ok(found.map_or((0, Some(Vec::new())), |(size, peaks)| (unsigned(size), peaks)))
}

async fn tree(tx: &mut Transaction<'_, Postgres>, tenant: &Tenant) -> Result<Tree, Error> {
    let (size, peaks) = head(tx, tenant).await?;
    let peaks = peaks.ok_or_else(|| Error::Unavailable("the ledger of what was archived before there was one is not computed yet".to_owned()))?;
    Tree::from_bytes(size, &peaks).ok_or_else(|| Error::Bug(format!("the head of the tenant {tenant} has other peaks than its size asks for")))
}
