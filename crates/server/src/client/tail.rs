//! `GET /api/events`: a stream that survives the connections it is made of.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use reqwest::{Method, Response, header};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};

use super::sse::{Frame, Parser, Part};
use super::{Backoff, Client, Error, limits, media_type};

/// What happens on a stream, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event.
    Event {
        /// Its place in the stream: a stream that starts there shows what comes after it.
        cursor: String,
        /// Its JSON, on one line.
        data: String,
    },
    /// A control event: `ready`, `notice`, `heartbeat`, `reset`, `expiring`, `close`, and others that may come.
    Control {
        /// Its name.
        name: String,
        /// Its JSON.
        data: String,
    },
    /// Everything up to this place has been shown.
    Moved {
        /// The place.
        cursor: String,
    },
    /// A connection is made.
    Connected,
    /// The connection ended, or could not be made; it is made anew after a pause.
    Lost {
        /// Why.
        reason: String,
        /// The pause.
        pause: Duration,
    },
}

/// A tenant's stream from a place on.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    query: Vec<(&'static str, String)>,
    position: Option<String>,
    link: Link,
    items: VecDeque<Item>,
    backoff: Backoff,
}

#[derive(Debug)]
enum Link {
    Down { until: Option<Instant> },
    Up(Box<(Response, Parser)>),
    Ended { reason: String },
}

/// What control events say that matters to a client.
#[derive(Default, Deserialize)]
struct Control {
    cursor: Option<String>,
    #[serde(default)]
    reason: String,
    reconnect: Option<bool>,
}

impl Tail {
    /// The events that `query` asks for, after `from` (a cursor, or an event id); from now on when `None`. Connects on the first [`Tail::next`].
    pub fn new(client: Client, query: Vec<(&'static str, String)>, from: Option<String>) -> Self {
        let backoff = Backoff::new(limits::RECONNECT);
        Self { client, query, position: from, link: Link::Down { until: None }, items: VecDeque::new(), backoff }
    }

    /// What happens next. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`Error::Refused`] when the server refuses the stream, [`Error::Closed`] when it has ended it for good.
    pub async fn next(&mut self) -> Result<Item, Error> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Ok(item);
            }
            match &mut self.link {
                Link::Ended { reason } => return Err(Error::Closed(reason.clone())),
                Link::Down { until: Some(until) } => {
                    sleep_until(*until).await;
                    self.link = Link::Down { until: None };
                }
                Link::Down { until: None } => self.connect().await?,
                Link::Up(connection) => {
                    let chunk = timeout(limits::SILENCE, connection.0.chunk()).await;
                    match chunk {
                        Ok(Ok(Some(bytes))) => self.take(&bytes),
                        Ok(Ok(None)) => self.lose("the server ended the connection", None),
                        Ok(Err(error)) => self.lose(&super::error::root(&error), None),
                        Err(_) => self.lose("the server is silent", None),
                    }
                }
            }
        }
    }

    /// Whether an item is at hand: [`Tail::next`] does not wait then.
    pub fn has_next(&self) -> bool {
        !self.items.is_empty()
    }

    async fn connect(&mut self) -> Result<(), Error> {
        let mut request = self.client.request(Method::GET, "/api/events", None, &self.query).header(header::ACCEPT, "text/event-stream");
        if let Some(position) = &self.position {
            request = request.header("Last-Event-ID", position);
        }
        let answer = timeout(limits::REQUEST, self.client.send(request)).await;
        match answer {
            Ok(Ok(response)) if media_type(&response) == "text/event-stream" => {
                self.link = Link::Up(Box::new((response, Parser::default())));
                self.items.push_back(Item::Connected);
            }
            Ok(Ok(response)) => return Err(Error::Protocol(format!("a stream was expected, {:?} came", media_type(&response)))),
            Ok(Err(error)) if error.is_retriable() => self.lose(&error.to_string(), error.retry_after()),
            Ok(Err(error)) => return Err(error),
            Err(_) => self.lose("no answer in time", None),
        }
        Ok(())
    }

    fn lose(&mut self, reason: &str, retry_after: Option<Duration>) {
        let pause = self.backoff.fail(retry_after, rand::rng().random());
        self.link = Link::Down { until: Some(Instant::now() + pause) };
        self.items.push_back(Item::Lost { reason: reason.to_owned(), pause });
    }

    fn take(&mut self, bytes: &[u8]) {
        let Link::Up(connection) = &mut self.link else { return };
        let mut parts = Vec::new();
        let whole = connection.1.push(bytes, &mut parts);
        for part in parts {
            match part {
                Part::Retry(ms) => self.backoff = Backoff::new(Duration::from_millis(ms).min(limits::RETRY_AFTER_MAX)),
                Part::Frame(frame) => self.take_frame(frame),
            }
        }
        if let Err(error) = whole {
            self.lose(&error.to_string(), None);
        }
    }

    fn take_frame(&mut self, frame: Frame) {
        self.backoff.succeed();
        let Frame { id, name, data } = frame;
        match (data, id) {
            (None, Some(id)) => self.step_to(id),
            (None, None) => {}
            (Some(data), id) if is_control(&name, id.as_ref()) => self.take_control(name, data),
            (Some(data), id) => {
                let cursor = id.or_else(|| self.position.clone()).unwrap_or_default();
                self.position = Some(cursor.clone()).filter(|cursor| !cursor.is_empty());
                // One line: a line break in JSON is white space between tokens.
                self.items.push_back(Item::Event { cursor, data: data.replace('\n', " ") });
            }
        }
    }

    fn take_control(&mut self, name: String, data: String) {
        let control: Control = serde_json::from_str(&data).unwrap_or_default();
        let is_end = name == "close" && control.reconnect == Some(false);
        self.items.push_back(Item::Control { name, data });
        if let Some(cursor) = control.cursor {
            self.step_to(cursor);
        }
        if is_end {
            self.link = Link::Ended { reason: control.reason };
        }
    }

    fn step_to(&mut self, cursor: String) {
        if cursor.is_empty() || self.position.as_ref() == Some(&cursor) {
            return;
        }
        self.position = Some(cursor.clone());
        self.items.push_back(Item::Moved { cursor });
    }
}

/// Control events are named and carry no id; events that are named by their type carry one.
fn is_control(name: &str, id: Option<&String>) -> bool {
    !name.is_empty() && name != "message" && id.is_none()
}
