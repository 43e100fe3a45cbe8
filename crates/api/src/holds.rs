//! `/api/archive/holds`: what must stay as it is. For admins; placing and releasing are told of by events.

pub(crate) mod request;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Class, Json, Parameters, Problem, Query, Route};
use slipstream_domain::holds as rules;
use slipstream_event::Timestamp;
use slipstream_store::holds::{self as table, Release, Row};
use slipstream_store::redaction::rule;
use slipstream_store::{Error, Scope, Tx};
use uuid::Uuid;

use crate::ApiState;
use crate::failure::Failure;
use crate::id::Id;
use crate::keyed::Keyed;
use crate::origin::Origin;
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/archive/holds", Class::Admin), query: request::PAGE_TAKES, handler: || get(list) },
    Endpoint { route: Route::new("POST", "/api/archive/holds", Class::Admin), query: Parameters::Only(&[]), handler: || post(place) },
    Endpoint { route: Route::new("POST", "/api/archive/holds/{id}/release", Class::Admin), query: Parameters::Only(&[]), handler: || post(release) },
];

async fn list(State(state): State<ApiState>, admin: Admin, query: Query) -> Result<Response, Failure> {
    let (tenant, page) = (admin.tenant(), request::page(&query)?);
    let read = async |tx: &mut Tx| table::list(tx, tenant, page.after, page.limit).await;
    let rows = state.domain.read(&Scope::Account(tenant.clone()), read).await?;
    let next = rows.last().filter(|_| rows.len() == page.limit as usize).map(|row| row.id);
    Ok(answer(StatusCode::OK, &json!({"items": rows.iter().map(shown).collect::<Vec<_>>(), "next": next})))
}

async fn place(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Response, Failure> {
    let (tenant, principal) = (admin.tenant(), admin.principal());
    let keyed = Keyed::of(&headers, "hold", principal, &body)?;
    let row = Row { id: Uuid::now_v7(), hold: request::hold(body)?, placed_at: Timestamp::now(), placed_by: principal.actor.user_id.clone(), released: None };
    let event = rules::placed(tenant, row.id, &row.hold, origin.of(&principal.actor))?;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        let made = shown(&row);
        if let Some(before) = keyed.take(tx, tenant, &made).await? {
            return Ok(before);
        }
        table::place(tx, tenant, &row).await.map_err(refused)?;
        tx.emit(event);
        Ok(made)
    };
    Ok(answer(StatusCode::CREATED, &state.domain.write(tenant, write).await?))
}

/// Releases a hold; rules of redaction look again at what they passed over. One that is released already answers as it is, and nothing is told again.
async fn release(State(state): State<ApiState>, admin: Admin, id: Id, origin: Origin, Json(body): Json<Map<String, Value>>) -> Result<Response, Failure> {
    let (tenant, principal, id) = (admin.tenant(), admin.principal(), id.known()?);
    let reason = request::release(body)?;
    let write = async |tx: &mut Tx| -> Result<Row, Failure> {
        tx.trace(origin.traceparent.clone());
        let row = table::lock(tx, tenant, id).await?.ok_or_else(Problem::not_found)?;
        if row.released.is_some() {
            return Ok(row);
        }
        let end = Release { at: Timestamp::now(), by: principal.actor.user_id.clone(), reason };
        table::release(tx, tenant, id, &end).await?;
        rule::restart(tx, tenant).await?;
        tx.emit(rules::released(tenant, id, &row.hold.name, end.reason.as_deref(), origin.of(&principal.actor))?);
        Ok(Row { released: Some(end), ..row })
    };
    Ok(answer(StatusCode::OK, &shown(&state.domain.write(tenant, write).await?)))
}

fn refused(error: Error) -> Failure {
    match &error {
        Error::Refused { what } if what == "too_many_holds" => {
            Problem::conflict("too_many_holds", format!("a tenant has at most {} holds that are not released", slipstream_store::limits::HOLDS_OPEN_MAX)).into()
        }
        _ => error.into(),
    }
}

fn shown(row: &Row) -> Value {
    let hold = &row.hold;
    json!({
        "id": row.id,
        "name": hold.name,
        "reason": hold.reason,
        "category": hold.category,
        "entityType": hold.entity_type,
        "entityId": hold.entity_id,
        "actorUserId": hold.actor_user_id,
        "occurredFrom": hold.occurred_from,
        "occurredTo": hold.occurred_to,
        "placedAt": row.placed_at,
        "placedBy": row.placed_by,
        "releasedAt": row.released.as_ref().map(|end| end.at),
        "releasedBy": row.released.as_ref().map(|end| &end.by),
        "releaseReason": row.released.as_ref().map(|end| &end.reason),
    })
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
