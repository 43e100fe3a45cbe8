//! Counting: events that are archived go into the rollups, a piece of a tenant at a time.
//!
//! A piece and the note how far the counts go are one transaction, so whoever is killed between two pieces has counted nothing twice. It is apart from the archiver's transaction: there it
//! would cost each event a third of what archiving it costs; here many events of one key are one change.

use slipstream_event::Tenant;

use crate::number::{signed, unsigned};
use crate::{Error, Store, limits};

/// A tenant with events that are not counted yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Grown {
    /// Whose.
    pub tenant: Tenant,
    /// How many events wait.
    pub waiting: u64,
    /// How long the first of them has been archived, in seconds; 0 when the ledger does not tell.
    pub seconds: f64,
}

/// Tenants with events that are not counted yet, in order, after `after`: at most [`limits::ANALYTICS_TENANTS_AT_ONCE`]. `archiver` is a pool of [`Role::Archiver`](crate::Role::Archiver).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn grown(archiver: &Store, after: Option<&Tenant>) -> Result<Vec<Grown>, Error> {
    let statement = sqlx::query_as(include_str!("../../queries/analytics/grown.sql")).bind(after.map_or("", Tenant::as_str));
    let rows: Vec<(String, i64, Option<f64>)> = statement.bind(limits::ANALYTICS_TENANTS_AT_ONCE).fetch_all(&archiver.pool).await?;
    let grown = |(tenant, waiting, seconds): (String, i64, Option<f64>)| {
        let tenant = Tenant::new(&tenant).map_err(|fault| Error::Bug(format!("the database names a tenant that is none: {fault}")))?;
        Ok(Grown { tenant, waiting: unsigned(waiting), seconds: seconds.unwrap_or_default().max(0.0) })
    };
    rows.into_iter().map(grown).collect()
}

/// Counts the next events of a tenant, at most `most` (cut to [`limits::ANALYTICS_FOLD_MAX`]), and returns how many numbers that were. 0: all are counted, or another process is at it.
///
/// # Errors
/// [`Error::Unavailable`] and the like; whether they are counted is not known then, and asking again is right in any case.
pub async fn fold(archiver: &Store, tenant: &Tenant, most: u64) -> Result<u64, Error> {
    let statement = sqlx::query_scalar("select slipstream.analytics_fold($1, $2)").bind(tenant.as_str());
    let folded: i64 = statement.bind(signed(most.clamp(1, limits::ANALYTICS_FOLD_MAX))).fetch_one(&archiver.pool).await?;
    Ok(unsigned(folded))
}

/// Begins the counts of a tenant anew: until its events are counted again, queries say that they are not complete, or read the events.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn reset(archiver: &Store, tenant: &Tenant) -> Result<(), Error> {
    sqlx::query("select slipstream.analytics_reset($1)").bind(tenant.as_str()).execute(&archiver.pool).await?;
    Ok(())
}
