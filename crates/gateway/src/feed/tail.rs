//! Contiguity: what to do with the next message of a live subscription that may miss some. Pure.

/// The end of what was taken from a log: everything before `next` has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    next: u64,
}

/// What to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// It is the next one.
    Take,
    /// It was taken before.
    Old,
    /// The messages from here up to just before it did not come.
    Gap {
        /// The first missing one.
        from: u64,
    },
}

impl Tail {
    /// A tail whose next message is `next`.
    pub fn new(next: u64) -> Self {
        Self { next }
    }

    /// The sequence of the next message.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// What to do with the message of sequence `seq`.
    pub fn offer(&self, seq: u64) -> Offer {
        match seq.cmp(&self.next) {
            std::cmp::Ordering::Less => Offer::Old,
            std::cmp::Ordering::Equal => Offer::Take,
            std::cmp::Ordering::Greater => Offer::Gap { from: self.next },
        }
    }

    /// Everything up to `seq` has been taken, or is proven not to exist.
    pub fn through(&mut self, seq: u64) {
        self.next = self.next.max(seq + 1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a subscription drops, repeats or reorders: with the gaps filled from the log, each message is taken once, in order.
        #[test]
        fn takes_each_once_in_order(live in prop::collection::vec(1_u64..80, 0..120)) {
            let mut tail = Tail::new(1);
            let mut taken = Vec::new();
            for seq in live {
                if let Offer::Gap { from } = tail.offer(seq) {
                    taken.extend(from..seq);
                    tail.through(seq - 1);
                }
                if tail.offer(seq) == Offer::Take {
                    taken.push(seq);
                    tail.through(seq);
                }
            }
            prop_assert_eq!(taken, (1..tail.next()).collect::<Vec<_>>());
        }
    }
}
