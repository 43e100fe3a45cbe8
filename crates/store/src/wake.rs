//! The signal from writers to the relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::{Mutex, Notify};

/// "There are new rows in the outbox." Cheap to clone; all clones are one signal. Signals that nobody took yet are one signal.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    appended: Notify,
    leaders: AtomicUsize,
    untold: AtomicBool,
    telling: Mutex<()>,
}

impl Wake {
    /// Signals the relay of this process.
    pub fn signal(&self) {
        self.0.appended.notify_one();
    }

    /// Waits for a signal. One that came before counts. Cancel-safe.
    pub async fn signalled(&self) {
        self.0.appended.notified().await;
    }

    /// Whether the relay that leads runs in this process, so that other processes need not be told.
    pub fn is_led_here(&self) -> bool {
        self.0.leaders.load(Ordering::Acquire) > 0
    }

    pub(crate) fn leader_began(&self) {
        self.0.leaders.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn leader_ended(&self) {
        self.0.leaders.fetch_sub(1, Ordering::AcqRel);
    }

    /// Runs `tell` once for all callers that came while an earlier one ran: at most two runs stand between a caller and its return.
    pub(crate) async fn tell_others(&self, tell: impl AsyncFnOnce()) {
        self.0.untold.store(true, Ordering::Release);
        let _turn = self.0.telling.lock().await;
        if self.0.untold.swap(false, Ordering::AcqRel) {
            tell().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_before_the_wait_counts() {
        let wake = Wake::default();
        wake.signal();
        wake.signal();
        wake.signalled().await;
        assert!(tokio::time::timeout(std::time::Duration::from_millis(1), wake.signalled()).await.is_err(), "two signals are one");
    }

    #[tokio::test]
    async fn tells_once_for_all_that_wait() {
        let (wake, told) = (Wake::default(), AtomicUsize::new(0));
        let tell = async || {
            tokio::task::yield_now().await;
            told.fetch_add(1, Ordering::Relaxed);
        };
        let all = futures_util::future::join_all((0..50).map(|_| wake.tell_others(tell)));
        all.await;
        assert_eq!(told.load(Ordering::Relaxed), 2, "the first tells at once, the second for the other 49");
    }
}
