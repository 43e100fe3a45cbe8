//! `/audit` and `/audit-events`: the audit log of the maintenance portal, as a list and for entries by hand.
//!
//! Each reading is itself an event, and is not answered when that cannot be kept. An entry goes through the same transaction as any other change.

mod request;
mod rows;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;
use slipstream_access::{Class, Json, Parameters, Principal, Problem, Query, Reader, Route, Writer};
use slipstream_domain::audit::{self as rules, Entry};
use slipstream_event::{Event, Tenant, Timestamp};
use slipstream_store::history::{self, Page};
use slipstream_store::{Error, Tx};

use crate::ApiState;
use crate::failure::Failure;
use crate::history::request::{at_cursor, next_cursor};
use crate::keyed::Keyed;
use crate::origin::Origin;
use crate::routes::Endpoint;

/// The list is for admins, and for readers who see the class `quality`, whom no class stands for.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/audit-events", Class::Admin), query: request::TAKES, handler: || get(list_events) },
    Endpoint { route: Route::new("GET", "/audit/", Class::Admin), query: request::TAKES, handler: || get(list) },
    Endpoint { route: Route::new("POST", "/audit/", Class::Writer), query: Parameters::Only(&[]), handler: || post(create) },
];

async fn list_events(state: State<ApiState>, reader: Reader, query: Query, origin: Origin) -> Result<Response, Failure> {
    read("/audit-events", state, reader, query, origin).await
}

async fn list(state: State<ApiState>, reader: Reader, query: Query, origin: Origin) -> Result<Response, Failure> {
    read("/audit/", state, reader, query, origin).await
}

async fn read(route: &str, State(state): State<ApiState>, reader: Reader, query: Query, origin: Origin) -> Result<Response, Failure> {
    let (tenant, principal) = (reader.tenant(), reader.principal());
    if !may_audit(principal) {
        return Err(Problem::class_required(Class::Admin).into());
    }
    let query = request::as_history(&query);
    let wanted = at_cursor(request::read(&query, &principal.viewer)?, &query, &state.cursor_key, tenant)?;
    let page = history::page(&state.archive, tenant, &wanted).await?;
    let told = rules::log_read(tenant, route, &request::filters(&query), page.items.len(), origin.of(&principal.actor))?;
    keep(&state, tenant, &origin, told).await?;
    let next = next_cursor(&wanted, page.next, &state.cursor_key, tenant);
    Ok((paging(route, &query, next.as_deref()), Json(shown(&page)?)).into_response())
}

/// Admins and quality roles.
fn may_audit(principal: &Principal) -> bool {
    principal.is(Class::Admin) || principal.viewer.quality || principal.viewer.platform
}

fn shown(page: &Page) -> Result<Vec<Value>, Failure> {
    let row = |item: &history::Item| Event::from_json(item.payload.as_bytes()).map(|event| rows::row(&event));
    page.items.iter().map(row).collect::<Result<_, _>>().map_err(|error| Error::Bug(format!("an archived event cannot be read: {error}")).into())
}

/// Where the next page is. The body is a bare array, as older clients read it.
fn paging(route: &str, query: &Query, next: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))]);
    let Some(next) = next else { return headers };
    let link = format!("<{route}?{}>; rel=\"next\"", request::query_string(query, next));
    for (name, value) in [(HeaderName::from_static("x-next-cursor"), next), (header::LINK, link.as_str())] {
        // Base64url and an encoded query: always header values.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}

async fn create(State(state): State<ApiState>, writer: Writer, origin: Origin, headers: HeaderMap, Json(entry): Json<Entry>) -> Result<Response, Failure> {
    let (tenant, actor) = (writer.tenant(), &writer.principal().actor);
    let keyed = Keyed::of(&headers, "audit", writer.principal(), &format!("{entry:?}"))?;
    let lie = entry.other_actor(actor).map(|named| ("actor_mismatch", named.to_owned()));
    let lie = lie.or_else(|| entry.other_tenant(tenant).map(|named| ("tenant_mismatch", named)));
    if let Some((reason, named)) = &lie {
        keep(&state, tenant, &origin, rules::refused(tenant, reason, "/audit/", named, origin.of(actor))?).await?;
    }
    if lie.is_some_and(|(reason, _)| reason == "actor_mismatch") {
        return Err(Problem::forbidden("actor_mismatch", "the actor of an entry is always its caller").into());
    }
    let event = entry.event(tenant, origin.of(actor), Timestamp::now()).map_err(request::refused)?;
    let row = rows::row(&event);
    let write = async |tx: &mut Tx| -> Result<Value, Failure> {
        tx.trace(origin.traceparent.clone());
        if let Some(before) = keyed.take(tx, tenant, &row).await? {
            return Ok(before);
        }
        tx.emit(event);
        Ok(row)
    };
    let row = state.domain.write(tenant, write).await?;
    Ok((StatusCode::CREATED, Json(row)).into_response())
}

/// Keeps an event about the audit log itself. Who asked gets no answer without it.
async fn keep(state: &ApiState, tenant: &Tenant, origin: &Origin, event: Event) -> Result<(), Failure> {
    let write = async |tx: &mut Tx| -> Result<(), Error> {
        tx.trace(origin.traceparent.clone());
        tx.emit(event);
        Ok(())
    };
    state.domain.write(tenant, write).await.map_err(|error| {
        tracing::warn!(%error, "an event of the audit log could not be kept");
        Problem::unavailable("audit_unavailable", "the audit log cannot be kept at the moment; try again").into()
    })
}
