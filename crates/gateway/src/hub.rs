//! The hub: the recent end of every tenant's log, for all streams of this process.
//!
//! Fed by one [`crate::feed::Feed`] per shard; read by any number of streams. A stream holds its tenant's [`Lane`] and a position in it.
//! What ties feed and streams together: an event is in its lane before [`Log::last`] tells of it. So a stream that first
//! reads `last` and then finds nothing in its lane has seen everything of its tenant up to `last`.

pub mod lane;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipstream_event::{CursorKey, Position, Tenant, subject};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::frame::Frame;
use crate::limits;
use crate::window::Window;
use lane::Lane;

/// All logs of this process.
#[derive(Debug)]
pub struct Hub {
    key: CursorKey,
    logs: Vec<watch::Sender<Option<Arc<Log>>>>,
}

impl Hub {
    /// A hub of `shards` shards, none of them fed yet.
    pub fn new(key: CursorKey, shards: u16) -> Self {
        Self { key, logs: (0..shards.max(1)).map(|_| watch::Sender::new(None)).collect() }
    }

    /// The key that seals this deployment's cursors.
    pub fn key(&self) -> &CursorKey {
        &self.key
    }

    /// The shard of a tenant.
    pub fn shard_of(&self, tenant: &Tenant) -> u16 {
        subject::shard_of(tenant, u16::try_from(self.logs.len()).unwrap_or(u16::MAX))
    }

    /// Whether every shard is fed.
    pub fn is_ready(&self) -> bool {
        self.logs.iter().all(|log| log.borrow().is_some())
    }

    /// The log of a tenant's shard; waits until `deadline` for it to be fed. `None` when it is not.
    pub async fn log(&self, tenant: &Tenant, deadline: Instant) -> Option<Arc<Log>> {
        let mut receiver = self.logs.get(usize::from(self.shard_of(tenant)))?.subscribe();
        let open = |log: &Option<Arc<Log>>| log.as_ref().is_some_and(|log| !log.is_closed());
        let log = timeout_at(deadline, receiver.wait_for(open)).await.ok()?.ok()?;
        log.clone()
    }

    /// The log of a tenant's shard, when it is fed now.
    pub fn open_log(&self, tenant: &Tenant) -> Option<Arc<Log>> {
        self.current(self.shard_of(tenant)).filter(|log| !log.is_closed())
    }

    /// The log of a shard as it is now.
    pub(crate) fn current(&self, shard: u16) -> Option<Arc<Log>> {
        self.logs.get(usize::from(shard))?.borrow().clone()
    }

    /// Begins a new log for a shard and closes the old one: its streams are reset.
    pub(crate) fn open(&self, log: Arc<Log>) {
        if let Some(sender) = self.logs.get(usize::from(log.shard))
            && let Some(old) = sender.send_replace(Some(log))
        {
            old.close();
        }
    }
}

/// The recent end of one shard's log, of one epoch.
#[derive(Debug)]
pub struct Log {
    shard: u16,
    epoch: u64,
    last: AtomicU64,
    first: AtomicU64,
    closed: AtomicBool,
    lanes: Mutex<Lanes>,
}

#[derive(Debug, Default)]
struct Lanes {
    of: HashMap<Tenant, Arc<Lane>>,
    weight: usize,
}

impl Log {
    /// A log in which everything up to `last` was let go.
    pub(crate) fn new(shard: u16, epoch: u64, last: u64) -> Self {
        Self { shard, epoch, last: AtomicU64::new(last), first: AtomicU64::new(1), closed: AtomicBool::new(false), lanes: Mutex::default() }
    }

    /// A position in this log.
    pub fn position(&self, seq: u64) -> Position {
        Position::new(self.shard, self.epoch, seq)
    }

    /// Everything up to this sequence is in the windows or was let go from them.
    pub fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// The first sequence that the broker still has, as of the last look.
    pub fn first(&self) -> u64 {
        self.first.load(Ordering::Relaxed)
    }

    /// Notes the first sequence that the broker still has.
    pub(crate) fn set_first(&self, first: u64) {
        self.first.store(first, Ordering::Relaxed);
    }

    /// Whether the log has ended: its stream was made anew or lost its end.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// The lane of a tenant, made when there is none.
    pub fn lane(&self, tenant: &Tenant) -> Arc<Lane> {
        let mut lanes = self.lanes();
        lanes.of.entry(tenant.clone()).or_insert_with(|| Arc::new(Lane::new(tenant, self.last()))).clone()
    }

    /// Adds the log's next event. For the feed only: in order, each once.
    pub(crate) fn push(&self, frame: Frame) {
        let (seq, tenant) = (frame.seq(), frame.tenant().clone());
        let mut lanes = self.lanes();
        let lane = match lanes.of.get(&tenant) {
            Some(lane) => lane.clone(),
            None => lanes.of.entry(tenant.clone()).or_insert(Arc::new(Lane::new(&tenant, seq - 1))).clone(),
        };
        let grown = lane.push(Arc::new(frame));
        lanes.weight = lanes.weight.saturating_add_signed(grown);
        if lanes.weight > limits::SHARD_BYTES_MAX {
            lanes.shed();
        }
        self.last.store(seq, Ordering::Release);
        drop(lanes);
        lane.ring();
    }

    /// Passes over what holds no event, up to `seq`. For the feed only.
    pub(crate) fn advance(&self, seq: u64) {
        self.last.fetch_max(seq, Ordering::AcqRel);
    }

    /// Empties the windows: what lies up to `seq` did not come in and must be read from the broker or the archive. For the feed only.
    pub(crate) fn skip(&self, seq: u64) {
        let mut lanes = self.lanes();
        for lane in lanes.of.values() {
            lane.replace(Window::new(seq));
        }
        lanes.weight = 0;
        self.advance(seq);
        for lane in lanes.of.values() {
            lane.ring();
        }
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        for lane in self.lanes().of.values() {
            lane.ring();
        }
    }

    /// A panic elsewhere cannot leave the map half-changed in a way that matters: windows check their own order.
    fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lanes {
    /// Drops windows without a reader, the longest unwritten first, until a tenth of the room is free.
    fn shed(&mut self) {
        let mut idle: Vec<(u64, usize, Tenant)> = self
            .of
            .iter()
            .filter(|(_, lane)| Arc::strong_count(lane) == 1)
            .map(|(tenant, lane)| {
                let (end, weight) = lane.end_and_weight();
                (end, weight, tenant.clone())
            })
            .collect();
        idle.sort_unstable_by_key(|(end, ..)| *end);
        for (_, weight, tenant) in idle {
            if self.weight <= limits::SHARD_BYTES_MAX / 10 * 9 {
                break;
            }
            self.of.remove(&tenant);
            self.weight = self.weight.saturating_sub(weight);
        }
    }
}
