//! Publishing: one message, many in flight, or an ordered batch of one shard.

use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::header as nats;
use bytes::Bytes;
use metrics::{counter, histogram};
use serde::Deserialize;
use slipstream_event::{Position, subject};

use crate::api::{self, ApiError};
use crate::epoch::Known;
use crate::{Ack, Broker, Error, Outgoing, PublishError, header, limits, metrics as names};

mod all;
mod batch;
mod many;

/// The server's ack.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    #[serde(default)]
    pub(crate) duplicate: bool,
    /// Of an atomic batch: its id.
    #[serde(default)]
    pub(crate) batch: Option<String>,
    /// Of an atomic batch: how many messages were stored.
    #[serde(default)]
    pub(crate) count: Option<u64>,
}

impl Broker {
    /// Publishes one message and waits for its ack.
    ///
    /// # Errors
    /// See [`PublishError`]; within the request time-out.
    pub async fn publish(&self, outgoing: Outgoing) -> Result<Ack, PublishError> {
        let asked_at = Instant::now();
        let result = self.connection().within(self.timeout(), "no ack in time", self.publish_one(&outgoing)).await;
        let result = result.unwrap_or_else(|late| Err(of_read(late)));
        count(std::slice::from_ref(&result));
        histogram!(names::PUBLISH_SECONDS).record(asked_at.elapsed());
        result
    }

    /// Publishes many messages, each shard's in order. Result `i` belongs to message `i`.
    ///
    /// Many of one shard go as atomic batches, which cost the server one write to disk each; the others go side by side. When one fails, later ones may be stored
    /// nevertheless: for an order that must hold, use [`Broker::publish_batch`]. Ends within the request time-out after the last ack: what was not sent by then answers
    /// `Unavailable` as well.
    pub async fn publish_all(&self, outgoing: Vec<Outgoing>) -> Vec<Result<Ack, PublishError>> {
        let asked_at = Instant::now();
        let results = all::publish(self, outgoing).await;
        count(&results);
        histogram!(names::PUBLISH_ALL_SECONDS).record(asked_at.elapsed());
        results
    }

    /// Publishes messages of one shard in order: none is stored before all those ahead of it. `Ok` when all are stored.
    ///
    /// Atomic where the stream allows it and it pays (in pieces of [`limits::ATOMIC_MESSAGES_MIN`] to [`limits::ATOMIC_MESSAGES_MAX`]); else, and when a message of
    /// it was seen before, one after the other.
    /// After an error a beginning of the batch may be stored: publish the whole batch again.
    ///
    /// # Errors
    /// See [`PublishError`]: of the first message that is not stored.
    pub async fn publish_batch(&self, outgoing: &[Outgoing]) -> Result<Vec<Ack>, PublishError> {
        let Some(first) = outgoing.first() else { return Ok(Vec::new()) };
        let shard = self.shard_of(&first.tenant);
        if outgoing.iter().any(|message| self.shard_of(&message.tenant) != shard) {
            return Err(PublishError::Rejected { code: 0, description: "a batch must be of one shard".to_owned() });
        }
        outgoing.iter().try_for_each(|message| self.fits(message.payload.len()))?;
        let mut acks = Vec::with_capacity(outgoing.len());
        for piece in batch::pieces(outgoing) {
            acks.extend(self.publish_piece(shard, piece).await?);
        }
        Ok(acks)
    }

    async fn publish_one(&self, outgoing: &Outgoing) -> Result<Ack, PublishError> {
        let shard = self.shard_of(&outgoing.tenant);
        let _permit = self.publishes().acquire().await.map_err(|e| PublishError::Unavailable(e.to_string()))?;
        let known = self.known_within(shard, limits::EPOCH_AGE_MAX).await.map_err(of_read)?;
        let subject = subject::published(self.shards(), &outgoing.tenant, &outgoing.event_type);
        let stored = self.send_and_wait(subject, self.headers_of(shard, outgoing)?, outgoing.payload.clone()).await?;
        self.ack(&known, stored.seq, stored.duplicate).await
    }

    /// Publishes and waits for the ack of any stream.
    pub(crate) async fn send_and_wait(&self, subject: String, headers: HeaderMap, payload: Bytes) -> Result<Stored, PublishError> {
        self.fits(payload.len())?;
        let answer = self.connection().request(subject, Some(headers), payload, self.timeout()).await.map_err(of_read)?;
        api::read::<Stored>(&answer.payload).map_err(of_read)?.map_err(of_server)
    }

    /// The position of a stored message. A new message at a sequence that the stream had passed before shows that the stream began anew: its epoch is asked for again.
    pub(crate) async fn ack(&self, known: &Known, seq: u64, duplicate: bool) -> Result<Ack, PublishError> {
        let state = known.state;
        let began_anew = !duplicate && seq <= state.last_seq;
        let epoch = if began_anew { self.known_since(state.shard, Instant::now()).await.map_err(of_read)?.state.epoch } else { state.epoch };
        Ok(Ack { position: Position::new(state.shard, epoch, seq), duplicate })
    }

    fn headers_of(&self, shard: u16, outgoing: &Outgoing) -> Result<HeaderMap, PublishError> {
        let mut headers = HeaderMap::new();
        headers.insert(nats::NATS_MESSAGE_ID, header::line(&outgoing.msg_id, usize::MAX));
        // A process that counts shards otherwise than the streams were made for must not write to the wrong one.
        headers.insert(nats::NATS_EXPECTED_STREAM, self.stream(shard).map_err(of_read)?);
        if let Some(traceparent) = &outgoing.traceparent {
            headers.insert(header::TRACEPARENT, header::line(traceparent, 128));
        }
        Ok(headers)
    }

    /// The headers' share is left to the client, which checks again.
    fn fits(&self, bytes: usize) -> Result<(), PublishError> {
        let bytes_max = self.connection().client().max_payload();
        if bytes > bytes_max { Err(PublishError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
    }
}

fn count(results: &[Result<Ack, PublishError>]) {
    let (mut stored, mut duplicate, mut unavailable, mut rejected) = (0, 0, 0, 0);
    for result in results {
        match result {
            Ok(Ack { duplicate: false, .. }) => stored += 1,
            Ok(Ack { duplicate: true, .. }) => duplicate += 1,
            Err(PublishError::Unavailable(_)) => unavailable += 1,
            Err(_) => rejected += 1,
        }
    }
    for (outcome, number) in [("stored", stored), ("duplicate", duplicate), ("unavailable", unavailable), ("rejected", rejected)] {
        if number > 0 {
            counter!(names::PUBLISHED_TOTAL, "outcome" => outcome).increment(number);
        }
    }
}

/// What a failed request means to a publisher: it was perhaps stored, unless it could not even be sent.
fn of_read(error: Error) -> PublishError {
    match error {
        Error::Invalid(description) => PublishError::Rejected { code: 0, description },
        Error::Refused { code, description } => PublishError::Rejected { code, description },
        other => PublishError::Unavailable(other.to_string()),
    }
}

fn of_server(error: ApiError) -> PublishError {
    if error.passing() { PublishError::Unavailable(error.text()) } else { PublishError::Rejected { code: error.err_code, description: error.text() } }
}
