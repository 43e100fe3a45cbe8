//! Spans: the bytes of consecutive events for one kind of reader, shared by all streams that stand at the same position.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::audience::Audience;
use crate::activity::View;
use crate::frame::Frame;
use crate::hub::lane::Lane;
use crate::limits;
use crate::window::Read;

/// What readers of one audience get after a position.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The bytes; empty when they may see none of the events or asked for none.
    pub bytes: Bytes,
    /// Everything up to here is in the bytes or not for these readers.
    pub through: u64,
    /// Events in the bytes.
    pub events: u64,
    /// Whether a limit ended it.
    pub is_cut: bool,
}

/// What a window gives a reader.
#[derive(Debug)]
pub enum Found {
    /// Events, or what stands for them.
    Span(Span),
    /// Nothing after the position.
    UpToDate,
    /// The position lies before the window, or it is not known what of it to show.
    Behind,
}

/// Reads windows; remembers the spans of one pass over the streams of a lane.
#[derive(Debug, Default)]
pub struct Spans {
    frames: Vec<Arc<Frame>>,
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    lane: Arc<Lane>,
    audience: Arc<Audience>,
    after: u64,
    span: Span,
}

impl Spans {
    /// Begins a new pass: from now on windows are looked at anew.
    pub fn begin(&mut self) {
        self.known.clear();
    }

    /// What `user` of `audience` gets after `position`, at most [`limits::SPAN_EVENTS_MAX`] events and about [`limits::SPAN_BYTES_MAX`] bytes.
    pub fn read(&mut self, lane: &Arc<Lane>, position: u64, audience: &Arc<Audience>, user: Option<&str>) -> Found {
        let is_same = |known: &&Known| known.after == position && Arc::ptr_eq(&known.audience, audience) && Arc::ptr_eq(&known.lane, lane);
        if let Some(known) = self.known.iter().find(is_same) {
            return Found::Span(known.span.clone());
        }
        self.frames.clear();
        let read = lane.read(position, limits::SPAN_EVENTS_MAX, |frame| self.frames.push(frame.clone()));
        let found = match (read, lane.view(audience.projection)) {
            (Read::Frames(_), Some(view)) => {
                let is_cut = self.frames.len() == limits::SPAN_EVENTS_MAX;
                Found::Span(span(self.frames.iter().map(AsRef::as_ref), &view, audience, user, is_cut))
            }
            (Read::UpToDate, Some(_)) => Found::UpToDate,
            (Read::Behind, _) | (_, None) => Found::Behind,
        };
        if let Found::Span(span) = &found
            && self.known.len() < limits::SPANS_KNOWN_MAX
            && !self.frames.iter().any(|frame| frame.is_personal())
        {
            self.known.push(Known { lane: lane.clone(), audience: audience.clone(), after: position, span: span.clone() });
        }
        self.frames.clear();
        found
    }
}

/// The span of `frames`, of which there is at least one. A single event is not copied.
pub(super) fn span<'a>(frames: impl Iterator<Item = &'a Frame>, view: &View, audience: &Audience, user: Option<&str>, mut is_cut: bool) -> Span {
    let (mut first, mut joined) = (Bytes::new(), BytesMut::new());
    let (mut through, mut events) = (0, 0);
    for frame in frames {
        if !(view.takes(frame) && audience.takes(frame, user)) {
            through = frame.seq();
            continue;
        }
        let bytes = frame.bytes(audience.projection, audience.wire);
        if events > 0 && first.len().max(joined.len()) + bytes.len() > limits::SPAN_BYTES_MAX {
            is_cut = true;
            break;
        }
        match events {
            0 => first = bytes,
            _ => {
                if joined.is_empty() {
                    joined.reserve((first.len() * 8).min(limits::SPAN_BYTES_MAX));
                    joined.extend_from_slice(&first);
                }
                joined.extend_from_slice(&bytes);
            }
        }
        through = frame.seq();
        events += 1;
    }
    Span { bytes: if joined.is_empty() { first } else { joined.freeze() }, through, events, is_cut }
}
