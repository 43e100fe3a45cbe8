//! `/api/saved-views`: named queries of history, of one user or shared with the tenant.
//!
//! Everybody keeps views for themselves. Only admins share one, and change or delete one that is shared; that is told to the tenant.

mod request;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use slipstream_access::{Class, Json, Parameters, Principal, Problem, Reader, Route};
use slipstream_domain::saved_views as rules;
use slipstream_event::Tenant;
use slipstream_store::saved_views::{self as table, View};
use slipstream_store::{Scope, Tx};

use crate::failure::Failure;
use crate::id::Id;
use crate::origin::Origin;
use crate::routes::Endpoint;
use crate::{ApiState, limits};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/saved-views", Class::Reader), query: Parameters::Only(&[]), handler: || get(list) },
    Endpoint { route: Route::new("POST", "/api/saved-views", Class::Reader), query: Parameters::Only(&[]), handler: || post(create) },
    Endpoint { route: Route::new("GET", "/api/saved-views/{id}", Class::Reader), query: Parameters::Only(&[]), handler: || get(one) },
    Endpoint { route: Route::new("PUT", "/api/saved-views/{id}", Class::Reader), query: Parameters::Only(&[]), handler: || put(update) },
    Endpoint { route: Route::new("DELETE", "/api/saved-views/{id}", Class::Reader), query: Parameters::Only(&[]), handler: || delete(remove) },
];

async fn list(State(state): State<ApiState>, reader: Reader) -> Result<Json<Value>, Failure> {
    let (tenant, user) = (reader.tenant(), user(reader.principal()));
    let read = async |tx: &mut Tx| table::list(tx, tenant, &user).await;
    let views = state.domain.read(&Scope::Account(tenant.clone()), read).await?;
    let items: Vec<Value> = views.iter().map(|view| shown(view, &user)).collect();
    Ok(Json(json!({"items": items, "total": items.len()})))
}

async fn one(State(state): State<ApiState>, reader: Reader, id: Id) -> Result<Response, Failure> {
    let (tenant, user, id) = (reader.tenant(), user(reader.principal()), id.known()?);
    let read = async |tx: &mut Tx| table::list(tx, tenant, &user).await;
    let views = state.domain.read(&Scope::Account(tenant.clone()), read).await?;
    let view = views.iter().find(|view| view.id == id).ok_or_else(Problem::not_found)?;
    Ok(answer(StatusCode::OK, view, &user))
}

async fn create(State(state): State<ApiState>, reader: Reader, origin: Origin, Json(body): Json<Value>) -> Result<Response, Failure> {
    let (tenant, principal) = (reader.tenant(), reader.principal());
    let content = request::content(&body, None)?;
    let (user, by) = (user(principal), origin.of(&principal.actor));
    admin_for(content.shared, principal)?;
    let write = async |tx: &mut Tx| -> Result<View, Failure> {
        tx.trace(origin.traceparent.clone());
        room(tx, tenant, &user, content.shared).await?;
        let view = table::insert(tx, tenant, &user, &content).await?;
        if view.shared {
            tx.emit(rules::saved(tenant, view.id, &view.name, &query(&view), by)?);
        }
        Ok(view)
    };
    let view = state.domain.write(tenant, write).await?;
    Ok(answer(StatusCode::CREATED, &view, &user))
}

async fn update(
    State(state): State<ApiState>,
    reader: Reader,
    id: Id,
    origin: Origin,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Response, Failure> {
    let (tenant, principal) = (reader.tenant(), reader.principal());
    let (user, by, id) = (user(principal), origin.of(&principal.actor), id.known()?);
    let version = request::version(&headers, &body)?;
    let write = async |tx: &mut Tx| -> Result<View, Failure> {
        tx.trace(origin.traceparent.clone());
        let before = table::lock(tx, tenant, &user, id).await?.ok_or_else(Problem::not_found)?;
        let content = request::content(&body, Some(before.shared))?;
        admin_for(before.shared || content.shared, principal)?;
        same_version(&before, version)?;
        if before.shared != content.shared {
            room(tx, tenant, &before.owner_id, content.shared).await?;
        }
        let view = table::update(tx, tenant, id, &content).await?;
        if view.shared {
            tx.emit(rules::saved(tenant, id, &view.name, &query(&view), by)?);
        } else if before.shared {
            tx.emit(rules::deleted(tenant, id, &before.name, by)?);
        }
        Ok(view)
    };
    let view = state.domain.write(tenant, write).await?;
    Ok(answer(StatusCode::OK, &view, &user))
}

async fn remove(State(state): State<ApiState>, reader: Reader, id: Id, origin: Origin, headers: HeaderMap) -> Result<StatusCode, Failure> {
    let (tenant, principal) = (reader.tenant(), reader.principal());
    let (user, by, id) = (user(principal), origin.of(&principal.actor), id.known()?);
    let version = request::version(&headers, &Value::Null)?;
    let write = async |tx: &mut Tx| -> Result<(), Failure> {
        tx.trace(origin.traceparent.clone());
        let view = table::lock(tx, tenant, &user, id).await?.ok_or_else(Problem::not_found)?;
        admin_for(view.shared, principal)?;
        same_version(&view, version)?;
        table::delete(tx, tenant, id).await?;
        if view.shared {
            tx.emit(rules::deleted(tenant, id, &view.name, by)?);
        }
        Ok(())
    };
    state.domain.write(tenant, write).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whose views the caller's are. A service is no user, whatever its name.
fn user(principal: &Principal) -> String {
    principal.user_id.clone().unwrap_or_else(|| format!("service:{}", principal.actor.user_id))
}

fn admin_for(shared: bool, principal: &Principal) -> Result<(), Problem> {
    if shared && !principal.is(Class::Admin) {
        return Err(Problem::forbidden("role_forbidden", "only admins share a view, or change one that is shared"));
    }
    Ok(())
}

fn same_version(view: &View, wanted: Option<i64>) -> Result<(), Problem> {
    match wanted {
        Some(version) if version != view.version => {
            Err(Problem::conflict("version_conflict", "the view was changed meanwhile: read it again").with("version", view.version))
        }
        _ => Ok(()),
    }
}

/// Whether one more view fits.
async fn room(tx: &mut Tx, tenant: &Tenant, owner: &str, shared: bool) -> Result<(), Failure> {
    let counts = table::count(tx, tenant, owner).await?;
    match shared {
        true if counts.shared >= limits::VIEWS_SHARED_MAX => {
            Err(Problem::conflict("shared_views_full", format!("a tenant shares at most {} views", limits::VIEWS_SHARED_MAX)).into())
        }
        false if counts.own >= limits::VIEWS_OWN_MAX => {
            Err(Problem::conflict("saved_views_full", format!("a user keeps at most {} views", limits::VIEWS_OWN_MAX)).into())
        }
        _ => Ok(()),
    }
}

fn answer(status: StatusCode, view: &View, user: &str) -> Response {
    let mut response = (status, Json(shown(view, user))).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", view.version)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn shown(view: &View, user: &str) -> Value {
    json!({
        "id": view.id, "name": view.name, "query": query(view), "shared": view.shared, "owner_id": view.owner_id, "is_own": view.owner_id == user,
        "version": view.version, "created_at": view.created_at, "updated_at": view.updated_at,
    })
}

/// The parameters: they were JSON when they were kept.
fn query(view: &View) -> Value {
    serde_json::from_str(&view.query).unwrap_or_default()
}
