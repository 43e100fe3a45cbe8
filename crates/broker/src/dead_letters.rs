//! Dead letters: what a consumer could not handle, kept with its reason until someone puts it back.

use async_nats::HeaderMap;
use async_nats::header as nats;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use metrics::counter;
use serde_json::json;
use slipstream_event::{Position, Timestamp, subject as events};
use time::OffsetDateTime;

use crate::{Ack, Broker, Error, Message, PublishError, header, limits, metrics as names, subject};

/// A message that a consumer rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why. One line; cut at [`limits::REASON_LEN_MAX`] characters.
    pub reason: String,
    /// Who rejected it: 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub consumer: String,
    /// Its stored subject.
    pub subject: String,
    /// Where it stands.
    pub position: Position,
    /// The bytes as published.
    pub payload: Bytes,
    /// Its trace context.
    pub traceparent: Option<String>,
}

/// A dead letter in its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Sequence among the dead letters: its handle.
    pub seq: u64,
    /// When it was rejected.
    pub rejected_at: OffsetDateTime,
    /// The letter.
    pub letter: DeadLetter,
}

impl DeadLetter {
    /// `message`, rejected by `consumer`.
    pub fn of(message: &Message, consumer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            consumer: consumer.into(),
            subject: message.subject.clone(),
            position: message.position(),
            payload: message.payload.clone(),
            traceparent: message.traceparent.clone(),
        }
    }
}

impl Broker {
    /// Puts a message among the dead letters. The same message of the same consumer again replaces its letter.
    ///
    /// # Errors
    /// See [`PublishError`].
    pub async fn reject(&self, letter: DeadLetter) -> Result<(), PublishError> {
        if !subject::valid_consumer(&letter.consumer) {
            return Err(PublishError::Rejected { code: 0, description: "the consumer's name is no subject token".to_owned() });
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::REASON, header::line(&letter.reason, limits::REASON_LEN_MAX));
        headers.insert(header::SUBJECT, header::line(&letter.subject, usize::MAX));
        if let Some(traceparent) = &letter.traceparent {
            headers.insert(header::TRACEPARENT, header::line(traceparent, 128));
        }
        let to = subject::dead_letter(&letter.consumer, letter.position);
        headers.insert(nats::NATS_EXPECTED_STREAM, subject::DEAD_LETTERS);
        self.send_and_wait(to, headers, letter.payload).await?;
        counter!(names::DEAD_LETTERS_TOTAL, "consumer" => letter.consumer).increment(1);
        Ok(())
    }

    /// Dead letters after sequence `after`, oldest first, at most `limit`; of one consumer or of all.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::NotProvisioned`], [`Error::Invalid`].
    pub async fn list_dead_letters(&self, consumer: Option<&str>, after: u64, limit: usize) -> Result<Vec<StoredDeadLetter>, Error> {
        let filter = match consumer {
            Some(name) if subject::valid_consumer(name) => subject::dead_letters_of(name),
            Some(_) => return Err(Error::Invalid("the consumer's name is no subject token".to_owned())),
            None => subject::DEAD_LETTERS_ALL.to_owned(),
        };
        let (mut letters, mut from_seq) = (Vec::new(), after.saturating_add(1));
        // Few and read by people: one request each keeps it on the leader, where nothing lags.
        while letters.len() < limit.min(limits::DEAD_LETTERS_LISTED_MAX) {
            let found = self.read_on_leader(subject::DEAD_LETTERS, &json!({"seq": from_seq, "next_by_subj": filter})).await?;
            let Some(message) = found else { break };
            from_seq = message.sequence + 1;
            letters.extend(read(message));
        }
        Ok(letters)
    }

    /// Puts a dead letter back at the end of its stream, marked with its consumer, and empties the letter. `None` when there is no such letter (any more).
    ///
    /// # Errors
    /// [`Error::Unavailable`] (then do it again: the copy is deduplicated), [`Error::NotProvisioned`], [`Error::Refused`], [`Error::Invalid`] when its subject is none of an event.
    pub async fn redrive(&self, seq: u64) -> Result<Option<Ack>, Error> {
        let found = self.read_on_leader(subject::DEAD_LETTERS, &json!({"seq": seq})).await?;
        let Some(StoredDeadLetter { letter, .. }) = found.and_then(read) else { return Ok(None) };
        let (tenant, event_type) = events::parse(&letter.subject).ok_or_else(|| Error::Invalid(format!("{} is no event's subject", letter.subject)))?;
        let shard = self.shard_of(&tenant);
        let handle = subject::dead_letter(&letter.consumer, letter.position);
        let mut headers = HeaderMap::new();
        headers.insert(nats::NATS_MESSAGE_ID, format!("{handle}.{seq}"));
        headers.insert(nats::NATS_EXPECTED_STREAM, self.stream(shard)?);
        headers.insert(header::REDRIVEN, letter.consumer.as_str());
        if let Some(traceparent) = &letter.traceparent {
            headers.insert(header::TRACEPARENT, traceparent.as_str());
        }
        let known = self.known_within(shard, limits::EPOCH_AGE_MAX).await?;
        let stored = self.send_and_wait(events::published(self.shards(), &tenant, &event_type), headers, letter.payload).await?;
        let ack = self.ack(&known, stored.seq, stored.duplicate).await?;
        self.empty_letter(handle).await?;
        Ok(Some(ack))
    }

    /// The stream keeps one message per subject: an empty one takes the letter's place. No right to delete is needed, and it remains visible when it was done.
    async fn empty_letter(&self, handle: String) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::REDRIVEN_AT, Timestamp::now().to_string());
        headers.insert(nats::NATS_EXPECTED_STREAM, subject::DEAD_LETTERS);
        self.send_and_wait(handle, headers, Bytes::new()).await?;
        Ok(())
    }
}

/// `None` for what is left of a letter that was put back, and for what is no letter.
fn read(message: StreamMessage) -> Option<StoredDeadLetter> {
    let headers = Some(&message.headers);
    if header::text(headers, header::REDRIVEN_AT).is_some() {
        return None;
    }
    let (consumer, position) = subject::parse_dead_letter(&message.subject)?;
    let letter = DeadLetter {
        reason: header::text(headers, header::REASON)?.to_owned(),
        consumer: consumer.to_owned(),
        subject: header::text(headers, header::SUBJECT)?.to_owned(),
        position,
        traceparent: header::text(headers, header::TRACEPARENT).map(str::to_owned),
        payload: message.payload,
    };
    Some(StoredDeadLetter { seq: message.sequence, rejected_at: Timestamp::from(message.time).datetime(), letter })
}
