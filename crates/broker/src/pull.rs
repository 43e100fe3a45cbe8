//! Pull requests to one consumer: asking, receiving, and noticing when nothing comes any more.

use std::time::Duration;

use async_nats::header as nats;
use async_nats::{HeaderMap, StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::time::Instant;

use crate::{Broker, Error, header, limits, subject};

/// An open conversation with a consumer.
pub(crate) struct Pull {
    broker: Broker,
    stream: String,
    consumer: String,
    inbox: String,
    answers: Subscriber,
    /// The connection over which was asked: requests of an earlier one are gone.
    connection: u64,
    /// Messages that the server may still send for what was asked.
    credit: usize,
    heard_at: Instant,
}

/// What comes back.
pub(crate) enum Answer {
    Message(async_nats::Message),
    /// A sign of life; how many messages the consumer has delivered so far, where it says.
    Heartbeat(Option<u64>),
}

#[derive(Serialize)]
struct Request {
    batch: usize,
    max_bytes: usize,
    /// In nanoseconds.
    expires: u64,
    idle_heartbeat: u64,
}

impl Pull {
    pub(crate) async fn open(broker: &Broker, stream: &str, consumer: &str) -> Result<Self, Error> {
        let connection = broker.connection().number();
        let (inbox, answers) = broker.connection().inbox(broker.timeout()).await?;
        let (stream, consumer) = (stream.to_owned(), consumer.to_owned());
        Ok(Self { broker: broker.clone(), stream, consumer, inbox, answers, connection, credit: 0, heard_at: Instant::now() })
    }

    pub(crate) fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Messages that may still come without asking again.
    pub(crate) fn credit(&self) -> usize {
        self.credit
    }

    /// Asks for `messages` more. Cancel-safe: either asked, and counted, or not.
    pub(crate) async fn ask(&mut self, messages: usize) -> Result<(), Error> {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let request =
            Request { batch: messages, max_bytes: limits::PULL_BYTES, expires: nanos(limits::PULL_EXPIRES), idle_heartbeat: nanos(limits::HEARTBEAT) };
        let body = serde_json::to_vec(&request).map_err(|e| Error::Invalid(e.to_string()))?;
        let to = subject::api_of_consumer("CONSUMER.MSG.NEXT", &self.stream, &self.consumer);
        self.broker.connection().send(to, Some(&self.inbox), HeaderMap::new(), body.into(), self.broker.timeout()).await?;
        self.credit += messages;
        self.heard_at = Instant::now();
        Ok(())
    }

    /// The next answer; what has arrived already comes even after `until`. `None` when none came by then. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Lost`] when the consumer is gone, silent, or the connection was lost.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Option<Answer>, Error> {
        loop {
            match tokio::time::timeout_at(until.min(Instant::now() + limits::HEARTBEAT), self.answers.next()).await {
                Ok(Some(message)) => {
                    self.heard_at = Instant::now();
                    if let Some(answer) = self.take(message)? {
                        return Ok(Some(answer));
                    }
                    if self.credit == 0 {
                        return Ok(None);
                    }
                }
                Ok(None) => return Err(Error::Lost("the connection is closed".to_owned())),
                Err(_) => self.check_life()?,
            }
            if Instant::now() >= until {
                return Ok(None);
            }
        }
    }

    /// Messages that have arrived and will not be taken: for a consumer that keeps others waiting for them.
    pub(crate) fn leftovers(&mut self) -> Vec<async_nats::Message> {
        std::iter::from_fn(|| self.answers.next().now_or_never().flatten()).filter(|message| message.status.is_none()).collect()
    }

    fn take(&mut self, message: async_nats::Message) -> Result<Option<Answer>, Error> {
        let headers = message.headers.as_ref();
        match message.status {
            None | Some(StatusCode::OK) => {
                self.credit = self.credit.saturating_sub(1);
                Ok(Some(Answer::Message(message)))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(Some(Answer::Heartbeat(header::number(headers, nats::NATS_LAST_CONSUMER)))),
            Some(status) => {
                let left = header::number(headers, "Nats-Pending-Messages").and_then(|n| usize::try_from(n).ok());
                let ended = left.or_else(|| matches!(status, StatusCode::TIMEOUT | StatusCode::NOT_FOUND).then_some(self.credit));
                let Some(left) = ended else {
                    return Err(Error::Lost(message.description.unwrap_or_else(|| format!("status {status}"))));
                };
                self.credit = self.credit.saturating_sub(left);
                Ok(None)
            }
        }
    }

    /// To be asked when nothing waits: while the caller is busy, signs of life wait in this process and count once they are read.
    fn check_life(&self) -> Result<(), Error> {
        if !self.broker.connection().holds(self.connection) {
            return Err(Error::Lost("the connection was lost".to_owned()));
        }
        if self.credit > 0 && self.heard_at.elapsed() > limits::SILENCE_MAX {
            return Err(Error::Lost("the consumer is silent".to_owned()));
        }
        Ok(())
    }
}
