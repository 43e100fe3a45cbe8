//! Exports as jobs: reads a tenant's history and keeps the file in pieces in the database, so that every process can serve it.
//!
//! One job at a time. Pieces end with whole events and are added with the note how far the file has come, so a worker that takes over from one that was killed goes on after
//! the last piece; nothing is written twice, because everything is written under a claim. The hash of the file is taken over what is kept, also by a worker that goes on.

mod file;

use std::convert::Infallible;

use metrics::{counter, histogram};
use slipstream_store::export::{Claimed, Work};
use slipstream_store::{Error as StoreError, Store};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{FailPoints, limits, metrics as names};
use file::{End, make};

/// The worker of exports.
#[derive(Debug)]
pub struct Exports {
    work: Work,
    reader: Store,
    config: Config,
}

/// How it works.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Places at which a test ends the process.
    pub fail_points: FailPoints,
}

impl Exports {
    /// A worker that keeps files through `store` (a pool of [`slipstream_store::Role::Exporter`]) of what it reads through `reader` (a pool of [`slipstream_store::Role::Reader`]).
    pub fn new(store: Store, reader: Store, config: Config) -> Self {
        Self { work: Work::new(store), reader, config }
    }

    /// Makes files until `shutdown`. A job in hand is left then, where its last piece ends; another worker takes it over.
    ///
    /// # Errors
    /// None: what fails is tried again.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            never = async { tokio::join!(self.make_all(), self.clean_all()).0 } => match never {},
        }
    }

    async fn make_all(&self) -> Infallible {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        loop {
            match self.work.claim(limits::EXPORT_STALE).await {
                Ok(Some(claimed)) => {
                    backoff.succeeded();
                    self.make_one(&claimed).await;
                }
                Ok(None) => {
                    backoff.succeeded();
                    sleep(limits::EXPORT_POLL).await;
                }
                Err(error) => {
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "the jobs of exports cannot be read; tried again");
                    }
                    sleep(backoff.failed()).await;
                }
            }
        }
    }

    async fn make_one(&self, claimed: &Claimed) {
        let (begun, job) = (Instant::now(), &claimed.job);
        self.config.fail_points.visit(Point::ExportClaimed).await;
        let end = if job.attempts > limits::EXPORT_ATTEMPTS_MAX { End::Refused("it was begun too often".to_owned()) } else { make(self, claimed).await };
        let outcome = match end {
            End::Ready(rows) => {
                tracing::info!(job = %job.id, rows, seconds = begun.elapsed().as_secs_f64(), "an export is ready");
                histogram!(names::EXPORT_SECONDS).record(begun.elapsed().as_secs_f64());
                "ready"
            }
            End::Lost => {
                tracing::info!(job = %job.id, "an export was taken away, or over");
                "lost"
            }
            End::Refused(reason) => {
                tracing::error!(job = %job.id, reason, "an export cannot be made");
                if let Err(error) = self.work.fail(claimed, &reason).await {
                    tracing::warn!(%error, "that an export failed could not be noted; it is tried again");
                }
                "failed"
            }
        };
        counter!(names::EXPORTS_TOTAL, "outcome" => outcome).increment(1);
    }

    async fn clean_all(&self) -> Infallible {
        loop {
            match self.work.clean().await {
                Ok(true) => sleep(limits::EXPORT_CLEAN_PAUSE).await,
                Ok(false) => sleep(limits::EXPORT_CLEAN_EVERY).await,
                Err(error) => {
                    tracing::debug!(%error, "old exports could not be cleaned up; tried again");
                    sleep(limits::EXPORT_CLEAN_EVERY).await;
                }
            }
        }
    }
}

/// How long a read is repeated while the database is away.
#[derive(Debug)]
struct Patience {
    backoff: Backoff,
    give_up: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { backoff: Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX), give_up: Instant::now() + limits::EXPORT_PATIENCE }
    }

    /// Waits before the next try; gives the error back when there is to be none.
    async fn after(&mut self, error: StoreError) -> Result<(), StoreError> {
        if !error.is_retriable() || Instant::now() >= self.give_up {
            return Err(error);
        }
        sleep(self.backoff.failed()).await;
        Ok(())
    }
}
