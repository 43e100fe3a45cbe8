//! `POST /api/events`: takes events from programs; acknowledges them when the broker has them.
//!
//! A request is checked whole before anything is published: one faulty event refuses all, and nothing is stored. Events of one request keep
//! their order. What was stored before (same id) is acknowledged again as a duplicate and stored once: the broker knows
//! the ids of its duplicate window, the archive all others.

pub mod body;
mod reply;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::response::Response;
use http::HeaderMap;
use metrics::counter;
use slipstream_access::{Problem, Writer};
use slipstream_broker::{Ack, Outgoing, PublishError};
use slipstream_event::draft::Context;
use slipstream_event::{Event, Fault, Tenant, Timestamp, fault, id, limits};
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use crate::metrics::{INGEST_REFUSED, INGESTED};
use crate::routes::Gateway;
use body::{Body, Item};

/// Younger UUIDv7 ids than this cannot be older than the broker's duplicate window, so the archive is not asked for them.
const FRESH_SECONDS: u64 = 5 * 60;
/// Longest time that asking the archive for known ids may take. Then only the broker's duplicate window protects from repeats on streams; history holds each event once in any case.
const KNOWN: Duration = Duration::from_secs(2);

/// Takes events in.
pub(crate) async fn post(State(gateway): State<Gateway>, writer: Writer, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let answer = take(&gateway, &writer, &headers, body).await;
    if let Err(problem) = &answer {
        counter!(INGEST_REFUSED, "code" => problem.code()).increment(1);
    }
    answer
}

async fn take(gateway: &Gateway, writer: &Writer, headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Response, Problem> {
    let body = body.map_err(|_| Problem::too_large(limits::BATCH_BYTES_MAX))?;
    let Body { is_single, items } = Body::parse(headers, &body).map_err(reply::refused)?;
    let context = Context { tenant: writer.tenant(), actor: &writer.principal().actor, may_write_as: writer.principal().may_write_as(), now: Timestamp::now() };
    let events = finish(items, &context, idempotency_key(headers)?).map_err(|faults| reply::faults(faults, is_single))?;
    let traceparent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let acks = store(gateway, writer.tenant(), &events, traceparent).await;
    let stored = acks.iter().flatten().filter(|ack| !ack.duplicate).count();
    counter!(INGESTED).increment(stored as u64);
    reply::acks(gateway.hub.key(), &events, acks, is_single)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    fault::text("Idempotency-Key", key, limits::NAME_LEN_MAX).map_err(|fault| reply::faults(vec![fault], true))?;
    Ok(Some(key))
}

/// Checks and completes all events. An event without an id gets one that follows from the idempotency key, so that a repeated request repeats its ids.
fn finish(items: Vec<Item>, context: &Context<'_>, key: Option<&str>) -> Result<Vec<Event>, Vec<Fault>> {
    let (mut events, mut faults) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, Item { name, draft }) in items.into_iter().enumerate() {
        let finished = draft.map_err(|fault| vec![fault]).and_then(|mut draft| {
            let keyed = draft.id.is_none().then_some(key).flatten();
            if let Some(key) = keyed {
                draft.id = Some(format!("idempotency-key {index} {key}").chars().take(limits::SOURCE_ID_LEN_MAX).collect());
            }
            let mut event = draft.finish(context)?;
            if keyed.is_some() {
                event.source_id = None;
            }
            Ok(event)
        });
        match finished {
            Ok(event) => events.push(event),
            Err(found) => faults.extend(found.into_iter().map(|fault| if name.is_empty() { fault } else { fault.below(&name) })),
        }
    }
    if faults.is_empty() { Ok(events) } else { Err(faults) }
}

/// Publishes what is new; the answer to each event, in order.
async fn store(gateway: &Gateway, tenant: &Tenant, events: &[Event], traceparent: Option<&str>) -> Vec<Result<Ack, PublishError>> {
    let known = known(gateway, tenant, events).await;
    let new: Vec<Outgoing> = events.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(event, _)| outgoing(event, traceparent)).collect();
    let mut published = match new.len() {
        0 => Vec::new(),
        1 => gateway.broker.publish_all(new).await,
        n => match gateway.broker.publish_batch(&new).await {
            Ok(acks) => acks.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); n],
        },
    }
    .into_iter();
    let missing = || Err(PublishError::Unavailable("no answer".to_owned()));
    known.into_iter().map(|known| known.map_or_else(|| published.next().unwrap_or_else(missing), Ok)).collect()
}

/// Which events the archive has already: asked only for ids that may be older than the broker's duplicate window.
async fn known(gateway: &Gateway, tenant: &Tenant, events: &[Event]) -> Vec<Option<Ack>> {
    let now = Timestamp::now();
    let asked: Vec<(usize, (Uuid, Timestamp))> =
        events.iter().enumerate().filter(|(_, event)| !is_fresh(event.id, now)).map(|(i, event)| (i, (event.id, event.timestamp))).collect();
    let mut known = vec![None; events.len()];
    if asked.is_empty() {
        return known;
    }
    let ids: Vec<_> = asked.iter().map(|(_, id)| *id).collect();
    if let Ok(Ok(found)) = timeout(KNOWN, gateway.replay.cold().known(tenant, &ids)).await {
        for ((index, _), position) in asked.into_iter().zip(found) {
            known[index] = position.map(|position| Ack { position, duplicate: true });
        }
    }
    known
}

fn is_fresh(id: Uuid, now: Timestamp) -> bool {
    let now = u64::try_from(now.micros() / 1_000_000).unwrap_or(0);
    id.get_version_num() == 7 && id.get_timestamp().is_some_and(|made| made.to_unix().0 + FRESH_SECONDS > now)
}

fn outgoing(event: &Event, traceparent: Option<&str>) -> Outgoing {
    Outgoing {
        tenant: event.tenant_id.clone(),
        event_type: event.event_type.clone(),
        msg_id: id::message_id(&event.tenant_id, event.id),
        payload: event.to_json().into(),
        traceparent: traceparent.map(str::to_owned),
    }
}
