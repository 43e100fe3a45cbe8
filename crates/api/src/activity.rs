//! `/api/v1/activity-log`: a tenant's archive as people read it; its settings; its clearing.
//!
//! Order of a list's reads: what the log shows and the archive's head, then how far the archive is, then the page, then the total. So a tag never stands for an older page.

mod clear;
mod export;
mod progress;
mod request;
mod settings;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, put};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use slipstream_access::extract::Guard;
use slipstream_access::{Class, Parameters, Problem, Query, Route, User};
use slipstream_domain::activity::Change;
use slipstream_domain::declared::By;
use slipstream_event::activity::Entry;
use slipstream_event::{Tenant, Timestamp};
use slipstream_store::activity::{self as log, Fault, Page, Range, Total};

use crate::ApiState;
use crate::failure::Failure;
use crate::history::{cache_headers, etag};
use crate::limits::ACTIVITY_MAX_AGE;
use crate::origin::Origin;
use crate::routes::Endpoint;
use progress::Progress;

const LOG: &str = "/api/v1/activity-log";
const SETTINGS: &str = "/api/v1/activity-log/settings";

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", LOG, Class::User), query: request::LIST_TAKES, handler: || get(list) },
    Endpoint { route: Route::new("DELETE", LOG, Class::Admin), query: Parameters::Only(&[&["reason"]]), handler: || delete(clear::clear) },
    Endpoint { route: Route::new("GET", "/api/v1/activity-log/export", Class::Admin), query: request::EXPORT_TAKES, handler: || get(export::export) },
    Endpoint { route: Route::new("GET", SETTINGS, Class::User), query: Parameters::Only(&[]), handler: || get(settings::read) },
    Endpoint { route: Route::new("PUT", SETTINGS, Class::Admin), query: Parameters::Only(&[]), handler: || put(settings::change) },
];

async fn list(State(state): State<ApiState>, reader: User, query: Query, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = reader.tenant();
    let (wanted, range) = request::list(&query, &reader.principal().viewer)?;
    let shown = log::shown(&state.archive, tenant, Timestamp::now()).await?;
    let progress = Progress::of(&state, tenant).await?;
    let tag = etag::of(tenant, shown.head, &(&wanted, range, &shown, progress.is_catching_up));
    if headers.get(header::IF_NONE_MATCH).is_some_and(|given| etag::matches(given.as_bytes(), &tag)) {
        return Ok((StatusCode::NOT_MODIFIED, cache_headers(&tag, ACTIVITY_MAX_AGE)).into_response());
    }
    let page = log::page(&state.archive, tenant, &shown, &wanted, range).await?;
    let known = page.items.len() as u64 + u64::from(page.has_more);
    let total = log::total(&state.archive, tenant, &shown, &wanted, known).await?;
    let body = body(&page, range, total, &progress);
    Ok((cache_headers(&tag, ACTIVITY_MAX_AGE), [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}

fn body(page: &Page, range: Range, total: Total, progress: &Progress) -> String {
    let entries: Vec<String> = page.items.iter().map(|item| Entry::of(&item.event, Some(item.seq)).to_json()).collect();
    let next = page.items.last().filter(|_| page.has_more && range.after_seq.is_none()).map(|item| item.seq);
    let Total { count, is_estimate } = total;
    format!(
        "{{\"entries\":[{}],\"next_before_seq\":{},\"total\":{count},\"has_more\":{},\"total_is_estimate\":{is_estimate},{}}}",
        entries.join(","),
        json!(next),
        page.has_more,
        progress.members()
    )
}

/// A change of the log by this caller, in this request.
fn change<'a, C>(caller: &'a Guard<C>, origin: &'a Origin, reason: Option<&'a str>, at: Timestamp) -> Change<'a> {
    let by = By { actor: &caller.principal().actor, correlation_id: origin.correlation_id.as_deref(), batch_id: None };
    Change { tenant: caller.tenant(), at, reason, by }
}

/// How many entries of the log this caller sees.
async fn count<C>(state: &ApiState, caller: &Guard<C>, tenant: &Tenant, shown: &log::Shown) -> Result<u64, Failure> {
    let all = log::Query { viewer: caller.principal().viewer.clone(), ..log::Query::default() };
    let Total { count, is_estimate } = log::total(&state.archive, tenant, shown, &all, 0).await?;
    // Beyond what is counted one by one, the numbers tell it well enough.
    Ok(if is_estimate { shown.size.saturating_sub(shown.after_seq) } else { count })
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooSlow => {
                let advice = "the search took too long: narrow it by time, category, severity, actor or entity, or look for a longer text";
                Self(Problem::unavailable("search_timeout", advice))
            }
            Fault::Store(error) => error.into(),
        }
    }
}
