//! One reader, from its making to its end.

use std::time::Duration;

use slipstream_broker::{LogConsumer, Message};
use slipstream_event::Position;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Archiver;
use super::cut::{Cut, cut};
use super::stop::Stop;
use crate::failpoint::Point;
use crate::limits;

impl Archiver {
    /// Reads and archives from the watermark on. `Ok` on shutdown, with the batch in hand committed.
    pub(super) async fn session(&self, shutdown: &CancellationToken) -> Result<(), Stop> {
        let starting = async {
            let at = self.start().await?;
            let reader = self.broker.consume(at.shard, at.seq + 1).await?;
            if reader.epoch() == at.epoch { Ok((at, reader)) } else { Err(Stop::Changed("it began anew")) }
        };
        let (at, mut reader) = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            started = starting => started?,
        };
        let ended = self.read(at, &mut reader, shutdown).await;
        reader.close().await;
        ended
    }

    /// While one batch is committed the next one is received and cut: the database works at one, this process at the other.
    async fn read(&self, mut at: Position, reader: &mut LogConsumer, shutdown: &CancellationToken) -> Result<(), Stop> {
        let mut checked_at = Instant::now();
        let mut in_hand: Option<Cut> = None;
        let mut backlog = self.config.backlog.place();
        loop {
            let (messages_max, wait) = batch(reader.pending());
            // What the broker told last may be old when nothing comes any more.
            backlog.set(in_hand.is_some() && is_behind(reader.pending()));
            let receiving = async {
                let messages = tokio::select! {
                    biased;
                    () = shutdown.cancelled() => Vec::new(),
                    received = reader.next_batch(messages_max, limits::BATCH_BYTES, wait) => received.map_err(Stop::Reader)?,
                };
                if messages.is_empty() {
                    return Ok(None);
                }
                self.config.fail_points.visit(Point::ArchiverFetched).await;
                cut_aside(at, messages).await.map(Some).ok_or(Stop::Changed("its messages do not follow each other"))
            };
            let storing = async {
                match &in_hand {
                    Some(cut) => self.store(cut).await,
                    None => Ok(()),
                }
            };
            let (stored, received) = tokio::join!(storing, receiving);
            stored?;
            in_hand = received?;
            match &in_hand {
                Some(cut) => at = at.at(cut.batch.through_seq),
                None if shutdown.is_cancelled() => return Ok(()),
                None => self.recheck(at, &mut checked_at).await?,
            }
        }
    }

    /// A reader that waits would not notice that its stream was made anew, or that it has lost what was read.
    async fn recheck(&self, at: Position, checked_at: &mut Instant) -> Result<(), Stop> {
        if checked_at.elapsed() < limits::RECHECK_EVERY {
            return Ok(());
        }
        let state = self.broker.stream_state(at.shard).await?;
        *checked_at = Instant::now();
        if state.epoch != at.epoch {
            return Err(Stop::Changed("it began anew"));
        }
        if state.last_seq < at.seq { Err(Stop::Changed("it lost its end")) } else { Ok(()) }
    }
}

/// Cuts on a thread of its own: reading and hashing a thousand events takes milliseconds, in which the database would wait for its next rows.
async fn cut_aside(after: Position, messages: Vec<Message>) -> Option<Cut> {
    match tokio::task::spawn_blocking(move || cut(after, messages)).await {
        Ok(cut) => cut,
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        // The runtime ends.
        Err(_) => None,
    }
}

/// How large the next batch may become, and how long it may wait for that, by how many messages wait in the stream: more while the archive is behind, because a large batch costs less
/// for each event; and few when it is not, because nothing is gained by making those at the front wait.
fn batch(pending: u64) -> (usize, Duration) {
    if is_behind(pending) { (limits::BATCH_MESSAGES_MAX, limits::BATCH_WAIT_BEHIND) } else { (limits::BATCH_MESSAGES, limits::BATCH_WAIT) }
}

/// More wait than the largest batch holds.
fn is_behind(pending: u64) -> bool {
    pending >= limits::BATCH_MESSAGES_MAX as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_large_while_the_archive_is_behind() {
        assert_eq!(batch(0), (limits::BATCH_MESSAGES, limits::BATCH_WAIT));
        let most = limits::BATCH_MESSAGES_MAX as u64;
        assert_eq!(batch(most - 1), batch(0));
        assert_eq!((batch(most), batch(u64::MAX)), ((limits::BATCH_MESSAGES_MAX, limits::BATCH_WAIT_BEHIND), batch(most)));
    }
}
