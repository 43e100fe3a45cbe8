//! Legal holds: what must stay as it is. Redaction and retention ask the database's `slipstream.is_held`, and wait for who is placing a hold.

use slipstream_domain::holds::Hold;
use slipstream_event::{Category, Tenant, Timestamp};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Tx, limits};

/// A hold, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Id.
    pub id: Uuid,
    /// What it holds, and why.
    pub hold: Hold,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Who placed it: the id of an actor.
    pub placed_by: String,
    /// Its release; `None` while it holds.
    pub released: Option<Release>,
}

/// The end of a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// When.
    pub at: Timestamp,
    /// Who: the id of an actor.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl<'r> sqlx::FromRow<'r, PgRow> for Row {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let time = |name: &str| -> Result<Option<Timestamp>, sqlx::Error> { Ok(row.try_get::<Option<OffsetDateTime>, _>(name)?.map(Timestamp::from)) };
        let hold = Hold {
            name: row.try_get("name")?,
            reason: row.try_get("reason")?,
            category: row.try_get::<Option<String>, _>("category")?.as_deref().and_then(Category::parse),
            entity_type: row.try_get("entity_type")?,
            entity_id: row.try_get("entity_id")?,
            actor_user_id: row.try_get("actor_user_id")?,
            occurred_from: time("occurred_from")?,
            occurred_to: time("occurred_to")?,
        };
        let released = match (time("released_at")?, row.try_get::<Option<String>, _>("released_by")?) {
            (Some(at), Some(by)) => Some(Release { at, by, reason: row.try_get("release_reason")? }),
            _ => None,
        };
        let placed_at = row.try_get::<OffsetDateTime, _>("placed_at")?.into();
        Ok(Self { id: row.try_get("id")?, hold, placed_at, placed_by: row.try_get("placed_by")?, released })
    }
}

/// Places a hold. From the commit on nothing that it covers is redacted or removed: who is at it now is waited for, and finds the hold or comes before it.
///
/// # Errors
/// [`Error::Refused`] with `too_many_holds` when the tenant has [`HOLDS_OPEN_MAX`](limits::HOLDS_OPEN_MAX) that are not released.
pub async fn place(tx: &mut Tx, tenant: &Tenant, row: &Row) -> Result<(), Error> {
    let wait = sqlx::query("select pg_advisory_xact_lock(1819045999, hashtext($1))").bind(tenant.as_str());
    wait.execute(tx.connection()).await?;
    let count = sqlx::query_scalar("select count(*) from slipstream.legal_hold where tenant_id = $1 and released_at is null");
    let open: i64 = count.bind(tenant.as_str()).fetch_one(tx.connection()).await?;
    if open >= limits::HOLDS_OPEN_MAX {
        return Err(Error::Refused { what: "too_many_holds".to_owned() });
    }
    let time = |at: Option<Timestamp>| at.map(|at| at.datetime());
    let insert = sqlx::query(include_str!("../queries/hold/insert.sql")).bind(tenant.as_str()).bind(row.id).bind(&row.hold.name).bind(&row.hold.reason);
    let insert = insert.bind(row.hold.category.map(Category::as_str)).bind(&row.hold.entity_type).bind(&row.hold.entity_id).bind(&row.hold.actor_user_id);
    let insert = insert.bind(time(row.hold.occurred_from)).bind(time(row.hold.occurred_to)).bind(row.placed_at.datetime()).bind(&row.placed_by);
    insert.execute(tx.connection()).await?;
    Ok(())
}

/// The holds of a tenant, released ones too, newest first: at most `limit`, after the hold `after`. Without that hold there are none.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(tx: &mut Tx, tenant: &Tenant, after: Option<Uuid>, limit: u32) -> Result<Vec<Row>, Error> {
    let statement = sqlx::query_as(include_str!("../queries/hold/list.sql"));
    Ok(statement.bind(tenant.as_str()).bind(after).bind(i64::from(limit)).fetch_all(tx.connection()).await?)
}

/// A hold, locked until the transaction ends.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn lock(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<Option<Row>, Error> {
    let statement = sqlx::query_as("select * from slipstream.legal_hold where tenant_id = $1 and id = $2 for update");
    Ok(statement.bind(tenant.as_str()).bind(id).fetch_optional(tx.connection()).await?)
}

/// Releases a hold that was locked. One that is released stays as it is.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn release(tx: &mut Tx, tenant: &Tenant, id: Uuid, release: &Release) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../queries/hold/release.sql")).bind(tenant.as_str()).bind(id);
    statement.bind(release.at.datetime()).bind(&release.by).bind(&release.reason).execute(tx.connection()).await?;
    Ok(())
}
