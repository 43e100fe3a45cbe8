//! The gateway's routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use slipstream_access::{Access, Class, Route};
use slipstream_broker::Broker;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::cold::ColdReplay;
use crate::hub::Hub;
use crate::stream::admission::Admission;
use crate::stream::audience::Audiences;
use crate::stream::replay::Replay;
use crate::stream::session::Env;
use crate::stream::shelf::Budget;
use crate::{ingest, stream, websocket};

/// The routes, for the isolation test.
pub const ROUTES: &[Route] = &[
    Route::new("POST", "/api/events", Class::Writer),
    Route::new("GET", "/api/events", Class::Reader),
    Route::new("GET", "/api/events/ws", Class::Reader),
    Route::new("GET", "/api/v1/events/ws", Class::Reader),
];

/// What the gateway's handlers share.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) access: Access,
    pub(crate) broker: Broker,
    pub(crate) hub: Arc<Hub>,
    pub(crate) replay: Replay,
    pub(crate) admission: Arc<Admission>,
    pub(crate) audiences: Arc<Audiences>,
    pub(crate) env: Env,
    pub(crate) websocket: websocket::Settings,
    pub(crate) drain: CancellationToken,
}

/// What differs between deployments.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Silence after which a stream says that it is alive.
    pub heartbeat: Duration,
    /// How much each tenant's replays may read.
    pub budget: Budget,
    /// What holds for WebSockets only.
    pub websocket: websocket::Settings,
}

impl Gateway {
    /// A gateway over these. When `drain` is cancelled every stream says `close` and ends.
    pub fn new(
        access: Access,
        broker: Broker,
        hub: Arc<Hub>,
        cold: Arc<dyn ColdReplay>,
        admission: Arc<Admission>,
        settings: Settings,
        drain: CancellationToken,
    ) -> Self {
        let replay = Replay::new(hub.key().clone(), Arc::new(broker.clone()), cold, settings.budget);
        let env = Env { hub: hub.clone(), heartbeat: settings.heartbeat };
        Self { access, broker, hub, replay, admission, audiences: Arc::default(), env, websocket: settings.websocket, drain }
    }
}

impl FromRef<Gateway> for Access {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.access.clone()
    }
}

/// The routes: `POST /api/events` (ingest), `GET /api/events` (stream), and the stream as a WebSocket, also where clients of the activity log look for it.
pub fn router(gateway: Gateway) -> Router {
    let body_limit = axum::extract::DefaultBodyLimit::max(slipstream_event::limits::BATCH_BYTES_MAX);
    Router::new()
        .route("/api/events", post(ingest::post).get(stream::open))
        .route("/api/events/ws", get(websocket::open))
        .route("/api/v1/events/ws", get(websocket::open))
        .layer(body_limit)
        .with_state(gateway)
}
