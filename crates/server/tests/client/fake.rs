//! A server that speaks the gateway's protocol over a log in memory: real parsing, real checks, real problem documents. What each request is to meet
//! is scripted, so that every fault comes when the test says.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use slipstream_access::{Problem, Secret};
use slipstream_event::draft::Context;
use slipstream_event::{Actor, Event, Tenant, Timestamp};
use slipstream_gateway::ingest::body::Body;
use slipstream_server::client::{Client, Connection, Target};
use tokio::net::TcpListener;
use tokio::time::Duration;
use url::Url;

/// The token that the server takes.
pub(crate) const TOKEN: &str = "the-token";

/// What a request meets instead of, or before, a good answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// An error answer with `Retry-After`, after the first `stored` events of the request were stored all the same.
    Status { status: u16, retry_after: Option<&'static str>, stored: usize },
    /// All is stored, and the answer is cut off.
    Cut,
    /// This answer, as it is.
    Answer { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// A stream that ends after so many bytes.
    CutAfter(usize),
    /// A stream that says this after what it replays, and ends.
    Say(String),
}

/// What a request brought.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    /// The value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The cursor that a stream is to go on from.
    pub(crate) fn last_event_id(&self) -> Option<&str> {
        self.headers.get("last-event-id").map(|value| value.to_str().unwrap())
    }
}

#[derive(Default)]
struct Log {
    events: Vec<Event>,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    parallel: HashMap<Tenant, u32>,
    has_overlapped: bool,
}

/// The server.
#[derive(Clone)]
pub(crate) struct Fake {
    log: Arc<Mutex<Log>>,
    pub(crate) url: Url,
}

impl Fake {
    /// Starts it on a free port. It ends with the test's runtime.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let fake = Self { log: Arc::default(), url };
        let routes = axum::Router::new().route("/api/events", post(ingest).get(open)).route("/api/events/history", get(page)).with_state(fake.clone());
        #[expect(clippy::disallowed_methods, reason = "the server of a test ends with its runtime")]
        tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        fake
    }

    /// A client of it.
    pub(crate) fn client(&self) -> Client {
        Client::new(self.target(), |_| {}).unwrap()
    }

    pub(crate) fn target(&self) -> Target {
        Target { url: self.url.clone(), token: Secret::new(TOKEN), tenant: None, hint: None }
    }

    /// The flags by which a command reaches it.
    pub(crate) fn connection(&self, tenant: Option<&str>) -> Connection {
        Connection { url: Some(self.url.to_string()), token: Some(TOKEN.into()), tenant: tenant.map(|tenant| Tenant::new(tenant).unwrap()) }
    }

    /// The next requests meet these.
    pub(crate) fn meet(&self, faults: impl IntoIterator<Item = Fault>) {
        self.lock().faults.extend(faults);
    }

    /// What is in the log.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.lock().events.clone()
    }

    /// Puts events with these ids into the log of the tenant `t`.
    pub(crate) fn fill(&self, count: usize) {
        let body: String =
            (0..count).map(|i| format!("{{\"id\":\"e{i}\",\"type\":\"a.b.c\",\"entityId\":\"{i}\",\"message\":\"é{}\"}}\n", "x".repeat(i % 40))).collect();
        let events = finish(&Tenant::new("t").unwrap(), &lines_headers(), body.as_bytes()).unwrap();
        self.lock().store(events);
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// Whether two requests of one tenant were ever under way at the same time.
    pub(crate) fn has_overlapped(&self) -> bool {
        self.lock().has_overlapped
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    fn see(&self, query: Option<String>, headers: HeaderMap, body: Bytes) -> (Option<Fault>, Seen) {
        let seen = Seen { query: query.unwrap_or_default(), headers, body };
        let mut log = self.lock();
        log.seen.push(seen.clone());
        (log.faults.pop_front(), seen)
    }
}

impl Log {
    /// Stores what is new; the answer to each.
    fn store(&mut self, events: Vec<Event>) -> Vec<serde_json::Value> {
        let mut results = Vec::new();
        for event in events {
            let known = self.events.iter().position(|known| known.id == event.id && known.tenant_id == event.tenant_id);
            let at = known.unwrap_or(self.events.len());
            results.push(json!({"id": event.id, "cursor": format!("c{}", at + 1), "duplicate": known.is_some()}));
            if known.is_none() {
                self.events.push(event);
            }
        }
        results
    }
}

fn lines_headers() -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, "application/x-ndjson".parse().unwrap())])
}

fn tenant_of(seen: &Seen) -> Result<Tenant, Problem> {
    if seen.headers.get(header::AUTHORIZATION).is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return Err(Problem::unauthorized(slipstream_access::Denied::Unrecognised));
    }
    Ok(Tenant::new(&seen.parameter("account_id").unwrap_or_else(|| "t".to_owned())).unwrap())
}

/// Checks a request as the gateway does: one faulty event refuses all.
fn finish(tenant: &Tenant, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Event>, Problem> {
    let context = Context { tenant, actor: &Actor::user("u"), may_write_as: true, now: Timestamp::now() };
    let body = Body::parse(headers, body).map_err(|refused| Problem::bad_request("unreadable", format!("{refused:?}")))?;
    let (mut events, mut faults) = (Vec::new(), Vec::new());
    for item in body.items {
        match item.draft.map_err(|fault| vec![fault]).and_then(|draft| draft.finish(&context)) {
            Ok(event) => events.push(event),
            Err(found) => faults.extend(found.into_iter().map(|fault| if item.name.is_empty() { fault } else { fault.below(&item.name) })),
        }
    }
    match faults.first().cloned() {
        Some(first) => Err(Problem::unprocessable(first.code, first.to_string()).with_fields(faults)),
        None => Ok(events),
    }
}

async fn ingest(State(fake): State<Fake>, RawQuery(query): RawQuery, headers: HeaderMap, body: Bytes) -> Result<Response, Problem> {
    let (fault, seen) = fake.see(query, headers, body);
    let tenant = tenant_of(&seen)?;
    enter(&fake, &tenant);
    // A request takes its time, so that one that does not wait for the one before is found out.
    tokio::task::yield_now().await;
    let answer = answer(&fake, &tenant, &seen, fault);
    *fake.lock().parallel.entry(tenant).or_default() -= 1;
    answer
}

fn enter(fake: &Fake, tenant: &Tenant) {
    let mut log = fake.lock();
    let parallel = log.parallel.entry(tenant.clone()).or_default();
    *parallel += 1;
    let has_overlapped = *parallel > 1;
    log.has_overlapped |= has_overlapped;
}

fn answer(fake: &Fake, tenant: &Tenant, seen: &Seen, fault: Option<Fault>) -> Result<Response, Problem> {
    let mut events = finish(tenant, &seen.headers, &seen.body)?;
    match fault {
        Some(Fault::Status { status, retry_after, stored }) => {
            events.truncate(stored);
            fake.lock().store(events);
            Ok(status_answer(status, retry_after))
        }
        Some(Fault::Cut) => {
            fake.lock().store(events);
            Ok(cut("{\"accepted\":".to_owned()))
        }
        Some(Fault::Answer { status, headers, body }) => Ok(given(status, headers, body)),
        _ => {
            let is_single = events.len() == 1 && seen.headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/json");
            let results = fake.lock().store(events);
            let body = if is_single { results[0].clone() } else { json!({"accepted": results.len(), "results": results}) };
            Ok((StatusCode::ACCEPTED, axum::Json(body)).into_response())
        }
    }
}

fn status_answer(status: u16, retry_after: Option<&'static str>) -> Response {
    let mut response = Problem::new(StatusCode::from_u16(status).unwrap(), "scripted", "as scripted").into_response();
    response.headers_mut().remove(header::RETRY_AFTER);
    response.headers_mut().extend(retry_after.map(|value| (header::RETRY_AFTER, value.parse().unwrap())));
    response
}

fn given(status: u16, headers: Vec<(&'static str, String)>, body: String) -> Response {
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// An answer that breaks off after `text`.
fn cut(text: String) -> Response {
    // What is pending for a moment is sent before the connection breaks.
    let broken = stream::once(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Err(std::io::Error::other("cut"))
    });
    let chunks = stream::iter([Ok(Bytes::from(text))]).chain(broken);
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/event-stream")], HttpBody::from_stream(chunks)).into_response()
}

async fn open(State(fake): State<Fake>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let (fault, seen) = fake.see(query, headers, Bytes::new());
    tenant_of(&seen)?;
    let events = fake.events();
    let at = seen.last_event_id().map_or(0, |cursor| cursor.strip_prefix('c').unwrap().parse::<usize>().unwrap());
    let frames = events.iter().enumerate().skip(at).map(|(i, event)| format!("id: c{}\ndata: {}\n\n", i + 1, event.to_json()));
    let text = std::iter::once(format!("retry: 1\n: slipstream\nid: c{at}\n\n")).chain(frames).collect::<String>();
    match fault {
        Some(Fault::Status { status, retry_after, .. }) => Ok(status_answer(status, retry_after)),
        Some(Fault::Answer { status, headers, body }) => Ok(given(status, headers, body)),
        Some(Fault::CutAfter(bytes)) => {
            let bytes = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            Ok(cut(text[..bytes].to_owned()))
        }
        Some(Fault::Say(more)) => Ok(streamed(stream::iter([Ok::<_, Infallible>(Bytes::from(text + &more))]))),
        _ => {
            let ready = format!("event: ready\ndata: {{\"type\":\"ready\",\"cursor\":\"c{}\"}}\n\n", events.len());
            Ok(streamed(stream::iter([Ok::<_, Infallible>(Bytes::from(text + &ready))]).chain(stream::pending())))
        }
    }
}

fn streamed(frames: impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Send + 'static) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], HttpBody::from_stream(frames)).into_response()
}

async fn page(State(fake): State<Fake>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let (fault, seen) = fake.see(query, headers, Bytes::new());
    tenant_of(&seen)?;
    if let Some(Fault::Status { status, retry_after, .. }) = fault {
        return Ok(status_answer(status, retry_after));
    }
    let events: Vec<Event> = fake.events().into_iter().rev().collect();
    let limit: usize = seen.parameter("limit").unwrap().parse().unwrap();
    let from = seen.parameter("cursor").map_or(0, |cursor| cursor.parse().unwrap());
    let items: Vec<serde_json::Value> = events.iter().skip(from).take(limit).map(|event| serde_json::from_str(&event.to_json()).unwrap()).collect();
    let next = (from + limit < events.len()).then(|| (from + limit).to_string());
    Ok(axum::Json(json!({"items": items, "next_cursor": next})).into_response())
}
