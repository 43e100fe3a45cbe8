//! Pages: stretches of a tenant's log that were read from the broker or the archive. Pure.

use std::sync::OnceLock;

use bytes::Bytes;
use slipstream_event::{CursorKey, Position, Tenant};
use tokio::sync::Semaphore;

use super::audience::Audience;
use super::span::{Span, span};
use crate::activity::View;
use crate::frame::{FRAME_WEIGHT, Frame};
use crate::limits;

/// All of a tenant's events after a position and up to a sequence. They become frames when they are first needed: the next page can be on its way meanwhile.
pub struct Page {
    from: Position,
    through_seq: u64,
    archived: Option<u64>,
    key: CursorKey,
    tenant: Tenant,
    events: Vec<(u64, Bytes)>,
    frames: OnceLock<Vec<Frame>>,
    making: Semaphore,
}

impl Page {
    /// A page of these events, in order, that holds all after `from` and up to `through_seq`. `archived`: when they come from the archive, how many come from there in all,
    /// beginning with this page.
    pub fn new(key: &CursorKey, tenant: &Tenant, from: Position, events: Vec<(u64, Bytes)>, through_seq: u64, archived: Option<u64>) -> Self {
        Self { from, through_seq, archived, key: key.clone(), tenant: tenant.clone(), events, frames: OnceLock::new(), making: Semaphore::new(1) }
    }

    /// It is complete to here.
    pub fn through_seq(&self) -> u64 {
        self.through_seq
    }

    /// The events. What is none of this tenant is passed over.
    pub fn frames(&self) -> &[Frame] {
        self.frames.get_or_init(|| self.events.iter().filter_map(|event| self.frame(event)).collect())
    }

    /// Makes frames of the events now, once for all who ask, and lets others work in between.
    pub async fn make(&self) {
        // The semaphore is never closed.
        let _turn = self.making.acquire().await.ok();
        if self.frames.get().is_some() {
            return;
        }
        let mut frames = Vec::with_capacity(self.events.len());
        for events in self.events.chunks(limits::MAKE_EVENTS) {
            frames.extend(events.iter().filter_map(|event| self.frame(event)));
            tokio::task::yield_now().await;
        }
        // Another stream may have been in a greater hurry.
        drop(self.frames.set(frames));
    }

    fn frame(&self, (seq, payload): &(u64, Bytes)) -> Option<Frame> {
        let is_within = (self.from.seq + 1..=self.through_seq).contains(seq);
        is_within.then(|| Frame::new(&self.key, &self.tenant, self.from.at(*seq), payload)).flatten()
    }

    /// Whether a stream at `position` can go on with it.
    pub fn covers(&self, position: Position) -> bool {
        position.same_log(&self.from) && (self.from.seq..self.through_seq).contains(&position.seq)
    }

    /// What `user` of `audience` gets of it, in this view, after `position`, which it covers.
    pub fn span(&self, position: u64, view: &View, audience: &Audience, user: Option<&str>) -> Span {
        let rest = self.frames().get(self.start(position)..).unwrap_or_default();
        let taken = rest.len().min(limits::SPAN_EVENTS_MAX);
        let mut span = span(rest.iter().take(taken), view, audience, user, taken < rest.len());
        if !span.is_cut {
            span.through = self.through_seq;
        }
        span
    }

    /// How many archived events are to come after `position`, when the page comes from the archive.
    pub fn archived_after(&self, position: u64) -> Option<u64> {
        Some(self.archived?.saturating_sub(self.start(position) as u64))
    }

    /// Where it comes from, for metrics.
    pub fn source(&self) -> &'static str {
        if self.archived.is_some() { "archive" } else { "broker" }
    }

    /// Its events' JSON, in bytes.
    pub fn bytes(&self) -> usize {
        self.events.iter().map(|(_, payload)| payload.len()).sum()
    }

    /// Those of its events' JSON after `position`, in bytes.
    pub fn bytes_after(&self, position: u64) -> usize {
        let start = self.events.partition_point(|(seq, _)| *seq <= position);
        self.events[start..].iter().map(|(_, payload)| payload.len()).sum()
    }

    /// Roughly what it holds in memory, in bytes, once its events are frames.
    pub fn weight(&self) -> usize {
        self.bytes() * 2 + self.events.len() * FRAME_WEIGHT
    }

    fn start(&self, position: u64) -> usize {
        self.frames().partition_point(|frame| frame.seq() <= position)
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Page").field("from", &self.from).field("through_seq", &self.through_seq).field("events", &self.events.len()).finish_non_exhaustive()
    }
}
