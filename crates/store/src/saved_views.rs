//! Saved views: named queries of history, of one user or shared with the tenant. A view that is neither the user's nor shared does not exist.

use slipstream_event::{Tenant, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Tx};

/// A row.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct View {
    /// Id.
    pub id: Uuid,
    /// Whose view.
    pub owner_id: String,
    /// At most 100 characters.
    pub name: String,
    /// Parameters of history, as a JSON object.
    pub query: String,
    /// Whether everybody of the tenant has it.
    pub shared: bool,
    /// From 1, one more at each change.
    pub version: i64,
    /// When it was made.
    #[sqlx(try_from = "OffsetDateTime")]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[sqlx(try_from = "OffsetDateTime")]
    pub updated_at: Timestamp,
}

/// What a view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// At most 100 characters.
    pub name: String,
    /// Parameters of history, as a JSON object.
    pub query: String,
    /// Whether everybody of the tenant has it.
    pub shared: bool,
}

/// How many views there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    /// Those of one owner that are not shared.
    pub own: i64,
    /// Those that the tenant shares.
    pub shared: i64,
}

/// The views that a user has, by name.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(tx: &mut Tx, tenant: &Tenant, user: &str) -> Result<Vec<View>, Error> {
    let statement = sqlx::query_as(include_str!("../queries/saved_view/list.sql"));
    Ok(statement.bind(tenant.as_str()).bind(user).fetch_all(tx.connection()).await?)
}

/// A view that a user has, locked until the transaction ends.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn lock(tx: &mut Tx, tenant: &Tenant, user: &str, id: Uuid) -> Result<Option<View>, Error> {
    let statement = sqlx::query_as(include_str!("../queries/saved_view/lock.sql"));
    Ok(statement.bind(tenant.as_str()).bind(user).bind(id).fetch_optional(tx.connection()).await?)
}

/// How many views there are. Until the transaction ends nobody else of the tenant counts, so that what is decided by it holds.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn count(tx: &mut Tx, tenant: &Tenant, user: &str) -> Result<Counts, Error> {
    // A statement of its own: what is counted after it has seen the commits that it waited for.
    let wait = sqlx::query("select pg_advisory_xact_lock(1819045998, hashtext($1))").bind(tenant.as_str());
    wait.execute(tx.connection()).await?;
    let statement = sqlx::query_as(include_str!("../queries/saved_view/count.sql"));
    Ok(statement.bind(tenant.as_str()).bind(user).fetch_one(tx.connection()).await?)
}

/// Makes a view.
///
/// # Errors
/// [`Error::Refused`] for a name that is too long.
pub async fn insert(tx: &mut Tx, tenant: &Tenant, user: &str, content: &Content) -> Result<View, Error> {
    let statement = sqlx::query_as(include_str!("../queries/saved_view/insert.sql")).bind(tenant.as_str()).bind(user);
    Ok(statement.bind(&content.name).bind(&content.query).bind(content.shared).fetch_one(tx.connection()).await?)
}

/// Changes a view that was locked, and returns it as it is now.
///
/// # Errors
/// [`Error::Refused`] for a name that is too long.
pub async fn update(tx: &mut Tx, tenant: &Tenant, id: Uuid, content: &Content) -> Result<View, Error> {
    let statement = sqlx::query_as(include_str!("../queries/saved_view/update.sql")).bind(tenant.as_str()).bind(id);
    Ok(statement.bind(&content.name).bind(&content.query).bind(content.shared).fetch_one(tx.connection()).await?)
}

/// Deletes a view that was locked.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn delete(tx: &mut Tx, tenant: &Tenant, id: Uuid) -> Result<(), Error> {
    let statement = sqlx::query("delete from slipstream.saved_view where tenant_id = $1 and id = $2");
    statement.bind(tenant.as_str()).bind(id).execute(tx.connection()).await?;
    Ok(())
}
