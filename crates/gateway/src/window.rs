//! Windows: the recent end of one tenant's log. Pure: no clock, no socket.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use crate::frame::Frame;
use crate::limits;

/// The recent events of a tenant: all of them after [`Window::complete_after`], in order.
#[derive(Debug)]
pub struct Window {
    frames: VecDeque<Arc<Frame>>,
    complete_after: u64,
    weight: usize,
}

/// What a reader at a position gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// The frames were handed over; the reader now stands at this sequence.
    Frames(u64),
    /// Nothing after the position.
    UpToDate,
    /// The position lies before the window: the rest must come from the broker.
    Behind,
}

impl Window {
    /// An empty window that will hold everything after `complete_after`.
    pub fn new(complete_after: u64) -> Self {
        Self { frames: VecDeque::new(), complete_after, weight: 0 }
    }

    /// Everything of the tenant after this sequence is in the window.
    pub fn complete_after(&self) -> u64 {
        self.complete_after
    }

    /// Roughly what it holds in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// The sequence of the last event, or where the window begins.
    pub fn end(&self) -> u64 {
        self.frames.back().map_or(self.complete_after, |last| last.seq())
    }

    /// Adds the tenant's next event; returns by how much the weight changed. An event that is not after the last one is passed over.
    pub fn push(&mut self, frame: Arc<Frame>) -> isize {
        if frame.seq() <= self.end() {
            return 0;
        }
        let before = self.weight;
        self.weight += frame.weight();
        self.frames.push_back(frame);
        while self.frames.len() > limits::WINDOW_EVENTS_MAX || self.weight > limits::WINDOW_BYTES_MAX {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.weight -= oldest.weight();
            self.complete_after = oldest.seq();
        }
        self.weight.cast_signed() - before.cast_signed()
    }

    /// Hands the frames after `position` to `take`, at most `max`.
    pub fn read(&self, position: u64, max: usize, mut take: impl FnMut(&Arc<Frame>)) -> Read {
        if position < self.complete_after {
            return Read::Behind;
        }
        let start = self.start(position);
        let mut at = None;
        for frame in self.frames.range(start..).take(max) {
            take(frame);
            at = Some(frame.seq());
        }
        at.map_or(Read::UpToDate, Read::Frames)
    }

    /// Index of the first frame after `position`. Most readers stand at the end: it is looked for from there.
    fn start(&self, position: u64) -> usize {
        let near = self.frames.iter().rev().take(limits::NEAR_EVENTS).take_while(|frame| frame.seq() > position).count();
        if near < limits::NEAR_EVENTS { self.frames.len() - near } else { self.frames.partition_point(|frame| frame.seq() <= position) }
    }

    /// The sequence of an event, when it is in the window.
    pub fn find(&self, id: Uuid) -> Option<u64> {
        self.frames.iter().rev().find(|frame| frame.id() == id).map(|frame| frame.seq())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipstream_event::{Actor, CursorKey, Event, EventType, Position, Tenant};

    use super::*;

    fn frame(seq: u64) -> Arc<Frame> {
        let tenant = Tenant::new("t").unwrap();
        let event = Event::new(&tenant, &EventType::new("a.b.c").unwrap(), "e", Actor::user("u"));
        Arc::new(Frame::new(&CursorKey::new(b"k"), &tenant, Position::new(0, 1, seq), event.to_json().as_bytes()).unwrap())
    }

    proptest! {
        /// Against a plain list: a reader that starts anywhere gets exactly what is after its position, or is told that it is behind.
        #[test]
        fn reads_what_a_list_would_give(start in 0_u64..20, steps in prop::collection::vec(1_u64..5, 0..60), position in 0_u64..300, max in 1_usize..9) {
            let mut window = Window::new(start);
            let mut list = Vec::new();
            let mut seq = start;
            for step in steps {
                seq += step;
                window.push(frame(seq));
                list.push(seq);
            }
            let mut at = position;
            let mut got = Vec::new();
            loop {
                match window.read(at, max, |frame| got.push(frame.seq())) {
                    Read::Frames(next) => at = next,
                    Read::UpToDate => break,
                    Read::Behind => { prop_assert!(position < window.complete_after()); return Ok(()); }
                }
            }
            prop_assert_eq!(got, list.into_iter().filter(|s| *s > position).collect::<Vec<_>>());
        }
    }

    #[test]
    fn lets_the_oldest_go_and_says_so() {
        let mut window = Window::new(0);
        for seq in 1..=(limits::WINDOW_EVENTS_MAX as u64 + 10) {
            window.push(frame(seq));
        }
        assert!(window.complete_after() >= 10);
        assert_eq!(window.read(window.complete_after() - 1, 1, |_| ()), Read::Behind);
        assert_eq!(window.read(window.complete_after(), 1, |_| ()), Read::Frames(window.complete_after() + 1));
    }

    #[test]
    fn passes_over_what_it_has() {
        let mut window = Window::new(5);
        window.push(frame(5));
        window.push(frame(7));
        window.push(frame(6));
        let mut got = Vec::new();
        window.read(5, 9, |frame| got.push(frame.seq()));
        assert_eq!(got, [7]);
    }
}
