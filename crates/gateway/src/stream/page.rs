//! Pages: stretches of a tenant's log that were read from the broker or the archive. Pure.

use slipstream_event::Position;

use super::audience::Audience;
use super::span::{Span, span};
use crate::frame::Frame;
use crate::limits;

/// All of a tenant's events after a position and up to a sequence.
#[derive(Debug)]
pub struct Page {
    /// After this position.
    pub from: Position,
    /// Complete to here.
    pub through_seq: u64,
    /// The events, in order.
    pub frames: Vec<Frame>,
    /// When they come from the archive: how many come from there in all, beginning with this page.
    pub archived: Option<u64>,
}

impl Page {
    /// Whether a stream at `position` can go on with it.
    pub fn covers(&self, position: Position) -> bool {
        position.same_log(&self.from) && (self.from.seq..self.through_seq).contains(&position.seq)
    }

    /// What `user` of `audience` gets of it after `position`, which it covers.
    pub fn span(&self, position: u64, audience: &Audience, user: Option<&str>) -> Span {
        let rest = self.frames.get(self.start(position)..).unwrap_or_default();
        let taken = rest.len().min(limits::SPAN_EVENTS_MAX);
        let mut span = span(rest.iter().take(taken), audience, user, taken < rest.len());
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
        self.frames.iter().map(Frame::json_bytes).sum()
    }

    /// Roughly what it holds in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.frames.iter().map(Frame::weight).sum()
    }

    fn start(&self, position: u64) -> usize {
        self.frames.partition_point(|frame| frame.seq() <= position)
    }
}
