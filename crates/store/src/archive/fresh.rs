//! Which events of a batch are new.

use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;

use super::heads::Head;
use super::{Batch, Row};

/// How an event is told to be new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// An event that is later than all of its tenant's is new; the archive is asked for the others.
    Late,
    /// The archive is asked for every event.
    All,
}

/// The rows of a batch that neither the archive nor the batch itself holds before, in order. Key: tenant, time and id.
pub(super) async fn fresh<'a>(connection: &mut PgConnection, batch: &'a Batch, heads: &HashMap<&str, Head>, look: Look) -> Result<Vec<&'a Row>, crate::Error> {
    let mut seen = HashSet::with_capacity(batch.rows.len());
    let mut rows: Vec<&Row> = batch.rows.iter().filter(|row| seen.insert((row.event.tenant_id.as_str(), row.event.timestamp, row.event.id))).collect();
    let latest = |row: &Row| heads.get(row.event.tenant_id.as_str()).and_then(|head| head.latest_at);
    let doubtful: Vec<&Row> =
        rows.iter().copied().filter(|row| latest(row).is_some_and(|latest| look == Look::All || row.event.timestamp.datetime() <= latest)).collect();
    if doubtful.is_empty() {
        return Ok(rows);
    }
    let present = present(connection, &doubtful).await?;
    let known: HashSet<u64> = present.iter().filter_map(|place| doubtful.get(*place)).map(|row| row.seq).collect();
    rows.retain(|row| !known.contains(&row.seq));
    Ok(rows)
}

/// The places of those that the archive holds.
async fn present(connection: &mut PgConnection, rows: &[&Row]) -> Result<Vec<usize>, crate::Error> {
    let places: Vec<i64> = sqlx::query_scalar(include_str!("../../queries/event/present.sql"))
        .bind(rows.iter().map(|row| row.event.tenant_id.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.event.timestamp.datetime()).collect::<Vec<_>>())
        .bind(rows.iter().map(|row| row.event.id).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(places.into_iter().filter_map(|place| usize::try_from(place - 1).ok()).collect())
}
