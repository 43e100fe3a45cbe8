//! Upkeep of the ledgers' batches: small ones become one, and filters that a redaction took away are made anew.
//!
//! What there is to do is found by looking, so it may be killed at any moment, and run in several processes: who comes second to a batch passes it over. While archivers are behind it waits.

use std::convert::Infallible;

use metrics::counter;
use slipstream_store::Error;
use slipstream_store::ledger::{Batches, Run};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{Backlog, FailPoints, limits, metrics as names};

/// Joins the small batches of all tenants.
#[derive(Debug)]
pub struct Joiner {
    batches: Batches,
    backlog: Backlog,
    fail_points: FailPoints,
}

impl Joiner {
    /// A joiner that leaves the database to the archivers of `backlog` while they are behind, for [`limits::JOIN_WAIT_MAX`] at most before each run.
    pub fn new(batches: Batches, backlog: Backlog, fail_points: FailPoints) -> Self {
        Self { batches, backlog, fail_points }
    }

    /// Runs until `shutdown`. What fails is tried again, after pauses that grow.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            never = self.keep_joining() => match never {},
        }
    }

    async fn keep_joining(&self) -> Infallible {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        loop {
            let pause = match self.pass().await {
                Ok(()) => {
                    backoff.succeeded();
                    limits::JOIN_EVERY
                }
                Err(error) => {
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "the batches of a ledger could not be joined; tried again");
                    }
                    backoff.failed()
                }
            };
            sleep(pause).await;
        }
    }

    /// Once over all tenants. A run that cannot be joined holds up no other; the last failure is told.
    async fn pass(&self) -> Result<(), Error> {
        let (mut place, mut failed) = (None, None);
        loop {
            let (runs, next) = self.batches.look(place.as_ref()).await?;
            for run in &runs {
                self.backlog.gone(limits::JOIN_WAIT_MAX).await;
                match self.join(run).await {
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    Err(error) => failed = Some(error),
                    Ok(()) => {}
                }
            }
            match next {
                Some(next) => place = Some(next),
                None => return failed.map_or(Ok(()), Err),
            }
        }
    }

    async fn join(&self, run: &Run) -> Result<(), Error> {
        match self.batches.join(run).await {
            Ok(()) => {
                counter!(names::BATCHES_JOINED_TOTAL).increment(run.batches as u64);
                self.fail_points.visit(Point::BatchesJoined).await;
                Ok(())
            }
            // The next pass sees what became of them.
            Err(Error::Contended(why)) => {
                tracing::debug!(tenant = %run.tenant, why, "batches of a ledger changed meanwhile");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}
