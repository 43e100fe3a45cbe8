//! Whether the archivers of a process have more to archive than they keep up with.
//!
//! Events that wait in the broker are only there until its retention lets them go, so work that can wait leaves them the database.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How many archivers are behind. Clones tell the same.
#[derive(Clone, Debug)]
pub struct Backlog(watch::Sender<usize>);

impl Default for Backlog {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Backlog {
    /// The place of one archiver, which is not behind yet.
    pub(crate) fn place(&self) -> Place {
        Place { backlog: self.clone(), is_behind: false }
    }

    /// Waits until no archiver is behind, and no longer than `most`.
    pub(crate) async fn gone(&self, most: Duration) {
        let mut seen = self.0.subscribe();
        // The sender lives as long as `self`; after `most` it is time to go on all the same.
        timeout(most, seen.wait_for(|behind| *behind == 0)).await.ok();
    }
}

/// What one archiver tells; that it is gone when it stops.
#[derive(Debug)]
pub(crate) struct Place {
    backlog: Backlog,
    is_behind: bool,
}

impl Place {
    /// Tells whether it is behind.
    pub(crate) fn set(&mut self, is_behind: bool) {
        match (self.is_behind, is_behind) {
            (false, true) => self.backlog.0.send_modify(|behind| *behind += 1),
            (true, false) => self.backlog.0.send_modify(|behind| *behind -= 1),
            _ => {}
        }
        self.is_behind = is_behind;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test(start_paused = true)]
    async fn what_can_wait_waits_for_all_and_not_for_ever() {
        let backlog = Backlog::default();
        backlog.gone(LONG).await;
        let (mut first, mut second) = (backlog.place(), backlog.place());
        first.set(true);
        first.set(true);
        second.set(true);
        let begun = tokio::time::Instant::now();
        backlog.gone(LONG).await;
        assert_eq!(begun.elapsed(), LONG);
        first.set(false);
        let waiting = backlog.gone(LONG);
        tokio::pin!(waiting);
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(second);
        waiting.await;
        assert_eq!(begun.elapsed(), LONG);
    }
}
