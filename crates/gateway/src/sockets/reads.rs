//! Reads for the streams of one thread: what their windows no longer have. And the news that somebody was cut off.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Letter};
use crate::limits;
use crate::stream::page::Page;
use crate::stream::replay::{Replay, Step, Wanted};

/// A stream asks.
pub(super) struct Asked {
    pub(super) key: usize,
    pub(super) generation: u64,
    pub(super) wanted: Wanted,
}

/// Reads for one thread.
pub struct Reads {
    replay: Replay,
    revoked: watch::Receiver<u64>,
    asked: mpsc::Receiver<Asked>,
    inbox: Arc<Inbox>,
}

impl Reads {
    pub(super) fn new(replay: Replay, revoked: watch::Receiver<u64>, asked: mpsc::Receiver<Asked>, inbox: Arc<Inbox>) -> Self {
        Self { replay, revoked, asked, inbox }
    }

    /// Reads until `shutdown`.
    ///
    /// # Errors
    /// None: a read that fails ends its stream, whose client comes back.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let mut under_way = FuturesUnordered::new();
        let mut sweep = interval(limits::PAGE_KEPT);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Ok(()) = self.revoked.changed() => self.inbox.put(Letter::Revoked),
                _ = sweep.tick() => self.replay.sweep(),
                Some(asked) = self.asked.recv(), if under_way.len() < limits::READS_MAX => under_way.push(work(&self.replay, &self.inbox, Job::Asked(asked))),
                Some(done) = under_way.next(), if !under_way.is_empty() => {
                    if let Some((asked, page)) = done {
                        // The next page is asked for before this one's events are made frames: the broker works meanwhile.
                        // Not for who has to wait then: it may be let go before its time.
                        if !(asked.wanted.is_replay && asked.wanted.lane.shown().is_overdrawn(Instant::now())) {
                            let ahead = Wanted { after: page.through_seq(), is_replay: false, ..asked.wanted.clone() };
                            under_way.push(work(&self.replay, &self.inbox, Job::Ahead(ahead)));
                        }
                        under_way.push(work(&self.replay, &self.inbox, Job::Make(asked, page)));
                    }
                }
            }
        }
    }
}

/// What is done for a stream, one after the other.
enum Job {
    Asked(Asked),
    Make(Asked, Arc<Page>),
    Ahead(Wanted),
}

/// Does it; gives a page whose events are still to be made frames.
async fn work(replay: &Replay, inbox: &Inbox, job: Job) -> Option<(Asked, Arc<Page>)> {
    match job {
        Job::Asked(asked) => match replay.step(&asked.wanted).await {
            Step::Page(page) => return Some((asked, page)),
            step => inbox.put(Letter::Read(asked.key, asked.generation, step)),
        },
        Job::Make(asked, page) => {
            page.make().await;
            inbox.put(Letter::Read(asked.key, asked.generation, Step::Page(page)));
        }
        Job::Ahead(wanted) => drop(replay.step(&wanted).await),
    }
    None
}
