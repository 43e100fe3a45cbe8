//! Records: what a lane knows of its tenant's activity log. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Shown, Turn};
use crate::limits;

/// What a lane knows of its tenant's activity log: its latest turns in any case; what it shows when a stream has asked for it.
#[derive(Debug)]
pub struct Record {
    turns: VecDeque<(u64, Turn)>,
    complete_after: u64,
    shown: Option<Arc<Shown>>,
    asked_at: Option<Instant>,
}

impl Record {
    /// A record that will have all turns after this sequence.
    pub fn new(complete_after: u64) -> Self {
        Self { turns: VecDeque::new(), complete_after, shown: None, asked_at: None }
    }

    /// It has all turns after this sequence.
    pub fn complete_after(&self) -> u64 {
        self.complete_after
    }

    /// What the activity log shows, when that is known.
    pub fn shown(&self) -> Option<&Arc<Shown>> {
        self.shown.as_ref()
    }

    /// Whether the archive was asked at this instant or later.
    pub fn is_of(&self, instant: Instant) -> bool {
        self.asked_at.is_some_and(|asked_at| asked_at >= instant)
    }

    /// Takes the log's next turn, before its event can be read.
    pub fn push(&mut self, seq: u64, turn: Turn) {
        self.turns.push_back((seq, turn));
        if self.turns.len() > limits::TURNS_MAX
            && let Some((oldest, _)) = self.turns.pop_front()
        {
            self.complete_after = oldest;
        }
        if let Some(shown) = &mut self.shown {
            Arc::make_mut(shown).learn(seq, turn);
        }
    }

    /// Takes what is known elsewhere, which was asked for at this instant; the turns behind are added. Whether it leads up to them: else nothing changes.
    pub fn take(&mut self, mut shown: Shown, asked_at: Instant) -> bool {
        if shown.through_seq < self.complete_after {
            return false;
        }
        let through = shown.through_seq;
        self.turns.iter().filter(|(seq, _)| *seq > through).for_each(|(seq, turn)| shown.learn(*seq, *turn));
        self.shown = Some(Arc::new(shown));
        self.asked_at = Some(asked_at);
        true
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::Timestamp;

    use super::super::Change;
    use super::*;

    fn off(seq: u64) -> Turn {
        Turn { at: Timestamp::from_micros(seq as i64).unwrap(), change: if seq.is_multiple_of(2) { Change::Off } else { Change::On } }
    }

    #[test]
    fn what_is_known_elsewhere_and_what_came_since_are_one() {
        let mut record = Record::new(10);
        assert!(record.shown().is_none() && !record.is_of(Instant::now()));
        record.push(12, off(12));
        let begun = Instant::now();
        assert!(!record.take(Shown { through_seq: 9, ..Shown::default() }, begun), "a hole");
        assert!(record.take(Shown { through_seq: 11, ..Shown::default() }, begun) && record.is_of(begun));
        record.push(15, off(15));
        assert_eq!(record.shown().unwrap().silences, [(12, Some(15))]);
        // Asked anew: the archive knows one of them.
        let archived = Shown { through_seq: 13, silences: vec![(12, None)], turned_at: Some(off(12).at), ..Shown::default() };
        assert!(record.take(archived, Instant::now()));
        assert_eq!(record.shown().unwrap().silences, [(12, Some(15))]);
    }

    #[test]
    fn holds_few_turns_and_tells_from_where_on() {
        let mut record = Record::new(0);
        (1..=limits::TURNS_MAX as u64 + 2).for_each(|seq| record.push(seq, off(seq)));
        assert_eq!((record.complete_after(), record.turns.len()), (2, limits::TURNS_MAX));
    }
}
