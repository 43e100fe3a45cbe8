//! The relay: from the outbox in Postgres to the broker, in order.
//!
//! One relay leads; others stand by. The leader reads pending rows, publishes each tenant's rows as one ordered batch, many tenants at a time, and notes on each row where the
//! broker stored it. A tenant's next rows are read only when its earlier ones are noted.
//!
//! **Once, although at least once.** Publishing is repeated whenever its outcome is unknown. The broker drops a message whose id it has seen within its duplicate window (10 minutes).
//! Where that is not enough the relay looks whether the log holds the rows already, in the archive and in the part of the stream that is not archived yet, and notes those that it finds
//! instead of publishing them:
//! - rows that were there before this relay began to lead, once per tenant: an earlier leader may have published them without noting it;
//! - rows whose publishing has been failing for half the duplicate window;
//! - rows that were reopened because the stream lost its end.
//!
//! What remains: a process that is frozen between its last check and its sending for longer than the duplicate window (the check of a claim's age, 60 s, stands between them, so the
//! freeze has to fall on the very instant), and a leader whose bytes linger that long in the network. Such a row is shown twice by the stream; the archive and every client that
//! deduplicates by event id hold it once.
//!
//! **A broker that came back older** (a power cut without `sync_interval: always`, a restore) is compared with what it acknowledged: when leading begins, after every failure and
//! every new connection, when a message gets a sequence that was given out before, and once a minute. Rows that it lost and that are still in the outbox (15 minutes) are published again, ahead of newer ones of their tenants that were not published yet.
//!
//! Nothing blocks the rest: a tenant whose publishing fails pauses alone, the shard whose stream does not answer pauses alone, and a row that the broker refuses for good is set aside
//! with the reason.

mod board;
mod compare;
mod context;
mod housekeeping;
mod look;
mod outcome;
mod publish;
mod settle;
mod suspects;
mod term;

use std::time::Duration;

use metrics::gauge;
use slipstream_broker::Broker;
use slipstream_store::Store;
use slipstream_store::outbox::{Leadership, Outbox};
use tokio_util::sync::CancellationToken;

use crate::{FailPoints, limits, metrics as names};
use context::Context;
use term::Term;

/// All shards are one group: the outbox is one table, and its order is one order.
const GROUP: u16 = 0;

/// Settings of the relay.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long the broker remembers message ids, as provisioned.
    pub duplicate_window: Duration,
    /// How long published rows stay in the outbox: longer than the duplicate window, and than what a broker may lose.
    pub kept: Duration,
    /// For tests of crashes.
    pub fail_points: FailPoints,
}

impl Default for Config {
    fn default() -> Self {
        Self { duplicate_window: Duration::from_secs(600), kept: slipstream_store::limits::PUBLISHED_KEPT, fail_points: FailPoints::default() }
    }
}

/// Why the relay does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Settings that cannot work.
    #[error("{0}")]
    Invalid(String),
}

/// The relay, ready to run.
#[derive(Debug)]
pub struct Relay {
    context: Context,
}

impl Relay {
    /// A relay from `outbox` (a pool of [`slipstream_store::Role::Relay`]) to `broker`, which looks into the archive through `archive` (a pool of [`slipstream_store::Role::Reader`]).
    pub fn new(outbox: Store, archive: Store, broker: Broker, config: Config) -> Self {
        Self { context: Context::new(Outbox::new(outbox), archive, broker, config) }
    }

    /// Publishes until `shutdown`, then waits for the acks of what is under way and notes them. Waits out databases and brokers that are away.
    ///
    /// # Errors
    /// [`Error::Invalid`], at once.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let config = &self.context.config;
        if config.kept < config.duplicate_window {
            return Err(Error::Invalid("published rows must stay in the outbox for at least the duplicate window".to_owned()));
        }
        gauge!(names::RELAY_LEADS).set(0.0);
        while let Some(leadership) = self.lead(&shutdown).await {
            tracing::info!("the relay leads");
            gauge!(names::RELAY_LEADS).set(1.0);
            let term = Term::new(self.context.clone()).run(leadership, &shutdown);
            let leadership = tokio::select! {
                leadership = term => leadership,
                never = housekeeping::run(&self.context) => match never {},
            };
            gauge!(names::RELAY_LEADS).set(0.0);
            match leadership {
                Some(leadership) => give_up(leadership).await,
                None => tracing::warn!("the relay no longer leads; it stands by"),
            }
        }
        Ok(())
    }

    /// Stands by until it leads. `None` on shutdown.
    async fn lead(&self, shutdown: &CancellationToken) -> Option<Leadership> {
        let mut told = false;
        while !shutdown.is_cancelled() {
            match self.context.outbox.lead(GROUP).await {
                Ok(Some(leadership)) => return Some(leadership),
                Ok(None) => told = false,
                Err(error) if !told => {
                    told = true;
                    tracing::warn!(%error, "the relay cannot ask to lead; it keeps asking");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(crate::backoff::pause_after(1, limits::LEAD_EVERY, limits::LEAD_EVERY)) => {}
            }
        }
        None
    }
}

async fn give_up(leadership: Leadership) {
    if let Err(error) = leadership.release().await {
        tracing::debug!(%error, "leadership ended by itself");
    }
}
