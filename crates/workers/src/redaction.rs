//! Redaction: takes fields of archived events away, where somebody asked for it or a rule says so.
//!
//! A turn is one short transaction of one request and one of one rule, then a pause, so that live work goes on beside it; who waited longest comes first. A turn commits all or nothing
//! together with how far it has come, so a worker may be killed at any moment, and several share the work.

use std::convert::Infallible;

use metrics::{counter, gauge};
use slipstream_event::Timestamp;
use slipstream_store::redaction::{Counts, Outcome, Redactor};
use slipstream_store::{Error, Store};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::failpoint::Point;
use crate::{FailPoints, limits, metrics as names};

/// The worker of redactions.
#[derive(Debug)]
pub struct Redactions {
    redactor: Redactor,
    config: Config,
}

/// How it works.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Places at which a test ends the process.
    pub fail_points: FailPoints,
}

impl Redactions {
    /// A worker over a pool of [`slipstream_store::Role::Redactor`].
    pub fn new(store: Store, config: Config) -> Self {
        Self { redactor: Redactor::new(store), config }
    }

    /// Runs until `shutdown`. A transaction that is open then is taken back.
    ///
    /// # Errors
    /// None: what fails is tried again, and what can never be done is given up with its reason.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Infallible> {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(()),
            never = self.redact_all() => match never {},
        }
    }

    async fn redact_all(&self) -> Infallible {
        let (mut backoff, mut clean_at) = (Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX), Instant::now());
        loop {
            if Instant::now() >= clean_at {
                clean_at = Instant::now() + limits::REDACTION_CLEAN_EVERY;
                if let Err(error) = self.redactor.clean().await {
                    tracing::debug!(%error, "old requests for redactions could not be deleted; tried again");
                }
            }
            let pause = match self.turn().await {
                Ok(is_busy) => {
                    backoff.succeeded();
                    if is_busy { limits::REDACTION_PAUSE } else { limits::REDACTION_POLL }
                }
                Err(error) => {
                    if backoff.is_fresh() {
                        tracing::warn!(%error, "redaction stands still; tried again");
                    }
                    backoff.failed()
                }
            };
            sleep(pause).await;
        }
    }

    /// A transaction of a request, and one of a rule. Whether there was anything to do.
    async fn turn(&self) -> Result<bool, Error> {
        let (by_request, by_rule) = (self.request().await?, self.rule().await?);
        if let Some(outcome) = by_rule {
            gauge!(names::REDACTION_LAG_SECONDS).set(outcome.lag.as_secs_f64());
        }
        let done = [by_request, by_rule].into_iter().flatten();
        Ok(done.inspect(count).count() > 0)
    }

    async fn request(&self) -> Result<Option<Outcome>, Error> {
        let Some((tenant, id)) = self.redactor.next_job().await? else { return Ok(None) };
        match self.redactor.job(&tenant, id).await {
            Err(error) if !error.is_retriable() => {
                tracing::error!(redaction = %id, %error, "a redaction cannot be done; what was done of it stays");
                self.redactor.fail(id, &error.to_string()).await?;
                Ok(None)
            }
            outcome => {
                let outcome = outcome?;
                self.config.fail_points.visit(Point::RedactionCommitted).await;
                Ok(outcome)
            }
        }
    }

    async fn rule(&self) -> Result<Option<Outcome>, Error> {
        let Some((tenant, id)) = self.redactor.next_rule().await? else { return Ok(None) };
        match self.redactor.rule(&tenant, id, Timestamp::now()).await {
            Err(error) if !error.is_retriable() => {
                tracing::error!(rule = %id, %error, "a rule of redaction cannot be applied; tried again later");
                self.redactor.put_off(&tenant, id).await?;
                Ok(None)
            }
            outcome => outcome,
        }
    }
}

fn count(outcome: &Outcome) {
    let counts = if outcome.dry_run { Counts::default() } else { outcome.counts };
    for (word, events) in [("redacted", counts.redacted), ("unchanged", counts.unchanged), ("held", counts.held), ("exempt", counts.exempt)] {
        counter!(names::REDACTION_EVENTS_TOTAL, "outcome" => word).increment(events);
    }
}
