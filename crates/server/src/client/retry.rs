//! When to try again. The decisions are pure; [`Client::persist`] carries them out.

use std::time::Duration;

use rand::Rng;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{Client, Error, limits};

/// How long to go on trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience(Duration);

impl Patience {
    /// Until `limit` has passed since the first try.
    pub const fn new(limit: Duration) -> Self {
        Self(limit)
    }
}

/// Growing pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses that grow from `first`.
    pub fn new(first: Duration) -> Self {
        Self { first, failures: 0 }
    }

    /// A try has failed: the pause before the next. `asked` is what the server asked for: never less than that. `chance` (0 to 1) spreads the pauses
    /// of many clients, so that they do not come back all at once.
    pub fn fail(&mut self, asked: Option<Duration>, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16)).min(limits::PAUSE_MAX.max(self.first));
        self.failures += 1;
        doubled.max(asked.unwrap_or_default()).mul_f64(1.0 + chance.clamp(0.0, 1.0) / 2.0)
    }

    /// A try has succeeded.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }
}

impl Client {
    /// Repeats `attempt` while its error may pass, within `patience`.
    ///
    /// # Errors
    /// The error of the last try; [`Error::Interrupted`] on `shutdown`.
    pub(super) async fn persist<T>(
        &self,
        patience: Patience,
        shutdown: &CancellationToken,
        mut attempt: impl AsyncFnMut() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let give_up = Instant::now() + patience.0;
        let mut backoff = Backoff::new(limits::PAUSE_FIRST);
        loop {
            let answer = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Err(Error::Interrupted),
                answer = attempt() => answer,
            };
            let error = match answer {
                Err(error) if error.is_retriable() => error,
                other => return other,
            };
            let pause = backoff.fail(error.retry_after(), rand::rng().random());
            if Instant::now() + pause > give_up {
                return Err(error);
            }
            self.notify(&format!("{error}; trying again in {:.1} s", pause.as_secs_f64()));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return Err(Error::Interrupted),
                () = sleep(pause) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let pauses: Vec<u64> = (0..7).map(|_| backoff.fail(None, 0.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 15, 15, 15]);
        backoff.succeed();
        assert_eq!(backoff.fail(None, 1.0), Duration::from_millis(1_500));
    }

    #[test]
    fn the_server_may_ask_for_more_and_never_gets_less() {
        let mut backoff = Backoff::new(Duration::from_millis(250));
        assert_eq!(backoff.fail(Some(Duration::from_secs(60)), 0.0), Duration::from_secs(60));
        assert_eq!(backoff.fail(Some(Duration::from_millis(1)), 0.0), Duration::from_millis(500));
        for _ in 0..100 {
            assert!(backoff.fail(None, 1.0) <= limits::PAUSE_MAX.mul_f64(1.5));
        }
    }
}
