//! Log readers: a whole stream from a sequence on, for whoever keeps the position elsewhere.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::reader::{Reader, Request};
use crate::{Broker, Error, Message, limits};

/// A disposable reader of a shard's whole stream. Keeps nothing on the server that is worth keeping: after any error drop it and make another at the last sequence handled + 1.
pub struct LogConsumer {
    reader: Reader,
    shard: u16,
    epoch: u64,
    /// Received and not yet returned.
    waiting: VecDeque<Message>,
    waiting_bytes: usize,
    /// What ended the reader, told once all that came before it is returned.
    failed: Option<Error>,
}

impl LogConsumer {
    /// The shard.
    pub fn shard(&self) -> u16 {
        self.shard
    }

    /// Epoch of the stream when the reader was made.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How many messages wait in the stream behind those that were returned, as the server last told.
    pub fn pending(&self) -> u64 {
        self.reader.pending() + self.waiting.len() as u64
    }

    /// The next messages, at most `max_messages` and, unless one alone is larger, `max_bytes` of payload.
    ///
    /// Waits at most [`limits::FIRST_WAIT`] for a first message, and from then on at most `wait` for the batch to become full; empty when nothing came.
    /// Every message follows the one before without loss: a jump of `seq` is a proven hole of the stream.
    ///
    /// Cancel-safe: what was received but not returned comes with the next call.
    ///
    /// # Errors
    /// [`Error::Gap`], [`Error::Lost`] or [`Error::Unavailable`]: the reader is of no more use.
    pub async fn next_batch(&mut self, max_messages: usize, max_bytes: usize, wait: Duration) -> Result<Vec<Message>, Error> {
        let entered = Instant::now();
        let mut until = if self.waiting.is_empty() { entered + limits::FIRST_WAIT } else { entered + wait };
        while self.failed.is_none() && self.waiting.len() < max_messages && self.waiting_bytes < max_bytes {
            match self.reader.next(until).await {
                Ok(Some(message)) => {
                    if self.waiting.is_empty() {
                        until = Instant::now() + wait;
                    }
                    self.waiting_bytes += message.payload.len();
                    self.waiting.push_back(message);
                }
                Ok(None) => break,
                Err(error) => self.failed = Some(error),
            }
        }
        match &self.failed {
            Some(error) if self.waiting.is_empty() => Err(error.clone()),
            _ => Ok(self.take(max_messages, max_bytes)),
        }
    }

    /// Gives the consumer back to the server at once (else it goes by itself after half a minute).
    pub async fn close(self) {
        self.reader.close().await;
    }

    fn take(&mut self, max_messages: usize, max_bytes: usize) -> Vec<Message> {
        let (count, bytes) = fitting(self.waiting.iter().map(|message| message.payload.len()), max_messages, max_bytes);
        self.waiting_bytes -= bytes;
        self.waiting.drain(..count).collect()
    }
}

impl fmt::Debug for LogConsumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogConsumer").field("shard", &self.shard).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Broker {
    /// Makes a reader whose first message is the first at or after `from_seq` (1 at least). `last_seq + 1` waits for the next message.
    ///
    /// # Errors
    /// [`Error::Expired`] when `from_seq` lies before the first message held (decide, then start at `first_seq`), [`Error::Beyond`] when it lies beyond `last_seq + 1`,
    /// [`Error::NotProvisioned`], [`Error::Unavailable`].
    pub async fn consume(&self, shard: u16, from_seq: u64) -> Result<LogConsumer, Error> {
        let state = self.stream_state(shard).await?;
        if from_seq < state.first_seq {
            return Err(Error::Expired { first_seq: state.first_seq });
        }
        // Asked for what lies beyond, a consumer would wait in silence, and later skip what was really there.
        if from_seq > state.last_seq.saturating_add(1) {
            return Err(Error::Beyond { last_seq: state.last_seq });
        }
        let request = Request { purpose: "log", shard, epoch: state.epoch, from_seq, filter: "", messages_max: usize::MAX };
        let reader = Reader::open(self, &request).await?;
        Ok(LogConsumer { reader, shard, epoch: state.epoch, waiting: VecDeque::new(), waiting_bytes: 0, failed: None })
    }
}

/// How many of the first sizes fit, one at least, and their sum.
fn fitting(sizes: impl Iterator<Item = usize>, count_max: usize, bytes_max: usize) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    for size in sizes {
        if count >= count_max.max(1) || (count > 0 && bytes + size > bytes_max) {
            break;
        }
        (count, bytes) = (count + 1, bytes + size);
    }
    (count, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_one_at_least() {
        let fit = |sizes: &[usize], count, bytes| fitting(sizes.iter().copied(), count, bytes);
        assert_eq!(fit(&[], 5, 5), (0, 0));
        assert_eq!(fit(&[9], 5, 5), (1, 9));
        assert_eq!(fit(&[2, 2, 2], 5, 5), (2, 4));
        assert_eq!(fit(&[1, 1, 1], 2, 5), (2, 2));
        assert_eq!(fit(&[1], 0, 0), (1, 1));
    }
}
