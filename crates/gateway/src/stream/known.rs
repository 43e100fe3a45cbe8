//! Bringing to a lane what its tenant's activity log shows: from the archive, and for what is not archived yet from the broker's log.

use slipstream_event::Event;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::replay::{Sources, Step};
use crate::activity::{Shown, Turn};
use crate::hub::Log;
use crate::hub::lane::Lane;
use crate::limits;
use crate::warm::Missing;

impl Sources {
    /// Brings to the lane what its activity log shows, as of `since` or later. Streams that open at the same time share the question. While the archive does not answer, what the lane
    /// knows counts: the log itself has told it of every turn since.
    pub(super) async fn know(&self, log: &Log, lane: &Lane, since: Instant) -> Step {
        if lane.is_shown_known(since) {
            return Step::Known;
        }
        // The semaphore is never closed.
        let _turn = lane.asking().acquire().await.ok();
        if lane.is_shown_known(since) || log.is_closed() {
            return Step::Known;
        }
        let asked_at = Instant::now();
        let reason = match timeout(limits::SHOWN_WAIT, self.ask(log, lane)).await {
            Ok(Ok(shown)) => {
                if lane.take_shown(shown, asked_at) {
                    return Step::Known;
                }
                "the archive is too far behind".to_owned()
            }
            Ok(Err(reason)) => reason,
            Err(_) => "the archive does not answer".to_owned(),
        };
        if lane.is_shown_known_at_all() {
            return Step::Known;
        }
        warn!(reason, "a stream does not learn what its activity log shows");
        Step::Unavailable
    }

    async fn ask(&self, log: &Log, lane: &Lane) -> Result<Shown, String> {
        let of = log.position(0);
        let mut shown = self.cold.shown(lane.tenant(), of).await.map_err(|error| error.to_string())?;
        for _ in 0..limits::SHOWN_PAGES_MAX {
            let (at, up_to) = (shown.through_seq, lane.turns_after());
            if at >= up_to {
                break;
            }
            match self.warm.page(lane.tenant(), at, up_to, limits::REPLAY_EVENTS_MAX, limits::REPLAY_BYTES_MAX).await {
                Ok(page) if page.epoch == of.epoch => {
                    let turns = page.events.iter().filter_map(|(seq, payload)| Some((*seq, turn(payload)?)));
                    turns.for_each(|(seq, turn)| shown.learn(seq, turn));
                    shown.through_seq = page.through_seq;
                }
                Ok(_) => return Err("the stream was made anew".to_owned()),
                // What was lost before it was archived is in no list either.
                Err(Missing::Expired { first_seq }) => shown.through_seq = first_seq.saturating_sub(1).max(at),
                Err(Missing::Again(reason)) => return Err(reason),
            }
        }
        Ok(shown)
    }
}

/// What a message says of its tenant's activity log; only those are read that can say something.
fn turn(payload: &[u8]) -> Option<Turn> {
    memchr::memmem::find(payload, b"\"activity.")?;
    Turn::of(&Event::from_json(payload).ok()?)
}
