//! Groups: the streams of one lane on one thread.

use std::sync::Arc;

use super::inbox::{GroupBell, Inbox};
use crate::hub::lane::{Bell, Lane};
use crate::stream::span::Spans;

/// The streams of one lane.
pub(super) struct Group {
    pub(super) lane: Arc<Lane>,
    /// Slots. The order does not matter.
    pub(super) members: Vec<u32>,
    /// How far the pass over the members has come.
    pub(super) passed: usize,
    /// Whether it waits for a turn, or has had one and is not at rest yet.
    pub(super) is_queued: bool,
    /// Whether the lane rang since the pass began.
    pub(super) has_rung: bool,
    pub(super) spans: Spans,
    bell: Arc<GroupBell>,
}

impl Group {
    /// A group without members, told of what happens in its lane under its number `group`.
    pub(super) fn new(lane: Arc<Lane>, group: usize, inbox: Arc<Inbox>) -> Self {
        let bell = Arc::new(GroupBell::new(group, inbox));
        lane.hang(bell.clone());
        Self { lane, members: Vec::new(), passed: 0, is_queued: false, has_rung: false, spans: Spans::default(), bell }
    }

    /// Begins a pass: what the lane has by now is seen in it.
    pub(super) fn begin(&mut self) {
        self.bell.looked_at();
        self.has_rung = false;
        self.passed = 0;
        self.spans.begin();
    }

    /// Nothing came since the last pass: it waits until the lane rings.
    pub(super) fn rest(&mut self) {
        self.is_queued = false;
        self.passed = 0;
        self.spans.begin();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let bell: Arc<dyn Bell> = self.bell.clone();
        self.lane.take_down(&bell);
    }
}
