//! What is no longer in a window: from the broker, and what the broker no longer has from the archive.

use std::sync::Arc;

use bytes::Bytes;
use slipstream_broker::Broker;
use slipstream_event::{CursorKey, Position, Tenant};
use tokio::time::sleep;
use tracing::warn;

use crate::cold::ColdReplay;
use crate::frame::Frame;
use crate::hub::{Hub, Lane, Log};
use crate::limits;

/// Reads the log behind the windows.
#[derive(Clone)]
pub struct Replay {
    broker: Broker,
    cold: Arc<dyn ColdReplay>,
}

/// One step of a replay.
#[derive(Debug)]
pub enum Step {
    /// All of the tenant's events after the position and up to `through_seq`.
    Page {
        /// The events, in order.
        frames: Vec<Frame>,
        /// The page is complete to here.
        through_seq: u64,
        /// When they come from the archive: how many of them come from there in all.
        from_archive: Option<u64>,
    },
    /// Neither broker nor archive can prove that they have everything after the position.
    Lost,
    /// Broker or archive did not answer in time.
    Unavailable,
}

/// What went wrong with one try.
enum Failed {
    Again(String),
    Lost,
}

impl Replay {
    /// Reads from these.
    pub fn new(broker: Broker, cold: Arc<dyn ColdReplay>) -> Self {
        Self { broker, cold }
    }

    /// The archive.
    pub fn cold(&self) -> &dyn ColdReplay {
        self.cold.as_ref()
    }

    /// The broker's last sequence of a log; `None` when it does not answer or the log has ended.
    pub async fn last_seq(&self, log: &Log) -> Option<u64> {
        let at = log.position(0);
        self.broker.stream_state(at.shard).await.ok().filter(|state| state.epoch == at.epoch).map(|state| state.last_seq)
    }

    /// The next page after `from`, up to where the window begins.
    pub async fn step(&self, hub: &Hub, log: &Log, lane: &Lane, tenant: &Tenant, from: Position) -> Step {
        for tried in 0..limits::REPLAY_TRIES_MAX {
            if tried > 0 {
                sleep(limits::REPLAY_RETRY).await;
            }
            let up_to = lane.complete_after();
            if log.is_closed() || from.seq >= up_to {
                return Step::Page { frames: Vec::new(), through_seq: from.seq, from_archive: None };
            }
            match self.page(hub.key(), log, tenant, from, up_to).await {
                Ok(step) => return step,
                Err(Failed::Lost) => return Step::Lost,
                Err(Failed::Again(reason)) => warn!(reason, tried, "a replay did not get its page"),
            }
        }
        Step::Unavailable
    }

    async fn page(&self, key: &CursorKey, log: &Log, tenant: &Tenant, from: Position, up_to: u64) -> Result<Step, Failed> {
        use slipstream_broker::Error::{EpochChanged, Expired};
        let first_seq = match self.broker.replay(tenant, from.seq, up_to, limits::REPLAY_EVENTS_MAX, limits::REPLAY_BYTES_MAX).await {
            Ok(page) if page.epoch == from.epoch => {
                let events = page.messages.into_iter().filter(|message| message.redriven.is_none()).map(|message| (message.seq, message.payload));
                return Ok(Step::Page { frames: frames(key, tenant, from, events), through_seq: page.through_seq, from_archive: None });
            }
            Ok(_) | Err(EpochChanged { .. }) => return Err(Failed::Again("the stream was made anew".to_owned())),
            Err(Expired { first_seq }) => first_seq,
            Err(other) => return Err(Failed::Again(other.to_string())),
        };
        log.set_first(first_seq);
        self.cold_page(key, tenant, from, up_to.min(first_seq.saturating_sub(1))).await
    }

    async fn cold_page(&self, key: &CursorKey, tenant: &Tenant, from: Position, up_to: u64) -> Result<Step, Failed> {
        let again = |e: crate::cold::Unavailable| Failed::Again(e.to_string());
        let count = self.cold.count(tenant, from, up_to).await.map_err(again)?;
        let page = self.cold.page(tenant, from, up_to, limits::REPLAY_EVENTS_MAX).await.map_err(again)?;
        if page.through_seq <= from.seq {
            return Err(Failed::Lost);
        }
        Ok(Step::Page { frames: frames(key, tenant, from, page.events), through_seq: page.through_seq, from_archive: Some(count) })
    }
}

fn frames(key: &CursorKey, tenant: &Tenant, from: Position, events: impl IntoIterator<Item = (u64, Bytes)>) -> Vec<Frame> {
    events.into_iter().filter(|(seq, _)| *seq > from.seq).filter_map(|(seq, payload)| Frame::new(key, tenant, from.at(seq), &payload)).collect()
}
