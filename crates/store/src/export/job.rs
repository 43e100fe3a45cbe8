//! Jobs as callers know them.

use std::collections::BTreeMap;

use slipstream_event::export::Format;
use slipstream_event::{Keyset, Tenant, Timestamp, Viewer};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Bound;
use super::saved::Saved;
use crate::history::Query;
use crate::number::{signed, unsigned};
use crate::{Error, Scope, Store, Tx, limits};

/// How far somebody sees, as a whole: who sees less may not have the file of who sees more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// As a member: each its own files only.
    Member,
    /// All classes of the tenant.
    Admin,
    /// The platform's events too.
    Platform,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has begun it.
    Queued,
    /// A worker makes it.
    Running,
    /// The file can be fetched.
    Ready,
    /// It could not be made.
    Failed,
    /// The file is gone.
    Expired,
}

/// A new job.
#[derive(Clone, Debug)]
pub struct New {
    /// Its id.
    pub id: Uuid,
    /// Who asks for it.
    pub owner: String,
    /// Format.
    pub format: Format,
    /// Whether newline-delimited formats end with their count.
    pub end_line: bool,
    /// The filters as they were given.
    pub filters: BTreeMap<String, Vec<String>>,
    /// What is read, with the rights of the owner.
    pub query: Query,
    /// Where it ends.
    pub bound: Bound,
    /// How many events it will hold, when that is known.
    pub rows_estimated: Option<u64>,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Id.
    pub id: Uuid,
    /// Whose.
    pub tenant: Tenant,
    /// Who asked for it.
    pub owner: String,
    /// Format.
    pub format: Format,
    /// Whether newline-delimited formats end with their count.
    pub end_line: bool,
    /// The filters as they were given.
    pub filters: BTreeMap<String, Vec<String>>,
    /// What is read.
    pub query: Query,
    /// Where it ends.
    pub bound: Bound,
    /// Where it stands.
    pub state: State,
    /// How many events it will hold, when that is known.
    pub rows_estimated: Option<u64>,
    /// Events in the file so far.
    pub rows_done: u64,
    /// Bytes of the file so far.
    pub bytes: u64,
    /// Pieces of the file so far.
    pub chunks: u32,
    /// The last event in the file so far.
    pub last: Option<Keyset>,
    /// SHA-256 of the file, when it is ready.
    pub sha256: Option<Vec<u8>>,
    /// Why it failed.
    pub failure: Option<String>,
    /// How often a worker has begun it.
    pub attempts: u32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was first begun.
    pub started_at: Option<Timestamp>,
    /// When it was ready or failed.
    pub finished_at: Option<Timestamp>,
    /// Until when the file can be fetched.
    pub expires_at: Option<Timestamp>,
}

impl Reach {
    /// Of a viewer.
    pub fn of(viewer: &Viewer) -> Self {
        match (viewer.platform, viewer.admin) {
            (true, _) => Self::Platform,
            (false, true) => Self::Admin,
            (false, false) => Self::Member,
        }
    }

    fn number(self) -> i16 {
        match self {
            Self::Member => 0,
            Self::Admin => 1,
            Self::Platform => 2,
        }
    }
}

impl State {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Queued, Self::Running, Self::Ready, Self::Failed, Self::Expired].into_iter().find(|state| state.as_str() == word)
    }
}

/// Adds a job of the transaction's tenant.
///
/// # Errors
/// [`Error::Refused`] with `export_in_progress` or `too_many_exports` at [`EXPORT_JOBS_USER_MAX`](limits::EXPORT_JOBS_USER_MAX) and [`EXPORT_JOBS_TENANT_MAX`](limits::EXPORT_JOBS_TENANT_MAX).
pub async fn insert(tx: &mut Tx, new: New) -> Result<Job, Error> {
    let tenant = tx.account().ok_or_else(|| Error::Bug("a job belongs to one tenant".to_owned()))?;
    // So that two requests at once do not both find room.
    sqlx::query("select pg_advisory_xact_lock(1819045998, hashtext($1))").bind(&tenant).execute(tx.connection()).await?;
    let statement = sqlx::query_as(include_str!("../../queries/export/open.sql")).bind(&tenant).bind(&new.owner);
    let (own, all): (i64, i64) = statement.fetch_one(tx.connection()).await?;
    let refused = |what: &str| Err(Error::Refused { what: what.to_owned() });
    if own >= limits::EXPORT_JOBS_USER_MAX {
        return refused("export_in_progress");
    }
    if all >= limits::EXPORT_JOBS_TENANT_MAX {
        return refused("too_many_exports");
    }
    Ok(sqlx::query_as(include_str!("../../queries/export/insert.sql"))
        .bind(new.id)
        .bind(tenant)
        .bind(new.owner)
        .bind(Reach::of(&new.query.viewer).number())
        .bind(new.format.as_str())
        .bind(new.end_line)
        .bind(Json(new.filters))
        .bind(Json(Saved::from(new.query)))
        .bind(i32::from(new.bound.shard))
        .bind(signed(new.bound.epoch))
        .bind(signed(new.bound.seq))
        .bind(signed(new.bound.number))
        .bind(new.rows_estimated.map(signed))
        .fetch_one(tx.connection())
        .await?)
}

/// The tenant's jobs that a viewer may know, newest first, at most [`EXPORT_JOBS_LISTED_MAX`](limits::EXPORT_JOBS_LISTED_MAX); or the one with this id.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(store: &Store, tenant: &Tenant, owner: &str, reach: Reach, id: Option<Uuid>) -> Result<Vec<Job>, Error> {
    let scope = Scope::Account(tenant.clone());
    store
        .read(&scope, async |tx: &mut Tx| -> Result<_, Error> {
            let statement = sqlx::query_as(include_str!("../../queries/export/list.sql")).bind(tenant.as_str()).bind(owner).bind(reach.number());
            Ok(statement.bind(id).bind(limits::EXPORT_JOBS_LISTED_MAX).fetch_all(tx.connection()).await?)
        })
        .await
}

/// Takes a job away, with its file; whoever makes it stops. Returns whether there was one that the viewer may know.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn remove(store: &Store, tenant: &Tenant, owner: &str, reach: Reach, id: Uuid) -> Result<bool, Error> {
    store
        .write(tenant, async |tx: &mut Tx| -> Result<_, Error> {
            let statement = sqlx::query(include_str!("../../queries/export/remove.sql")).bind(tenant.as_str()).bind(owner).bind(reach.number()).bind(id);
            Ok(statement.execute(tx.connection()).await?.rows_affected() > 0)
        })
        .await
}

/// The rest of a piece of the file, from `place` on; `None` when there is none.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn chunk(store: &Store, tenant: &Tenant, id: Uuid, place: u64) -> Result<Option<Vec<u8>>, Error> {
    let scope = Scope::Account(tenant.clone());
    let found: Option<(i64, Vec<u8>)> = store
        .read(&scope, async |tx: &mut Tx| -> Result<_, Error> {
            let statement = sqlx::query_as(include_str!("../../queries/export/chunk.sql")).bind(tenant.as_str()).bind(id).bind(signed(place));
            Ok(statement.fetch_optional(tx.connection()).await?)
        })
        .await?;
    Ok(found.and_then(|(starts_at, mut data)| {
        let skipped = usize::try_from(place - unsigned(starts_at)).ok().filter(|skipped| *skipped < data.len())?;
        Some(data.split_off(skipped))
    }))
}

impl<'r> FromRow<'r, PgRow> for Job {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let broken = |column: &str| sqlx::Error::Decode(format!("export_job.{column}").into());
        let number = |column: &str| Ok::<_, sqlx::Error>(unsigned(row.try_get::<i64, _>(column)?));
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<OffsetDateTime>, _>(column)?.map(Timestamp::from));
        let shard = u16::try_from(row.try_get::<i32, _>("shard")?).map_err(|_| broken("shard"))?;
        let last = time("last_occurred_at")?.zip(row.try_get::<Option<Uuid>, _>("last_event_id")?);
        Ok(Self {
            id: row.try_get("job_id")?,
            tenant: Tenant::new(row.try_get::<&str, _>("tenant_id")?).map_err(|_| broken("tenant_id"))?,
            owner: row.try_get("owner_id")?,
            format: Format::parse(row.try_get("format")?).ok_or_else(|| broken("format"))?,
            end_line: row.try_get("end_line")?,
            filters: row.try_get::<Json<_>, _>("filters")?.0,
            query: row.try_get::<Json<Saved>, _>("query")?.0.into(),
            bound: Bound { shard, epoch: number("epoch")?, seq: number("seq")?, number: number("head")? },
            state: State::parse(row.try_get("state")?).ok_or_else(|| broken("state"))?,
            rows_estimated: row.try_get::<Option<i64>, _>("rows_estimated")?.map(unsigned),
            rows_done: number("rows_done")?,
            bytes: number("bytes")?,
            chunks: u32::try_from(row.try_get::<i32, _>("chunks")?).map_err(|_| broken("chunks"))?,
            last: last.map(|(timestamp, id)| Keyset { timestamp, id }),
            sha256: row.try_get("sha256")?,
            failure: row.try_get("failure")?,
            attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).map_err(|_| broken("attempts"))?,
            created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
            started_at: time("started_at")?,
            finished_at: time("finished_at")?,
            expires_at: time("expires_at")?,
        })
    }
}
