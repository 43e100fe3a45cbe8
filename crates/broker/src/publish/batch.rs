//! Ordered batches: atomic by the server's batch headers (ADR-50), else one after the other.

use std::time::Instant;

use async_nats::HeaderMap;
use async_nats::header as nats;
use metrics::{counter, histogram};
use slipstream_event::subject;

use super::{Stored, count, of_read, of_server};
use crate::api::{self, code};
use crate::{Ack, Broker, Outgoing, PublishError, limits, metrics as names};

impl Broker {
    /// Publishes a piece of a batch, in order.
    pub(super) async fn publish_piece(&self, shard: u16, piece: &[Outgoing]) -> Result<Vec<Ack>, PublishError> {
        match self.publish_whole(shard, piece).await {
            Ok(Some(acks)) => {
                count(&acks.iter().copied().map(Ok).collect::<Vec<_>>());
                return Ok(acks);
            }
            Ok(None) => {}
            Err(error) => {
                count(&[Err(error.clone())]);
                return Err(error);
            }
        }
        let mut acks = Vec::with_capacity(piece.len());
        for message in piece {
            acks.push(self.publish(message.clone()).await?);
        }
        Ok(acks)
    }

    /// As one atomic batch, within the request time-out. `None` when nothing of it was stored and it has to be published message by message: it is too small to pay,
    /// one of it is too large, the stream takes no batches, or not this one (an id was seen before).
    pub(super) async fn publish_whole(&self, shard: u16, piece: &[Outgoing]) -> Result<Option<Vec<Ack>>, PublishError> {
        if piece.len() < limits::ATOMIC_MESSAGES_MIN || piece.iter().any(|message| self.fits(message.payload.len()).is_err()) {
            return Ok(None);
        }
        let asked_at = Instant::now();
        let result = self.connection().within(self.timeout(), "no ack of the batch in time", self.publish_atomic(shard, piece)).await;
        histogram!(names::PUBLISH_SECONDS).record(asked_at.elapsed());
        result.unwrap_or_else(|late| Err(of_read(late)))
    }

    async fn publish_atomic(&self, shard: u16, piece: &[Outgoing]) -> Result<Option<Vec<Ack>>, PublishError> {
        let _permit = self.batches().acquire().await.map_err(|e| PublishError::Unavailable(e.to_string()))?;
        let known = self.known_within(shard, limits::EPOCH_AGE_MAX).await.map_err(of_read)?;
        if !known.atomic {
            return Ok(None);
        }
        let stored = match self.send_batch(shard, piece).await? {
            Ok(stored) => stored,
            Err(e) if code::ATOMIC.contains(&e.err_code) => {
                counter!(names::ATOMIC_FALLBACKS_TOTAL).increment(1);
                tracing::debug!(reason = e.text(), messages = piece.len(), "batch not taken whole; publishing one by one");
                return Ok(None);
            }
            Err(e) => return Err(of_server(e)),
        };
        let mut acks = Vec::with_capacity(piece.len());
        for seq in sequences(&stored, piece.len())? {
            acks.push(self.ack(&known, seq, false).await?);
        }
        Ok(Some(acks))
    }

    async fn send_batch(&self, shard: u16, piece: &[Outgoing]) -> Result<Result<Stored, api::ApiError>, PublishError> {
        let connection = self.connection();
        connection.ready(self.timeout()).await.map_err(of_read)?;
        let inbox = connection.client().new_inbox();
        let id = inbox.rsplit('.').next().unwrap_or_default().to_owned();
        for (i, message) in piece.iter().enumerate() {
            let mut headers = self.headers_of(shard, message)?;
            mark(&mut headers, &id, i + 1);
            let to = subject::published(self.shards(), &message.tenant, &message.event_type);
            if i + 1 < piece.len() {
                connection.send(to, None, headers, message.payload.clone(), self.timeout()).await.map_err(of_read)?;
                continue;
            }
            headers.insert(nats::NATS_BATCH_COMMIT, nats::NATS_BATCH_COMMIT_FINAL);
            let answer = connection.request(to, Some(headers), message.payload.clone(), self.timeout()).await.map_err(of_read)?;
            let read = api::read::<Stored>(&answer.payload).map_err(of_read)?;
            return match read {
                // Without the batch's id the server took the last message alone: it does not know batches.
                Ok(stored) if stored.batch.as_deref() != Some(&id) => Err(PublishError::Unavailable("the ack is of no batch".to_owned())),
                read => Ok(read),
            };
        }
        Err(PublishError::Rejected { code: 0, description: "an empty batch".to_owned() })
    }
}

fn mark(headers: &mut HeaderMap, id: &str, number: usize) {
    headers.insert(nats::NATS_BATCH_ID, id);
    headers.insert(nats::NATS_BATCH_SEQUENCE, number.to_string());
}

/// The sequences of a batch's messages: an atomic batch is stored without anything between, and its ack tells the last.
fn sequences(stored: &Stored, messages: usize) -> Result<std::ops::RangeInclusive<u64>, PublishError> {
    let count = u64::try_from(messages).unwrap_or(u64::MAX);
    if stored.count != Some(count) || stored.seq < count {
        return Err(PublishError::Unavailable(format!("the ack tells {:?} messages of {count}", stored.count)));
    }
    Ok(stored.seq - count + 1..=stored.seq)
}

/// Cuts a batch into pieces that the server takes as one.
pub(super) fn pieces(outgoing: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut pieces = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, message) in outgoing.iter().enumerate() {
        let full = i - start >= limits::ATOMIC_MESSAGES_MAX || (i > start && bytes + message.payload.len() > limits::ATOMIC_BYTES_MAX);
        if full {
            pieces.push(&outgoing[start..i]);
            (start, bytes) = (i, 0);
        }
        bytes += message.payload.len();
    }
    if start < outgoing.len() {
        pieces.push(&outgoing[start..]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use slipstream_event::{EventType, Tenant};

    use super::*;

    fn messages(count: usize, bytes: usize) -> Vec<Outgoing> {
        let message = Outgoing {
            tenant: Tenant::new("a").unwrap(),
            event_type: EventType::new("a.b.c").unwrap(),
            msg_id: "a:1".to_owned(),
            payload: Bytes::from(vec![0; bytes]),
            traceparent: None,
        };
        vec![message; count]
    }

    #[test]
    fn cuts_by_number_and_by_size() {
        let lengths = |count, bytes| pieces(&messages(count, bytes)).iter().map(|piece| piece.len()).collect::<Vec<_>>();
        assert_eq!(lengths(0, 1), Vec::<usize>::new());
        assert_eq!(lengths(1, limits::ATOMIC_BYTES_MAX + 1), [1]);
        assert_eq!(lengths(2_001, 1), [1_000, 1_000, 1]);
        assert_eq!(lengths(5, limits::ATOMIC_BYTES_MAX / 2), [2, 2, 1]);
    }

    #[test]
    fn counts_back_from_the_last_sequence() {
        let stored = |seq, count| Stored { seq, duplicate: false, batch: None, count };
        assert_eq!(sequences(&stored(10, Some(3)), 3).unwrap().collect::<Vec<_>>(), [8, 9, 10]);
        assert!(sequences(&stored(10, Some(2)), 3).is_err());
        assert!(sequences(&stored(10, None), 3).is_err());
        assert!(sequences(&stored(2, Some(3)), 3).is_err());
    }
}
