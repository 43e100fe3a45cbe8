//! Hashes of subtrees: stored ones, and those that are computed from leaves.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use slipstream_event::Tenant;
use slipstream_event::ledger::{Hash, Subtree, Tree, proof};
use sqlx::PgConnection;

use crate::Error;
use crate::archive::NODE_LEVEL_MIN;
use crate::number::{signed, unsigned};

/// The hashes of a proof: each step is a list of subtrees that is folded.
pub(super) async fn fold(connection: &mut PgConnection, tenant: &Tenant, steps: &[Vec<Subtree>]) -> Result<Vec<Hash>, Error> {
    let wanted: Vec<Subtree> = steps.iter().flatten().copied().collect();
    let mut known = stored(connection, tenant, &wanted).await?;
    let mut tiles: HashMap<u64, Vec<Hash>> = HashMap::new();
    for subtree in wanted.iter().filter(|subtree| subtree.level < NODE_LEVEL_MIN) {
        let first = subtree.index << subtree.level;
        let tile = first >> NODE_LEVEL_MIN;
        if let Entry::Vacant(unread) = tiles.entry(tile) {
            unread.insert(leaves(connection, tenant, tile << NODE_LEVEL_MIN, (tile + 1) << NODE_LEVEL_MIN).await?);
        }
        let from = usize::try_from(first - (tile << NODE_LEVEL_MIN)).unwrap_or_default();
        let leaves = tiles.get(&tile).and_then(|leaves| leaves.get(from..from + (1 << subtree.level))).ok_or_else(|| missing(tenant))?;
        known.insert(*subtree, root(leaves));
    }
    let hash = |subtree: &Subtree| known.get(subtree).copied().ok_or_else(|| missing(tenant));
    steps.iter().map(|step| Ok(proof::fold(&step.iter().map(hash).collect::<Result<Vec<_>, Error>>()?))).collect()
}

/// The leaf at an index.
pub(super) async fn leaf(connection: &mut PgConnection, tenant: &Tenant, index: u64) -> Result<Hash, Error> {
    leaves(connection, tenant, index, index + 1).await?.first().copied().ok_or_else(|| missing(tenant))
}

/// The leaves from `from` up to and without `to`; fewer when the ledger ends before, or has lost some: those before the loss.
pub(super) async fn leaves(connection: &mut PgConnection, tenant: &Tenant, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
    let statement = sqlx::query_as(include_str!("../../queries/ledger/leaves.sql")).bind(tenant.as_str()).bind(signed(from)).bind(signed(to));
    let batches: Vec<(i64, Vec<u8>)> = statement.fetch_all(connection).await?;
    let numbered = batches.iter().flat_map(|(start, leaves)| (unsigned(*start)..).zip(leaves.chunks(32)));
    let wanted = numbered.filter(|(index, _)| (from..to).contains(index)).filter_map(|(index, leaf)| Some((index, Hash::from_slice(leaf)?)));
    Ok(wanted.zip(from..).take_while(|((index, _), due)| index == due).map(|((_, leaf), _)| leaf).collect())
}

async fn stored(connection: &mut PgConnection, tenant: &Tenant, wanted: &[Subtree]) -> Result<HashMap<Subtree, Hash>, Error> {
    let kept: Vec<Subtree> = wanted.iter().copied().filter(|subtree| subtree.level >= NODE_LEVEL_MIN).collect();
    let found: Vec<(i64, Vec<u8>)> = sqlx::query_as(include_str!("../../queries/ledger/nodes.sql"))
        .bind(tenant.as_str())
        .bind(kept.iter().map(|subtree| i16::from(subtree.level)).collect::<Vec<_>>())
        .bind(kept.iter().map(|subtree| signed(subtree.index)).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let node = |(place, hash): (i64, Vec<u8>)| Some((*kept.get(usize::try_from(place - 1).ok()?)?, Hash::from_slice(&hash)?));
    Ok(found.into_iter().filter_map(node).collect())
}

fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Tree::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf, |_, _, _| {}));
    tree.root()
}

fn missing(tenant: &Tenant) -> Error {
    Error::Bug(format!("the ledger of the tenant {tenant} lacks leaves or nodes: `slipstream verify` tells which"))
}
