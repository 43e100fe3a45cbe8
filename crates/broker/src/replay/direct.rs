//! Pages by batched direct get (ADR-31): one request, no consumer, from any copy of the stream. And single reads from the leader.

use async_nats::header as nats;
use async_nats::jetstream::{message::StreamMessage, stream::RawMessage};
use async_nats::{HeaderMap, StatusCode, Subscriber};
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Request;
use super::page::Page;
use crate::api::code;
use crate::{Broker, Error, Message, header, limits, subject};

impl Broker {
    /// # Errors
    /// [`Error::Unavailable`] when the answer did not come whole and at once: read another way.
    pub(crate) async fn direct_page(&self, request: &Request<'_>) -> Result<Page, Error> {
        let (inbox, mut answers) = self.connection().inbox(limits::DIRECT_SILENCE_MAX).await?;
        let ask = json!({
            "seq": request.from_seq.max(1),
            "next_by_subj": request.filter,
            "batch": request.messages_max,
            "max_bytes": request.bytes_max,
        });
        let to = subject::api("DIRECT.GET", request.stream);
        self.connection().send(to, Some(&inbox), HeaderMap::new(), ask.to_string().into(), limits::DIRECT_SILENCE_MAX).await?;
        receive(&mut answers, request).await
    }

    /// The sequence of the first matching message at or after `from_seq`, as the leader knows it.
    pub(crate) async fn next_on_leader(&self, stream: &str, filter: &str, from_seq: u64) -> Result<Option<u64>, Error> {
        let found = self.read_on_leader(stream, &json!({"seq": from_seq, "next_by_subj": filter})).await?;
        Ok(found.map(|message| message.sequence))
    }

    /// One message, from the leader. `None` when there is no such message.
    pub(crate) async fn read_on_leader(&self, stream: &str, ask: &Value) -> Result<Option<StreamMessage>, Error> {
        #[derive(Deserialize)]
        struct Found {
            message: RawMessage,
        }
        match self.connection().api::<Found>(subject::api("STREAM.MSG.GET", stream), ask, self.timeout()).await? {
            Ok(found) => found.message.try_into().map(Some).map_err(|e: async_nats::Error| Error::Unavailable(format!("unreadable message: {e}"))),
            Err(e) if e.err_code == code::MESSAGE_NOT_FOUND => Ok(None),
            Err(e) if e.err_code == code::STREAM_NOT_FOUND => Err(Error::NotProvisioned(stream.to_owned())),
            Err(e) => Err(e.into()),
        }
    }
}

async fn receive(answers: &mut Subscriber, request: &Request<'_>) -> Result<Page, Error> {
    let mut page = Page::default();
    loop {
        let answer = tokio::time::timeout_at(Instant::now() + limits::DIRECT_SILENCE_MAX, answers.next()).await;
        let Ok(Some(answer)) = answer else { return Err(Error::Unavailable("direct get fell silent".to_owned())) };
        let headers = answer.headers.as_ref();
        match answer.status.map(|status| status.as_u16()) {
            None | Some(200) => {
                // The server chains the messages of one answer, so that a lost one shows.
                follows(header::number(headers, nats::NATS_LAST_SEQUENCE), &page)?;
                let message = Message::placed(answer, request.shard, request.epoch);
                page.messages.push(message.ok_or_else(|| Error::Unavailable("direct get gave a message without place".to_owned()))?);
            }
            Some(204) => {
                follows(header::number(headers, nats::NATS_LAST_SEQUENCE), &page)?;
                page.more = header::number(headers, "Nats-Num-Pending").unwrap_or(0) > 0;
                return Ok(page);
            }
            Some(404) if answer.status == Some(StatusCode::NOT_FOUND) => return Ok(page),
            Some(status) => return Err(Error::Unavailable(format!("direct get answered {status}"))),
        }
    }
}

fn follows(last_seq: Option<u64>, page: &Page) -> Result<(), Error> {
    if last_seq == Some(page.last_seq().unwrap_or(0)) { Ok(()) } else { Err(Error::Unavailable("direct get lost a message".to_owned())) }
}
