//! `/api/analytics/…`: counts of a tenant's archive: over time, of actors and things, in total and by the hour of the week.
//!
//! A caller's counts hold exactly what its history would list. Order of an answer's reads: how far the counts go (for the tag), how far the archive is complete, then the counts: so an answer
//! holds at least what `archivedThrough` promises, and a tag never stands for an older one.

pub(crate) mod platform;
mod rankings;
mod request;
mod shown;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use slipstream_access::{Class, Problem, Query, Reader, Route};
use slipstream_event::{Fault as Field, Position, Timestamp, subject};
use slipstream_store::analytics::{self as counts, Fault, Standing, heatmap, series, summary, top};
use slipstream_store::{Scope, Store, history};

use crate::ApiState;
use crate::failure::Failure;
use crate::history::{cache_headers, etag};
use crate::limits::ANALYTICS_MAX_AGE_SECONDS;
use crate::routes::Endpoint;
pub(crate) use rankings::Rankings;
use request::{Asked, Kind, Reach};

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/analytics/series", Class::Reader), query: Kind::Series.takes(), handler: || get(read_series) },
    Endpoint { route: Route::new("GET", "/api/analytics/top", Class::Reader), query: Kind::Top.takes(), handler: || get(read_top) },
    Endpoint { route: Route::new("GET", "/api/analytics/summary", Class::Reader), query: Kind::Summary.takes(), handler: || get(read_summary) },
    Endpoint { route: Route::new("GET", "/api/analytics/heatmap", Class::Reader), query: Kind::Heatmap.takes(), handler: || get(read_heatmap) },
];

async fn read_series(state: State<ApiState>, reader: Reader, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    answer(Kind::Series, state, &reader, &query, &headers).await
}

async fn read_top(state: State<ApiState>, reader: Reader, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    answer(Kind::Top, state, &reader, &query, &headers).await
}

async fn read_summary(state: State<ApiState>, reader: Reader, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    answer(Kind::Summary, state, &reader, &query, &headers).await
}

async fn read_heatmap(state: State<ApiState>, reader: Reader, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    answer(Kind::Heatmap, state, &reader, &query, &headers).await
}

async fn answer(kind: Kind, State(state): State<ApiState>, reader: &Reader, query: &Query, headers: &HeaderMap) -> Result<Response, Failure> {
    let (tenant, scope) = (reader.tenant(), Scope::Account(reader.tenant().clone()));
    let asked = request::read(kind, query, &reader.principal().viewer, Reach::Tenant, Timestamp::now())?;
    let standing = counts::standing(&state.archive, &scope).await?;
    // What is left out of an answer comes into it without a change of the archive.
    let folded = (!standing.is_complete()).then_some(standing.folded);
    let tag = etag::of(tenant, standing.head, &(&asked, folded));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|given| etag::matches(given.as_bytes(), &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, cache_headers(&tag, ANALYTICS_MAX_AGE_SECONDS)).into_response());
    }
    let shard = subject::shard_of(tenant, state.shards);
    let archived = history::archived_through(&state.archive, shard).await?;
    let (mut body, standing) = counted(&state, &state.archive, &scope, &asked, query).await?;
    let archived = archived.filter(|_| standing.is_complete()).map(|mark| {
        let cursor = state.cursor_key.seal(tenant, Position::new(shard, mark.epoch, mark.seq));
        json!({"cursor": cursor, "at": mark.updated_at})
    });
    body.insert("through".to_owned(), json!(standing.through));
    body.insert("isComplete".to_owned(), json!(standing.is_complete()));
    body.insert("archivedThrough".to_owned(), json!(archived));
    let headers = (cache_headers(&tag, ANALYTICS_MAX_AGE_SECONDS), [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    Ok((headers, Value::Object(body).to_string()).into_response())
}

/// The answer's body, in its turn.
async fn counted(state: &ApiState, store: &Store, scope: &Scope, asked: &Asked, query: &Query) -> Result<(Map<String, Value>, Standing), Failure> {
    if !rankings::is_long(asked) {
        return count(store, scope, asked).await.map_err(|fault| refused(fault, query));
    }
    state.rankings.after_others(count(store, scope, asked)).await?.map_err(|fault| refused(fault, query))
}

/// The answer's body, without what says how far it goes.
async fn count(store: &Store, scope: &Scope, asked: &Asked) -> Result<(Map<String, Value>, Standing), Fault> {
    let query = &asked.query;
    Ok(match asked.kind {
        Kind::Series => {
            let (series, standing) = series::series(store, scope, query, asked.step, asked.by, asked.most).await?;
            (shown::series(asked, &series), standing)
        }
        Kind::Top => {
            let (ranking, standing) = top::top(store, scope, query, asked.of, asked.most).await?;
            (shown::top(asked, &ranking), standing)
        }
        Kind::Summary => {
            let (now, before, standing) = summary::summary(store, scope, query, asked.previous).await?;
            (shown::summary(asked, &now, &before), standing)
        }
        Kind::Heatmap => {
            let (week, standing) = heatmap::heatmap(store, scope, query).await?;
            (shown::heatmap(asked, &week), standing)
        }
    })
}

fn refused(fault: Fault, query: &Query) -> Failure {
    match fault {
        Fault::ZoneUnknown => vec![query.invalid("zone", "zone_unknown", "no time zone has this name".to_owned())].into(),
        Fault::ZoneTooFine => {
            let why = "its clocks were not whole quarters of an hour away from UTC then, and counts are by these".to_owned();
            vec![query.invalid("zone", "zone_too_fine", why)].into()
        }
        Fault::TooSlow => {
            let advice = "counting took too long: ask for a shorter time (from, to)";
            let fields = ["from", "to"].map(|name| Field::new(name, "too_slow", advice)).to_vec();
            Failure(Problem::unavailable("analytics_timeout", advice).with_fields(fields))
        }
        Fault::Store(error) => error.into(),
    }
}
