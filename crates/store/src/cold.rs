//! Cold replay: a tenant's events in the order of the log, from the archive.

use slipstream_event::{Position, Tenant, Timestamp};
use uuid::Uuid;

use crate::number::{signed, unsigned};
use crate::retention::removed;
use crate::{Error, Store, limits};

/// A part of a shard's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Shard.
    pub shard: u16,
    /// Epoch of the stream.
    pub epoch: u64,
    /// Begin after this sequence.
    pub after_seq: u64,
    /// End with this sequence.
    pub up_to_seq: u64,
}

/// A part of a tenant's log, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The tenant's events in the range, in order.
    pub events: Vec<Archived>,
    /// The page is complete through here: no event of the tenant up to this sequence is missing. Not beyond what is archived; `after_seq`
    /// when the archive knows nothing of the range, has a hole behind its start, or retention removed what the page should show.
    pub through_seq: u64,
    /// Whether that is the end of the range; else ask again after `through_seq`.
    pub done: bool,
}

/// An archived event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    /// Sequence in the stream.
    pub seq: u64,
    /// Canonical JSON, with `changes`: not for clients as it is.
    pub payload: String,
}

/// An epoch of a shard's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub epoch: u64,
    /// Where the archive stands in it: for a closed epoch, where it ends.
    pub through_seq: u64,
    /// Whether a later epoch followed.
    pub closed: bool,
}

/// A tenant's events of a part of the log, at most `limit` (cut to [`COLD_LIMIT_MAX`](limits::COLD_LIMIT_MAX)) and `bytes_max` of payload,
/// but at least one. An event that the log holds twice comes at its first place only.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn page(store: &Store, tenant: &Tenant, range: Range, limit: u32, bytes_max: usize) -> Result<Page, Error> {
    let limit = i64::from(limit.clamp(1, limits::COLD_LIMIT_MAX));
    let mut tx = store.begin_read(tenant).await?;
    // The watermark first: what it promises was committed with it, so the second statement sees it.
    let known: Option<(i64, i64)> =
        sqlx::query_as(include_str!("../queries/epoch/through.sql")).bind(i32::from(range.shard)).bind(signed(range.epoch)).fetch_optional(&mut *tx).await?;
    let known = known.filter(|(_, began)| unsigned(*began) <= range.after_seq);
    let archived = known.map_or(0, |(through, _)| unsigned(through)).min(range.up_to_seq).max(range.after_seq);
    let rows: Vec<(i64, String, i64)> = sqlx::query_as(include_str!("../queries/event/cold.sql"))
        .bind(tenant.as_str())
        .bind(i32::from(range.shard))
        .bind(signed(range.epoch))
        .bind(signed(range.after_seq))
        .bind(signed(archived))
        .bind(limit)
        .bind(i64::try_from(bytes_max).unwrap_or(i64::MAX))
        .fetch_all(&mut *tx)
        .await?;
    let found = rows.first().map_or(0, |(_, _, found)| *found);
    let is_cut = found == limit || (rows.len() as i64) < found;
    let events: Vec<Archived> = rows.into_iter().map(|(seq, payload, _)| Archived { seq: unsigned(seq), payload }).collect();
    let through_seq = events.last().filter(|_| is_cut).map_or(archived, |last| last.seq);
    // Asked last: what was removed since the events were read is told of, too.
    let is_lost = removed::is_any(&mut tx, tenant, Range { up_to_seq: through_seq, ..range }).await?;
    tx.commit().await?;
    if is_lost {
        return Ok(Page { events: Vec::new(), through_seq: range.after_seq, done: false });
    }
    Ok(Page { events, through_seq, done: through_seq >= range.up_to_seq })
}

/// Where an event of the tenant stands in the log: its first place. `None` for an unknown id.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn locate(store: &Store, tenant: &Tenant, event_id: Uuid) -> Result<Option<Position>, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let found: Option<(i32, i64, i64)> =
        sqlx::query_as(include_str!("../queries/event/locate.sql")).bind(tenant.as_str()).bind(event_id).fetch_optional(&mut *tx).await?;
    tx.commit().await?;
    Ok(found.map(|(shard, epoch, seq)| Position::new(u16::try_from(shard).unwrap_or_default(), unsigned(epoch), unsigned(seq))))
}

/// The epochs of a shard that the archive knows, oldest first; the last is the current one.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn epochs(store: &Store, shard: u16) -> Result<Vec<Epoch>, Error> {
    let rows: Vec<(i64, i64, bool)> = sqlx::query_as(include_str!("../queries/epoch/list.sql")).bind(i32::from(shard)).fetch_all(&store.pool).await?;
    Ok(rows.into_iter().map(|(epoch, through, closed)| Epoch { epoch: unsigned(epoch), through_seq: unsigned(through), closed }).collect())
}

/// How many events [`page`] would give of a range, without its limits: as far as the archive is complete.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn count(store: &Store, tenant: &Tenant, range: Range) -> Result<u64, Error> {
    let mut tx = store.begin_read(tenant).await?;
    let count: i64 = sqlx::query_scalar(include_str!("../queries/event/count_range.sql"))
        .bind(tenant.as_str())
        .bind(i32::from(range.shard))
        .bind(signed(range.epoch))
        .bind(signed(range.after_seq))
        .bind(signed(range.up_to_seq))
        .fetch_one(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(unsigned(count))
}

/// Where those of the tenant's events stand that are archived, or were until retention removed them: one answer for each asked, in order. An event is asked for by its id and its own time, so that one look-up
/// of the primary key answers.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn known(store: &Store, tenant: &Tenant, events: &[(Uuid, Timestamp)]) -> Result<Vec<Option<Position>>, Error> {
    let ids: Vec<Uuid> = events.iter().map(|(id, _)| *id).collect();
    let times: Vec<_> = events.iter().map(|(_, timestamp)| timestamp.datetime()).collect();
    let mut tx = store.begin_read(tenant).await?;
    let found: Vec<(Option<i32>, Option<i64>, Option<i64>)> =
        sqlx::query_as(include_str!("../queries/event/known.sql")).bind(tenant.as_str()).bind(ids).bind(times).fetch_all(&mut *tx).await?;
    tx.commit().await?;
    let position =
        |(shard, epoch, seq): (Option<i32>, Option<i64>, Option<i64>)| Some(Position::new(u16::try_from(shard?).ok()?, unsigned(epoch?), unsigned(seq?)));
    Ok(found.into_iter().map(position).collect())
}
