//! Archiving one batch, whatever is in it.

use std::time::Instant;

use metrics::{counter, histogram};
use slipstream_broker::{DeadLetter, PublishError};
use slipstream_event::Timestamp;
use slipstream_store::archive::{Batch, Error as ArchiveError};

use super::cut::{Bad, Cut, Kind};
use super::stop::Stop;
use super::{Archiver, CONSUMER};
use crate::backoff::pause_after;
use crate::failpoint::Point;
use crate::{limits, metrics as names};

impl Archiver {
    /// Archives a cut and moves the watermark through its end.
    pub(super) async fn store(&self, cut: &Cut) -> Result<(), Stop> {
        let begun = Instant::now();
        let shard = self.config.shard;
        if cut.missing > 0 {
            self.mourn(cut.missing);
            self.archive.note_hole(shard, cut.batch.epoch, cut.missing_through).await?;
        }
        for bad in &cut.bad {
            self.reject(cut, bad).await?;
        }
        self.config.fail_points.visit(Point::ArchiverBeforeCommit).await;
        self.append(cut).await?;
        self.progress.moved(cut.batch.through_seq, cut.messages.last().and_then(|message| message.stored_at));
        histogram!(names::BATCH_MESSAGES).record(cut.messages.len() as f64);
        histogram!(names::BATCH_SECONDS).record(begun.elapsed().as_secs_f64());
        if let Some(stored_at) = cut.messages.first().and_then(|message| message.stored_at) {
            histogram!(names::ARCHIVE_LATENCY_SECONDS).record((Timestamp::now().datetime() - stored_at).as_seconds_f64().max(0.0));
        }
        tracing::trace!(shard, through_seq = cut.batch.through_seq, messages = cut.messages.len(), "archived");
        self.config.fail_points.visit(Point::ArchiverCommitted).await;
        Ok(())
    }

    /// Tells of messages that are lost for the archive.
    pub(super) fn mourn(&self, missing: u64) {
        counter!(names::HOLES_TOTAL, "shard" => self.config.shard.to_string()).increment(missing);
        tracing::error!(
            shard = self.config.shard,
            messages = missing,
            "messages left the broker before they were archived: history has a hole; the quarantine names it"
        );
    }

    /// Appends; what Postgres refuses is found by halving and goes to quarantine, so that the rest is archived.
    async fn append(&self, cut: &Cut) -> Result<(), Stop> {
        let Some(refused) = self.refused(&cut.batch).await? else { return Ok(()) };
        let mut rest = self.halves(cut, cut.batch.clone(), refused).await?;
        while let Some(batch) = rest.pop() {
            if let Some(refused) = self.refused(&batch).await? {
                rest.extend(self.halves(cut, batch, refused).await?);
            }
        }
        Ok(())
    }

    /// Appends a batch; `Some` with the reason when Postgres refuses something in it.
    async fn refused(&self, batch: &Batch) -> Result<Option<String>, Stop> {
        match self.archive.append(batch).await {
            Ok(appended) => {
                let shard = self.config.shard.to_string();
                counter!(names::ARCHIVED_TOTAL, "shard" => shard.clone()).increment(appended.inserted);
                counter!(names::DUPLICATES_TOTAL, "shard" => shard).increment(appended.duplicates);
                Ok(None)
            }
            Err(ArchiveError::Poison { reason }) => Ok(Some(reason)),
            Err(error) => Err(error.into()),
        }
    }

    /// The halves of a batch, the first one last; of a single row the batch with it in quarantine.
    async fn halves(&self, cut: &Cut, batch: Batch, refused: String) -> Result<Vec<Batch>, Stop> {
        match batch.split() {
            Ok((early, late)) => Ok(vec![late, early]),
            Err(single) => Ok(vec![self.quarantine(cut, *single, refused).await?]),
        }
    }

    /// The batch with its only row in quarantine.
    async fn quarantine(&self, cut: &Cut, single: Batch, reason: String) -> Result<Batch, Stop> {
        let Some(seq) = single.rows.first().map(|row| row.seq) else { return Err(ArchiveError::Poison { reason }.into()) };
        let subject = cut.messages.iter().find(|message| message.seq == seq).map(|message| message.subject.clone()).unwrap_or_default();
        self.reject(cut, &Bad { seq, kind: Kind::Refused, reason: reason.clone() }).await?;
        single.quarantine_only_row(subject, reason.clone()).ok_or_else(|| ArchiveError::Poison { reason }.into())
    }

    /// Writes the dead letter. The quarantine has the message in any case, so dead letters that cannot be written do not stop the archive, but a broker that is away does.
    async fn reject(&self, cut: &Cut, bad: &Bad) -> Result<(), Stop> {
        let shard = self.config.shard;
        tracing::warn!(
            shard,
            seq = bad.seq,
            reason = bad.kind.name(),
            "a message cannot be archived as an event; it goes to quarantine and to the dead letters"
        );
        counter!(names::QUARANTINED_TOTAL, "reason" => bad.kind.name()).increment(1);
        let Some(message) = cut.messages.iter().find(|message| message.seq == bad.seq) else { return Ok(()) };
        let mut attempt = 1;
        loop {
            match self.broker.reject(DeadLetter::of(message, CONSUMER, &bad.reason)).await {
                Ok(()) => return Ok(()),
                Err(PublishError::Unavailable(_)) if attempt < limits::DEAD_LETTER_ATTEMPTS => {
                    self.broker.stream_state(shard).await?;
                    tokio::time::sleep(pause_after(attempt, limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX)).await;
                    attempt += 1;
                }
                Err(error) => {
                    counter!(names::DEAD_LETTERS_MISSED_TOTAL).increment(1);
                    tracing::error!(shard, seq = bad.seq, %error, "a dead letter cannot be written; the message is in quarantine only");
                    return Ok(());
                }
            }
        }
    }
}
