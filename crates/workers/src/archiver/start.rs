//! Where to begin: the watermark against the stream.

use slipstream_broker::StreamState;
use slipstream_event::Position;
use slipstream_store::Error as StoreError;
use slipstream_store::archive::{Error as ArchiveError, Watermark};

use super::Archiver;
use super::cut::over_hole;
use super::evidence::Evidence;
use super::stop::Stop;
use crate::limits;

/// What the numbers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// The shard was never archived.
    Begin,
    /// Go on after the watermark, if the message there is the one that was archived.
    GoOn,
    /// The first messages after the watermark have left the broker.
    Overtaken,
    /// The stream ends before the watermark.
    LostEnd,
    /// The stream counts otherwise than the watermark.
    OtherEpoch,
}

fn plan(watermark: Option<&Watermark>, state: &StreamState) -> Plan {
    match watermark {
        None => Plan::Begin,
        Some(watermark) if watermark.epoch != state.epoch => Plan::OtherEpoch,
        Some(watermark) if watermark.seq > state.last_seq => Plan::LostEnd,
        Some(watermark) if watermark.seq + 1 < state.first_seq => Plan::Overtaken,
        Some(_) => Plan::GoOn,
    }
}

impl Archiver {
    /// Settles what has to be settled between archive and stream, and tells after which position to read on. Every step is fenced by the watermark, so an archiver that dies between
    /// two of them leaves nothing that the next one does not settle.
    pub(super) async fn start(&self) -> Result<Position, Stop> {
        let shard = self.config.shard;
        // In an epoch that was just begun the common end is known: looking again would find the same, or go round in circles.
        let mut compared = false;
        loop {
            let state = self.broker.stream_state(shard).await?;
            let watermark = self.archive.watermark(shard).await?;
            match (plan(watermark.as_ref(), &state), watermark) {
                (Plan::Begin, _) | (_, None) => {
                    self.archive.init_watermark(shard, state.epoch, 0).await?;
                    tracing::info!(shard, epoch = state.epoch, "the archive of the shard begins");
                }
                (Plan::Overtaken, Some(watermark)) => self.pass_over(&watermark, state.first_seq - 1).await?,
                (Plan::OtherEpoch, Some(watermark)) => {
                    self.follow_epoch(&watermark, &state).await?;
                    compared = true;
                }
                (Plan::GoOn, Some(watermark)) if compared || self.is_as_archived(&watermark, &state).await? => {
                    self.progress.moved(watermark.seq, Some(watermark.updated_at.datetime()));
                    return Ok(Position::new(shard, watermark.epoch, watermark.seq));
                }
                (Plan::GoOn | Plan::LostEnd, Some(watermark)) => {
                    self.begin_epoch_after_loss(&watermark).await?;
                    compared = true;
                }
            }
        }
    }

    /// Whether the stream holds at the watermark what was archived there. A stream that lost its end and was written to since may have grown beyond the watermark again.
    async fn is_as_archived(&self, watermark: &Watermark, state: &StreamState) -> Result<bool, Stop> {
        if watermark.seq < state.first_seq {
            return Ok(true);
        }
        let from = state.first_seq.max((watermark.seq + 1).saturating_sub(limits::EVIDENCE_MESSAGES));
        Ok(self.evidence(watermark.seq, from).await? != Evidence::Other)
    }

    /// Records that messages are missing, and moves the watermark over them.
    async fn pass_over(&self, watermark: &Watermark, through_seq: u64) -> Result<(), Stop> {
        self.mourn(through_seq - watermark.seq);
        let after = Position::new(self.config.shard, watermark.epoch, watermark.seq);
        self.archive.note_hole(after.shard, after.epoch, through_seq).await?;
        self.archive.append(&over_hole(after, through_seq)).await?;
        Ok(())
    }

    /// Gives the stream a new epoch, so that nobody takes new messages for the lost ones that had their numbers.
    async fn begin_epoch_after_loss(&self, watermark: &Watermark) -> Result<(), Stop> {
        let shard = self.config.shard;
        tracing::error!(
            shard,
            epoch = watermark.epoch,
            archived = watermark.seq,
            "the stream has lost its end: messages that it had acknowledged are gone from it"
        );
        self.broker.bump_epoch(shard).await?;
        let state = self.broker.stream_state(shard).await?;
        self.follow_epoch(watermark, &state).await
    }

    /// Goes over to the stream's epoch.
    async fn follow_epoch(&self, watermark: &Watermark, state: &StreamState) -> Result<(), Stop> {
        let shard = self.config.shard;
        // Only a stream that kept its messages can have something in common with what was archived.
        let (after, reason) = if self.broker.continues(shard, watermark.epoch).await? {
            (self.common_end(watermark, state).await?, "the stream had lost its end")
        } else {
            (0, "the stream was made anew")
        };
        match self.archive.change_epoch(shard, *watermark, state.epoch, after, reason).await {
            Ok(_) => tracing::warn!(shard, epoch = state.epoch, after, reason, "the archive goes on in a new epoch"),
            // An old copy of the stream was put back: its numbers were given out twice.
            Err(ArchiveError::Store(StoreError::Conflict { .. })) => {
                let epoch = self.broker.bump_epoch(shard).await?;
                tracing::error!(shard, was = state.epoch, epoch, "an epoch of the past is back; the stream gets a new one");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::Timestamp;

    use super::*;

    #[test]
    fn plans_by_epoch_and_ends() {
        let state = StreamState { shard: 0, epoch: 7, first_seq: 11, last_seq: 90, messages: 80, bytes: 0 };
        let of = |epoch, seq| plan(Some(&Watermark { epoch, seq, updated_at: Timestamp::now() }), &state);
        assert_eq!(plan(None, &state), Plan::Begin);
        assert_eq!((of(7, 10), of(7, 50), of(7, 90)), (Plan::GoOn, Plan::GoOn, Plan::GoOn));
        assert_eq!((of(7, 0), of(7, 9)), (Plan::Overtaken, Plan::Overtaken));
        assert_eq!((of(7, 91), of(6, 50), of(8, 50)), (Plan::LostEnd, Plan::OtherEpoch, Plan::OtherEpoch));
        let emptied = StreamState { first_seq: 91, messages: 0, ..state };
        assert_eq!(plan(Some(&Watermark { epoch: 7, seq: 90, updated_at: Timestamp::now() }), &emptied), Plan::GoOn);
        assert_eq!(plan(Some(&Watermark { epoch: 7, seq: 80, updated_at: Timestamp::now() }), &emptied), Plan::Overtaken);
    }
}
