//! Operators' routes: `/livez`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};
use slipstream_access::{Class, Revocations, Route};
use slipstream_broker::Broker;
use slipstream_gateway::hub::Hub;
use slipstream_store::Store;
use tokio::time::{Duration, timeout};

use crate::metrics::READY;

/// The routes, for the isolation test.
pub const ROUTES: &[Route] =
    &[Route::new("GET", "/livez", Class::Public), Route::new("GET", "/readyz", Class::Public), Route::new("GET", "/metrics", Class::Public)];

/// Longest time that one check of `/readyz` may take.
const CHECK: Duration = Duration::from_secs(1);

/// What the operators' routes look at.
#[derive(Clone)]
pub struct Ops {
    /// The metrics.
    pub metrics: PrometheusHandle,
    /// The database of this process's roles.
    pub store: Option<Store>,
    /// The broker of this process's roles.
    pub broker: Option<Broker>,
    /// The hub, when this process is a gateway.
    pub hub: Option<Arc<Hub>>,
    /// Who is cut off, when this process serves callers.
    pub revoked: Option<Revocations>,
    /// Set when a stop has begun.
    pub draining: Arc<AtomicBool>,
}

pub(super) fn router(ops: Ops) -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(readyz)).route("/metrics", get(prometheus)).with_state(ops)
}

/// Whether this process should get traffic: 200 or 503, with what is missing. A lost broker or database alone does not take a process out
/// of the balancer once it was ready: the other routes go on, and all processes would fail at once.
async fn readyz(State(ops): State<Ops>) -> Response {
    let mut checks = Map::new();
    if let Some(store) = &ops.store {
        checks.insert("database".to_owned(), word(matches!(timeout(CHECK, store.ping()).await, Ok(Ok(())))));
    }
    if let Some(broker) = &ops.broker {
        checks.insert("broker".to_owned(), word(broker.connected()));
    }
    let fed = ops.hub.as_ref().is_none_or(|hub| hub.is_ready());
    if ops.hub.is_some() {
        checks.insert("feed".to_owned(), word(fed));
    }
    let known = ops.revoked.as_ref().is_none_or(Revocations::is_read);
    if ops.revoked.is_some() {
        checks.insert("revocations".to_owned(), word(known));
    }
    let draining = ops.draining.load(Ordering::SeqCst);
    let ready = fed && known && !draining;
    gauge!(READY).set(if ready { 1.0 } else { 0.0 });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({"status": if draining { "draining" } else if ready { "ready" } else { "starting" }, "checks": checks});
    (status, [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body.to_string()).into_response()
}

fn word(ok: bool) -> Value {
    json!(if ok { "ok" } else { "down" })
}

async fn prometheus(State(ops): State<Ops>) -> Response {
    ops.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4"), (header::CACHE_CONTROL, "no-store")], ops.metrics.render()).into_response()
}
