//! `GET /api/entities/{entityType}/{entityId}/timeline`: all that happened to one thing, from either end.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Class, Parameters, Problem, Query, Reader, Route};
use slipstream_event::{Filter, fault, limits};
use slipstream_store::history;

use crate::ApiState;
use crate::failure::Failure;
use crate::history::{request, shown};
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    route: Route::new("GET", "/api/entities/{entityType}/{entityId}/timeline", Class::Reader),
    query: Parameters::Only(&[&request::FILTERS, request::PAGE, &["order"]]),
    handler: || get(read),
}];

async fn read(State(state): State<ApiState>, reader: Reader, path: Result<Path<(String, String)>, PathRejection>, query: Query) -> Result<Response, Failure> {
    let Path((entity_type, entity_id)) = path.map_err(|_| Problem::not_found())?;
    let oldest_first = order(&query);
    let wanted = request::allowed(&query, &reader.principal().viewer);
    let in_path = [("entityType", &entity_type), ("entityId", &entity_id)]
        .into_iter()
        .filter_map(|(field, value)| fault::text(field, value, limits::FILTER_VALUE_LEN_MAX).err())
        .map(|fault| Invalid::new(Location::Path, fault));
    let invalid: Vec<Invalid> = in_path.chain(oldest_first.as_ref().err().cloned()).collect();
    if !invalid.is_empty() {
        return Err(invalid.into());
    }
    let wanted = history::Query { oldest_first: oldest_first.unwrap_or_default(), with_total: true, ..wanted? };
    // The path names the entity; the parameters narrow what is shown of it.
    let filter = Filter { entity_types: vec![entity_type], entity_ids: vec![entity_id], ..wanted.filter };
    let wanted = request::at_cursor(history::Query { filter, ..wanted }, &query, &state.cursor_key, reader.tenant())?;
    let page = history::page(&state.archive, reader.tenant(), &wanted).await?;
    let next = request::next_cursor(&wanted, page.next, &state.cursor_key, reader.tenant());
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))];
    Ok((headers, shown::page(&page, next.as_deref(), &[])).into_response())
}

/// Whether the oldest comes first.
fn order(query: &Query) -> Result<bool, Invalid> {
    match query.text("order") {
        None | Some("newest" | "desc") => Ok(false),
        Some("oldest" | "asc") => Ok(true),
        Some(_) => Err(query.invalid("order", "enum", "must be newest or oldest".to_owned())),
    }
}
