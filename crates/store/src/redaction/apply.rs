//! The change itself: what one transaction takes away, with all that was derived from it.

use sha2::{Digest, Sha256};
use slipstream_domain::declared::By;
use slipstream_domain::limits::REDACTION_EVENTS_MAX;
use slipstream_domain::redaction::Applied;
use slipstream_event::ledger::verify::{REDACTED, REMOVED};
use slipstream_event::redaction::{Field, redact};
use slipstream_event::{Actor, Event, Keyset, Tenant};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Counts;
use crate::analytics::correct;
use crate::number::{signed, unsigned};
use crate::{Error, Tx};

/// What is to be taken away, and what is told of it.
#[derive(Debug)]
pub(super) struct Task<'a> {
    /// Of the request, or of the rule.
    pub(super) id: Uuid,
    pub(super) fields: &'a [String],
    pub(super) rule: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    pub(super) actor: &'a Actor,
    pub(super) correlation_id: Option<&'a str>,
    /// Only counted.
    pub(super) dry_run: bool,
}

/// An event that changes: its number, its place, and what is left of it.
#[derive(Debug)]
struct Change {
    number: u64,
    occurred_at: OffsetDateTime,
    event: Event,
    payload: String,
}

/// Takes fields of events away and tells of it. Held events, and those that are evidence themselves, stay. Call [`heed_holds`] before, in the same transaction.
pub(super) async fn apply(tx: &mut Tx, tenant: &Tenant, task: &Task<'_>, keys: &[Keyset]) -> Result<Counts, Error> {
    if keys.is_empty() {
        return Ok(Counts::default());
    }
    if !task.dry_run {
        correct::lock(tx, tenant).await?;
    }
    let rows = lock(tx, tenant, keys).await?;
    let (changes, counts) = decide(&rows, &parse(task.fields)?)?;
    if task.dry_run || changes.is_empty() {
        return Ok(counts);
    }
    let numbers: Vec<u64> = changes.iter().map(|change| change.number).collect();
    correct::forget(tx, tenant, &numbers).await?;
    update(tx, tenant, &changes).await?;
    correct::admit(tx, tenant, &numbers).await?;
    forget(tx, tenant, &changes).await?;
    for changes in changes.chunks(REDACTION_EVENTS_MAX) {
        tell(tx, tenant, task, changes)?;
    }
    Ok(counts)
}

/// Waits for who is placing a hold; from here to the end of the transaction nobody places one.
pub(super) async fn heed_holds(tx: &mut Tx, tenant: &Tenant) -> Result<(), Error> {
    sqlx::query("select slipstream.heed_holds($1)").bind(tenant.as_str()).execute(tx.connection()).await?;
    Ok(())
}

fn parse(paths: &[String]) -> Result<Vec<Field>, Error> {
    paths.iter().map(|path| Field::parse("fields", path)).collect::<Result<_, _>>().map_err(|fault| Error::Refused { what: fault.to_string() })
}

async fn lock(tx: &mut Tx, tenant: &Tenant, keys: &[Keyset]) -> Result<Vec<PgRow>, Error> {
    let times: Vec<OffsetDateTime> = keys.iter().map(|key| key.timestamp.datetime()).collect();
    let statement = sqlx::query(include_str!("../../queries/redaction/lock_rows.sql")).bind(tenant.as_str()).bind(&times);
    let statement = statement.bind(keys.iter().map(|key| key.id).collect::<Vec<_>>()).bind(times.iter().min()).bind(times.iter().max());
    Ok(statement.fetch_all(tx.connection()).await?)
}

fn decide(rows: &[PgRow], fields: &[Field]) -> Result<(Vec<Change>, Counts), Error> {
    let (mut changes, mut counts) = (Vec::new(), Counts::default());
    for row in rows {
        let event_type: &str = row.try_get("type")?;
        let event = Event::from_json(row.try_get::<&str, _>("payload")?.as_bytes());
        match event {
            _ if row.try_get("held")? => counts.held += 1,
            Ok(event) if event_type != REDACTED && event_type != REMOVED => match redact(&event, fields) {
                Some(event) => {
                    let (number, occurred_at) = (unsigned(row.try_get("tenant_seq")?), row.try_get("occurred_at")?);
                    changes.push(Change { number, occurred_at, payload: event.to_json(), event });
                }
                None => counts.unchanged += 1,
            },
            _ => counts.exempt += 1,
        }
    }
    counts.redacted = changes.len() as u64;
    Ok((changes, counts))
}

async fn update(tx: &mut Tx, tenant: &Tenant, changes: &[Change]) -> Result<(), Error> {
    fn column<'a, T>(changes: &'a [Change], of: impl Fn(&'a Change) -> T) -> Vec<T> {
        changes.iter().map(of).collect()
    }
    let times = column(changes, |change| change.occurred_at);
    let statement = sqlx::query(include_str!("../../queries/redaction/update.sql")).bind(tenant.as_str()).bind(times.iter().min()).bind(times.iter().max());
    let statement = statement.bind(&times).bind(column(changes, |change| change.event.id)).bind(column(changes, |change| change.payload.as_str()));
    let statement = statement.bind(column(changes, |change| change.event.actor.user_id.as_str()));
    let statement = statement.bind(column(changes, |change| change.event.actor.name.as_deref()));
    let statement = statement.bind(column(changes, |change| change.event.entity_name.as_deref()));
    let statement = statement.bind(column(changes, |change| change.event.message.as_deref()));
    let statement = statement.bind(column(changes, |change| change.event.correlation_id.as_deref()));
    let statement = statement.bind(column(changes, |change| change.event.concerned()));
    let statement = statement.bind(column(changes, |change| change.event.changes.is_some()));
    let changed = statement.execute(tx.connection()).await?.rows_affected();
    if changed == changes.len() as u64 { Ok(()) } else { Err(Error::Bug(format!("of {} events {changed} were redacted", changes.len()))) }
}

/// What tells of the events as they were: the filters of their batches, pages that readers keep, and files of exports.
async fn forget(tx: &mut Tx, tenant: &Tenant, changes: &[Change]) -> Result<(), Error> {
    let numbers: Vec<i64> = changes.iter().map(|change| signed(change.number)).collect();
    let terms = sqlx::query(include_str!("../../queries/redaction/forget_terms.sql")).bind(tenant.as_str()).bind(numbers);
    terms.execute(tx.connection()).await?;
    // Who claims an export after this has committed reads what is left; who did before is seen by the statement that follows.
    let wait = sqlx::query("select pg_advisory_xact_lock(1819046000, 0)");
    wait.execute(tx.connection()).await?;
    let exports = sqlx::query(include_str!("../../queries/redaction/forget_exports.sql")).bind(tenant.as_str());
    exports.execute(tx.connection()).await?;
    let head = sqlx::query("update slipstream.tenant_head set version = version + 1, updated_at = now() where tenant_id = $1").bind(tenant.as_str());
    head.execute(tx.connection()).await?;
    Ok(())
}

fn tell(tx: &mut Tx, tenant: &Tenant, task: &Task<'_>, changes: &[Change]) -> Result<(), Error> {
    let sha256 = |payload: &str| Sha256::digest(payload).iter().map(|byte| format!("{byte:02x}")).collect();
    let events: Vec<(u64, String)> = changes.iter().map(|change| (change.number, sha256(&change.payload))).collect();
    let applied = Applied { id: task.id, fields: task.fields, events: &events, rule: task.rule, reason: task.reason };
    let by = By { actor: task.actor, correlation_id: task.correlation_id, batch_id: None };
    tx.emit(applied.event(tenant, by).map_err(|broken| Error::Bug(broken.to_string()))?);
    Ok(())
}
