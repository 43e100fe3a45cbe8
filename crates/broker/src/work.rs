//! Background work: each message handled at least once, by a durable consumer per shard.

use std::time::Duration;

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use crate::{Broker, Error, Message, subject};

mod handling;
mod setup;
mod shard;

/// A durable consumer.
#[derive(Clone, Debug)]
pub struct WorkConfig {
    /// Durable name, 1 to 64 characters of `[A-Za-z0-9_-]`.
    pub name: String,
    /// Stored subjects to handle, such as `events.*.copilot.>`.
    pub filter: String,
    /// Where a consumer starts that has not run before.
    pub start: Start,
    /// Longest time for one handling; what takes longer is cancelled and tried again.
    pub ack_wait: Duration,
    /// Most handlings of one message, at least 1; then it goes to the dead letters.
    pub max_deliver: u64,
    /// Most messages in handling at once, per shard, at least 1.
    pub max_in_flight: usize,
}

/// Where a new durable consumer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the first message that the broker holds.
    All,
    /// At the first message stored after the consumer was made.
    New,
}

/// One handling of a message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The message.
    pub message: Message,
    /// The how-manieth, from 1.
    pub attempt: u64,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done.
    Ack,
    /// Not now: again after this time, or to the dead letters when it was the last attempt.
    Retry(Duration),
    /// Never: to the dead letters, with this reason.
    Reject(String),
}

/// A durable consumer, ready to run.
#[derive(Debug)]
pub struct WorkConsumer {
    broker: Broker,
    config: WorkConfig,
}

impl Broker {
    /// Makes (or takes up again, with the new bounds) a durable consumer on every shard.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Refused`], [`Error::NotProvisioned`], [`Error::Unavailable`].
    pub async fn work(&self, config: WorkConfig) -> Result<WorkConsumer, Error> {
        if !subject::valid_consumer(&config.name) {
            return Err(Error::Invalid("the consumer's name must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -".to_owned()));
        }
        if config.max_deliver == 0 || config.max_in_flight == 0 || config.ack_wait.is_zero() {
            return Err(Error::Invalid("a consumer's bounds must not be zero".to_owned()));
        }
        for shard in 0..self.shards() {
            setup::ensure(self, &config, shard).await?;
        }
        Ok(WorkConsumer { broker: self.clone(), config })
    }
}

impl WorkConsumer {
    /// Handles messages until `shutdown`, then finishes and acks those in handling. Rides out a broker that is away. There is no order between messages.
    ///
    /// A handler that is not done after `ack_wait` is dropped where it waits, so let its effect be one transaction. Several processes may run the same consumer: each message goes to one of them.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::NotProvisioned`] when the consumer was deleted and cannot be made any more.
    pub async fn run<H, F>(self, handler: H, shutdown: CancellationToken) -> Result<(), Error>
    where
        H: Fn(Delivery) -> F + Sync,
        F: Future<Output = Verdict> + Send,
    {
        let (consumer, handler, shutdown) = (&self, &handler, &shutdown);
        let shards = (0..self.broker.shards()).map(|shard| shard::run(&consumer.broker, &consumer.config, shard, handler, shutdown));
        try_join_all(shards).await?;
        if let Err(error) = self.broker.flush().await {
            tracing::debug!(consumer = self.config.name, %error, "last acks not flushed; their messages come again");
        }
        Ok(())
    }
}
