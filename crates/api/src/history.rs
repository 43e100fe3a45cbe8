//! `GET /api/events/history`: a tenant's archived events, newest first.
//!
//! Order of the answer's reads: the head, then how far the archive is complete, then the page. So a page holds at least what `archivedThrough` promises,
//! and a tag never stands for an older page.

pub(crate) mod etag;
pub(crate) mod request;
pub(crate) mod shown;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use slipstream_access::{Class, Parameters, Query, Route, Streamer};
use slipstream_event::{Position, subject};
use slipstream_store::history;

use crate::failure::Failure;
use crate::routes::Endpoint;
use crate::{ApiState, limits};

pub(crate) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    route: Route::new("GET", "/api/events/history", Class::Reader),
    query: Parameters::Only(&[&request::FILTERS, request::PAGE]),
    handler: || get(read),
}];

async fn read(State(state): State<ApiState>, reader: Streamer, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = reader.tenant();
    let wanted = request::parse(&query, &reader.principal().viewer, &state.cursor_key, tenant)?;
    let head = history::head(&state.archive, tenant).await?;
    let tag = etag::of(tenant, head, &wanted);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|given| etag::matches(given.as_bytes(), &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, cache_headers(&tag, limits::HISTORY_MAX_AGE_SECONDS)).into_response());
    }
    let shard = subject::shard_of(tenant, state.shards);
    let archived = history::archived_through(&state.archive, shard).await?;
    let page = history::page(&state.archive, tenant, &wanted).await?;
    let through = archived.map(|mark| {
        let cursor = state.cursor_key.seal(tenant, Position::new(shard, mark.epoch, mark.seq));
        json!({"cursor": cursor, "at": mark.updated_at})
    });
    let next = request::next_cursor(&wanted, page.next, &state.cursor_key, tenant);
    let body = shown::page(&page, next.as_deref(), &[("archivedThrough", json!(through))]);
    Ok((cache_headers(&tag, limits::HISTORY_MAX_AGE_SECONDS), [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

/// The headers of a page that one reader may keep for so many seconds.
pub(crate) fn cache_headers(tag: &str, max_age_seconds: u32) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let control = format!("private, max-age={max_age_seconds}");
    for (name, value) in [(header::ETAG, tag), (header::CACHE_CONTROL, control.as_str()), (header::VARY, "Authorization")] {
        // A hexadecimal hash and constants: always header values.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    headers
}
