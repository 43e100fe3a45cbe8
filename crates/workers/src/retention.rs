//! Retention of the archive: applies each tenant's rules every so often, and takes away what they no longer keep.
//!
//! Months that are due as a whole go first; the rest goes in turns of a bounded number of events, one turn of each tenant after the other, with a pause after each that is as long as the turn took:
//! live work always finds at least every other moment. May run in several processes: a tenant is worked on by one at a time, and what each turn did is kept with it, so whoever comes
//! next goes on after it.

use std::collections::HashMap;
use std::convert::Infallible;

use metrics::{counter, gauge, histogram};
use slipstream_event::{Tenant, Timestamp};
use slipstream_store::retention::month::{self, Outcome};
use slipstream_store::retention::{self as store, Run, Settings, Turn};
use slipstream_store::{Error, Store, Tx};
use time::Date;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{FailPoints, limits, metrics as names};

/// Removes what tenants no longer keep.
#[derive(Debug)]
pub struct Retention {
    store: Store,
    config: Config,
}

/// How it works.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// What holds for all tenants.
    pub settings: Settings,
    /// Places at which a test ends the process.
    pub fail_points: FailPoints,
}

impl Retention {
    /// Retention over a pool of [`slipstream_store::Role::Retention`].
    pub fn new(store: Store, config: Config) -> Self {
        Self { store, config }
    }

    /// Works until `shutdown`. A turn in hand is given up then, and leaves nothing behind. What fails is tried again, after pauses that grow.
    ///
    /// # Errors
    /// Never.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            never = self.keep_removing() => match never {},
        }
    }

    /// Runs for one tenant to its end, whether one is due or not. `None` when somebody else works on it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like; a later run goes on where this one was.
    pub async fn run_once(&self, tenant: &Tenant) -> Result<Option<Run>, Error> {
        loop {
            match self.turn(tenant).await? {
                Turn::Busy => return Ok(None),
                Turn::Done(run) => return Ok(Some(run)),
                Turn::More { .. } => {}
            }
        }
    }

    /// Takes away the months that are due as a whole, but for those in `known`. Returns what became of each.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and the like.
    pub async fn months(&self, known: impl Fn(&Date) -> bool) -> Result<Vec<(Date, Outcome)>, Error> {
        let mut outcomes = Vec::new();
        for first in month::months(&self.store).await?.into_iter().filter(|first| !known(first)) {
            let outcome = month::remove(&self.store, &self.config.settings, first, Timestamp::now()).await?;
            if let Outcome::Gone(tenants) = &outcome {
                let removed: u64 = tenants.iter().map(|(_, removed)| removed).sum();
                counter!(names::RETENTION_MONTHS_TOTAL).increment(1);
                counter!(names::RETENTION_REMOVED_TOTAL).increment(removed);
                tracing::info!(month = %first, removed, tenants = tenants.len(), "retention took a month away as a whole");
            }
            outcomes.push((first, outcome));
        }
        Ok(outcomes)
    }

    async fn keep_removing(&self) -> Infallible {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        let mut looked: HashMap<Date, Instant> = HashMap::new();
        loop {
            match self.round(&mut looked).await {
                Ok(()) => {
                    backoff.succeeded();
                    sleep(limits::RETENTION_POLL).await;
                }
                Err(error) => {
                    counter!(names::RETENTION_FAILURES_TOTAL).increment(1);
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "retention could not go on; tried again");
                    }
                    sleep(backoff.failed()).await;
                }
            }
        }
    }

    /// What is due now, for a while: then it is looked who else is.
    async fn round(&self, looked: &mut HashMap<Date, Instant>) -> Result<(), Error> {
        store::enrol(&self.store, &self.config.settings).await?;
        let mut due = store::due(&self.store).await?;
        gauge!(names::RETENTION_LAG_SECONDS).set(store::lag(&self.store).await?.as_secs_f64());
        if due.is_empty() {
            return Ok(());
        }
        looked.retain(|_, at| at.elapsed() < limits::RETENTION_MONTH_EVERY);
        let outcomes = self.months(|first| looked.contains_key(first)).await?;
        looked.extend(outcomes.into_iter().map(|(first, _)| (first, Instant::now())));
        let begun = Instant::now();
        while !due.is_empty() && begun.elapsed() < limits::RETENTION_ROUND {
            let mut more = Vec::with_capacity(due.len());
            for tenant in due {
                let turn = Instant::now();
                if self.take_turn(&tenant).await? {
                    more.push(tenant);
                }
                sleep(turn.elapsed().clamp(limits::RETENTION_PAUSE, limits::RETENTION_PAUSE_MAX)).await;
            }
            due = more;
        }
        Ok(())
    }

    /// One turn; whether there is more to do for the tenant. A tenant at which others work waits for the next round.
    async fn take_turn(&self, tenant: &Tenant) -> Result<bool, Error> {
        match self.turn(tenant).await {
            Ok(Turn::More { .. }) => Ok(true),
            Ok(Turn::Busy | Turn::Done(_)) => Ok(false),
            Err(Error::Contended(reason)) => {
                counter!(names::RETENTION_FAILURES_TOTAL).increment(1);
                tracing::debug!(%tenant, reason, "a turn of retention gave way; tried again");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    async fn turn(&self, tenant: &Tenant) -> Result<Turn, Error> {
        let points = &self.config.fail_points;
        let work = async |tx: &mut Tx| {
            let turn = store::turn(tx, &self.config.settings, Timestamp::now()).await?;
            points.visit(Point::RetentionRemoved).await;
            Ok::<_, Error>(turn)
        };
        let turn = self.store.write(tenant, work).await?;
        points.visit(Point::RetentionCommitted).await;
        match &turn {
            Turn::More { removed } => counter!(names::RETENTION_REMOVED_TOTAL).increment(*removed),
            Turn::Done(run) => {
                let took = run.ended_at.datetime() - run.began_at.datetime();
                histogram!(names::RETENTION_RUN_SECONDS).record(took.as_seconds_f64());
                if run.removed > 0 {
                    tracing::info!(%tenant, removed = run.removed, held = run.held, "retention removed what was due");
                }
            }
            Turn::Busy => {}
        }
        Ok(turn)
    }
}
