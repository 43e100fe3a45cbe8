//! Entries: what the ledger says of each number, beside the row that is there.

use slipstream_event::ledger::Hash;
use slipstream_event::ledger::export::Entry;
use slipstream_event::{Event, Severity, Tenant};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use time::OffsetDateTime;

use super::hashes;
use crate::Error;
use crate::number::{signed, unsigned};

/// Up to `limit` entries after `after`. Beyond `size` there are none in the ledger, but there may be rows.
pub(super) async fn read(connection: &mut PgConnection, tenant: &Tenant, after: u64, size: u64, limit: u32) -> Result<Vec<Entry>, Error> {
    let to = size.min(after.saturating_add(u64::from(limit)));
    let leaves = hashes::leaves(connection, tenant, after, to).await?;
    // The last read looks beyond the end as well, and the first one before the beginning.
    let (from, through) = (if after == 0 { i64::MIN } else { signed(after) }, if to >= size { i64::MAX } else { signed(to) });
    let statement = sqlx::query(include_str!("../../queries/ledger/rows.sql")).bind(tenant.as_str()).bind(from).bind(through).bind(signed(size));
    let rows = statement.fetch_all(connection).await?;
    let mut rows = rows.iter().map(row).collect::<Result<Vec<_>, Error>>()?.into_iter().peekable();
    let mut entries = Vec::with_capacity(leaves.len());
    for (leaf, number) in leaves.into_iter().zip(after + 1..) {
        // What has a number below the one that is due was there twice, or has none.
        while let Some((_, extra)) = rows.next_if(|(at, _)| *at < signed(number)) {
            entries.push(extra);
        }
        let found = rows.next_if(|(at, _)| *at == signed(number)).map(|(_, row)| row);
        entries.push(entry(number, leaf, found));
    }
    entries.extend(rows.map(|(_, extra)| extra));
    Ok(entries)
}

fn entry(number: u64, leaf: Hash, row: Option<Entry>) -> Entry {
    let (payload, differs) = row.map_or((None, Vec::new()), |row| (row.payload, row.differs));
    Entry { number, leaf: Some(leaf), payload, differs }
}

/// A row without its leaf.
fn row(row: &PgRow) -> Result<(i64, Entry), Error> {
    let number: i64 = row.try_get("tenant_seq")?;
    let payload: String = row.try_get("payload")?;
    let differs = differs(row, &payload)?;
    Ok((number, Entry { number: unsigned(number), leaf: None, payload: Some(payload), differs }))
}

/// The columns that do not say what the bytes say.
fn differs(row: &PgRow, payload: &str) -> Result<Vec<String>, Error> {
    let Ok(event) = Event::from_json(payload.as_bytes()) else { return Ok(vec!["payload".to_owned()]) };
    let text = |name: &str| row.try_get::<Option<String>, _>(name);
    let wanted = [
        ("type", Some(event.event_type.as_str().to_owned())),
        ("entity_type", Some(event.entity_type.clone())),
        ("entity_id", Some(event.entity_id.clone())),
        ("action", Some(event.action.clone())),
        ("module", Some(event.module.clone())),
        ("severity", Some(Severity::as_str(event.severity).to_owned())),
        ("category", Some(event.category.as_str().to_owned())),
        ("visibility", Some(event.visibility.to_string())),
        ("concerned", event.concerned()),
        ("actor_id", Some(event.actor.user_id.clone())),
        ("actor_name", event.actor.name.clone()),
        ("entity_name", event.entity_name.clone()),
        ("message", event.message.clone()),
        ("correlation_id", event.correlation_id.clone()),
        ("legacy_entity_type", event.legacy.as_ref().map(|legacy| legacy.entity_type.clone())),
    ];
    let mut differs = Vec::new();
    for (name, wanted) in wanted {
        differs.extend((text(name)? != wanted).then(|| name.to_owned()));
    }
    let others = [
        ("occurred_at", row.try_get::<OffsetDateTime, _>("occurred_at")? == event.timestamp.datetime()),
        ("event_id", row.try_get::<uuid::Uuid, _>("event_id")? == event.id),
        ("has_changes", row.try_get::<bool, _>("has_changes")? == event.changes.is_some()),
    ];
    differs.extend(others.into_iter().filter(|(_, same)| !same).map(|(name, _)| name.to_owned()));
    Ok(differs)
}
