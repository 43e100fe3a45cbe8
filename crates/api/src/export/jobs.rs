//! `/api/exports`: large exports as jobs, which a worker turns into files.
//!
//! An admin knows the tenant's jobs but not those of owners that see more than it does; for it they are not there.

mod file;
mod range;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Admin, Class, Json, Parameters, Problem, Query, Route};
use slipstream_domain::declared::By;
use slipstream_domain::export::{self as rules, Export};
use slipstream_event::{Fault, Position, subject};
use slipstream_store::export::{self as table, Bound, Job, New, Reach, State as JobState};
use slipstream_store::{Error, Tx, ledger};
use uuid::Uuid;

use super::request;
use crate::failure::Failure;
use crate::id::Id;
use crate::origin::Origin;
use crate::routes::Endpoint;
use crate::{ApiState, limits};

/// The purpose for which manifests are signed.
const MANIFEST: &str = "slipstream-export-manifest";

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("POST", "/api/exports", Class::Admin), query: Parameters::Only(&[]), handler: || post(create) },
    Endpoint { route: Route::new("GET", "/api/exports", Class::Admin), query: Parameters::Only(&[]), handler: || get(list) },
    Endpoint { route: Route::new("GET", "/api/exports/{id}", Class::Admin), query: Parameters::Only(&[]), handler: || get(one) },
    Endpoint { route: Route::new("DELETE", "/api/exports/{id}", Class::Admin), query: Parameters::Only(&[]), handler: || delete(remove) },
    Endpoint { route: Route::new("GET", "/api/exports/{id}/file", Class::Admin), query: Parameters::Only(&[]), handler: || get(file::read) },
    Endpoint { route: Route::new("GET", "/api/exports/{id}/manifest", Class::Admin), query: Parameters::Only(&[]), handler: || get(manifest) },
];

/// A value, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// What is asked for: the words of `GET /api/events/export`, as JSON.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    format: String,
    #[serde(default)]
    end: bool,
    #[serde(default)]
    filters: std::collections::BTreeMap<String, Values>,
}

impl Asked {
    /// As the parameters of a query, so that both routes read them by the same rules.
    fn query(&self) -> Result<Query, Failure> {
        let unknown = self.filters.keys().filter(|name| !request::is_filter(name));
        let fault = |name: &String| Invalid::new(Location::Body, Fault::new(format!("filters.{name}"), "field_unknown", "is no filter of history"));
        let unknown: Vec<Invalid> = unknown.map(fault).collect();
        if !unknown.is_empty() {
            return Err(unknown.into());
        }
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        pairs.append_pair("format", &self.format).append_pair("end", if self.end { "true" } else { "false" });
        for (name, values) in &self.filters {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            pairs.extend_pairs(values.iter().map(|value| (name, value)));
        }
        Ok(Query::parse(&pairs.finish())?)
    }
}

async fn create(State(state): State<ApiState>, admin: Admin, origin: Origin, Json(asked): Json<Asked>) -> Result<Response, Failure> {
    let tenant = admin.tenant();
    let wanted = request::parse(&asked.query()?, &admin.principal().viewer)?;
    let bound = table::bound(&state.archive, tenant, subject::shard_of(tenant, state.shards)).await?;
    let rows = table::count(&state.archive, tenant, &wanted.query, bound, limits::EXPORT_COUNT_WAIT).await?;
    let id = Uuid::now_v7();
    let export = Export { id, what: "the history", format: wanted.format.as_str(), filters: &wanted.filters, rows, job: Some(id) };
    let event = rules::created(&export, tenant, By { actor: &admin.principal().actor, correlation_id: origin.correlation_id.as_deref(), batch_id: None })?;
    let owner = admin.principal().actor.user_id.clone();
    let (format, end_line) = (wanted.format, wanted.end_line);
    let new = New { id, owner, format, end_line, filters: wanted.filters.clone(), query: wanted.query, bound, rows_estimated: rows };
    let write = async |tx: &mut Tx| -> Result<Job, Failure> {
        tx.trace(origin.traceparent.clone());
        let job = table::insert(tx, new).await.map_err(refused)?;
        tx.emit(event);
        Ok(job)
    };
    let job = state.domain.write(tenant, write).await?;
    let mut headers = HeaderMap::new();
    super::set(&mut headers, header::LOCATION, &format!("/api/exports/{id}"));
    Ok((StatusCode::ACCEPTED, headers, answer(&shown(&job))).into_response())
}

async fn list(State(state): State<ApiState>, admin: Admin) -> Result<Response, Failure> {
    let jobs = known(&state, &admin, None).await?;
    Ok(answer(&json!({"items": jobs.iter().map(shown).collect::<Vec<_>>()})))
}

async fn one(State(state): State<ApiState>, admin: Admin, id: Id) -> Result<Response, Failure> {
    Ok(answer(&shown(&job(&state, &admin, id).await?)))
}

async fn remove(State(state): State<ApiState>, admin: Admin, id: Id) -> Result<Response, Failure> {
    let (owner, reach) = seer(&admin);
    if !table::remove(&state.domain, admin.tenant(), owner, reach, id.known()?).await? {
        return Err(Problem::not_found().into());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the file holds, with the last checkpoint of the tenant's ledger, and signed when there is a key: `signature.value` is over the text `signature.over`, which says the same
/// as the members beside it, for the purpose [`MANIFEST`] (`slipstream_event::ledger::Verifier::verify_bytes`).
async fn manifest(State(state): State<ApiState>, admin: Admin, id: Id) -> Result<Response, Failure> {
    let job = job(&state, &admin, id).await?;
    let sha256 = finished(&job)?;
    let Bound { shard, epoch, seq, number } = job.bound;
    let through = state.cursor_key.seal(&job.tenant, Position::new(shard, epoch, seq));
    let checkpoint = ledger::state(&state.archive, &job.tenant).await?.checkpoint;
    let mut manifest = json!({
        "id": job.id,
        "tenant": job.tenant,
        "format": job.format,
        "filters": job.filters,
        "order": "newest first",
        "rows": job.rows_done,
        "bytes": job.bytes,
        "sha256": sha256,
        "createdBy": job.owner,
        "createdAt": job.created_at,
        "finishedAt": job.finished_at,
        "archive": {"through": through, "upperSeq": number},
        "checkpoint": checkpoint,
    });
    let over = manifest.to_string();
    manifest["signature"] = state.ledger_signers.as_deref().map_or(Value::Null, |signers| {
        let (key, value) = signers.sign_bytes(MANIFEST, over.as_bytes());
        json!({"key": key.to_string(), "over": over, "value": value})
    });
    Ok(answer(&manifest))
}

/// The job, if this caller may know it.
async fn job(state: &ApiState, admin: &Admin, id: Id) -> Result<Job, Failure> {
    Ok(known(state, admin, Some(id.known()?)).await?.pop().ok_or_else(Problem::not_found)?)
}

async fn known(state: &ApiState, admin: &Admin, id: Option<Uuid>) -> Result<Vec<Job>, Failure> {
    let (owner, reach) = seer(admin);
    Ok(table::list(&state.domain, admin.tenant(), owner, reach, id).await?)
}

fn seer(admin: &Admin) -> (&str, Reach) {
    (&admin.principal().actor.user_id, Reach::of(&admin.principal().viewer))
}

/// The hash of a file that can be fetched, in hexadecimal.
fn finished(job: &Job) -> Result<String, Problem> {
    match (job.state, &job.sha256) {
        (JobState::Ready, Some(hash)) => Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect()),
        (JobState::Expired, _) => Err(Problem::new(StatusCode::GONE, "export_expired", "the file is not kept any more; make a new export")),
        (state, _) => Err(Problem::conflict("export_not_ready", format!("the export is {}", state.as_str()))),
    }
}

fn refused(error: Error) -> Failure {
    match &error {
        Error::Refused { what } if what == "export_in_progress" => too_many("export_in_progress", "you have an export that is not done"),
        Error::Refused { what } if what == "too_many_exports" => too_many("too_many_exports", "your organisation has as many exports as it may at a time"),
        _ => error.into(),
    }
}

fn too_many(code: &'static str, detail: &str) -> Failure {
    Problem::too_many_requests(code, detail, limits::EXPORTS_RETRY_AFTER).into()
}

fn shown(job: &Job) -> Value {
    let progress = match (job.state, job.rows_estimated) {
        (JobState::Ready, _) => Some(1.0),
        (_, Some(rows)) if rows > 0 => Some((job.rows_done as f64 / rows as f64).min(1.0)),
        _ => None,
    };
    json!({
        "id": job.id,
        "state": job.state.as_str(),
        "format": job.format,
        "filters": job.filters,
        "createdBy": job.owner,
        "createdAt": job.created_at,
        "startedAt": job.started_at,
        "finishedAt": job.finished_at,
        "expiresAt": job.expires_at,
        "rows": job.rows_done,
        "rowsEstimated": job.rows_estimated,
        "bytes": job.bytes,
        "progress": progress,
        "failure": job.failure,
    })
}

fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
