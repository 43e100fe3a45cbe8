//! `/api/admin/analytics/…`: the same over all tenants, for super-admins.
//!
//! Only rollups are read, by a role that can read nothing else of an archive: so an answer lags by what is not counted yet, and says by how much (`counted` of `events`).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};
use slipstream_access::extract::SuperAdmin;
use slipstream_access::{Class, Query, Route};
use slipstream_event::Timestamp;
use slipstream_store::Scope;
use slipstream_store::analytics::top::{self, Of};

use super::request::{self, Kind, Reach};
use super::{counted, refused, shown};
use crate::ApiState;
use crate::failure::Failure;
use crate::limits::ANALYTICS_TOP_DEFAULT;
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/api/admin/analytics/series", Class::SuperAdmin), query: Kind::Series.takes(), handler: || get(read_series) },
    Endpoint { route: Route::new("GET", "/api/admin/analytics/top", Class::SuperAdmin), query: Kind::Top.takes(), handler: || get(read_top) },
    Endpoint { route: Route::new("GET", "/api/admin/analytics/summary", Class::SuperAdmin), query: Kind::Summary.takes(), handler: || get(read_summary) },
    Endpoint { route: Route::new("GET", "/api/admin/analytics/heatmap", Class::SuperAdmin), query: Kind::Heatmap.takes(), handler: || get(read_heatmap) },
];

async fn read_series(state: State<ApiState>, admin: SuperAdmin, query: Query) -> Result<Response, Failure> {
    answer(Kind::Series, state, &admin, &query).await
}

async fn read_top(state: State<ApiState>, admin: SuperAdmin, query: Query) -> Result<Response, Failure> {
    answer(Kind::Top, state, &admin, &query).await
}

async fn read_summary(state: State<ApiState>, admin: SuperAdmin, query: Query) -> Result<Response, Failure> {
    answer(Kind::Summary, state, &admin, &query).await
}

async fn read_heatmap(state: State<ApiState>, admin: SuperAdmin, query: Query) -> Result<Response, Failure> {
    answer(Kind::Heatmap, state, &admin, &query).await
}

async fn answer(kind: Kind, State(state): State<ApiState>, admin: &SuperAdmin, query: &Query) -> Result<Response, Failure> {
    let asked = request::read(kind, query, &admin.principal().viewer, Reach::Platform, Timestamp::now())?;
    let (mut body, standing) = counted(&state, &state.domain, &Scope::AllAccounts, &asked, query).await?;
    if kind == Kind::Summary {
        body.insert("tenants".to_owned(), tenants(&state, &asked).await.map_err(|fault| refused(fault, query))?);
    }
    body.insert("counted".to_owned(), json!(standing.through));
    body.insert("events".to_owned(), json!(standing.size));
    body.insert("isComplete".to_owned(), json!(standing.is_complete()));
    let headers =
        [(header::CONTENT_TYPE, HeaderValue::from_static("application/json")), (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"))];
    Ok((headers, Value::Object(body).to_string()).into_response())
}

/// The tenants with most events.
async fn tenants(state: &ApiState, asked: &request::Asked) -> Result<Value, slipstream_store::analytics::Fault> {
    let most = u32::try_from(ANALYTICS_TOP_DEFAULT).unwrap_or_default();
    let (ranking, _) = top::top(&state.domain, &Scope::AllAccounts, &asked.query, Of::Tenants, most).await?;
    let members = shown::ranking(Of::Tenants, &ranking);
    Ok(Value::Object(members.into_iter().collect::<Map<_, _>>()))
}
