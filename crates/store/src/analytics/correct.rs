//! Corrections, for whoever changes or removes archived events, inside the transaction that does.
//!
//! The order is: [`forget`] with all numbers, then the change, then [`admit`] with those that are still there. `forget` locks the counts of the tenant first of all and until the end of the
//! transaction, so the loop that counts sees the events as they were before, or as they are after, and never both. Call it before any row of an event is locked. A role that calls them needs
//! `execute` on `slipstream.analytics_forget` and `slipstream.analytics_admit`, and nothing else. It also has to raise `tenant_head.version`, as for pages of history: the tags of answers come from it.

use slipstream_event::Tenant;

use sqlx::PgConnection;

use crate::number::signed;
use crate::{Error, Tx, limits};

/// Locks the counts until the end of the transaction: for whoever learns the numbers only from the rows that it locks.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub(crate) async fn lock(tx: &mut Tx, tenant: &Tenant) -> Result<(), Error> {
    sqlx::query("select slipstream.analytics_forget($1, '{}')").bind(tenant.as_str()).execute(tx.connection()).await?;
    Ok(())
}

/// Takes the tenant's events with these numbers, as they are now, out of the counts. Those that are not counted yet are passed over.
///
/// # Errors
/// [`Error::Refused`] for more than [`limits::ANALYTICS_NUMBERS_MAX`] numbers; [`Error::Unavailable`] and the like.
pub async fn forget(tx: &mut Tx, tenant: &Tenant, numbers: &[u64]) -> Result<(), Error> {
    forget_in(tx.connection(), tenant, numbers).await
}

pub(crate) async fn forget_in(connection: &mut PgConnection, tenant: &Tenant, numbers: &[u64]) -> Result<(), Error> {
    call(connection, "select slipstream.analytics_forget($1, $2)", tenant, numbers).await
}

/// Counts the tenant's events with these numbers again, as they are now: what [`forget`] took out before they were changed.
///
/// # Errors
/// As of [`forget`].
pub async fn admit(tx: &mut Tx, tenant: &Tenant, numbers: &[u64]) -> Result<(), Error> {
    call(tx.connection(), "select slipstream.analytics_admit($1, $2)", tenant, numbers).await
}

async fn call(connection: &mut PgConnection, statement: &'static str, tenant: &Tenant, numbers: &[u64]) -> Result<(), Error> {
    if numbers.len() > limits::ANALYTICS_NUMBERS_MAX {
        return Err(Error::Refused { what: "too many numbers at once".to_owned() });
    }
    if numbers.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = numbers.iter().map(|number| signed(*number)).collect();
    sqlx::query(statement).bind(tenant.as_str()).bind(numbers).execute(connection).await?;
    Ok(())
}
