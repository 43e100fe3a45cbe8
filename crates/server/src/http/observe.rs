//! One metric and, where something failed on our side, one log line per request. Never the query: it can hold a token.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, histogram};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::metrics::{HTTP_REQUESTS, HTTP_SECONDS};

/// Measures a request.
pub(super) async fn request(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().as_str().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = next.run(request).await;
    let (status, elapsed) = (response.status(), begun.elapsed());
    let request_id = slipstream_access::request_id::current();
    if status.is_server_error() {
        warn!(method, route, status = status.as_u16(), request_id, "a request failed");
    } else {
        debug!(method, route, status = status.as_u16(), request_id, elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), "request");
    }
    counter!(HTTP_REQUESTS, "method" => method, "route" => route.clone(), "status" => status.as_u16().to_string()).increment(1);
    histogram!(HTTP_SECONDS, "route" => route).record(elapsed.as_secs_f64());
    response
}
