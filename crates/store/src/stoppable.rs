//! Reads that end with whoever waits for them.
//!
//! A statement whose future is dropped goes on in Postgres, and its connection comes back to the pool only after it. Who asks for a file and goes away must not leave that behind. So
//! the connection of a read that is dropped in the middle is closed, and Postgres, which looks for it meanwhile, cancels the statement.

use slipstream_event::Tenant;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Postgres};

use crate::{Error, Store, limits};

impl Store {
    /// Reads in a read-only transaction that sees the rows of `tenant`, all statements the same. Dropped in the middle, what runs in it is cancelled within [`limits::CLIENT_CHECK_EVERY`].
    ///
    /// # Errors
    /// What `work` answers, or an [`Error`].
    pub(crate) async fn read_stoppable<T, E>(&self, tenant: &Tenant, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let every = limits::CLIENT_CHECK_EVERY.as_millis();
        // The grammar of tenants has no character that could end the literal.
        let begin = format!(
            "begin isolation level repeatable read read only; set local slipstream.tenant = '{tenant}'; set local client_connection_check_interval = {every}"
        );
        let mut held = Held(Some(self.pool.acquire().await.map_err(Error::from)?));
        let connection = held.0.as_mut().ok_or_else(|| Error::Bug("a connection is held that is not there".to_owned()))?;
        connection.execute(AssertSqlSafe(begin)).await.map_err(Error::from)?;
        let answer = work(&mut *connection).await;
        // After an error of a statement it is a rollback.
        connection.execute("commit").await.map_err(Error::from)?;
        // Back to the pool.
        held.0 = None;
        answer
    }
}

/// A connection that is closed unless it is taken out.
struct Held(Option<PoolConnection<Postgres>>);

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
