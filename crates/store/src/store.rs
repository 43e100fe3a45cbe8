//! The pool.

use std::time::Duration;

use slipstream_event::Tenant;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Transaction};

use crate::{Config, Error, Role, Scope, Wake, limits, metrics};

/// A pool of connections under one database role. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) wake: Wake,
    role: Role,
}

impl Store {
    /// Makes the pool without connecting: a database that is down delays nobody's start. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Setup`] when the URL cannot be read.
    pub fn open(config: Config) -> Result<Self, Error> {
        let options = connect_options(&config)?;
        let role = config.role;
        let pool = PgPoolOptions::new()
            .max_connections(config.connections_max)
            .acquire_timeout(config.acquire_timeout)
            .max_lifetime(limits::CONNECTION_LIFETIME)
            .connect_lazy_with(options);
        Ok(Self { pool, wake: config.wake, role })
    }

    /// Makes the pool and checks that it can be used.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::ping`].
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let store = Self::open(config)?;
        store.ping().await?;
        Ok(store)
    }

    /// Whether the database answers and the role is there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] or [`Error::Setup`].
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Waits until all connections are back, then closes them. Calls that come later answer [`Error::Unavailable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// The signal from writers to the relay of this process.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Sets the gauge of connections.
    pub fn observe(&self) {
        let (open, idle) = (f64::from(self.pool.size()), self.pool.num_idle() as f64);
        let name = self.role.name();
        ::metrics::gauge!(metrics::CONNECTIONS, "role" => name, "state" => "idle").set(idle);
        ::metrics::gauge!(metrics::CONNECTIONS, "role" => name, "state" => "busy").set((open - idle).max(0.0));
    }

    /// A transaction that sees `scope`, in one round trip.
    pub(crate) async fn begin(&self, scope: &Scope, mode: Mode) -> Result<Transaction<'static, Postgres>, Error> {
        let begin = match mode {
            Mode::Read => "begin read only",
            Mode::Snapshot => "begin isolation level repeatable read read only",
            Mode::Write => "begin",
        };
        let scope = scope.to_sql();
        Ok(self.pool.begin_with(AssertSqlSafe(format!("{begin}; {scope}"))).await?)
    }

    /// A read-only transaction that sees the rows of `tenant`: all its statements see the same, also while batches become one or events are removed.
    pub(crate) async fn begin_read(&self, tenant: &Tenant) -> Result<Transaction<'static, Postgres>, Error> {
        self.begin(&Scope::Account(tenant.clone()), Mode::Snapshot).await
    }
}

/// Whether a transaction may write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Read,
    /// Reads only, and all statements see the same.
    Snapshot,
    Write,
}

/// The options of every connection of the pool. The role is a setting of the session from its first moment: a connection without it does not come
/// about, and a reset leads back to it.
pub(crate) fn connect_options(config: &Config) -> Result<PgConnectOptions, Error> {
    let options: PgConnectOptions = config.url.parse()?;
    let ms = |limit: Duration| limit.as_millis().to_string();
    Ok(options.application_name(config.role.name()).options([
        ("role", config.role.name().to_owned()),
        ("statement_timeout", ms(config.statement_timeout)),
        ("lock_timeout", ms(limits::LOCK_TIMEOUT)),
        ("idle_in_transaction_session_timeout", ms(limits::IDLE_IN_TRANSACTION_TIMEOUT)),
    ]))
}
