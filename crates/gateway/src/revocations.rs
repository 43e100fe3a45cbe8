//! `/api/admin/revocations`: cutting users, sessions and tokens off, for admins of a tenant; and following who is cut off.
//!
//! An entry is acknowledged when the broker has it. Every process that follows the bucket refuses the caller from then on, within a second; open streams end.
//! Super-admins name the tenant; naming `platform` cuts super-admins.

pub mod follow;
mod request;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;
use slipstream_access::revocation::Revocation;
use slipstream_access::{Admin, Json, Problem, Query};
use slipstream_broker::{Bucket, PublishError};
use slipstream_event::{Tenant, Timestamp};
use time::Duration;
use tracing::info;
use uuid::Uuid;

use crate::limits;
use crate::routes::Gateway;
use request::Asked;

/// How much longer than its `until` the broker keeps an entry.
const MARGIN: Duration = Duration::seconds(60);

/// Adds an entry.
pub(crate) async fn post(State(gateway): State<Gateway>, admin: Admin, Json(asked): Json<Asked>) -> Result<Response, Problem> {
    let (entry, now) = (asked.finish(&admin)?, Timestamp::now());
    let revocations = gateway.access.revocations();
    if revocations.of(&entry.tenant_id).len() >= slipstream_access::limits::REVOCATIONS_TENANT_MAX {
        return Err(Problem::conflict("too_many_revocations", "the tenant has as many revocations as it may: delete some"));
    }
    let json = serde_json::to_vec(&entry).map_err(|_| Problem::internal())?;
    let ttl = entry.until.map(|until| (until.datetime() - now.datetime() + MARGIN).unsigned_abs());
    gateway.broker.kv_put(Bucket::Revocations, &key(&entry.tenant_id, entry.id), json.into(), ttl).await.map_err(|error| refused(&error))?;
    let (tenant, reason, by) = (entry.tenant_id.as_str(), entry.reason.as_str(), entry.revoked_by.user_id.as_str());
    info!(tenant, id = %entry.id, reason, by, "revoked");
    // So that what this caller asks next sees it here already.
    revocations.settled(&entry.tenant_id, entry.id, true, limits::REVOCATION_SETTLED).await;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(entry)).into_response())
}

/// The tenant's entries in force, newest first, in pages: `?limit=` (1 to 1000, 100 by default) and `?before=` the last id of the page before.
pub(crate) async fn list(State(gateway): State<Gateway>, admin: Admin, query: Query) -> Result<Response, Problem> {
    let limit = query.integer("limit", limits::REVOCATIONS_PAGE, 1..=limits::REVOCATIONS_PAGE_MAX).map_err(|invalid| Problem::invalid(vec![invalid]))?;
    let before = query.text("before").map(|text| text.parse::<Uuid>().map_err(|_| query.invalid("before", "uuid_parsing", "must be an id".to_owned())));
    let before = before.transpose().map_err(|invalid| Problem::invalid(vec![invalid]))?;
    let mut entries = gateway.access.revocations().of(admin.tenant());
    entries.retain(|entry| before.is_none_or(|before| entry.id < before));
    let more = entries.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = entries.last().filter(|_| more).map(|entry| entry.id);
    let items: Vec<&Revocation> = entries.iter().map(AsRef::as_ref).collect();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({"items": items, "next": next}))).into_response())
}

/// Deletes an entry of the tenant: whom it alone cut off comes in again.
pub(crate) async fn delete(State(gateway): State<Gateway>, admin: Admin, Path(id): Path<String>) -> Result<Response, Problem> {
    let id: Uuid = id.parse().map_err(|_| Problem::not_found())?;
    let (tenant, unavailable) = (admin.tenant(), |_| unavailable());
    let found = gateway.broker.kv_get(Bucket::Revocations, &key(tenant, id)).await.map_err(unavailable)?;
    let entry = found.filter(|entry| entry.value.is_some()).ok_or_else(Problem::not_found)?;
    // An entry never changes: who does not get to take it finds it taken.
    gateway.broker.kv_take(Bucket::Revocations, &key(tenant, id), entry.revision).await.map_err(unavailable)?;
    info!(tenant = tenant.as_str(), %id, by = admin.principal().actor.user_id, "a revocation was deleted");
    gateway.access.revocations().settled(tenant, id, false, limits::REVOCATION_SETTLED).await;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The key of an entry. A tenant is one token of it, so none reaches another's.
fn key(tenant: &Tenant, id: Uuid) -> String {
    format!("{tenant}.{id}")
}

fn refused(error: &PublishError) -> Problem {
    if error.retriable() {
        return unavailable();
    }
    tracing::error!(%error, "the broker does not take a revocation");
    Problem::internal()
}

fn unavailable() -> Problem {
    Problem::unavailable("broker_unavailable", "the revocations cannot be changed now; nothing is certain to have changed")
}
