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
use crate::{Backlog, FailPoints, limits, metrics as names};

/// Folds the events of all tenants.
#[derive(Debug)]
pub struct Folder {
    archiver: Store,
    backlog: Backlog,
    fail_points: FailPoints,
}

/// What a look at all tenants found.
#[derive(Debug, Default)]
struct Pass {
    /// The most events of a tenant that waited.
    waiting: u64,
    /// How long the first of any tenant's had waited, in seconds.
    seconds: f64,
    /// How many events were counted.
    folded: u64,
    /// A tenant whose events could not be counted, and why; the others' were.
    failed: Option<Failed>,
}

/// What could not be done, and for whom when that is known.
type Failed = (Option<Tenant>, Error);

impl Folder {
    /// A folder over a pool of [`slipstream_store::Role::Archiver`], which leaves the database to the archivers of `backlog` while they are behind, for
    /// [`limits::ANALYTICS_WAIT_MAX`] at most before each look at all tenants.
    pub fn new(archiver: Store, backlog: Backlog, fail_points: FailPoints) -> Self {
        Self { archiver, backlog, fail_points }
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
            let (has_more, failed) = match self.pass().await {
                Ok(pass) => {
                    gauge!(names::ANALYTICS_LAG_EVENTS).set(pass.waiting as f64);
                    gauge!(names::ANALYTICS_LAG_SECONDS).set(pass.seconds);
                    (pass.folded > 0 && pass.waiting > ANALYTICS_FOLD_MAX, pass.failed)
                }
                Err(error) => (false, Some((None, error))),
            };
            sleep(pause(failed.as_ref(), has_more, &mut backoff)).await;
        }
    }

    /// One piece of every tenant that has grown. A tenant whose events cannot be counted holds up no other.
    async fn pass(&self) -> Result<Pass, Error> {
        let (mut last, mut pass) = (None, Pass::default());
        let patient_until = Instant::now() + limits::ANALYTICS_WAIT_MAX;
        loop {
            let grown = fold::grown(&self.archiver, last.as_ref()).await?;
            for of in &grown {
                (pass.waiting, pass.seconds) = (pass.waiting.max(of.waiting), pass.seconds.max(of.seconds));
                self.backlog.gone(patient_until.saturating_duration_since(Instant::now())).await;
                match self.fold(&of.tenant).await {
                    Ok(folded) => pass.folded += folded,
                    Err(error @ Error::Unavailable(_)) => return Err(error),
                    Err(error) => pass.failed = Some((Some(of.tenant.clone()), error)),
                }
            }
            match grown.into_iter().next_back() {
                Some(of) => last = Some(of.tenant),
                None => return Ok(pass),
            }
        }
    }

    async fn fold(&self, tenant: &Tenant) -> Result<u64, Error> {
        let begun = Instant::now();
        let folded = fold::fold(&self.archiver, tenant, ANALYTICS_FOLD_MAX).await?;
        if folded > 0 {
            counter!(names::ANALYTICS_FOLDED_TOTAL).increment(folded);
            histogram!(names::ANALYTICS_FOLD_SECONDS).record(begun.elapsed().as_secs_f64());
            self.fail_points.visit(Point::AnalyticsFolded).await;
        }
        Ok(folded)
    }
}

/// How long to wait until the next look.
fn pause(failed: Option<&Failed>, has_more: bool, backoff: &mut Backoff) -> Duration {
    let Some((tenant, error)) = failed else {
        backoff.succeeded();
        return if has_more { Duration::ZERO } else { limits::ANALYTICS_FOLD_EVERY };
    };
    if backoff.is_fresh() {
        let tenant = tenant.as_ref().map(Tenant::as_str);
        tracing::warn!(tenant, %error, "events could not be counted for analytics; tried again");
    }
    backoff.failed()
}
