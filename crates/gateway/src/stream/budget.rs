//! Budgets: how much a tenant's replays may use, and what they have used. Pure but for the clock's readings that they are given.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::{Duration, Instant};

use crate::limits;

/// How much may be taken ahead of its time.
const AHEAD: Duration = limits::BUDGET_AHEAD;

/// How much a tenant's replays may use, lastingly; [`limits::BUDGET_AHEAD`]'s worth at once. Beyond: they wait, and nobody else's.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// What they may read of broker and archive, in bytes a second. What they share is read once.
    pub read: u64,
    /// What they may show, in bytes a second, over all streams.
    pub shown: u64,
}

/// What was used of a budget.
#[derive(Debug)]
pub struct Account {
    opened_at: Instant,
    /// When everything will have been paid for: nanoseconds after [`AHEAD`] before it was opened.
    paid_at: AtomicU64,
}

impl Account {
    /// Nothing used yet.
    pub fn new() -> Self {
        Self { opened_at: Instant::now(), paid_at: AtomicU64::new(0) }
    }

    /// Uses `bytes` of so many a second. Whoever wants to stay within them asks [`Self::is_overdrawn`] before.
    pub fn charge(&self, bytes_per_second: u64, bytes: usize, now: Instant) {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(bytes_per_second.max(1));
        let (cost, since) = (u64::try_from(nanos).unwrap_or(u64::MAX / 4), nanos_of(now - self.opened_at));
        let paid_at = |paid_at: u64| paid_at.max(since).saturating_add(cost);
        // Each charge is one step, and nothing else depends on the order.
        self.paid_at.update(Ordering::Relaxed, Ordering::Relaxed, paid_at);
    }

    /// When everything that was used, but for what may be taken ahead, will have been paid for.
    pub fn free_at(&self) -> Instant {
        self.opened_at + Duration::from_nanos(self.paid_at.load(Ordering::Relaxed)).saturating_sub(AHEAD)
    }

    /// Whether it has to wait.
    pub fn is_overdrawn(&self, now: Instant) -> bool {
        self.free_at() > now
    }
}

impl Default for Account {
    fn default() -> Self {
        Self::new()
    }
}

fn nanos_of(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn some_may_be_taken_ahead_and_the_rest_takes_its_time() {
        let (account, ahead) = (Account::new(), 1_000 * usize::try_from(AHEAD.as_secs()).unwrap());
        account.charge(1_000, ahead / 2, Instant::now());
        account.charge(1_000, ahead / 2, Instant::now());
        assert!(!account.is_overdrawn(Instant::now()));
        account.charge(1_000, 500, Instant::now());
        assert_eq!(account.free_at() - Instant::now(), Duration::from_millis(500));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(!account.is_overdrawn(Instant::now()));
        // However long nothing is used: not more than that at once.
        tokio::time::advance(Duration::from_secs(3_600)).await;
        account.charge(1_000, ahead + 1_000, Instant::now());
        assert_eq!(account.free_at() - Instant::now(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_amount_is_too_large() {
        let account = Account::new();
        for _ in 0..10 {
            account.charge(0, usize::MAX, Instant::now());
        }
        assert!(account.is_overdrawn(Instant::now()));
        let account = Account::new();
        account.charge(u64::MAX, 1_000_000, Instant::now());
        assert!(!account.is_overdrawn(Instant::now()));
    }
}
