//! Which events go into the next request. Pure.
//!
//! A lane holds the waiting events of one tenant. At most one batch of a lane is under way, so that its order holds; lanes do not wait for each other.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use slipstream_event::Tenant;
use tokio::time::Instant;

/// The tenant of a lane; `None` for the caller's own.
pub(super) type Key = Option<Tenant>;

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    /// Line of its record.
    pub(super) line: u64,
    /// Its draft.
    pub(super) draft: String,
}

/// When a batch is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// At so many events.
    pub(super) events: usize,
    /// At so many bytes.
    pub(super) bytes: usize,
    /// When its first event has waited so long.
    pub(super) linger: Duration,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    cut: Cut,
    lanes: HashMap<Key, Lane>,
    /// Lanes with a whole batch, in the order in which they got it.
    full: VecDeque<Key>,
    /// Lanes with waiting events, the longest waiting first. Some may have nothing left.
    waiting: VecDeque<Key>,
    events: usize,
}

#[derive(Debug)]
struct Lane {
    events: VecDeque<Waiting>,
    bytes: usize,
    since: Instant,
    is_busy: bool,
    is_listed: bool,
}

impl Lane {
    fn is_full(&self, cut: Cut) -> bool {
        self.events.len() >= cut.events || self.bytes >= cut.bytes
    }

    fn take(&mut self, cut: Cut) -> Vec<Waiting> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < cut.events && (batch.is_empty() || self.events.front().is_some_and(|event| bytes + event.draft.len() < cut.bytes)) {
            let Some(event) = self.events.pop_front() else { break };
            bytes += event.draft.len() + 1;
            batch.push(event);
        }
        self.bytes -= bytes;
        self.is_busy = true;
        batch
    }
}

impl Lanes {
    pub(super) fn new(cut: Cut) -> Self {
        Self { cut, lanes: HashMap::new(), full: VecDeque::new(), waiting: VecDeque::new(), events: 0 }
    }

    /// How many events wait.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    /// Adds an event.
    pub(super) fn push(&mut self, key: Key, event: Waiting, now: Instant) {
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| Lane { events: VecDeque::new(), bytes: 0, since: now, is_busy: false, is_listed: false });
        if lane.events.is_empty() {
            lane.since = now;
        }
        let was_full = lane.is_full(self.cut);
        lane.bytes += event.draft.len() + 1;
        lane.events.push_back(event);
        self.events += 1;
        if lane.is_busy {
            return;
        }
        if !was_full && lane.is_full(self.cut) {
            self.full.push_back(key.clone());
        }
        if !std::mem::replace(&mut lane.is_listed, true) {
            self.waiting.push_back(key);
        }
    }

    /// The next batch: of a lane that has a whole one, else of one that has waited long enough, else (with `flush`) of the one that has waited longest.
    pub(super) fn take(&mut self, now: Instant, flush: bool) -> Option<(Key, Vec<Waiting>)> {
        while let Some(key) = self.full.pop_front() {
            if let Some(lane) = self.lanes.get_mut(&key).filter(|lane| !lane.is_busy && lane.is_full(self.cut)) {
                let batch = lane.take(self.cut);
                self.events -= batch.len();
                return Some((key, batch));
            }
        }
        while let Some(key) = self.waiting.front() {
            let lane = self.lanes.get_mut(key).filter(|lane| !lane.is_busy && !lane.events.is_empty());
            if lane.as_ref().is_some_and(|lane| !flush && lane.since + self.cut.linger > now) {
                return None;
            }
            let batch = lane.map(|lane| lane.take(self.cut));
            let key = self.waiting.pop_front()?;
            if let Some(lane) = self.lanes.get_mut(&key) {
                lane.is_listed = false;
            }
            if let Some(batch) = batch {
                self.events -= batch.len();
                return Some((key, batch));
            }
        }
        None
    }

    /// When the next batch is ready, if no further event comes; `None` when all lanes are empty or under way.
    pub(super) fn due(&self) -> Option<Instant> {
        let idle = self.waiting.iter().filter_map(|key| self.lanes.get(key)).find(|lane| !lane.is_busy && !lane.events.is_empty());
        idle.map(|lane| lane.since + self.cut.linger)
    }

    /// The lane's batch is no longer under way.
    pub(super) fn done(&mut self, key: &Key) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.is_busy = false;
        if lane.events.is_empty() {
            self.lanes.remove(key);
            self.waiting.retain(|listed| listed != key);
            return;
        }
        if lane.is_full(self.cut) {
            self.full.push_back(key.clone());
        }
        // Its events came while the batch was under way: they have waited longer than most.
        if !std::mem::replace(&mut lane.is_listed, true) {
            self.waiting.push_front(key.clone());
        }
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.events = 0;
        self.lanes.retain(|_, lane| lane.is_busy);
        self.lanes.values_mut().for_each(|lane| {
            lane.events.clear();
            lane.bytes = 0;
            lane.is_listed = false;
        });
        self.full.clear();
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests;
