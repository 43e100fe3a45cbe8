//! `GET /api/events`: the stream of a tenant's events, as server-sent events (WHATWG HTML §9.2).

pub mod admission;
pub mod replay;
pub mod request;
pub mod resume;
pub mod session;

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, StatusCode, header};
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Problem, Streamer};
use tokio::time::{Duration, Instant};

use crate::opens::TooSoon;
use crate::routes::Gateway;
use admission::Full;
use request::Request;
use resume::Start;
use session::{Reader, Session};

/// How long a new stream waits for the hub to be fed, after a start of this process.
const HUB_WAIT: Duration = Duration::from_secs(3);

/// How long a client that met a cap should wait.
const FULL_RETRY: Duration = Duration::from_secs(5);

/// Opens a stream: primes the client with an id, replays what it missed, says `ready`, and goes on live.
pub(crate) async fn open(State(gateway): State<Gateway>, streamer: Streamer, headers: HeaderMap, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let request =
        Request::parse(&headers, query.as_deref().unwrap_or_default()).map_err(|fault| Problem::invalid(vec![Invalid::new(Location::Query, fault)]))?;
    let tenant = streamer.tenant().clone();
    if gateway.drain.is_cancelled() {
        return Err(Problem::unavailable("draining", "this server is shutting down"));
    }
    gateway.stream_opens.take(&tenant, &streamer.principal().actor.user_id).map_err(too_soon)?;
    let permit = gateway.admission.enter(&tenant, &streamer.principal().actor.user_id).map_err(refused)?;
    let not_fed = || Problem::unavailable("broker_unavailable", "the event log is not reachable yet");
    let log = gateway.hub.log(&tenant, Instant::now() + HUB_WAIT).await.ok_or_else(not_fed)?;
    let given = request.last_event_id.as_deref().unwrap_or_default();
    let start = if given.is_empty() {
        Start::After(log.last())
    } else {
        let lane = log.lane(&tenant);
        resume::start(&gateway.hub, &log, &lane, &tenant, gateway.replay.cold(), given, gateway.replay.last_seq(&log)).await
    };
    let reader = Reader {
        tenant,
        viewer: streamer.principal().viewer.clone(),
        filter: request.filter,
        projection: request.projection,
        expires: streamer.principal().expires_at.map(until),
        permit,
    };
    let session = Session::new(&gateway, reader, log, &start, given);
    Ok(respond(session))
}

fn respond(session: Session) -> Response {
    let bytes = stream::unfold(session, |mut session| async move { session.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), session)) });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store, no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Authorization"),
        // The address may hold a ticket.
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (StatusCode::OK, headers, Body::from_stream(bytes)).into_response()
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
