//! The ledger of a tenant: its state, checkpoints and proofs, for auditors.
//!
//! `GET /api/ledger` · `GET /api/ledger/export` · `GET /api/ledger/checkpoints` · `GET /api/ledger/consistency` · `GET /api/ledger/completeness` · `GET /api/events/{id}/proof`. Hashes are base64, numbers count events from 1; forms and
//! proofs are those of RFC 9162 and <https://c2sp.org/tlog-checkpoint>. All are for admins: sizes tell of events that others do not see.

mod completeness;
mod export;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use slipstream_access::{Admin, Class, Parameters, Problem, Query, Route};
use slipstream_event::Tenant;
use slipstream_event::ledger::{Checkpoint, Verifiers};
use slipstream_store::ledger;
use slipstream_store::retention::removed;
use uuid::Uuid;

use crate::failure::Failure;
use crate::routes::Endpoint;
use crate::{ApiState, limits};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/ledger", Class::Admin), query: Parameters::Only(&[]), handler: || get(state) },
    Endpoint { route: Route::new("GET", "/api/ledger/export", Class::Admin), query: Parameters::Only(&[]), handler: || get(export::read) },
    Endpoint {
        route: Route::new("GET", "/api/ledger/checkpoints", Class::Admin),
        query: Parameters::Only(&[&["after", "limit"]]),
        handler: || get(checkpoints),
    },
    Endpoint { route: Route::new("GET", "/api/ledger/consistency", Class::Admin), query: Parameters::Only(&[&["from", "to"]]), handler: || get(consistency) },
    Endpoint {
        route: Route::new("GET", "/api/ledger/completeness", Class::Admin),
        query: Parameters::Only(&[&["from", "through", "timeStart", "timeEnd"]]),
        handler: || get(completeness::read),
    },
    Endpoint { route: Route::new("GET", "/api/events/{id}/proof", Class::Admin), query: Parameters::Only(&[]), handler: || get(proof) },
];

/// Size and root now, the last checkpoint, and the keys that it can be checked with.
async fn state(State(state): State<ApiState>, admin: Admin) -> Result<Response, Failure> {
    let found = ledger::state(&state.archive, admin.tenant()).await?;
    Ok(answer(&json!({
        "tenant": admin.tenant(),
        "size": found.size,
        "root": found.root,
        "checkpoint": found.checkpoint,
        "signedThrough": found.checkpoint.and_then(|note| opened(&state.ledger_keys, admin.tenant(), &note)).map_or(0, |checkpoint| checkpoint.size),
        "keys": keys(&state.ledger_keys),
    })))
}

/// Checkpoints over more than `after` events, ascending.
async fn checkpoints(State(state): State<ApiState>, admin: Admin, query: Query) -> Result<Response, Failure> {
    let mut invalid = Vec::new();
    let mut number = |name, default, range| query.integer(name, default, range).map_err(|fault| invalid.push(fault)).unwrap_or_default();
    let (after, limit) = (number("after", 0, 0..=i64::MAX), number("limit", limits::LIST_LIMIT_DEFAULT, 1..=limits::LIST_LIMIT_MAX));
    if !invalid.is_empty() {
        return Err(invalid.into());
    }
    let limit = u32::try_from(limit).unwrap_or_default();
    let found = ledger::checkpoints(&state.archive, admin.tenant(), after.unsigned_abs(), 1, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|(size, _)| *size);
    let items: Vec<Value> = found.into_iter().map(|(size, note)| json!({"size": size, "checkpoint": note})).collect();
    Ok(answer(&json!({"items": items, "next_after": next})))
}

/// The proof that the ledger with `to` events begins with the one that had `from`.
async fn consistency(State(state): State<ApiState>, admin: Admin, query: Query) -> Result<Response, Failure> {
    let mut invalid = Vec::new();
    let mut number = |name| match query.text(name) {
        Some(_) => query.integer(name, 0, 0..=i64::MAX).map_err(|fault| invalid.push(fault)).unwrap_or_default().unsigned_abs(),
        None => {
            invalid.push(query.invalid(name, "required", "is required: a number of events".to_owned()));
            0
        }
    };
    let (from, to) = (number("from"), number("to"));
    if from > to && invalid.is_empty() {
        invalid.push(query.invalid("from", "range_inverted", "must not be more than to".to_owned()));
    }
    if !invalid.is_empty() {
        return Err(invalid.into());
    }
    let beyond = || Failure::from(vec![query.invalid("to", "beyond_end", "the ledger has fewer events".to_owned())]);
    let path = ledger::consistency(&state.archive, admin.tenant(), from, to).await?.ok_or_else(beyond)?;
    Ok(answer(&json!({"tenant": admin.tenant(), "from": from, "to": to, "path": path})))
}

/// The proof that an event is in the ledger, under the last checkpoint that covers it; under the ledger's present root while none does.
async fn proof(State(state): State<ApiState>, admin: Admin, Path(id): Path<String>) -> Result<Response, Failure> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let (tenant, viewer) = (admin.tenant(), &admin.principal().viewer);
    let Some(number) = ledger::find(&state.archive, tenant, viewer, id).await? else { return Err(gone(&state, tenant, id).await?.into()) };
    let now = ledger::state(&state.archive, tenant).await?;
    let signed = now.checkpoint.as_deref().and_then(|note| opened(&state.ledger_keys, tenant, note)).filter(|checkpoint| checkpoint.size >= number);
    let (size, root) = signed.as_ref().map_or((now.size, now.root), |checkpoint| (checkpoint.size, checkpoint.root));
    let found = ledger::inclusion(&state.archive, tenant, number, size).await?.ok_or_else(Problem::not_found)?;
    Ok(answer(&json!({
        "tenant": tenant,
        "eventId": id,
        "number": found.number,
        "leaf": found.leaf,
        "size": found.size,
        "root": root,
        "path": found.path,
        "checkpoint": now.checkpoint.filter(|_| signed.is_some()),
        "keys": keys(&state.ledger_keys),
    })))
}

/// Why there is no event to prove: retention removed it, or it was never there.
async fn gone(state: &ApiState, tenant: &Tenant, id: Uuid) -> Result<Problem, Failure> {
    let Some(removed) = removed::find(&state.archive, tenant, id).await? else { return Ok(Problem::not_found()) };
    let detail = format!("retention removed this event, number {} of the ledger, at {}", removed.number, removed.at);
    Ok(Problem::new(StatusCode::GONE, "event_removed", detail).with("number", removed.number).with("removedAt", removed.at.to_string()))
}

fn opened(keys: &Verifiers, tenant: &Tenant, note: &str) -> Option<Checkpoint> {
    keys.open_of(tenant, note).ok()
}

/// The verifier keys, in the form of signed notes.
pub(crate) fn keys(keys: &Verifiers) -> Vec<String> {
    keys.0.iter().map(ToString::to_string).collect()
}

fn answer(body: &Value) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (headers, body.to_string()).into_response()
}
