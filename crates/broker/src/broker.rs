//! The handle.

use std::sync::Arc;
use std::time::Duration;

use slipstream_event::{Tenant, limits as vocabulary, subject};
use tokio::sync::Semaphore;

use crate::connection::Connection;
use crate::epoch::Known;
use crate::{Config, Error, limits};

/// A connection to the broker. Cheap to clone; all clones share the connection and its limits.
#[derive(Clone, Debug)]
pub struct Broker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connection: Connection,
    shards: u16,
    /// Per shard what was last read of its stream. The lock is held during a read, so that callers who want one at the same time share it.
    known: Vec<tokio::sync::Mutex<Option<Known>>>,
    publishes: Semaphore,
    batches: Semaphore,
    replays: Semaphore,
}

impl Broker {
    /// Connects, and waits at most `connect_timeout` for the first connection.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings that cannot work, [`Error::Unavailable`] with the reason when no server took the connection in time.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let timeout = config.connect_timeout;
        let broker = Self::open(config).await?;
        broker.connection().ready(timeout).await?;
        Ok(broker)
    }

    /// As [`Broker::connect`], without the wait: the connection is made in the background, for as long as it takes. Until then calls answer `Unavailable`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings that cannot work.
    pub async fn open(config: Config) -> Result<Self, Error> {
        if config.shards == 0 || config.shards > vocabulary::SHARDS_MAX {
            return Err(Error::Invalid(format!("shards must be 1 to {}", vocabulary::SHARDS_MAX)));
        }
        let inner = Inner {
            connection: Connection::open(&config).await?,
            shards: config.shards,
            known: std::iter::repeat_with(Default::default).take(usize::from(config.shards)).collect(),
            publishes: Semaphore::new(limits::PUBLISHES_IN_FLIGHT_MAX),
            batches: Semaphore::new(limits::ATOMIC_IN_FLIGHT_MAX),
            replays: Semaphore::new(limits::REPLAYS_IN_FLIGHT_MAX),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether there is a connection now.
    pub fn connected(&self) -> bool {
        self.inner.connection.connected()
    }

    /// Number of the present connection. When it has changed, the broker may have come back older than it was.
    pub fn connection_number(&self) -> u64 {
        self.inner.connection.number()
    }

    /// Number of shards.
    pub fn shards(&self) -> u16 {
        self.inner.shards
    }

    /// The shard of a tenant.
    pub fn shard_of(&self, tenant: &Tenant) -> u16 {
        subject::shard_of(tenant, self.inner.shards)
    }

    /// Waits until all that was written to the connection has left this process.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn flush(&self) -> Result<(), Error> {
        self.inner.connection.flush().await
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.inner.connection
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.inner.connection.request_timeout()
    }

    /// Name of a shard's stream.
    pub(crate) fn stream(&self, shard: u16) -> Result<String, Error> {
        if shard < self.inner.shards { Ok(subject::stream(self.inner.shards, shard)) } else { Err(Error::Invalid(format!("there is no shard {shard}"))) }
    }

    pub(crate) fn known(&self, shard: u16) -> Option<&tokio::sync::Mutex<Option<Known>>> {
        self.inner.known.get(usize::from(shard))
    }

    pub(crate) fn publishes(&self) -> &Semaphore {
        &self.inner.publishes
    }

    pub(crate) fn batches(&self) -> &Semaphore {
        &self.inner.batches
    }

    pub(crate) fn replays(&self) -> &Semaphore {
        &self.inner.replays
    }
}
