//! What retention removed: it is known by its ids, its places in the log and its numbers, and by nothing else.

use slipstream_event::{Tenant, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cold::Range;
use crate::number::{signed, unsigned};
use crate::{Error, Store};

/// An event that was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its number.
    pub number: u64,
    /// When it was removed.
    pub at: Timestamp,
}

/// The removed event with this id. Only ids that bear the time of their event (UUIDv7, to within an hour) are found: `None` says nothing of others.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn find(store: &Store, tenant: &Tenant, id: Uuid) -> Result<Option<Removed>, Error> {
    let Some(made) = id.get_timestamp().filter(|_| id.get_version_num() == 7) else { return Ok(None) };
    let seconds = made.to_unix().0;
    let mut tx = store.begin_read(tenant).await?;
    let statement = sqlx::query_as::<_, (i64, OffsetDateTime)>(include_str!("../../queries/retention/removed_find.sql"));
    #[expect(clippy::cast_precision_loss, reason = "seconds of a 48-bit time are exact")]
    let found = statement.bind(tenant.as_str()).bind(id).bind(seconds as f64).fetch_optional(&mut *tx).await?;
    tx.commit().await?;
    Ok(found.map(|(number, at)| Removed { number: unsigned(number), at: at.into() }))
}

/// Whether events of the tenant were removed from a part of the log.
pub(crate) async fn is_any(connection: &mut sqlx::PgConnection, tenant: &Tenant, range: Range) -> Result<bool, Error> {
    let statement = sqlx::query_scalar(include_str!("../../queries/retention/removed_between.sql")).bind(tenant.as_str());
    let statement = statement.bind(i32::from(range.shard)).bind(signed(range.epoch)).bind(signed(range.after_seq)).bind(signed(range.up_to_seq));
    Ok(statement.fetch_one(connection).await?)
}
