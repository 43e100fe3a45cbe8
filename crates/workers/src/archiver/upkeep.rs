//! What the archiver does beside reading: partitions ahead of time, signed checkpoints, and measuring how far behind it is.

use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use metrics::gauge;
use slipstream_event::Timestamp;
use slipstream_store::Error as StoreError;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};

use super::{Archiver, checkpoints};
use crate::backoff::Backoff;
use crate::{limits, metrics as names};

/// How far this archiver has come, for measuring. Decisions are made by the watermark alone.
#[derive(Debug, Default)]
pub(super) struct Progress {
    archived: AtomicU64,
    /// When the broker stored the last archived message, in microseconds.
    stored_at: AtomicI64,
}

impl Progress {
    pub(super) fn moved(&self, seq: u64, stored_at: Option<OffsetDateTime>) {
        if let Some(stored_at) = stored_at {
            self.stored_at.store(Timestamp::from(stored_at).micros(), Ordering::Relaxed);
        }
        self.archived.store(seq, Ordering::Relaxed);
    }

    pub(super) fn archived(&self) -> u64 {
        self.archived.load(Ordering::Relaxed)
    }

    /// Messages and seconds behind a stream that ends at `last_seq`.
    fn lag(&self, last_seq: u64, now: Timestamp) -> (u64, f64) {
        let messages = last_seq.saturating_sub(self.archived());
        let age = now.micros().saturating_sub(self.stored_at.load(Ordering::Relaxed)).max(0);
        (messages, if messages == 0 { 0.0 } else { age as f64 / 1e6 })
    }
}

/// Runs until it is dropped. What fails is tried again.
pub(super) async fn run(archiver: &Archiver) -> Infallible {
    let mut measure = tokio::time::interval(limits::LAG_EVERY);
    let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
    let (mut partitions_at, mut sign_at) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            _ = measure.tick() => observe(archiver).await,
            () = sleep_until(sign_at), if archiver.config.signing.is_some() => sign_at = Instant::now() + sign(archiver).await,
            () = sleep_until(partitions_at) => partitions_at = Instant::now() + match partitions(archiver).await {
                Ok(()) => {
                    backoff.succeeded();
                    limits::UPKEEP_EVERY
                }
                Err(error) => {
                    tracing::warn!(%error, "the partitions of the months to come could not be seen to; tried again");
                    backoff.failed()
                }
            },
        }
    }
}

async fn observe(archiver: &Archiver) {
    let shard = archiver.config.shard;
    let Ok(state) = archiver.broker.stream_state(shard).await else { return };
    let (messages, seconds) = archiver.progress.lag(state.last_seq, Timestamp::now());
    gauge!(names::LAG_MESSAGES, "shard" => shard.to_string()).set(messages as f64);
    gauge!(names::LAG_SECONDS, "shard" => shard.to_string()).set(seconds);
    // Who reads the archive takes it for late when nothing is noted.
    if let Err(error) = archiver.archive.note_end(shard, state.epoch, state.last_seq).await {
        tracing::debug!(%error, "the end of the log could not be noted");
    }
}

/// Signs what has grown. Returns how long to wait until the next time.
async fn sign(archiver: &Archiver) -> Duration {
    let Some(signing) = &archiver.config.signing else { return limits::UPKEEP_EVERY };
    match checkpoints::sign(&archiver.checkpoints, archiver.config.shard, signing, &archiver.config.fail_points).await {
        Ok(signed) => tracing::debug!(signed, "ledgers were signed"),
        Err(error) => tracing::warn!(%error, "the ledgers could not be signed; tried again"),
    }
    signing.every
}

async fn partitions(archiver: &Archiver) -> Result<(), StoreError> {
    let made = archiver.archive.ensure_ahead(archiver.config.months_ahead).await?;
    let ahead = archiver.archive.months_ahead().await?;
    gauge!(names::MONTHS_AHEAD).set(f64::from(ahead));
    tracing::info!(made, ahead, "partitions of the archive are ready");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_only_behind_messages() {
        let (progress, now) = (Progress::default(), Timestamp::now());
        progress.moved(90, Some(now.datetime() - time::Duration::seconds(30)));
        assert_eq!(progress.lag(90, now), (0, 0.0));
        assert_eq!(progress.lag(95, now), (5, 30.0));
        assert_eq!(progress.lag(80, now), (0, 0.0), "another epoch's numbers");
    }
}
