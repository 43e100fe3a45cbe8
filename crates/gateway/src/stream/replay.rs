//! What is no longer in a window: from the broker, and what the broker no longer has from the archive.

use std::sync::Arc;

use metrics::counter;
use slipstream_event::{CursorKey, Position, Tenant};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::budget::Budget;
use super::page::Page;
use super::shelf::Shelves;
use crate::cold::ColdReplay;
use crate::hub::Log;
use crate::hub::lane::Lane;
use crate::limits;
use crate::metrics::PAGES;
use crate::warm::{Missing, WarmReplay};

/// Reads the log behind the windows. What several streams need at a time is read once.
#[derive(Clone)]
pub struct Replay {
    key: CursorKey,
    sources: Sources,
    budget: Budget,
    shelves: Arc<Shelves>,
}

/// What replays read.
#[derive(Clone)]
pub struct Sources {
    /// The broker, over a connection of its own: what replays read does not stand before acks and what is live.
    pub warm: Arc<dyn WarmReplay>,
    /// The archive.
    pub cold: Arc<dyn ColdReplay>,
}

/// What a stream needs that its window does not have.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The log.
    pub log: Arc<Log>,
    /// Whose events.
    pub lane: Arc<Lane>,
    /// After this sequence.
    pub after: u64,
    /// Whether it replays: then its tenant's budget bounds what it is shown. A live stream that a burst left behind waits for nobody.
    pub is_replay: bool,
    /// Not events, but what the activity log shows, as of this instant or later: [`Step::Known`].
    pub shown_since: Option<Instant>,
}

/// One step of a replay.
#[derive(Clone, Debug)]
pub enum Step {
    /// Some of the events.
    Page(Arc<Page>),
    /// The window has them now, or the log has ended: look again.
    Again,
    /// The lane knows what the activity log shows.
    Known,
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
    /// Reads from these, for each tenant within `budget`.
    pub fn new(key: CursorKey, sources: Sources, budget: Budget) -> Self {
        Self { key, sources, budget, shelves: Arc::new(Shelves::new(budget)) }
    }

    /// The archive.
    pub fn cold(&self) -> &dyn ColdReplay {
        self.sources.cold.as_ref()
    }

    /// The broker's last sequence of a log; `None` when it does not answer or the log has ended.
    pub async fn last_seq(&self, log: &Log) -> Option<u64> {
        let at = log.position(0);
        self.sources.warm.last_seq(at.shard, at.epoch).await
    }

    /// The next page of what is wanted, up to where the window begins.
    pub async fn step(&self, wanted: &Wanted) -> Step {
        let Wanted { log, lane, after, is_replay, shown_since } = wanted;
        if let Some(since) = shown_since {
            return self.sources.know(log, lane, *since).await;
        }
        let shelf = self.shelves.of(lane.tenant());
        let paid = if *is_replay { shelf.let_show(lane.shown()).await } else { 0 };
        for tried in 0..limits::REPLAY_TRIES_MAX {
            if tried > 0 {
                sleep(limits::REPLAY_RETRY).await;
            }
            let up_to = lane.complete_after();
            if log.is_closed() || *after >= up_to {
                return Step::Again;
            }
            match shelf.page(log.position(*after), self.read(log, lane.tenant(), log.position(*after), up_to)).await {
                Ok(page) => {
                    if *is_replay {
                        lane.shown().charge(self.budget.shown, page.bytes_after(*after).saturating_sub(paid), Instant::now());
                    }
                    return Step::Page(page);
                }
                Err(Failed::Lost) => return Step::Lost,
                Err(Failed::Again(reason)) => warn!(reason, tried, "a replay did not get its page"),
            }
        }
        Step::Unavailable
    }

    /// Lets go of pages that nobody asked for lately.
    pub fn sweep(&self) {
        self.shelves.sweep();
    }

    async fn read(&self, log: &Log, tenant: &Tenant, from: Position, up_to: u64) -> Result<Page, Failed> {
        match self.sources.warm.page(tenant, from.seq, up_to, limits::REPLAY_EVENTS_MAX, limits::REPLAY_BYTES_MAX).await {
            Ok(page) if page.epoch == from.epoch => {
                counter!(PAGES, "source" => "broker").increment(1);
                Ok(Page::new(&self.key, tenant, from, page.events, page.through_seq, None))
            }
            Ok(_) => Err(Failed::Again("the stream was made anew".to_owned())),
            Err(Missing::Expired { first_seq }) => {
                log.set_first(first_seq);
                self.read_archive(tenant, from, up_to.min(first_seq.saturating_sub(1))).await
            }
            Err(Missing::Again(reason)) => Err(Failed::Again(reason)),
        }
    }

    async fn read_archive(&self, tenant: &Tenant, from: Position, up_to: u64) -> Result<Page, Failed> {
        let again = |e: crate::cold::Unavailable| Failed::Again(e.to_string());
        let count = self.sources.cold.count(tenant, from, up_to).await.map_err(again)?;
        let page = self.sources.cold.page(tenant, from, up_to, limits::REPLAY_EVENTS_MAX).await.map_err(again)?;
        if page.through_seq <= from.seq {
            return Err(Failed::Lost);
        }
        counter!(PAGES, "source" => "archive").increment(1);
        Ok(Page::new(&self.key, tenant, from, page.events, page.through_seq, Some(count)))
    }
}
