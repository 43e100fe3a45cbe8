//! What is to be signed, and what was: the archiver's side.

use slipstream_event::Tenant;
use slipstream_event::ledger::{Checkpoint, Hash, Tree, proof};

use super::hashes;
use crate::number::{signed, unsigned};
use crate::{Error, Store, limits};

/// The checkpoints of a shard's tenants, behind a pool of [`Role::Archiver`](crate::Role::Archiver). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    store: Store,
}

/// A ledger that has grown since it was signed.
#[derive(Clone, Debug)]
pub struct Grown {
    /// Whose.
    pub tenant: Tenant,
    /// Its size now.
    pub size: u64,
    /// Its root now.
    pub root: Hash,
    /// What was signed last, as a signed note.
    pub signed: Option<String>,
}

impl Checkpoints {
    /// The checkpoints behind a pool.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Ledgers of a shard that have grown since they were signed, by tenant, from the one after `after`; at most [`limits::CHECKPOINTS_AT_ONCE`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn grown(&self, shard: u16, after: Option<&Tenant>) -> Result<Vec<Grown>, Error> {
        type Columns = (String, i64, Option<Vec<u8>>, Option<String>);
        let rows: Vec<Columns> = sqlx::query_as(include_str!("../../queries/ledger/unsigned.sql"))
            .bind(i32::from(shard))
            .bind(after.map_or("", Tenant::as_str))
            .bind(limits::CHECKPOINTS_AT_ONCE)
            .fetch_all(&self.store.pool)
            .await?;
        let mut grown = Vec::with_capacity(rows.len());
        for (tenant, size, peaks, signed) in rows {
            let Ok(tenant) = Tenant::new(&tenant) else { continue };
            let tree = match peaks {
                Some(peaks) => Tree::from_bytes(unsigned(size), &peaks),
                None => Some(crate::archive::compute_ledger(&self.store, &tenant, unsigned(size)).await?),
            };
            let tree = tree.ok_or_else(|| Error::Bug(format!("the head of the tenant {tenant} has other peaks than its size asks for")))?;
            grown.push(Grown { tenant, size: tree.size(), root: tree.root(), signed });
        }
        Ok(grown)
    }

    /// The proof that a ledger begins with what was signed of it. `None` when it is smaller.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; [`Error::Bug`] when leaves or nodes are missing.
    pub async fn consistency(&self, grown: &Grown, from: u64) -> Result<Option<Vec<Hash>>, Error> {
        let Some(steps) = proof::consistency(from, grown.size) else { return Ok(None) };
        let mut connection = self.store.pool.acquire().await?;
        Ok(Some(hashes::fold(&mut connection, &grown.tenant, &steps).await?))
    }

    /// Keeps a checkpoint that was signed. The same one twice changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn keep(&self, checkpoint: &Checkpoint, key_name: &str, note: &str) -> Result<(), Error> {
        sqlx::query(include_str!("../../queries/ledger/add_checkpoint.sql"))
            .bind(checkpoint.tenant.as_str())
            .bind(signed(checkpoint.size))
            .bind(checkpoint.at.datetime())
            .bind(key_name)
            .bind(note)
            .execute(&self.store.pool)
            .await?;
        Ok(())
    }
}
