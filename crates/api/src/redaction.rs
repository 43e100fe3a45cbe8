//! `/api/archive/redactions`: taking fields of archived events away. For admins. A request is kept as a job and done in transactions of bounded size; each is told of by an event.

mod request;
pub(crate) mod rules;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Class, Json, Parameters, Problem, Query, Route};
use slipstream_store::redaction::Events;
use slipstream_store::redaction::job::{self as table, Job, New};
use slipstream_store::{Error, Scope, Tx, limits};
use uuid::Uuid;

use crate::ApiState;
use crate::failure::Failure;
use crate::holds::request::{PAGE_TAKES, page};
use crate::id::Id;
use crate::keyed::Keyed;
use crate::origin::Origin;
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/archive/redactions", Class::Admin), query: PAGE_TAKES, handler: || get(list) },
    Endpoint { route: Route::new("POST", "/api/archive/redactions", Class::Admin), query: Parameters::Only(&[]), handler: || post(create) },
    Endpoint { route: Route::new("GET", "/api/archive/redactions/{id}", Class::Admin), query: Parameters::Only(&[]), handler: || get(one) },
];

async fn list(State(state): State<ApiState>, admin: Admin, query: Query) -> Result<Response, Failure> {
    let (tenant, page) = (admin.tenant(), page(&query)?);
    let read = async |tx: &mut Tx| table::list(tx, tenant, page.after, page.limit).await;
    let jobs = state.domain.read(&Scope::Account(tenant.clone()), read).await?;
    let next = jobs.last().filter(|_| jobs.len() == page.limit as usize).map(|job| job.asked.id);
    Ok(answer(&json!({"items": jobs.iter().map(shown).collect::<Vec<_>>(), "next": next})))
}

async fn one(State(state): State<ApiState>, admin: Admin, id: Id) -> Result<Response, Failure> {
    let (tenant, id) = (admin.tenant(), id.known()?);
    let read = async |tx: &mut Tx| table::find(tx, tenant, id).await;
    let job = state.domain.read(&Scope::Account(tenant.clone()), read).await?.ok_or_else(Problem::not_found)?;
    Ok(answer(&shown(&job)))
}

async fn create(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Response, Failure> {
    let (tenant, principal) = (admin.tenant(), admin.principal());
    let keyed = Keyed::of(&headers, "redaction", principal, &body)?;
    let wanted = request::redaction(body)?;
    let id = Uuid::now_v7();
    let new = New {
        id,
        events: wanted.events,
        viewer: principal.viewer.clone(),
        fields: wanted.fields,
        reason: wanted.reason,
        dry_run: wanted.dry_run,
        actor: principal.actor.clone(),
        correlation_id: origin.correlation_id.clone(),
    };
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        if let Some(before) = keyed.take(tx, tenant, &json!(id)).await? {
            return Ok(before);
        }
        table::insert(tx, tenant, new).await.map_err(refused)?;
        Ok(json!(id))
    };
    let id = state.domain.write(tenant, write).await?.as_str().and_then(|id| Uuid::try_parse(id).ok()).unwrap_or(id);
    let read = async |tx: &mut Tx| table::find(tx, tenant, id).await;
    let job = state.domain.read(&Scope::Account(tenant.clone()), read).await?.ok_or_else(Problem::not_found)?;
    let mut response = (StatusCode::ACCEPTED, answer(&shown(&job))).into_response();
    if let Ok(place) = HeaderValue::from_str(&format!("/api/archive/redactions/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

fn refused(error: Error) -> Failure {
    match &error {
        Error::Refused { what } if what == "too_many_redactions" => {
            Problem::conflict("too_many_redactions", format!("a tenant has at most {} redactions that are not done", limits::REDACTION_JOBS_OPEN_MAX)).into()
        }
        _ => error.into(),
    }
}

fn shown(job: &Job) -> Value {
    let (asked, counts) = (&job.asked, &job.counts);
    let (ids, selection) = match &asked.events {
        Events::Ids(ids) => (Some(ids), None),
        Events::Selection(selection) => (None, Some(selection)),
    };
    json!({
        "id": asked.id,
        "state": job.state.as_str(),
        "ids": ids,
        "selection": selection,
        "fields": asked.fields,
        "reason": asked.reason,
        "dryRun": asked.dry_run,
        "requestedBy": asked.actor.user_id,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "redacted": counts.redacted,
        "unchanged": counts.unchanged,
        "held": counts.held,
        "exempt": counts.exempt,
        "missing": counts.missing,
        "failure": job.failure,
    })
}

fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
