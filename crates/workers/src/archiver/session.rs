//! One reader, from its making to its end.

use slipstream_broker::LogConsumer;
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

    /// While one batch is committed the next one is received.
    async fn read(&self, mut at: Position, reader: &mut LogConsumer, shutdown: &CancellationToken) -> Result<(), Stop> {
        let mut checked_at = Instant::now();
        let mut in_hand: Option<Cut> = None;
        loop {
            let receiving = async {
                tokio::select! {
                    biased;
                    () = shutdown.cancelled() => Ok(Vec::new()),
                    received = reader.next_batch(limits::BATCH_MESSAGES, limits::BATCH_BYTES, limits::BATCH_WAIT) => received,
                }
            };
            let storing = async {
                match &in_hand {
                    Some(cut) => self.store(cut).await,
                    None => Ok(()),
                }
            };
            let (stored, received) = tokio::join!(storing, receiving);
            stored?;
            let messages = received.map_err(Stop::Reader)?;
            if shutdown.is_cancelled() && messages.is_empty() {
                return Ok(());
            }
            if messages.is_empty() {
                in_hand = None;
                self.recheck(at, &mut checked_at).await?;
                continue;
            }
            self.config.fail_points.visit(Point::ArchiverFetched).await;
            let next = cut(at, messages).ok_or(Stop::Changed("its messages do not follow each other"))?;
            at = at.at(next.batch.through_seq);
            in_hand = Some(next);
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
