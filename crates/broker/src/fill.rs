//! Fills: a stretch of a whole stream, at once, after a jump of the live tail.

use std::time::Duration;

use metrics::{counter, histogram};
use slipstream_event::subject;
use tokio::time::Instant;

use crate::reader::{Reader, Request};
use crate::{Broker, Error, Message, limits, metrics as names, replay};

/// A stretch of a stream, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The messages.
    pub messages: Vec<Message>,
    /// All messages from the asked-for start to here are in `messages` or proven not to exist. Less than the start when nothing came in time.
    pub through_seq: u64,
    /// Sequences within the stretch that the stream does not hold (any more): ranges, both ends inclusive.
    pub holes: Vec<(u64, u64)>,
}

impl Broker {
    /// Reads the messages `from_seq..=to_seq` of a shard, over a short-lived consumer (which works also beside a server that hangs).
    ///
    /// `to_seq` is a sequence that the stream has reached. Bounded by [`limits::FILL_MESSAGES_MAX`], [`limits::FILL_BYTES_MAX`] and [`limits::FILL_TIMEOUT`]: when
    /// `through_seq` is short of `to_seq`, call again from `through_seq + 1`. When that brings nothing again, look at [`Broker::stream_state`]: the stream may have lost its end.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Lost`], [`Error::NotProvisioned`], when nothing at all could be read.
    pub async fn fill(&self, shard: u16, from_seq: u64, to_seq: u64) -> Result<Fill, Error> {
        let started_at = Instant::now();
        let mut filling = Filling::starting(from_seq.max(1));
        let mut failed = None;
        while !filling.complete(to_seq) && started_at.elapsed() < limits::FILL_TIMEOUT {
            let Err(error) = self.fill_more(shard, &mut filling, to_seq, started_at + limits::FILL_TIMEOUT).await else { continue };
            // Consumers cannot be made while the servers have no head; what a copy of the stream holds can be read all the same.
            self.fill_by_get(shard, &mut filling, to_seq).await;
            if !error.retriable() && filling.fill.through_seq < from_seq.max(1) {
                return Err(error);
            }
            failed = Some(error);
        }
        let fill = filling.fill;
        counter!(names::FILLED_TOTAL).increment(fill.messages.len() as u64);
        histogram!(names::FILL_SECONDS).record(started_at.elapsed());
        match failed {
            Some(error) if fill.through_seq < from_seq.max(1) => Err(error),
            _ => Ok(fill),
        }
    }

    /// Continues a fill with a new consumer.
    async fn fill_more(&self, shard: u16, filling: &mut Filling, to_seq: u64, until: Instant) -> Result<(), Error> {
        let epoch = self.known_within(shard, Duration::MAX).await?.state.epoch;
        let from_seq = filling.fill.through_seq + 1;
        let wanted = usize::try_from(to_seq - from_seq + 1).unwrap_or(usize::MAX).min(limits::FILL_MESSAGES_MAX - filling.fill.messages.len());
        let request = Request { purpose: "fill", shard, epoch, from_seq, filter: "", messages_max: wanted };
        let mut reader = Reader::open(self, &request).await?;
        let mut ended = Ok(());
        while !filling.complete(to_seq) {
            match reader.next(until).await {
                Ok(Some(message)) => filling.take(message, to_seq),
                Ok(None) => break,
                Err(error) => {
                    ended = Err(error);
                    break;
                }
            }
        }
        reader.close().await;
        ended
    }

    /// Pages of the whole stream by direct get, as long as they bring something. A copy that lags lacks the end only, and ends the fill sooner.
    async fn fill_by_get(&self, shard: u16, filling: &mut Filling, to_seq: u64) {
        let (Ok(stream), Ok(known)) = (self.stream(shard), self.known_within(shard, Duration::MAX).await) else { return };
        while !filling.complete(to_seq) {
            let request = replay::Request {
                stream: &stream,
                shard,
                epoch: known.state.epoch,
                filter: subject::EVENTS_ALL,
                from_seq: filling.fill.through_seq + 1,
                messages_max: limits::REPLAY_MESSAGES_MAX,
                bytes_max: limits::REPLAY_BYTES_MAX,
            };
            let Ok(page) = self.direct_page(&request).await else { return };
            if page.messages.is_empty() {
                return;
            }
            page.messages.into_iter().for_each(|message| filling.take(message, to_seq));
        }
    }
}

/// A fill under way.
struct Filling {
    fill: Fill,
    bytes: usize,
}

impl Filling {
    fn starting(from_seq: u64) -> Self {
        Self { fill: Fill { messages: Vec::new(), through_seq: from_seq - 1, holes: Vec::new() }, bytes: 0 }
    }

    fn complete(&self, to_seq: u64) -> bool {
        self.fill.through_seq >= to_seq || self.fill.messages.len() >= limits::FILL_MESSAGES_MAX || self.bytes >= limits::FILL_BYTES_MAX
    }

    /// Takes the next message of a contiguous reader: whatever it jumps over does not exist.
    fn take(&mut self, message: Message, to_seq: u64) {
        let expected = self.fill.through_seq + 1;
        if message.seq < expected || expected > to_seq {
            return;
        }
        if message.seq > expected {
            self.fill.holes.push((expected, to_seq.min(message.seq - 1)));
        }
        self.fill.through_seq = to_seq.min(message.seq);
        if message.seq <= to_seq {
            self.bytes += message.payload.len();
            self.fill.messages.push(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64) -> Message {
        Message { shard: 0, epoch: 1, seq, subject: String::new(), payload: bytes::Bytes::new(), stored_at: None, traceparent: None, redriven: None }
    }

    #[test]
    fn counts_jumps_as_holes_and_ends_where_asked() {
        let mut filling = Filling::starting(5);
        assert!(!filling.complete(10) && filling.complete(4));
        for seq in [5, 8, 12] {
            filling.take(message(seq), 10);
        }
        let fill = filling.fill;
        assert_eq!(fill.messages.iter().map(|m| m.seq).collect::<Vec<_>>(), [5, 8]);
        assert_eq!((fill.through_seq, fill.holes), (10, vec![(6, 7), (9, 10)]));
    }
}
