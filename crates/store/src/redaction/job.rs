//! Redactions that were asked for, as rows.

use slipstream_event::{Actor, Keyset, Tenant, Timestamp, Viewer};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Counts, Events, Selection};
use crate::number::{signed, unsigned};
use crate::{Error, Tx, limits};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct New {
    /// Id, of the caller's choice.
    pub id: Uuid,
    /// Which events.
    pub events: Events,
    /// What the caller may see: nothing else is redacted.
    pub viewer: Viewer,
    /// Paths of the fields ([`Field`](slipstream_event::redaction::Field)).
    pub fields: Vec<String>,
    /// Why.
    pub reason: String,
    /// Only counted.
    pub dry_run: bool,
    /// Who asks.
    pub actor: Actor,
    /// Of the request.
    pub correlation_id: Option<String>,
}

/// A redaction that was asked for, and how far it has come.
#[derive(Clone, Debug)]
pub struct Job {
    /// What was asked for.
    pub asked: New,
    /// Where it stands.
    pub state: State,
    /// What became of the events that were looked at.
    pub counts: Counts,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its first transaction was committed.
    pub started_at: Option<Timestamp>,
    /// When it was done or failed.
    pub finished_at: Option<Timestamp>,
    pub(super) progress: Progress,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Where the ledger ended at its beginning.
    pub(super) through: Option<u64>,
    pub(super) ids_done: usize,
    pub(super) last: Option<Keyset>,
}

/// Where a redaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was done yet.
    Queued,
    /// Some transactions were committed.
    Running,
    /// All were.
    Done,
    /// It can never be done to its end; what was done stays.
    Failed,
}

impl State {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Adds a redaction of the transaction's tenant; a worker takes it up.
///
/// # Errors
/// [`Error::Refused`] with `too_many_redactions` when the tenant has [`REDACTION_JOBS_OPEN_MAX`](limits::REDACTION_JOBS_OPEN_MAX) that are not done.
pub async fn insert(tx: &mut Tx, tenant: &Tenant, new: New) -> Result<Job, Error> {
    // So that two requests at once do not both find room.
    let wait = sqlx::query("select pg_advisory_xact_lock(1819045998, hashtext($1))").bind(tenant.as_str());
    wait.execute(tx.connection()).await?;
    let count = sqlx::query_scalar("select count(*) from slipstream.redaction_job where tenant_id = $1 and state in ('queued', 'running')");
    let open: i64 = count.bind(tenant.as_str()).fetch_one(tx.connection()).await?;
    if open >= limits::REDACTION_JOBS_OPEN_MAX {
        return Err(Error::Refused { what: "too_many_redactions".to_owned() });
    }
    let (ids, selection) = match new.events {
        Events::Ids(ids) => (Some(ids), None),
        Events::Selection(selection) => (None, Some(Json(selection))),
    };
    let statement = sqlx::query_as(include_str!("../../queries/redaction_job/insert.sql")).bind(new.id).bind(tenant.as_str()).bind(ids).bind(selection);
    let statement = statement.bind(Json(new.viewer)).bind(new.fields).bind(new.reason).bind(new.dry_run).bind(Json(new.actor)).bind(new.correlation_id);
    Ok(statement.fetch_one(tx.connection()).await?)
}

/// The redactions of a tenant, newest first: at most `limit`, after the one with the id `after`.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(tx: &mut Tx, tenant: &Tenant, after: Option<Uuid>, limit: u32) -> Result<Vec<Job>, Error> {
    let statement = sqlx::query_as(include_str!("../../queries/redaction_job/list.sql"));
    Ok(statement.bind(tenant.as_str()).bind(after).bind(i64::from(limit)).fetch_all(tx.connection()).await?)
}

/// A redaction by its id.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn find(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<Job>, Error> {
    let statement = sqlx::query_as("select * from slipstream.redaction_job where tenant_id = $1 and job_id = $2");
    Ok(statement.bind(tenant.as_str()).bind(id).fetch_optional(tx.connection()).await?)
}

/// One that is not done, locked; `None` when it is done, or another worker is at it.
pub(super) async fn lock(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<Job>, Error> {
    let statement =
        sqlx::query_as("select * from slipstream.redaction_job where tenant_id = $1 and job_id = $2 and state in ('queued', 'running') for update skip locked");
    Ok(statement.bind(tenant.as_str()).bind(id).fetch_optional(tx.connection()).await?)
}

/// Notes how far one that is locked has come, and what became of more events.
pub(super) async fn advance(tx: &mut Tx, id: Uuid, progress: Progress, counts: Counts, more: bool) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../../queries/redaction_job/advance.sql")).bind(id).bind(more).bind(progress.through.map(signed));
    let statement = statement.bind(i64::try_from(progress.ids_done).unwrap_or(i64::MAX));
    let statement = statement.bind(progress.last.map(|last| last.timestamp.datetime())).bind(progress.last.map(|last| last.id));
    let statement = statement.bind(signed(counts.redacted)).bind(signed(counts.unchanged)).bind(signed(counts.held)).bind(signed(counts.exempt));
    statement.bind(signed(counts.missing)).execute(tx.connection()).await?;
    Ok(())
}

impl<'r> FromRow<'r, PgRow> for Job {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let number = |column: &str| Ok::<_, sqlx::Error>(unsigned(row.try_get::<i64, _>(column)?));
        let time = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<OffsetDateTime>, _>(column)?.map(Timestamp::from));
        let events = match row.try_get::<Option<Vec<Uuid>>, _>("ids")? {
            Some(ids) => Events::Ids(ids),
            None => Events::Selection(row.try_get::<Json<Selection>, _>("selection")?.0),
        };
        let asked = New {
            id: row.try_get("job_id")?,
            events,
            viewer: row.try_get::<Json<_>, _>("viewer")?.0,
            fields: row.try_get("fields")?,
            reason: row.try_get("reason")?,
            dry_run: row.try_get("dry_run")?,
            actor: row.try_get::<Json<_>, _>("actor")?.0,
            correlation_id: row.try_get("correlation_id")?,
        };
        let state = match row.try_get("state")? {
            "queued" => State::Queued,
            "running" => State::Running,
            "done" => State::Done,
            _ => State::Failed,
        };
        let last = time("last_occurred_at")?.zip(row.try_get::<Option<Uuid>, _>("last_event_id")?);
        Ok(Self {
            asked,
            state,
            counts: Counts {
                redacted: number("redacted")?,
                unchanged: number("unchanged")?,
                held: number("held")?,
                exempt: number("exempt")?,
                missing: number("missing")?,
            },
            failure: row.try_get("failure")?,
            created_at: row.try_get::<OffsetDateTime, _>("created_at")?.into(),
            started_at: time("started_at")?,
            finished_at: time("finished_at")?,
            progress: Progress {
                through: row.try_get::<Option<i64>, _>("through_seq")?.map(unsigned),
                ids_done: usize::try_from(row.try_get::<i32, _>("ids_done")?).unwrap_or_default(),
                last: last.map(|(timestamp, id)| Keyset { timestamp, id }),
            },
        })
    }
}
