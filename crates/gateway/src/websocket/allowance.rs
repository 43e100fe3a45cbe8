//! How much a client may say: pure.

use tokio::time::Instant;

use crate::limits;

/// The messages that a client may still send: [`limits::CLIENT_MESSAGES_MAX`] at once, and one more each second.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    since: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: limits::CLIENT_MESSAGES_MAX, since: now }
    }

    /// Takes one message. `false`: it is one too many.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let seconds = (now - self.since).as_secs();
        if seconds > 0 {
            let grown = u32::try_from(seconds).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(grown).min(limits::CLIENT_MESSAGES_MAX);
            self.since = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_bounded_and_a_client_that_says_one_thing_a_second_never_meets_it() {
        let begun = Instant::now();
        let mut allowance = Allowance::new(begun);
        assert_eq!((0..1_000).filter(|_| allowance.take(begun)).count(), limits::CLIENT_MESSAGES_MAX as usize);
        assert!(allowance.take(begun + Duration::from_secs(1)));
        assert!(!allowance.take(begun + Duration::from_secs(1)));
        assert!((2..10_000).all(|second| allowance.take(begun + Duration::from_secs(second))));
    }
}
