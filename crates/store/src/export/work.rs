//! Jobs as workers know them. Whatever a worker writes is written under its claim: who was taken for dead and is not changes nothing any more.

use std::time::Duration;

use slipstream_event::Keyset;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use super::Job;
use crate::number::signed;
use crate::{Error, Store, limits};

/// The workers' side of exports.
#[derive(Clone, Debug)]
pub struct Work {
    store: Store,
}

/// A job that this worker makes.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The job, as it stood when it was claimed.
    pub job: Job,
    claim: Uuid,
}

/// How far the file has come, all pieces together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Events.
    pub rows: u64,
    /// Bytes.
    pub bytes: u64,
    /// Pieces.
    pub chunks: u32,
    /// The last event.
    pub last: Option<Keyset>,
}

impl Work {
    /// The exports behind a pool of [`Role::Exporter`](crate::Role::Exporter).
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The oldest job that nobody makes: a new one, or one whose worker was not heard of for `stale`.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn claim(&self, stale: Duration) -> Result<Option<Claimed>, Error> {
        let claim = Uuid::new_v4();
        let mut tx = self.store.pool.begin().await?;
        // A redaction that is about to commit is waited for: it sees this claim, or this claim reads what it left.
        sqlx::query("select pg_advisory_xact_lock_shared(1819046000, 0)").execute(&mut *tx).await?;
        let statement = sqlx::query_as(include_str!("../../queries/export/claim.sql")).bind(claim).bind(stale.as_secs_f64());
        let job: Option<Job> = statement.fetch_optional(&mut *tx).await?;
        tx.commit().await?;
        Ok(job.map(|job| Claimed { job, claim }))
    }

    /// Adds a piece that begins at `progress` before it, and notes where the file stands with it. `false`: the job is not this worker's any more, and nothing was added.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; whether the piece was added is not known then, and the job must be given up.
    pub async fn add(&self, claimed: &Claimed, data: &[u8], before: Progress, after: Progress) -> Result<bool, Error> {
        let mut tx = self.store.pool.begin().await?;
        if !advance(&mut tx, claimed, after).await? {
            return Ok(false);
        }
        insert(&mut tx, claimed, data, before).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds the last piece, and hands the file out. `false` as of [`Work::add`].
    ///
    /// # Errors
    /// As of [`Work::add`].
    pub async fn finish(&self, claimed: &Claimed, data: &[u8], before: Progress, after: Progress, sha256: &[u8; 32]) -> Result<bool, Error> {
        let mut tx = self.store.pool.begin().await?;
        if !advance(&mut tx, claimed, after).await? {
            return Ok(false);
        }
        if !data.is_empty() {
            insert(&mut tx, claimed, data, before).await?;
        }
        let statement = sqlx::query(include_str!("../../queries/export/finish.sql")).bind(claimed.job.id).bind(claimed.claim);
        statement.bind(sha256.as_slice()).bind(limits::EXPORT_KEPT.as_secs_f64()).execute(&mut *tx).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Says that the worker is alive. `false` as of [`Work::add`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn beat(&self, claimed: &Claimed) -> Result<bool, Error> {
        let statement = sqlx::query("update slipstream.export_job set beat_at = clock_timestamp() where job_id = $1 and claim = $2 and state = 'running'");
        Ok(statement.bind(claimed.job.id).bind(claimed.claim).execute(&self.store.pool).await?.rows_affected() > 0)
    }

    /// Gives a job up for good.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn fail(&self, claimed: &Claimed, reason: &str) -> Result<(), Error> {
        let reason: String = reason.chars().take(limits::REASON_LEN_MAX).collect();
        let statement = sqlx::query(include_str!("../../queries/export/fail.sql")).bind(claimed.job.id).bind(claimed.claim);
        statement.bind(reason).bind(limits::EXPORT_KEPT.as_secs_f64()).execute(&self.store.pool).await?;
        Ok(())
    }

    /// A piece of a file, by its number.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn piece(&self, job: Uuid, number: u32) -> Result<Option<Vec<u8>>, Error> {
        let statement = sqlx::query_scalar("select data from slipstream.export_chunk where job_id = $1 and number = $2");
        Ok(statement.bind(job).bind(i64::from(number)).fetch_optional(&self.store.pool).await?)
    }

    /// Ends the time of old files, and deletes what nobody may have any more: at most [`EXPORT_CHUNKS_DELETED_MAX`](limits::EXPORT_CHUNKS_DELETED_MAX) pieces. Returns whether
    /// there may be more.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn clean(&self) -> Result<bool, Error> {
        sqlx::query(include_str!("../../queries/export/expire.sql")).execute(&self.store.pool).await?;
        let statement = sqlx::query(include_str!("../../queries/export/delete_chunks.sql")).bind(limits::EXPORT_CHUNKS_DELETED_MAX);
        let deleted = statement.execute(&self.store.pool).await?.rows_affected();
        let statement = sqlx::query(include_str!("../../queries/export/delete_jobs.sql")).bind(limits::EXPORT_TOLD.as_secs_f64());
        statement.execute(&self.store.pool).await?;
        Ok(deleted > 0)
    }
}

async fn advance(tx: &mut Transaction<'static, Postgres>, claimed: &Claimed, to: Progress) -> Result<bool, Error> {
    let statement = sqlx::query(include_str!("../../queries/export/advance.sql")).bind(claimed.job.id).bind(claimed.claim);
    let statement = statement.bind(signed(to.rows)).bind(signed(to.bytes)).bind(i64::from(to.chunks));
    let statement = statement.bind(to.last.map(|last| last.timestamp.datetime())).bind(to.last.map(|last| last.id));
    Ok(statement.execute(&mut **tx).await?.rows_affected() > 0)
}

async fn insert(tx: &mut Transaction<'static, Postgres>, claimed: &Claimed, data: &[u8], at: Progress) -> Result<(), Error> {
    let statement = sqlx::query("insert into slipstream.export_chunk (job_id, number, tenant_id, starts_at, data) values ($1, $2, $3, $4, $5)");
    let statement = statement.bind(claimed.job.id).bind(i64::from(at.chunks)).bind(claimed.job.tenant.as_str());
    statement.bind(signed(at.bytes)).bind(data).execute(&mut **tx).await?;
    Ok(())
}
