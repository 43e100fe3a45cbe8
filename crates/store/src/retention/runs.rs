//! Runs: where the one at hand stands, and what those before did.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_event::{Tenant, Timestamp};
use sqlx::PgConnection;
use sqlx::types::Json;
use time::OffsetDateTime;

use super::progress::Progress;
use crate::number::{signed, unsigned};
use crate::{Error, Tx, limits};

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many events it removed.
    pub removed: u64,
    /// How many it did not because they are held. A hold is looked at once, and again when holds or rules change.
    pub held: u64,
    /// How many of each category.
    pub categories: BTreeMap<String, u64>,
}

/// Where retention stands with a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// When the next run may begin; `None` while nothing asks for one.
    pub due_at: Option<Timestamp>,
    /// When the run that goes on began.
    pub began_at: Option<Timestamp>,
    /// What the last run did.
    pub last: Option<Run>,
    /// The last runs that removed something, or would have but for a hold, the newest first.
    pub runs: Vec<Run>,
}

/// Where retention stands with the tenant of a transaction.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn overview(tx: &mut Tx, tenant: &Tenant) -> Result<Overview, Error> {
    type Columns = (Option<OffsetDateTime>, Option<Json<Progress>>);
    let statement = sqlx::query_as::<_, Columns>(include_str!("../../queries/retention/overview.sql"));
    let (due_at, progress) = statement.bind(tenant.as_str()).fetch_one(tx.connection()).await?;
    let progress = progress.map(|Json(progress)| progress).unwrap_or_default();
    Ok(Overview {
        due_at: due_at.map(Timestamp::from),
        began_at: progress.began_at(),
        last: progress.last,
        runs: last(tx, tenant, limits::RETENTION_RUNS_KEPT).await?,
    })
}

async fn last(tx: &mut Tx, tenant: &Tenant, most: i64) -> Result<Vec<Run>, Error> {
    type Columns = (OffsetDateTime, OffsetDateTime, i64, i64, Json<BTreeMap<String, u64>>);
    let statement = sqlx::query_as::<_, Columns>(include_str!("../../queries/retention/runs.sql"));
    let rows = statement.bind(tenant.as_str()).bind(most).fetch_all(tx.connection()).await?;
    let run = |(began_at, ended_at, removed, held, Json(categories)): Columns| Run {
        began_at: began_at.into(),
        ended_at: ended_at.into(),
        removed: unsigned(removed),
        held: unsigned(held),
        categories,
    };
    Ok(rows.into_iter().map(run).collect())
}

/// Where it stands, locked until the end of the transaction; `None` when somebody else has locked it.
pub(super) async fn lock(connection: &mut PgConnection, tenant: &Tenant) -> Result<Option<Progress>, Error> {
    sqlx::query(include_str!("../../queries/retention/add_state.sql")).bind(tenant.as_str()).execute(&mut *connection).await?;
    let lock = sqlx::query_scalar::<_, Json<Progress>>("select progress from slipstream.retention_state where tenant_id = $1 for update skip locked");
    Ok(lock.bind(tenant.as_str()).fetch_optional(&mut *connection).await?.map(|Json(progress)| progress))
}

/// Keeps where the run at hand stands.
pub(super) async fn save(connection: &mut PgConnection, tenant: &Tenant, progress: &Progress) -> Result<(), Error> {
    write(connection, tenant, progress, Duration::ZERO).await
}

/// Keeps what a run did, and when the next may begin.
pub(super) async fn end(connection: &mut PgConnection, tenant: &Tenant, progress: &Progress, run: &Run, every: Duration) -> Result<(), Error> {
    write(connection, tenant, progress, every).await?;
    if run.removed + run.held == 0 { Ok(()) } else { add(connection, tenant, run).await }
}

/// Keeps what a run did, and forgets the oldest.
pub(super) async fn add(connection: &mut PgConnection, tenant: &Tenant, run: &Run) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../../queries/retention/end_run.sql")).bind(tenant.as_str()).bind(run.began_at.datetime());
    let statement = statement.bind(signed(run.removed)).bind(signed(run.held)).bind(Json(&run.categories)).bind(limits::RETENTION_RUNS_KEPT);
    statement.execute(connection).await?;
    Ok(())
}

async fn write(connection: &mut PgConnection, tenant: &Tenant, progress: &Progress, next: Duration) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../../queries/retention/save.sql")).bind(tenant.as_str());
    statement.bind(Json(progress)).bind(next.as_secs_f64()).execute(connection).await?;
    Ok(())
}
