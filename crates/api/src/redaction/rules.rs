//! `/api/archive/redaction-rules`: what is redacted by itself when it has reached an age. For admins; each change is told of by an event. A rule that was changed begins anew.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Class, Json, Parameters, Problem, Route};
use slipstream_domain::redaction as rules;
use slipstream_store::redaction::rule::{self as table, Row};
use slipstream_store::{Error, Scope, Tx, limits};
use uuid::Uuid;

use super::request;
use crate::ApiState;
use crate::failure::Failure;
use crate::id::Id;
use crate::keyed::Keyed;
use crate::origin::Origin;
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/archive/redaction-rules", Class::Admin), query: Parameters::Only(&[]), handler: || get(list) },
    Endpoint { route: Route::new("POST", "/api/archive/redaction-rules", Class::Admin), query: Parameters::Only(&[]), handler: || post(create) },
    Endpoint { route: Route::new("PUT", "/api/archive/redaction-rules/{id}", Class::Admin), query: Parameters::Only(&[]), handler: || put(replace) },
    Endpoint { route: Route::new("DELETE", "/api/archive/redaction-rules/{id}", Class::Admin), query: Parameters::Only(&[]), handler: || delete(remove) },
];

async fn list(State(state): State<ApiState>, admin: Admin) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let rows = state.domain.read(&Scope::Account(tenant.clone()), async |tx: &mut Tx| table::list(tx, tenant).await).await?;
    Ok(answer(StatusCode::OK, &json!({"items": rows.iter().map(shown).collect::<Vec<_>>()})))
}

async fn create(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Response, Failure> {
    let (tenant, principal, id) = (admin.tenant(), admin.principal(), Uuid::now_v7());
    let keyed = Keyed::of(&headers, "redaction rule", principal, &body)?;
    let rule = request::rule(body)?;
    let event = rules::rule_saved(tenant, id, &rule, origin.of(&principal.actor))?;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        if let Some(before) = keyed.take(tx, tenant, &json!({"id": id})).await? {
            // It may have been changed since.
            let made = table::list(tx, tenant).await?.iter().find(|row| before["id"] == json!(row.id)).map(shown);
            return Ok(made.ok_or_else(Problem::not_found)?);
        }
        let row = table::insert(tx, tenant, id, &rule, &principal.viewer, &principal.actor.user_id).await.map_err(refused)?;
        tx.emit(event);
        Ok(shown(&row))
    };
    Ok(answer(StatusCode::CREATED, &state.domain.write(tenant, write).await?))
}

async fn replace(State(state): State<ApiState>, admin: Admin, id: Id, origin: Origin, Json(body): Json<Map<String, Value>>) -> Result<Response, Failure> {
    let (tenant, principal, id) = (admin.tenant(), admin.principal(), id.known()?);
    let rule = request::rule(body)?;
    let event = rules::rule_saved(tenant, id, &rule, origin.of(&principal.actor))?;
    let write = async |tx: &mut Tx| -> Result<Row, Failure> {
        tx.trace(origin.traceparent.clone());
        let row = table::replace(tx, tenant, id, &rule, &principal.viewer, &principal.actor.user_id).await?.ok_or_else(Problem::not_found)?;
        tx.emit(event);
        Ok(row)
    };
    Ok(answer(StatusCode::OK, &shown(&state.domain.write(tenant, write).await?)))
}

async fn remove(State(state): State<ApiState>, admin: Admin, id: Id, origin: Origin) -> Result<StatusCode, Failure> {
    let (tenant, principal, id) = (admin.tenant(), admin.principal(), id.known()?);
    let write = async |tx: &mut Tx| -> Result<(), Failure> {
        tx.trace(origin.traceparent.clone());
        let name = table::delete(tx, tenant, id).await?.ok_or_else(Problem::not_found)?;
        tx.emit(rules::rule_deleted(tenant, id, &name, origin.of(&principal.actor))?);
        Ok(())
    };
    state.domain.write(tenant, write).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: Error) -> Failure {
    match &error {
        Error::Refused { what } if what == "too_many_rules" => {
            Problem::conflict("too_many_rules", format!("a tenant has at most {} rules of redaction", limits::REDACTION_RULES_MAX)).into()
        }
        _ => error.into(),
    }
}

fn shown(row: &Row) -> Value {
    json!({
        "id": row.id,
        "name": row.rule.name,
        "types": row.rule.types,
        "category": row.rule.category,
        "fields": row.rule.fields,
        "afterDays": row.rule.after_days,
        "enabled": row.rule.enabled,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
        "updatedBy": row.updated_by,
        "redacted": row.redacted,
        "held": row.held,
    })
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
