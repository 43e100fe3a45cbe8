//! The pruner of activity logs: moves on what they show, so that reading stays cheap.
//!
//! It deletes nothing and holds no lock; the archive is not touched. May run in several processes: each finds the same. A change of settings is followed within
//! [`limits::ACTIVITY_LOOK_EVERY`], everything else within [`ACTIVITY_PRUNE_EVERY`](slipstream_store::limits::ACTIVITY_PRUNE_EVERY).

use std::convert::Infallible;

use metrics::{counter, gauge};
use slipstream_event::{Tenant, Timestamp};
use slipstream_store::activity::prune;
use slipstream_store::{Error, Store};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{FailPoints, limits, metrics as names};

/// Prunes the activity logs of all tenants.
#[derive(Debug)]
pub struct Pruner {
    archiver: Store,
    reader: Store,
    fail_points: FailPoints,
}

impl Pruner {
    /// A pruner over a pool of [`slipstream_store::Role::Archiver`], which reads through one of [`slipstream_store::Role::Reader`].
    pub fn new(archiver: Store, reader: Store, fail_points: FailPoints) -> Self {
        Self { archiver, reader, fail_points }
    }

    /// Runs until `shutdown`. What fails is tried again, after pauses that grow.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            never = self.keep_pruning() => match never {},
        }
    }

    async fn keep_pruning(&self) -> Infallible {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        let mut all_at = Timestamp::now();
        loop {
            let now = Timestamp::now();
            let is_all = now >= all_at;
            let pruned = if is_all { self.all().await } else { self.due().await };
            let pause = match pruned {
                Ok(()) => {
                    backoff.succeeded();
                    all_at = if is_all { prune::next(now) } else { all_at };
                    limits::ACTIVITY_LOOK_EVERY
                }
                Err(error) => {
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "the activity logs could not be pruned; tried again");
                    }
                    // Whose settings were changed, and was not pruned, is among all.
                    all_at = now;
                    backoff.failed()
                }
            };
            sleep(pause).await;
        }
    }

    async fn due(&self) -> Result<(), Error> {
        let due = prune::due(&self.archiver).await?;
        if !due.is_empty() {
            self.fail_points.visit(Point::ActivityTold).await;
        }
        for due in due {
            self.prune(&due.tenant).await?;
            prune::settled(&self.archiver, &due).await?;
        }
        Ok(())
    }

    async fn all(&self) -> Result<(), Error> {
        let (mut last, begun) = (None, Instant::now());
        loop {
            let tenants = prune::tenants(&self.archiver, last.as_ref()).await?;
            for tenant in &tenants {
                self.prune(tenant).await?;
            }
            last = tenants.into_iter().next_back();
            if last.is_none() {
                gauge!(names::ACTIVITY_PRUNE_SECONDS).set(begun.elapsed().as_secs_f64());
                return Ok(());
            }
        }
    }

    async fn prune(&self, tenant: &Tenant) -> Result<(), Error> {
        let pruned = prune::prune(&self.archiver, &self.reader, tenant, Timestamp::now()).await?;
        counter!(names::ACTIVITY_PRUNED_TOTAL).increment(pruned);
        if pruned > 0 {
            self.fail_points.visit(Point::ActivityPruned).await;
        }
        Ok(())
    }
}
