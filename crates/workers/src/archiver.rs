//! The archiver: from a shard's stream into the archive, whole and once.
//!
//! **The watermark in Postgres is the only truth.** It moves in the transaction that inserts, and says which epoch of the stream is archived through which sequence. The broker keeps
//! nothing for the archiver: at every start, and after every error, gap or surprise, it reads the watermark and makes a disposable reader at the sequence after it. So it may be killed
//! between any two steps. A second archiver of the same shard is fenced off by the watermark and stands by; one that was frozen and wakes is fenced off as well, because its batch
//! begins where the watermark no longer is.
//!
//! **Nothing stops the log.** A message that is no event, whose event belongs elsewhere than its subject says, or which Postgres refuses, goes to quarantine in the same transaction that
//! moves the watermark over it, and to the dead letters of the consumer [`CONSUMER`]. A dead letter that is put back comes at the end of the stream and is archived like any other
//! message; an event that the archive has already is counted as a duplicate and not kept twice (key: tenant, time and id).
//!
//! **Ledgers are signed** every minute, those that have grown ([`checkpoints`]).
//!
//! **Before it reads, it compares** the watermark with the stream ([`start`]):
//! - The stream is ahead: the normal case, also after the database came back older.
//! - The stream has lost its end (its last sequence lies before the watermark, or the message at the watermark is not the one that was archived): the stream gets a new epoch, and the
//!   archive goes on in it after the last message that both hold.
//! - The stream was made anew: the archive goes on at its first message, in the new epoch.
//! - Messages left the broker before they were archived: an error in the log, a metric, and a record in the quarantine name the lost sequences, and the archive goes on behind them.

mod append;
mod checkpoints;
mod cut;
mod evidence;
mod prefix;
mod session;
mod standby;
mod start;
mod stop;
mod upkeep;

use std::time::Duration;

use metrics::counter;
use slipstream_broker::Broker;
use slipstream_event::ledger::{Signers, Verifiers};
use slipstream_store::Store;
use slipstream_store::archive::Archive;
use slipstream_store::ledger::Checkpoints;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::{Backlog, FailPoints, limits, metrics as names};
use stop::Stop;
use upkeep::Progress;

/// Name of the archiver among the consumers that reject messages.
pub const CONSUMER: &str = "archiver";

/// Settings of an archiver.
#[derive(Clone, Debug)]
pub struct Config {
    /// The shard that it archives.
    pub shard: u16,
    /// Months beyond the current one for which partitions are kept ready.
    pub months_ahead: u32,
    /// How ledgers are signed; `None`: they are not.
    pub signing: Option<Signing>,
    /// Where it tells that it is behind.
    pub backlog: Backlog,
    /// For tests of crashes.
    pub fail_points: FailPoints,
}

/// How the ledgers of a shard's tenants are signed.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The keys that sign.
    pub signers: Signers,
    /// The keys whose checkpoints hold: those that sign, and those that did.
    pub trusted: Verifiers,
    /// How often.
    pub every: Duration,
}

impl Config {
    /// The usual settings for a shard.
    pub fn new(shard: u16) -> Self {
        Self { shard, months_ahead: slipstream_store::limits::MONTHS_AHEAD, signing: None, backlog: Backlog::default(), fail_points: FailPoints::default() }
    }
}

/// Why an archiver does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Settings that cannot work.
    #[error("{0}")]
    Invalid(String),
}

/// The archiver of one shard, ready to run.
#[derive(Debug)]
pub struct Archiver {
    archive: Archive,
    checkpoints: Checkpoints,
    /// The archive for reading: the archiver's own role may only add to it.
    reader: Store,
    broker: Broker,
    config: Config,
    progress: Progress,
}

impl Archiver {
    /// An archiver from `broker` into `archive` (a pool of [`slipstream_store::Role::Archiver`]), which compares what is there through `reader`
    /// (a pool of [`slipstream_store::Role::Reader`]).
    pub fn new(archive: Store, reader: Store, broker: Broker, config: Config) -> Self {
        Self { checkpoints: Checkpoints::new(archive.clone()), archive: Archive::new(archive), reader, broker, config, progress: Progress::default() }
    }

    /// Archives until `shutdown`, then commits the batch in hand. Waits out databases and brokers that are away. Sees to the partitions meanwhile.
    ///
    /// # Errors
    /// [`Error::Invalid`], at once.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        if self.config.shard >= self.broker.shards() {
            return Err(Error::Invalid(format!("there is no shard {} to archive, only {}", self.config.shard, self.broker.shards())));
        }
        tokio::select! {
            () = self.keep_reading(&shutdown) => Ok(()),
            never = upkeep::run(&self) => match never {},
        }
    }

    async fn keep_reading(&self, shutdown: &CancellationToken) {
        let mut backoff = Backoff::new(limits::RETRY_PAUSE, limits::RETRY_PAUSE_MAX);
        while !shutdown.is_cancelled() {
            let before = self.progress.archived();
            let Err(stop) = self.session(shutdown).await else { return };
            if self.progress.archived() != before {
                backoff.succeeded();
            }
            counter!(names::RESTARTS_TOTAL, "reason" => stop.reason()).increment(1);
            if backoff.is_fresh() {
                self.tell(&stop);
            }
            let pause = async {
                match stop {
                    Stop::Fenced => self.stand_by().await,
                    // What is behind it was settled; nothing has to recover first.
                    Stop::Reader(_) if self.progress.archived() != before => {}
                    _ => tokio::time::sleep(backoff.failed()).await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = pause => {}
            }
        }
    }

    fn tell(&self, stop: &Stop) {
        let shard = self.config.shard;
        match stop {
            Stop::Fenced => tracing::warn!(shard, "another archiver moves the watermark; this one stands by"),
            stop if stop.needs_someone() => tracing::error!(shard, error = %stop, "the archiver stopped; it starts again from the watermark"),
            stop => tracing::warn!(shard, error = %stop, "the archiver stopped; it starts again from the watermark"),
        }
    }
}
