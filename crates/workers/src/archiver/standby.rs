//! Standing by while another archiver of the shard is at work.

use slipstream_broker::StreamState;
use slipstream_store::archive::Watermark;
use tokio::time::{Instant, sleep};

use super::Archiver;
use crate::limits;

impl Archiver {
    /// Returns when the watermark has stood still for a while beside a stream that is ahead of it. Two archivers that both read would only fence each other off in turn.
    pub(super) async fn stand_by(&self) {
        let mut last_seen = None;
        let mut still_since = Instant::now();
        while still_since.elapsed() < limits::STANDBY {
            sleep(limits::STANDBY_EVERY).await;
            let watermark = self.archive.watermark(self.config.shard).await;
            let state = self.broker.stream_state(self.config.shard).await;
            let (Ok(watermark), Ok(state)) = (watermark, state) else { continue };
            if let Some(watermark) = watermark {
                self.progress.moved(watermark.seq, Some(watermark.updated_at.datetime()));
            }
            if watermark != last_seen || !is_behind(watermark, &state) {
                (last_seen, still_since) = (watermark, Instant::now());
            }
        }
    }
}

/// Whether there is something to archive, or to settle.
fn is_behind(watermark: Option<Watermark>, state: &StreamState) -> bool {
    watermark.is_none_or(|watermark| watermark.epoch != state.epoch || watermark.seq != state.last_seq)
}

#[cfg(test)]
mod tests {
    use slipstream_event::Timestamp;

    use super::*;

    #[test]
    fn only_a_stream_at_the_watermark_is_no_reason_to_take_over() {
        let state = StreamState { shard: 0, epoch: 7, first_seq: 1, last_seq: 90, messages: 90, bytes: 0 };
        let at = |epoch, seq| Some(Watermark { epoch, seq, updated_at: Timestamp::now() });
        assert!(!is_behind(at(7, 90), &state));
        for behind in [None, at(7, 89), at(7, 91), at(6, 90)] {
            assert!(is_behind(behind, &state));
        }
    }
}
