//! Whose turn it is: lanes that were at rest, and lanes that are busy (the new and old queues of RFC 8290 §4).
//!
//! A lane that was at rest is served before all that are busy, once. Then it is busy too, and at rest again only when its turn among the busy ones finds nothing to do: so a
//! lane that rings without end has the share of a busy one, and no lane starves.

use std::collections::VecDeque;

/// Groups that wait for a turn, each at most once.
#[derive(Debug, Default)]
pub(super) struct Turns {
    fresh: VecDeque<usize>,
    busy: VecDeque<usize>,
}

impl Turns {
    /// A group that was at rest wants a turn.
    pub(super) fn wake(&mut self, group: usize) {
        self.fresh.push_back(group);
    }

    /// A group has had a turn, whether it is done or not.
    pub(super) fn had(&mut self, group: usize) {
        self.busy.push_back(group);
    }

    /// Takes the group whose turn it is.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.fresh.pop_front().or_else(|| self.busy.pop_front())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.busy.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_was_at_rest_waits_for_no_busy_one() {
        let mut turns = Turns::default();
        (0..100).for_each(|busy| turns.had(busy));
        turns.wake(100);
        turns.wake(101);
        assert_eq!([turns.next(), turns.next(), turns.next()], [Some(100), Some(101), Some(0)]);
    }

    #[test]
    fn lanes_that_ring_without_end_starve_nobody() {
        let (mut turns, mut served) = (Turns::default(), [0; 20]);
        (0..served.len()).for_each(|group| turns.wake(group));
        for _ in 0..20 * 50 {
            let group = turns.next().unwrap();
            served[group] += 1;
            // Even numbers have more to do; odd ones are done, and ring at once.
            turns.had(group);
        }
        assert_eq!(served, [50; 20]);
        assert_eq!(std::iter::from_fn(|| turns.next()).count(), 20);
        assert!(turns.is_empty());
    }
}
