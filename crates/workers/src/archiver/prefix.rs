//! How far a stream that lost its end is still the one that was archived.

use slipstream_broker::StreamState;
use slipstream_store::archive::Watermark;

use super::Archiver;
use super::evidence::Evidence;
use super::stop::Stop;
use crate::limits;

/// A search by halving for the last place that both hold: what a stream loses is its end, so all before a common place is common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Search {
    /// Everything up to here is common, or no longer in the stream.
    common: u64,
    /// Everything beyond is not.
    bound: u64,
}

impl Search {
    fn new(watermark: &Watermark, state: &StreamState) -> Self {
        let common = state.first_seq.saturating_sub(1);
        Self { common, bound: watermark.seq.min(state.last_seq).max(common) }
    }

    /// The next place to look at; `None` when the search is over.
    fn probe(&self) -> Option<u64> {
        (self.common < self.bound).then(|| self.common + (self.bound - self.common).div_ceil(2))
    }

    fn found(&mut self, place: u64, is_common: bool) {
        if is_common { self.common = place } else { self.bound = place - 1 }
    }
}

impl Archiver {
    /// The last sequence that the stream and the archived epoch of the watermark have in common; what comes after it has to be read (again). In doubt it is earlier: the archive
    /// knows an event that it reads a second time.
    pub(super) async fn common_end(&self, watermark: &Watermark, state: &StreamState) -> Result<u64, Stop> {
        let mut search = Search::new(watermark, state);
        while let Some(place) = search.probe() {
            let until = search.bound.min(place + limits::EVIDENCE_MESSAGES - 1);
            let told = self.evidence(place, until).await?;
            search.found(place, told == Evidence::Same);
        }
        // What has left the stream before it was archived is missing, and is to be told of.
        Ok(search.common.min(watermark.seq))
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::Timestamp;

    use super::*;

    fn end(first_seq: u64, last_seq: u64, archived: u64, really: u64) -> u64 {
        let state = StreamState { shard: 0, epoch: 8, first_seq, last_seq, messages: last_seq + 1 - first_seq, bytes: 0 };
        let mut search = Search::new(&Watermark { epoch: 7, seq: archived, updated_at: Timestamp::now() }, &state);
        let mut probes = 0;
        while let Some(place) = search.probe() {
            assert!((first_seq..=last_seq.min(archived)).contains(&place), "only places that are there are looked at");
            search.found(place, place <= really);
            probes += 1;
        }
        assert!(probes <= 64);
        search.common
    }

    #[test]
    fn finds_the_last_common_place() {
        for really in 10..=60 {
            assert_eq!(end(11, 60, 90, really), really);
            assert_eq!(end(11, 90, 60, really), really);
        }
        assert_eq!(end(1, u64::MAX / 2, u64::MAX / 2, 12_345), 12_345);
    }

    #[test]
    fn an_empty_stream_has_nothing_in_common() {
        assert_eq!(end(1, 0, 90, 0), 0);
        assert_eq!(end(41, 40, 90, 40), 40);
        assert_eq!(end(41, 60, 20, 60), 40, "all that was archived has left the stream");
    }
}
