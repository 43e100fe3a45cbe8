//! `GET /api/events/ws`: the stream of a tenant's events as WebSocket messages (RFC 6455).
//!
//! The same [`Session`](crate::stream::session::Session) as of a stream of server-sent events, so the same order, cursors, filters, visibility and caps; each of its lines is one text
//! message. The connection's own task drives it: nothing here spawns.
//!
//! The credential is the `Authorization` header of the handshake, else the first message. What is wrong with the handshake itself is an HTTP answer; all that is decided about the
//! caller is a close code, which is all that a browser shows to its page.

mod allowance;
pub mod ending;
pub mod handshake;
pub mod hello;
mod line;
mod origin;

use axum::extract::{Extension, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, Version};
use metrics::counter;
use slipstream_access::extract::Credential;
use slipstream_access::problem::{Invalid, Location};
use slipstream_access::{Access, Denied, Problem, Streamer, credential, extract};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};
use tracing::debug;

use crate::frame::Wire;
use crate::handover::Handover;
use crate::limits;
use crate::metrics::WEBSOCKETS_CLOSED;
use crate::routes::Gateway;
use crate::stream;
use crate::stream::body::Driver;
use crate::stream::request::Request;
use ending::{Close, Ending};
use hello::{Hello, Proof};
use line::{Heard, Line};
pub use origin::Origins;

/// What differs between deployments.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which pages may open a socket.
    pub origins: Origins,
    /// How long a socket that takes no byte is kept. Then it is cut.
    pub stall: Duration,
}

/// Who asked for a socket, and what it said so far.
struct Caller {
    gateway: Gateway,
    headers: HeaderMap,
    query: String,
}

/// Answers the handshake. What follows is offered to the connection's task.
pub(crate) async fn open(
    State(gateway): State<Gateway>,
    handover: Option<Extension<Handover>>,
    method: Method,
    version: Version,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    let accept = match handshake::check(&method, version, &headers) {
        Ok(accept) => accept,
        Err(problem) => return handshake::refuse(problem),
    };
    let Some(handover) = handover else { return handshake::refuse(handshake::upgrade_required()) };
    if let Err(fault) = Request::parse(&headers, &query) {
        return Problem::invalid(vec![Invalid::new(Location::Query, fault)]).into_response();
    }
    let caller = Caller { gateway, headers, query };
    handover.upgrade(Box::new(|socket, read| Box::pin(caller.serve(socket, read))));
    handshake::switching(accept)
}

impl Caller {
    /// From the end of the handshake to the end of the socket.
    async fn serve(self, socket: TcpStream, read: Bytes) {
        let mut line = Line::new(socket, &read, self.gateway.websocket.stall, self.gateway.drain.clone()).await;
        // Boxed, so that a socket that lives does not hold what its beginning needed.
        let ending = match Box::pin(self.admit(&mut line)).await {
            Ok(driver) => follow(&mut line, driver).await,
            Err(ending) => ending,
        };
        if let Ending::Close(close) = &ending {
            debug!(code = close.code, reason = close.reason, "a socket is closed");
            counter!(WEBSOCKETS_CLOSED, "code" => close.code.to_string()).increment(1);
        }
        Box::pin(line.end(ending)).await;
    }

    async fn admit(self, line: &mut Line) -> Result<Driver, Ending> {
        if !self.gateway.websocket.origins.admit(&self.headers) {
            return Err(Close::ORIGIN.into());
        }
        let hello = match credential::of_platform(&self.headers) {
            Ok(token) => Hello { proof: Proof::Token(token.to_owned()), parameters: String::new() },
            Err(Denied::Missing) => self.hello(line).await?,
            Err(denied) => return Err(Close::refused(&denied.into()).into()),
        };
        // Parameters of the message come first: where two places name a position, the message's counts.
        let query = if hello.parameters.is_empty() { self.query } else { format!("{}&{}", hello.parameters, self.query) };
        let streamer = authenticate(&self.gateway.access, &hello.proof, &self.headers, &query).await.map_err(|problem| Close::refused(&problem))?;
        let request = Request::parse(&self.headers, &query).map_err(|_| Close::FAULTY)?;
        let session = stream::begin(&self.gateway, streamer, request, Wire::Message).await.map_err(|problem| Close::refused(&problem))?;
        Ok(stream::driver(&self.gateway, session))
    }

    /// The first message, in time.
    async fn hello(&self, line: &mut Line) -> Result<Hello, Ending> {
        let first = async {
            loop {
                match line.hear().await? {
                    Heard::Text(text) => return Ok(Hello::parse(&text)?),
                    Heard::Binary => return Err(Close::MALFORMED.into()),
                    Heard::Nothing => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = self.gateway.drain.cancelled() => Err(Close::DRAINING.into()),
            first = timeout(limits::HELLO_WAIT, first) => first.unwrap_or_else(|_| Err(Close::MISSING.into())),
        }
    }
}

/// The only place that checks a socket's credential; class and tenant by the rules of every other route.
async fn authenticate(access: &Access, proof: &Proof, headers: &HeaderMap, query: &str) -> Result<Streamer, Problem> {
    let credential = match proof {
        Proof::Token(token) => Credential::Token(token),
        Proof::Ticket(ticket) => Credential::Ticket(ticket),
    };
    Streamer::of_message(access, credential, extract::named_tenant(headers, Some(query))?.as_deref()).await
}

/// Writes what the session says, and hears what the client says, until one of them ends.
async fn follow(line: &mut Line, mut driver: Driver) -> Ending {
    loop {
        let done = tokio::select! {
            biased;
            heard = line.hear() => match heard {
                Ok(Heard::Text(text)) if hello::is_ping(&text) => line.write(Bytes::from_static(hello::PONG)).await,
                heard => heard.map(drop),
            },
            lines = driver.next() => match lines {
                Some(lines) => line.write(lines).await,
                None => return Close::after(driver.session.closed_by()).into(),
            },
        };
        if let Err(ending) = done {
            return ending;
        }
    }
}
