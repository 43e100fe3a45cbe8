//! Which events the next transaction is about.

use slipstream_domain::limits::REDACTION_EVENTS_MAX;
use slipstream_event::{Keyset, Tenant, Timestamp, Viewer};
use sqlx::{Postgres, QueryBuilder};
use time::OffsetDateTime;
use uuid::Uuid;

use super::Selection;
use crate::history::predicate::{Leg, push_filter, push_time, push_viewer};
use crate::number::{signed, unsigned};
use crate::{Error, Tx, limits};

/// The columns that conditions look at, without the bytes.
const SCANNED: &str = "with scanned as materialized (\
     select e.occurred_at, e.event_id, e.tenant_seq, e.type, e.module, e.entity_type, e.legacy_entity_type, e.entity_id, e.actor_id, e.severity, e.action, e.category, \
     e.correlation_id, e.visibility, e.concerned from slipstream.event as e where e.tenant_id = ";

/// Events to redact, and how far was looked for them.
#[derive(Debug)]
pub(super) struct Chosen<P> {
    pub(super) keys: Vec<Keyset>,
    /// Where to go on.
    pub(super) last: Option<P>,
    /// Whether there may be more.
    pub(super) more: bool,
}

/// The events with these ids.
pub(super) async fn by_id(tx: &mut Tx, tenant: &Tenant, viewer: &Viewer, ids: &[Uuid]) -> Result<Vec<Keyset>, Error> {
    let statement = sqlx::query_as(include_str!("../../queries/redaction/by_id.sql")).bind(tenant.as_str()).bind(ids).bind(viewer.platform);
    let rows: Vec<(OffsetDateTime, Uuid)> = statement.fetch_all(tx.connection()).await?;
    Ok(rows.into_iter().map(|(at, id)| Keyset { timestamp: at.into(), id }).collect())
}

/// The next events of a selection after `after`, in the order of their times, with numbers up to `through`. At most [`limits::REDACTION_SCAN_MAX`] are looked at.
pub(super) async fn by_time(
    tx: &mut Tx,
    tenant: &Tenant,
    viewer: &Viewer,
    selection: &Selection,
    after: Option<Keyset>,
    through: u64,
) -> Result<Chosen<Keyset>, Error> {
    let query = selection.query(viewer, after);
    let mut sql = QueryBuilder::<Postgres>::new(SCANNED);
    sql.push_bind(tenant.as_str().to_owned());
    push_time(&mut sql, &query, Leg { from: None, below: None });
    // An index leads to one entity's events in this order.
    if let Some(id) = &selection.entity_id {
        sql.push(" and e.entity_id = ").push_bind(id.clone());
    }
    sql.push(" order by e.occurred_at, e.event_id limit ").push_bind(limits::REDACTION_SCAN_MAX);
    sql.push(") select e.occurred_at, e.event_id, (e.tenant_seq <= ").push_bind(signed(through));
    push_viewer(&mut sql, viewer);
    push_filter(&mut sql, &query);
    // A comparison with what an event does not have is neither true nor false.
    sql.push(") is true as chosen from scanned as e order by e.occurred_at, e.event_id");
    let rows: Vec<(OffsetDateTime, Uuid, bool)> = sql.build_query_as().fetch_all(tx.connection()).await?;
    let more = rows.len() as i64 >= limits::REDACTION_SCAN_MAX;
    let mut chosen = Chosen { keys: Vec::new(), last: None, more };
    for (at, id, is_chosen) in rows {
        let key = Keyset { timestamp: at.into(), id };
        chosen.last = Some(key);
        if is_chosen {
            chosen.keys.push(key);
        }
        if chosen.keys.len() >= REDACTION_EVENTS_MAX {
            chosen.more = true;
            break;
        }
    }
    Ok(chosen)
}

/// Events of a selection that came after number `seen` although they happened before `until`: those of the first batch that has some. `None` when no batch has.
pub(super) async fn late(
    tx: &mut Tx,
    tenant: &Tenant,
    viewer: &Viewer,
    selection: &Selection,
    seen: u64,
    until: Timestamp,
) -> Result<Option<Chosen<u64>>, Error> {
    let statement = sqlx::query_as(include_str!("../../queries/redaction/late_batch.sql")).bind(tenant.as_str()).bind(signed(seen)).bind(until.datetime());
    let batch: Option<(i64, i64, OffsetDateTime)> = statement.fetch_optional(tx.connection()).await?;
    let Some((start, last, occurred_from)) = batch else { return Ok(None) };
    let mut sql = QueryBuilder::<Postgres>::new("select e.occurred_at, e.event_id, e.tenant_seq from slipstream.event as e where e.tenant_id = ");
    sql.push_bind(tenant.as_str().to_owned());
    sql.push(" and e.tenant_seq > ").push_bind(start.max(signed(seen))).push(" and e.tenant_seq <= ").push_bind(last);
    sql.push(" and e.occurred_at >= ").push_bind(occurred_from).push(" and e.occurred_at <= ").push_bind(until.datetime());
    push_viewer(&mut sql, viewer);
    push_filter(&mut sql, &selection.query(viewer, None));
    sql.push(" order by e.tenant_seq limit ").push_bind(i64::try_from(REDACTION_EVENTS_MAX).unwrap_or(i64::MAX));
    let rows: Vec<(OffsetDateTime, Uuid, i64)> = sql.build_query_as().fetch_all(tx.connection()).await?;
    let is_cut = rows.len() >= REDACTION_EVENTS_MAX;
    let through = rows.last().filter(|_| is_cut).map_or(last, |(_, _, number)| *number);
    let keys = rows.into_iter().map(|(at, id, _)| Keyset { timestamp: at.into(), id }).collect();
    Ok(Some(Chosen { keys, last: Some(unsigned(through)), more: true }))
}
