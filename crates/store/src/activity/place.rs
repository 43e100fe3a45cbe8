//! Where in a shard's stream lies what the activity log shows: for the live view.

use slipstream_domain::activity::Settings;
use slipstream_event::{Tenant, Timestamp};

use super::Cleared;
use crate::number::{signed, unsigned};
use crate::scope::Scope;
use crate::store::Mode;
use crate::{Error, Store};

/// What [`Shown`](super::Shown) says, by sequences of one epoch of a shard's stream instead of numbers. What lies before the epoch is at 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The archive is complete through here, and so is what is said of silences and of the clearing's event.
    pub through_seq: u64,
    /// Events up to this sequence are not shown.
    pub after_seq: u64,
    /// The last clearing: what happened before it and lies before its event is not shown either.
    pub cleared: Option<Cleared>,
    /// What lies between is not shown, the earliest first.
    pub silences: Vec<(u64, Option<u64>)>,
    /// The latest change of these that is archived.
    pub turned_at: Option<Timestamp>,
    /// The settings.
    pub settings: Settings,
    /// When they were changed last.
    pub changed_at: Option<Timestamp>,
}

/// Places what a tenant's activity log shows in an epoch of its shard's stream.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn placed(store: &Store, tenant: &Tenant, shard: u16, epoch: u64) -> Result<Placed, Error> {
    let mut tx = store.begin(&Scope::Account(tenant.clone()), Mode::Snapshot).await?;
    let through: Option<(i64, i64)> =
        sqlx::query_as(include_str!("../../queries/epoch/through.sql")).bind(i32::from(shard)).bind(signed(epoch)).fetch_optional(&mut *tx).await?;
    let shown = super::read(&mut tx, tenant, Timestamp::now()).await?;
    let cleared_seq = shown.cleared.and_then(|cleared| cleared.seq);
    let mut numbers = vec![shown.after_seq, cleared_seq.unwrap_or_default()];
    numbers.extend(shown.silences.iter().flat_map(|silence| [silence.began_seq, silence.ended_seq.unwrap_or_default()]));
    let statement = sqlx::query_scalar::<_, i64>(include_str!("../../queries/activity/place.sql")).bind(tenant.as_str()).bind(i32::from(shard));
    let numbers: Vec<i64> = numbers.into_iter().map(signed).collect();
    let places = statement.bind(signed(epoch)).bind(numbers).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    let mut places = places.into_iter().map(unsigned);
    let mut next = || places.next().unwrap_or_default();
    let (after_seq, cleared_at) = (next(), next());
    Ok(Placed {
        through_seq: through.map_or(0, |(through, _)| unsigned(through)),
        after_seq,
        cleared: shown.cleared.map(|cleared| Cleared { seq: cleared_seq.map(|_| cleared_at), ..cleared }),
        silences: shown.silences.iter().map(|silence| (next(), Some(next()).filter(|_| silence.ended_seq.is_some()))).collect(),
        turned_at: shown.silences.iter().map(|silence| silence.turned_at).max(),
        settings: shown.settings,
        changed_at: shown.changed_at,
    })
}
