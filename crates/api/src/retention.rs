//! `/api/archive/retention`: how long a tenant's archive keeps events. For admins; a change is told of by an event, and so is what was removed.
//!
//! `GET` tells the rules, what they mean now, and what the last runs did; `PUT` sets all rules anew; `POST …/preview` tells what would go now, under the rules that hold or under others, and
//! changes nothing.

mod request;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Map, Value, json};
use slipstream_access::{Admin, Class, Json, Parameters, Route};
use slipstream_domain::activity::Settings as Log;
use slipstream_domain::retention::{Group, Rule, groups, updated};
use slipstream_event::{Tenant, Timestamp};
use slipstream_store::retention::{preview, rules, runs};
use slipstream_store::{Scope, Tx, activity};

use crate::ApiState;
use crate::failure::Failure;
use crate::keyed::Keyed;
use crate::origin::Origin;
use crate::routes::Endpoint;

const PATH: &str = "/api/archive/retention";

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", PATH, Class::Admin), query: Parameters::Only(&[]), handler: || get(read) },
    Endpoint { route: Route::new("PUT", PATH, Class::Admin), query: Parameters::Only(&[]), handler: || axum::routing::put(replace) },
    Endpoint { route: Route::new("POST", "/api/archive/retention/preview", Class::Admin), query: Parameters::Only(&[]), handler: || post(dry_run) },
];

async fn read(State(state): State<ApiState>, admin: Admin) -> Result<Response, Failure> {
    let (tenant, now) = (admin.tenant(), Timestamp::now());
    let read = async |tx: &mut Tx| Ok::<_, slipstream_store::Error>((rules::read(tx, tenant).await?, runs::overview(tx, tenant).await?));
    let (rules, overview) = state.domain.read(&Scope::Account(tenant.clone()), read).await?;
    let stored = preview::stored(&state.archive, tenant).await?;
    let log = activity::shown(&state.archive, tenant, now).await?.settings;
    Ok(answer(&json!({
        "rules": shown(&rules, &log, now),
        "defaultMaxDays": state.retention.max_days,
        "keptHoursMin": state.retention.keep.as_secs() / 3_600,
        "activityLogMaxDays": log.enabled.then_some(log.max_days),
        "stored": {"events": stored.events, "removed": stored.removed, "oldest": stored.oldest},
        "nextRunAt": overview.due_at,
        "runningSince": overview.began_at,
        "lastRun": overview.last,
        "runs": overview.runs,
    })))
}

async fn replace(
    State(state): State<ApiState>,
    admin: Admin,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Map<String, Value>>,
) -> Result<Response, Failure> {
    let (tenant, principal) = (admin.tenant(), admin.principal());
    let keyed = Keyed::of(&headers, "retention", principal, &body)?;
    let after = request::rules(body)?;
    let log = activity::shown(&state.archive, tenant, Timestamp::now()).await?.settings;
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        let made = json!({"rules": shown(&after, &log, Timestamp::now())});
        if let Some(before) = keyed.take(tx, tenant, &made).await? {
            return Ok(before);
        }
        let before = rules::replace(tx, tenant, &after).await?;
        if before != after {
            tx.emit(updated(tenant, &before, &after, origin.of(&principal.actor))?);
        }
        Ok(made)
    };
    Ok(answer(&state.domain.write(tenant, write).await?))
}

async fn dry_run(State(state): State<ApiState>, admin: Admin, Json(body): Json<Map<String, Value>>) -> Result<Response, Failure> {
    let (tenant, now) = (admin.tenant(), Timestamp::now());
    let rules = match request::proposed(body)? {
        Some(rules) => rules,
        None => held(&state, tenant).await?,
    };
    let due = preview::preview(&state.archive, tenant, rules, &state.retention, now).await?;
    let (events, held) = due.iter().fold((0, 0), |(events, held), due| (events + due.events, held + due.held));
    Ok(answer(&json!({"at": now, "events": events, "held": held, "categories": due})))
}

/// The rules that hold.
async fn held(state: &ApiState, tenant: &Tenant) -> Result<Vec<Rule>, Failure> {
    let read = async |tx: &mut Tx| rules::read(tx, tenant).await;
    Ok(state.domain.read(&Scope::Account(tenant.clone()), read).await?)
}

/// Rules, with what they mean now: before which time events are removed. The activity log's own limit of age is the least while it is on.
fn shown(rules: &[Rule], log: &Log, now: Timestamp) -> Vec<Value> {
    let groups: Vec<Group> = groups(rules, None, log, now);
    let shown = |rule: &Rule| {
        let before = groups.iter().find(|group| group.name == rule.name()).and_then(|group| group.before);
        let is_raised = log.enabled && rule.max_days.is_some_and(|days| days < log.max_days);
        json!({
            "category": rule.category, "enabled": rule.enabled, "maxDays": rule.max_days, "maxEntries": rule.max_entries,
            "effectiveMaxDays": if is_raised { Some(log.max_days) } else { rule.max_days }, "removesBefore": before,
        })
    };
    rules.iter().map(shown).collect()
}

fn answer(body: &Value) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response()
}
