//! The gateway's routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use slipstream_access::{Access, Class, Route};
use slipstream_broker::Broker;
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::opens::{Opens, Rates};
use crate::stream::admission::Admission;
use crate::stream::audience::Audiences;
use crate::stream::budget::Budget;
use crate::stream::replay::{Replay, Sources};
use crate::stream::session::Env;
use crate::tickets::BrokerTickets;
use crate::{ingest, revocations, stream, tickets, websocket};

/// The routes, for the isolation test.
pub const ROUTES: &[Route] = &[
    Route::new("POST", "/api/events", Class::Writer),
    Route::new("GET", "/api/events", Class::Reader),
    Route::new("POST", "/api/events/ticket", Class::Reader),
    Route::new("POST", "/api/admin/revocations", Class::Admin),
    Route::new("GET", "/api/admin/revocations", Class::Admin),
    Route::new("DELETE", "/api/admin/revocations/{id}", Class::Admin),
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
    pub(crate) stream_opens: Arc<Opens>,
    pub(crate) ticket_opens: Arc<Opens>,
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
    /// How much each tenant's replays may use.
    pub budget: Budget,
    /// How often streams may be opened.
    pub rates: Rates,
    /// What holds for WebSockets only.
    pub websocket: websocket::Settings,
}

impl Gateway {
    /// A gateway over these. When `drain` is cancelled every stream says `close` and ends.
    pub fn new(
        access: Access,
        broker: Broker,
        hub: Arc<Hub>,
        sources: Sources,
        admission: Arc<Admission>,
        settings: Settings,
        drain: CancellationToken,
    ) -> Self {
        let replay = Replay::new(hub.key().clone(), sources, settings.budget);
        let env = Env { hub: hub.clone(), revoked: access.revocations().clone(), heartbeat: settings.heartbeat, budget: settings.budget };
        let access = access.with_tickets(Arc::new(BrokerTickets(broker.clone())));
        let (stream_opens, ticket_opens) = (Opens::new(settings.rates), Opens::new(settings.rates));
        Self { access, broker, hub, replay, admission, stream_opens, ticket_opens, audiences: Arc::default(), env, websocket: settings.websocket, drain }
    }

    /// What counts openings: to [forget](Opens::forget_idle) those of the past.
    pub fn opens(&self) -> [Arc<Opens>; 2] {
        [self.stream_opens.clone(), self.ticket_opens.clone()]
    }
}

impl FromRef<Gateway> for Access {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.access.clone()
    }
}

/// The routes: `POST /api/events` (ingest), `GET /api/events` (stream), the stream as a WebSocket, also where clients of the activity log look for it, `POST
/// /api/events/ticket`, and those of revocations.
pub fn router(gateway: Gateway) -> Router {
    let body_limit = axum::extract::DefaultBodyLimit::max(slipstream_event::limits::BATCH_BYTES_MAX);
    Router::new()
        .route("/api/events", post(ingest::post).get(stream::open))
        .route("/api/events/ticket", post(tickets::post))
        .route("/api/admin/revocations", post(revocations::post).get(revocations::list))
        .route("/api/admin/revocations/{id}", delete(revocations::delete))
        .route("/api/events/ws", get(websocket::open))
        .route("/api/v1/events/ws", get(websocket::open))
        .layer(body_limit)
        .with_state(gateway)
}
