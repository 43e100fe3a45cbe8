//! The archive: every event once, for as long as it is kept.
//!
//! The watermark is the only truth about how far a shard is archived. It moves in the transaction that inserts, under a row lock that fences off a
//! second archiver. Events are deduplicated by tenant, time and id, for ever.

mod append;
mod columns;
mod copy;
mod error;
mod fresh;
mod heads;
mod hole;
mod ledger;
mod partitions;
mod quarantine;
mod row;
pub(crate) mod terms;
mod watermark;

pub use error::Error;
pub(crate) use heads::compute as compute_ledger;
pub(crate) use ledger::LEVEL_MIN as NODE_LEVEL_MIN;
pub use row::{Batch, Quarantined, Row, Unreadable};
pub use watermark::Watermark;
pub(crate) use watermark::{progress as read_progress, read as read_watermark};

use std::time::Instant;

use crate::archive::fresh::Look;
use crate::archive::partitions::Months;
use crate::{Store, metrics};

/// The archiver's side. One archiver per shard; a second one is fenced off by the watermark. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Archive {
    store: Store,
    months: Months,
}

/// What one append did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Events that are new.
    pub inserted: u64,
    /// Events that the archive had already.
    pub duplicates: u64,
}

impl Archive {
    /// The archive behind a pool of [`Role::Archiver`](crate::Role::Archiver).
    pub fn new(store: Store) -> Self {
        Self { store, months: Months::default() }
    }

    /// Archives a batch and moves the watermark from `expected_seq` to `through_seq`, in one transaction. Delivering a batch again is refused by the
    /// watermark; an event that is there already counts as duplicate.
    ///
    /// # Errors
    /// [`Error`]; after [`crate::Error::Unavailable`] the batch may have been archived: read the watermark.
    pub async fn append(&self, batch: &Batch) -> Result<Appended, Error> {
        let begun = Instant::now();
        batch.check()?;
        let months = batch.months();
        let (known, past_before) = self.months.ensure(&self.store, &months).await?;
        let appended = match append::append(&self.store, batch, past_before, Look::Late).await {
            // A month that was there may have been taken away since, by retention.
            Err(Error::Poison { .. }) if known => {
                self.months.forget();
                let (_, past_before) = self.months.ensure(&self.store, &months).await?;
                append::append(&self.store, batch, past_before, Look::Late).await?
            }
            // An event was there although it is later than what the head says: never seen, but the head is not what decides.
            Err(Error::Store(crate::Error::Conflict { .. })) => append::append(&self.store, batch, past_before, Look::All).await?,
            other => other?,
        };
        ::metrics::histogram!(metrics::APPEND_SECONDS).record(begun.elapsed().as_secs_f64());
        Ok(appended)
    }

    /// How far `shard` is archived; `None` when it never was.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] and the like.
    pub async fn watermark(&self, shard: u16) -> Result<Option<Watermark>, crate::Error> {
        watermark::read(&self.store, shard).await
    }

    /// Begins the archive of a shard at `seq` of `epoch` (0 for a new stream). When it was begun before, the watermark that is there stays and is returned.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] and the like.
    pub async fn init_watermark(&self, shard: u16, epoch: u64, seq: u64) -> Result<Watermark, crate::Error> {
        watermark::init(&self.store, shard, epoch, seq).await
    }

    /// Notes where a shard's stream ends, for those who ask whether the archive is late ([`crate::history::progress`]).
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] and the like.
    pub async fn note_end(&self, shard: u16, epoch: u64, seq: u64) -> Result<(), crate::Error> {
        watermark::note_end(&self.store, shard, epoch, seq).await
    }

    /// Goes over to a new epoch: closes the epoch of `from` at its sequence and goes on in `epoch` after `seq`.
    ///
    /// # Errors
    /// [`Error::Fenced`] when the watermark is not `from`; [`crate::Error::Conflict`] when the shard had this epoch before.
    pub async fn change_epoch(&self, shard: u16, from: Watermark, epoch: u64, seq: u64, reason: &str) -> Result<Watermark, Error> {
        watermark::change_epoch(&self.store, shard, from, epoch, seq, reason).await
    }

    /// Makes the partitions of the current month and of `months` more. Returns how many were made.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] and the like.
    pub async fn ensure_ahead(&self, months: u32) -> Result<u32, crate::Error> {
        partitions::ensure_ahead(&self.store, months).await
    }

    /// For how many months after the current one partitions are there, without a gap.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] and the like.
    pub async fn months_ahead(&self) -> Result<u32, crate::Error> {
        partitions::months_ahead(&self.store).await
    }
}
