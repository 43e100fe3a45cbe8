//! Pauses after failures.

use std::time::Duration;

use rand::Rng;

/// Pauses that double from `first` up to `max`, each random between a half and the whole of that, so that what failed together does not return together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, failures: 0 }
    }

    /// Counts a failure and tells the pause after it.
    pub(crate) fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.pause(self.failures, rand::rng().random())
    }

    /// Whether nothing has failed since the last success: the next failure is news.
    pub(crate) fn is_fresh(&self) -> bool {
        self.failures == 0
    }

    /// Forgets the failures.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The pause after the `failures`-th failure, for a random number from 0 to 1.
    fn pause(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let whole = self.first.saturating_mul(1 << doublings).min(self.max);
        whole.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }
}

/// The pause after the `failures`-th failure of something whose count is kept elsewhere.
pub(crate) fn pause_after(failures: u32, first: Duration, max: Duration) -> Duration {
    Backoff::new(first, max).pause(failures, rand::rng().random())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn doubles_up_to_the_bound_and_begins_again() {
        let backoff = Backoff::new(100 * MS, 1_000 * MS);
        let whole: Vec<_> = (1..=6).map(|n| backoff.pause(n, 1.0)).collect();
        assert_eq!(whole, [100 * MS, 200 * MS, 400 * MS, 800 * MS, 1_000 * MS, 1_000 * MS]);
        assert_eq!(backoff.pause(u32::MAX, 0.0), 500 * MS);
        let mut backoff = backoff;
        assert!(backoff.is_fresh());
        backoff.failed();
        assert!(!backoff.is_fresh());
        assert!(backoff.failed() > 100 * MS - MS);
        backoff.succeeded();
        assert!(backoff.failed() <= 100 * MS);
    }
}
