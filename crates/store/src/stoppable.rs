//! Reads that end with whoever waits for them.
//!
//! A statement whose future is dropped goes on in Postgres, and its connection comes back to the pool only after it. Who asks for a file or a count of a year and goes away must not leave that
//! behind. So the connection of a read that is dropped in the middle is closed, and Postgres, which looks for it meanwhile, cancels the statement.

use slipstream_event::Tenant;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Postgres};

use crate::{Error, Scope, Store, limits};

/// A read-only transaction whose statements all see the same. Dropped before its end, what runs in it is cancelled within [`limits::CLIENT_CHECK_EVERY`].
pub(crate) struct Stoppable(Option<PoolConnection<Postgres>>);

impl Store {
    /// Begins one that sees `scope`.
    pub(crate) async fn begin_stoppable(&self, scope: &Scope) -> Result<Stoppable, Error> {
        let (scope, every) = (scope.to_sql(), limits::CLIENT_CHECK_EVERY.as_millis());
        let begin = format!("begin isolation level repeatable read read only; {scope}; set local client_connection_check_interval = {every}");
        let mut held = Stoppable(Some(self.pool.acquire().await.map_err(Error::from)?));
        held.connection()?.execute(AssertSqlSafe(begin)).await.map_err(Error::from)?;
        Ok(held)
    }

    /// Reads the rows of `tenant` in one.
    ///
    /// # Errors
    /// What `work` answers, or an [`Error`].
    pub(crate) async fn read_stoppable<T, E>(&self, tenant: &Tenant, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let mut held = self.begin_stoppable(&Scope::Account(tenant.clone())).await?;
        let answer = work(held.connection()?).await;
        held.end().await?;
        answer
    }
}

impl Stoppable {
    /// Where statements go.
    pub(crate) fn connection(&mut self) -> Result<&mut PgConnection, Error> {
        self.0.as_deref_mut().ok_or_else(|| Error::Bug("a connection is held that is not there".to_owned()))
    }

    /// Ends it; the connection goes back to the pool.
    pub(crate) async fn end(mut self) -> Result<(), Error> {
        // After an error of a statement it is a rollback.
        self.connection()?.execute("commit").await?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Stoppable {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}
