//! What the parts of the relay share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use slipstream_broker::Broker;
use slipstream_store::Store;
use slipstream_store::outbox::Outbox;
use tokio::sync::Semaphore;

use super::Config;
use super::publish::Blame;
use crate::limits;

/// Handles, all cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) outbox: Outbox,
    pub(super) archive: Store,
    pub(super) broker: Broker,
    pub(super) config: Config,
    lanes: Arc<[Lane]>,
}

/// The way to one shard.
#[derive(Debug)]
struct Lane {
    turns: Semaphore,
    /// Counts how often the lane was closed.
    closings: AtomicU64,
    /// Rows that were set aside since the broker took the last one.
    refusals: AtomicU32,
}

impl Context {
    pub(super) fn new(outbox: Outbox, archive: Store, broker: Broker, config: Config) -> Self {
        let lane = || Lane { turns: Semaphore::new(limits::TENANTS_PUBLISHING_MAX), closings: AtomicU64::new(0), refusals: AtomicU32::new(0) };
        let lanes = std::iter::repeat_with(lane).take(usize::from(broker.shards())).collect();
        Self { outbox, archive, broker, config, lanes }
    }

    /// Turns to publish to a shard.
    pub(super) fn turns(&self, shard: u16) -> &Semaphore {
        &self.lanes[usize::from(shard)].turns
    }

    /// A number that changes when the lane is closed: what waits for its turn then gives its rows back.
    pub(super) fn closings(&self, shard: u16) -> u64 {
        self.lanes[usize::from(shard)].closings.load(Ordering::Acquire)
    }

    /// Closes the lane to a shard for all that waits for its turn.
    pub(super) fn close_lane(&self, shard: u16) {
        self.lanes[usize::from(shard)].closings.fetch_add(1, Ordering::AcqRel);
    }

    /// The broker took a row of the shard.
    pub(super) fn taken(&self, shard: u16) {
        self.lanes[usize::from(shard)].refusals.store(0, Ordering::Release);
    }

    /// Whether a refused row is to be set aside, and counts it. A broker that refuses everything must not empty the outbox.
    pub(super) fn may_set_aside(&self, shard: u16, blame: Blame) -> bool {
        match blame {
            Blame::Row => true,
            Blame::Broker => false,
            Blame::Unknown => self.lanes[usize::from(shard)].refusals.fetch_add(1, Ordering::AcqRel) < limits::SET_ASIDE_RUN_MAX,
        }
    }
}
