//! The folder of counts: events that are archived go into the rollups of analytics.
//!
//! It takes a piece of each tenant in turn, so that one with many events delays the others by one piece only. A piece is one transaction; who is killed between two goes on where the counts are.
//! May run in several processes: a tenant whose counts another one has locked is passed over. Queries are right without it, at the cost of reading what it has not folded.

use std::convert::Infallible;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use slipstream_event::Tenant;
use slipstream_store::analytics::fold;
use slipstream_store::limits::ANALYTICS_FOLD_MAX;
use slipstream_store::{Error, Store};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{FailPoints, limits, metrics as names};

/// Folds the events of all tenants.
#[derive(Debug)]
pub struct Folder {
    archiver: Store,
    fail_points: FailPoints,
}

/// What a look at all tenants found.
#[derive(Clone, Copy, Debug, Default)]
struct Pass {
    /// The most events of a tenant that waited.
    waiting: u64,
    /// How long the first of any tenant's had waited, in seconds.
    seconds: f64,
}

impl Folder {
    /// A folder over a pool of [`slipstream_store::Role::Archiver`].
    pub fn new(archiver: Store, fail_points: FailPoints) -> Self {
        Self { archiver, fail_points }
    }

    /// Runs until `shutdown`. What fails is tried again, after pauses that grow.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            never = self.keep_folding() => match never {},
        }
    }

    async fn keep_folding(&self) -> Infallible {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        loop {
            let pause = match self.pass().await {
                Ok(pass) => {
                    backoff.succeeded();
                    gauge!(names::ANALYTICS_LAG_EVENTS).set(pass.waiting as f64);
                    gauge!(names::ANALYTICS_LAG_SECONDS).set(pass.seconds);
                    if pass.waiting > ANALYTICS_FOLD_MAX { Duration::ZERO } else { limits::ANALYTICS_FOLD_EVERY }
                }
                Err(error) => {
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "events could not be counted for analytics; tried again");
                    }
                    backoff.failed()
                }
            };
            sleep(pause).await;
        }
    }

    /// One piece of every tenant that has grown.
    async fn pass(&self) -> Result<Pass, Error> {
        let (mut last, mut pass) = (None, Pass::default());
        loop {
            let grown = fold::grown(&self.archiver, last.as_ref()).await?;
            for of in &grown {
                pass = Pass { waiting: pass.waiting.max(of.waiting), seconds: pass.seconds.max(of.seconds) };
                self.fold(&of.tenant).await?;
            }
            match grown.into_iter().next_back() {
                Some(of) => last = Some(of.tenant),
                None => return Ok(pass),
            }
        }
    }

    async fn fold(&self, tenant: &Tenant) -> Result<(), Error> {
        let begun = Instant::now();
        let folded = fold::fold(&self.archiver, tenant, ANALYTICS_FOLD_MAX).await?;
        if folded > 0 {
            counter!(names::ANALYTICS_FOLDED_TOTAL).increment(folded);
            histogram!(names::ANALYTICS_FOLD_SECONDS).record(begun.elapsed().as_secs_f64());
            self.fail_points.visit(Point::AnalyticsFolded).await;
        }
        Ok(())
    }
}
