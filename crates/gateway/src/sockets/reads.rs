//! Reads for the streams of one thread: what their windows no longer have. And the news that somebody was cut off.

use std::convert::Infallible;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use super::inbox::{Inbox, Letter};
use crate::limits;
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
                Some(next) = under_way.next(), if !under_way.is_empty() => {
                    // Read before the stream asks for it.
                    under_way.extend(next.map(|wanted| work(&self.replay, &self.inbox, Job::Ahead(wanted))));
                }
            }
        }
    }
}

/// A read.
enum Job {
    Asked(Asked),
    Ahead(Wanted),
}

/// Reads; gives what the same stream will ask for next.
async fn work(replay: &Replay, inbox: &Inbox, job: Job) -> Option<Wanted> {
    let Asked { key, generation, wanted } = match job {
        Job::Asked(asked) => asked,
        Job::Ahead(wanted) => {
            replay.step(&wanted).await;
            return None;
        }
    };
    let step = replay.step(&wanted).await;
    let next = if let Step::Page(page) = &step { Some(Wanted { after: page.through_seq, ..wanted }) } else { None };
    inbox.put(Letter::Read(key, generation, step));
    next
}
