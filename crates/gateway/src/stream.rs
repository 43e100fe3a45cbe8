//! `GET /api/events`: the stream of a tenant's events, as server-sent events (WHATWG HTML §9.2).

pub mod admission;
pub mod audience;
pub(crate) mod body;
pub mod budget;
mod known;
#[cfg(test)]
mod model;
pub mod page;
pub mod replay;
pub mod request;
pub mod resume;
pub mod session;
pub mod shelf;
pub mod span;

use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Problem, Streamer};
use slipstream_event::Viewer;
use tokio::time::{Duration, Instant};

use crate::frame::Wire;
use crate::handover::Handover;
use crate::limits;
use crate::opens::TooSoon;
use crate::routes::Gateway;
use admission::Full;
use audience::Audience;
use body::Driver;
use request::Request;
use resume::Start;
use session::{Reader, Session};

/// How long a new stream waits for the hub to be fed, after a start of this process.
const HUB_WAIT: Duration = Duration::from_secs(3);

/// How long a client that met a cap should wait.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// Opens a stream: primes the client with an id, replays what it missed, says `ready`, and goes on live.
pub(crate) async fn open(
    State(gateway): State<Gateway>,
    streamer: Streamer,
    handover: Option<Extension<Handover>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let request =
        Request::parse(&headers, query.as_deref().unwrap_or_default()).map_err(|fault| Problem::invalid(vec![Invalid::new(Location::Query, fault)]))?;
    let wire = handover.as_ref().map_or(Wire::Sse, |handover| handover.wire());
    let session = begin(&gateway, streamer, request, wire).await?;
    Ok(match handover {
        Some(handover) => respond(handover.stream(session), true),
        None => respond(driver(&gateway, session).into_body(), false),
    })
}

/// A session at its start: admitted, and placed in its tenant's log.
pub(crate) async fn begin(gateway: &Gateway, streamer: Streamer, request: Request, wire: Wire) -> Result<Session, Problem> {
    let tenant = streamer.tenant().clone();
    if gateway.drain.is_cancelled() {
        return Err(Problem::unavailable("draining", "this server is shutting down"));
    }
    let principal = streamer.into_principal();
    gateway.stream_opens.take(&tenant, &principal.actor.user_id).map_err(too_soon)?;
    let permit = gateway.admission.enter(&tenant, &principal.actor.user_id).map_err(refused)?;
    let not_fed = || Problem::unavailable("broker_unavailable", "the event log is not reachable yet");
    let log = gateway.hub.log(&tenant, Instant::now() + HUB_WAIT).await.ok_or_else(not_fed)?;
    let lane = log.lane(&tenant);
    let given = request.last_event_id.as_deref().unwrap_or_default();
    let start = if given.is_empty() {
        Start::After(log.last())
    } else {
        resume::start(&gateway.hub, &log, &lane, &tenant, gateway.replay.cold(), given, gateway.replay.last_seq(&log)).await
    };
    let viewer = Viewer { user_id: None, ..principal.viewer.clone() };
    let audience = gateway.audiences.shared(Audience { viewer, filter: request.filter, selection: request.selection, projection: request.projection, wire });
    let expires = principal.expires_at.map(until);
    let retry_ms = limits::RETRY_MS + rand::random_range(0..=limits::RETRY_MS / 2);
    Ok(Session::new(&gateway.env, Reader { principal, audience, expires, permit }, log, lane, &start, given, retry_ms))
}

/// What writes a session that has no socket of its own.
pub(crate) fn driver(gateway: &Gateway, session: Session) -> Driver {
    Driver::new(session, gateway.env.clone(), gateway.replay.clone(), gateway.drain.clone())
}

/// The head of a stream. A connection that is handed over carries no request after it.
fn respond(body: Body, is_last: bool) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Authorization"),
        // The address may hold a ticket.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (StatusCode::OK, headers, body).into_response();
    if is_last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A token's end on this process's clock.
fn until(at: time::OffsetDateTime) -> Instant {
    let left = at - time::OffsetDateTime::now_utc();
    Instant::now() + left.try_into().unwrap_or(Duration::ZERO)
}

/// The answer to a client that opens streams, or asks for tickets, too often.
pub(crate) fn too_soon(too_soon: TooSoon) -> Problem {
    // Whole seconds, rounded up: one that comes back by then finds room.
    let wait = Duration::from_secs(too_soon.wait.as_secs() + 1);
    Problem::too_many_requests("too_many_opens", format!("the {} opens streams too often", too_soon.of), wait)
}

fn refused(full: Full) -> Problem {
    match full {
        Full::Node => Problem::unavailable("streams_full", "this server has as many streams as it takes").with_retry_after(FULL_RETRY),
        Full::Tenant | Full::User => {
            Problem::too_many_requests("too_many_streams", format!("the {} has as many open streams as it may", full.as_str()), FULL_RETRY)
        }
    }
}
