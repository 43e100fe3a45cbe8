//! The table of routes, and the router that is made of it.

use std::sync::LazyLock;

use axum::routing::MethodRouter;
use axum::{Extension, Router};
use slipstream_access::{Parameters, Problem, Route};

use crate::{ApiState, activity, analytics, audit, copilot, export, history, holds, ledger, redaction, retention, saved_views, timeline};

/// A route and what answers it.
pub(crate) struct Endpoint {
    pub(crate) route: Route,
    /// The parameters of its query string: others are refused by name.
    pub(crate) query: Parameters,
    pub(crate) handler: fn() -> MethodRouter<ApiState>,
}

/// All routes of this crate, for the tests that walk them.
pub static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| endpoints().map(|endpoint| endpoint.route).collect());

/// The router: every row of [`ROUTES`], and nothing else.
pub fn router(state: ApiState) -> Router {
    let routes =
        endpoints().fold(Router::new(), |router, endpoint| router.route(endpoint.route.path, (endpoint.handler)().route_layer(Extension(endpoint.query))));
    routes.method_not_allowed_fallback(async || Problem::method_not_allowed()).with_state(state)
}

fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    let modules = [
        history::ENDPOINTS,
        timeline::ENDPOINTS,
        audit::ENDPOINTS,
        saved_views::ENDPOINTS,
        ledger::ENDPOINTS,
        activity::ENDPOINTS,
        analytics::ENDPOINTS,
        analytics::platform::ENDPOINTS,
        export::ENDPOINTS,
        export::jobs::ENDPOINTS,
        export::pack::ENDPOINTS,
        holds::ENDPOINTS,
        redaction::ENDPOINTS,
        redaction::rules::ENDPOINTS,
        retention::ENDPOINTS,
        copilot::support_tickets::ENDPOINTS,
    ];
    modules.into_iter().flatten()
}
