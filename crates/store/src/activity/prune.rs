//! Moving on what the log shows: entries that are beyond its limits are not looked at any more.
//!
//! Reading is right without it but for the limit on the number of entries; with it, it stays cheap. Nothing is deleted.

use slipstream_event::{Tenant, Timestamp};
use time::OffsetDateTime;

use super::{shown, silence};
use crate::number::{signed, unsigned};
use crate::{Error, Store, limits};

/// When all logs are looked at next, after `now`.
pub fn next(now: Timestamp) -> Timestamp {
    let every = i64::try_from(limits::ACTIVITY_PRUNE_EVERY.as_micros()).unwrap_or(i64::MAX);
    let next = now.micros().div_euclid(every).saturating_add(1).saturating_mul(every);
    Timestamp::from_micros(next).unwrap_or(now)
}

/// Tenants with an archive, in order, after `after`: at most [`limits::PRUNE_TENANTS_MAX`]. `archiver` is a pool of [`Role::Archiver`](crate::Role::Archiver).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn tenants(archiver: &Store, after: Option<&Tenant>) -> Result<Vec<Tenant>, Error> {
    let statement = sqlx::query_scalar(include_str!("../../queries/activity/tenants.sql"));
    let names: Vec<String> = statement.bind(after.map_or("", Tenant::as_str)).bind(limits::PRUNE_TENANTS_MAX).fetch_all(&archiver.pool).await?;
    names.iter().map(|name| tenant(name)).collect()
}

/// A tenant whose settings were changed, and whose log was not pruned since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The tenant.
    pub tenant: Tenant,
    /// The change.
    pub changed_at: Timestamp,
}

/// The tenants whose settings were changed since their logs were pruned. All who ask are told, until it is [`settled`].
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn due(archiver: &Store) -> Result<Vec<Due>, Error> {
    let rows: Vec<(String, OffsetDateTime)> = sqlx::query_as(include_str!("../../queries/activity/due.sql")).fetch_all(&archiver.pool).await?;
    rows.into_iter().map(|(name, at)| Ok(Due { tenant: tenant(&name)?, changed_at: at.into() })).collect()
}

/// Notes that a log was pruned after this change. A later change stays due.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn settled(archiver: &Store, due: &Due) -> Result<(), Error> {
    let statement = sqlx::query(include_str!("../../queries/activity/settled.sql")).bind(due.tenant.as_str());
    statement.bind(due.changed_at.datetime()).execute(&archiver.pool).await?;
    Ok(())
}

/// Looks which entries of a tenant are beyond its limits, through a pool of [`Role::Reader`](crate::Role::Reader), and notes it. Returns how many entries fell out; again, and by many at once: the same.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn prune(archiver: &Store, reader: &Store, tenant: &Tenant, now: Timestamp) -> Result<u64, Error> {
    let shown = shown(reader, tenant, now).await?;
    silence::settle(archiver, tenant, &shown.silences).await?;
    let floor = too_old(reader, tenant, &shown).await?.max(too_many(&shown));
    if floor <= shown.after_seq {
        return Ok(0);
    }
    let statement = sqlx::query(include_str!("../../queries/activity/advance.sql"));
    statement.bind(tenant.as_str()).bind(signed(floor)).execute(&archiver.pool).await?;
    Ok(floor - shown.after_seq)
}

/// The number up to which all entries are too old.
async fn too_old(reader: &Store, tenant: &Tenant, shown: &super::Shown) -> Result<u64, Error> {
    let mut tx = reader.begin_read(tenant).await?;
    let statement = sqlx::query_scalar::<_, Option<i64>>(include_str!("../../queries/activity/first_young.sql"));
    let start = statement.bind(tenant.as_str()).bind(signed(shown.after_seq)).bind(shown.oldest.datetime()).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(start.map_or(shown.size, unsigned))
}

/// The number up to which entries are beyond the largest count. What came while the log was off does not count.
fn too_many(shown: &super::Shown) -> u64 {
    let most = u64::from(shown.settings.max_entries);
    let mut floor = shown.size.saturating_sub(most);
    // Each step down may uncover more silence, and so one more step; it ends at the floor there was.
    while floor > shown.after_seq {
        let silent = silence::count(&shown.silences, floor, shown.size);
        let lower = shown.size.saturating_sub(most.saturating_add(silent));
        if lower >= floor {
            break;
        }
        floor = lower;
    }
    floor
}

fn tenant(name: &str) -> Result<Tenant, Error> {
    Tenant::new(name).map_err(|fault| Error::Bug(format!("the database names a tenant that is none: {fault}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_logs_are_looked_at_every_ten_minutes() {
        let next = |now| next(Timestamp::parse(now).unwrap()).to_string();
        assert_eq!(next("2026-11-20T10:07:31.5Z"), "2026-11-20T10:10:00.000000Z");
        assert_eq!(next("2026-11-20T23:50:00Z"), "2026-11-21T00:00:00.000000Z");
    }
}
