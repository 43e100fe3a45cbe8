//! Heads: where the ledger of each tenant ends.

use std::collections::HashMap;

use slipstream_event::ledger::{Hash, Tree};
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::Error;
use crate::number::{signed, unsigned};

/// Where a tenant's ledger ends.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) tree: Tree,
    /// The latest time of its events; `None` when it has none.
    pub(super) latest_at: Option<OffsetDateTime>,
}

/// A head that was moved.
#[derive(Debug)]
pub(super) struct Moved<'a> {
    pub(super) tenant: &'a str,
    pub(super) was: u64,
    pub(super) head: Head,
}

impl Head {
    /// The head of a tenant without events.
    pub(super) fn new() -> Self {
        Self { tree: Tree::new(), latest_at: None }
    }
}

/// The heads of tenants, which are given in order; one that has no event yet is not among them.
pub(super) async fn read<'a>(connection: &mut PgConnection, tenants: &[&'a str]) -> Result<HashMap<&'a str, Head>, Error> {
    type Columns = (String, i64, Option<Vec<u8>>, Option<OffsetDateTime>);
    let rows: Vec<Columns> = sqlx::query_as(include_str!("../../queries/head/read.sql")).bind(tenants).fetch_all(&mut *connection).await?;
    let mut heads = HashMap::with_capacity(tenants.len());
    for (tenant, size, peaks, latest_at) in rows {
        let Some(name) = tenants.binary_search(&tenant.as_str()).ok().and_then(|place| tenants.get(place)) else { continue };
        let tree = match peaks {
            Some(peaks) => Tree::from_bytes(unsigned(size), &peaks).ok_or_else(|| broken(&tenant))?,
            None => grow(connection, &tenant, unsigned(size)).await?,
        };
        heads.insert(*name, Head { tree, latest_at });
    }
    Ok(heads)
}

/// Computes the tree of what was archived before there was a ledger, and keeps it, unless the archive went on meanwhile and did so itself.
pub(crate) async fn compute(store: &crate::Store, tenant: &slipstream_event::Tenant, size: u64) -> Result<Tree, crate::Error> {
    let mut tx = store.pool.begin().await?;
    let lock = sqlx::query_scalar("select ledger_size from slipstream.tenant_head where tenant_id = $1 and peaks is null for update");
    let size = lock.bind(tenant.as_str()).fetch_optional(&mut *tx).await?.map_or(size, unsigned);
    let tree = match grow(&mut tx, tenant.as_str(), size).await {
        Ok(tree) => tree,
        Err(Error::Store(error)) => return Err(error),
        Err(other) => return Err(crate::Error::Bug(other.to_string())),
    };
    let keep = sqlx::query("update slipstream.tenant_head set peaks = $2 where tenant_id = $1 and peaks is null and ledger_size = $3");
    keep.bind(tenant.as_str()).bind(tree.to_bytes()).bind(signed(size)).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(tree)
}

/// The tree of leaves that were archived before there was a ledger.
async fn grow(connection: &mut PgConnection, tenant: &str, size: u64) -> Result<Tree, Error> {
    let batches: Vec<(i64, Vec<u8>)> =
        sqlx::query_as(include_str!("../../queries/ledger/leaves.sql")).bind(tenant).bind(0_i64).bind(signed(size)).fetch_all(&mut *connection).await?;
    let (mut tree, mut nodes) = (Tree::new(), super::ledger::Nodes::default());
    for leaf in batches.iter().flat_map(|(_, leaves)| leaves.chunks(32)).filter_map(Hash::from_slice) {
        tree.push(leaf, |level, index, hash| nodes.add(tenant, level, index, hash));
    }
    nodes.write(connection).await?;
    if tree.size() == size { Ok(tree) } else { Err(broken(tenant)) }
}

/// Writes heads. [`crate::Error::Contended`] when one of them is not where it was read.
pub(super) async fn write(connection: &mut PgConnection, shard: u16, moved: &[Moved<'_>]) -> Result<(), Error> {
    let count: i64 = sqlx::query_scalar(include_str!("../../queries/head/write.sql"))
        .bind(i32::from(shard))
        .bind(moved.iter().map(|moved| moved.tenant).collect::<Vec<_>>())
        .bind(moved.iter().map(|moved| signed(moved.was)).collect::<Vec<_>>())
        .bind(moved.iter().map(|moved| signed(moved.head.tree.size())).collect::<Vec<_>>())
        .bind(moved.iter().map(|moved| moved.head.tree.to_bytes()).collect::<Vec<_>>())
        .bind(moved.iter().map(|moved| moved.head.latest_at).collect::<Vec<_>>())
        .fetch_one(connection)
        .await?;
    if unsigned(count) == moved.len() as u64 {
        return Ok(());
    }
    Err(crate::Error::Contended("the ledger of a tenant was moved by another archiver".to_owned()).into())
}

fn broken(tenant: &str) -> Error {
    crate::Error::Bug(format!("the ledger of the tenant {tenant} does not have the size that its head says")).into()
}
