//! The write transaction: rows and their events, together or not at all.

use std::time::Instant;

use slipstream_event::{Event, Tenant};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::store::Mode;
use crate::{Error, Scope, Store, metrics, outbox};

/// An open transaction. Everything done with it happens together, or not at all.
///
/// It is made by [`Store::write`], [`Store::write_all_accounts`] and [`Store::read`], which also end it.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    scope: Scope,
    events: Vec<Event>,
    traceparent: Option<String>,
}

impl Tx {
    /// Adds an event to the outbox when the transaction commits, after the events that were emitted before.
    ///
    /// The event must belong to an account in the scope; another tenant's event fails the whole transaction.
    pub fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// The W3C trace context that goes with the events of this transaction.
    pub fn trace(&mut self, traceparent: Option<String>) {
        self.traceparent = traceparent;
    }

    /// Whose rows it sees.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The account of the scope, as the explicit condition that every query has beside row-level security. `None` asks for all accounts, which
    /// only the role of [`Scope::AllAccounts`] sees.
    pub(crate) fn account(&self) -> Option<String> {
        self.scope.account().map(ToString::to_string)
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl Store {
    /// Changes rows of one account. `work` changes them and emits its events; then the events go to the outbox, as the last step under a lock of
    /// the tenant, and all is committed. So in the outbox the order of a tenant's rows is the order of its commits.
    ///
    /// Nothing happens when `work` or the commit fails, with one exception: after [`Error::Unavailable`] the commit may have happened.
    ///
    /// # Errors
    /// What `work` answers, or an [`Error`].
    pub async fn write<T, E>(&self, tenant: &Tenant, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.write_in(Scope::Account(tenant.clone()), work).await
    }

    /// Changes rows of any account, for super-admins only: the same as [`Store::write`], with events of the accounts that the rows belong to.
    ///
    /// # Errors
    /// What `work` answers, or an [`Error`].
    pub async fn write_all_accounts<T, E>(&self, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.write_in(Scope::AllAccounts, work).await
    }

    /// Reads in one transaction. Postgres refuses every change in it; emitted events are dropped.
    ///
    /// # Errors
    /// What `work` answers, or an [`Error`].
    pub async fn read<T, E>(&self, scope: &Scope, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let inner = self.begin(scope, Mode::Read).await?;
        let mut tx = Tx { inner, scope: scope.clone(), events: Vec::new(), traceparent: None };
        let value = work(&mut tx).await?;
        tx.inner.commit().await.map_err(Error::from)?;
        Ok(value)
    }

    async fn write_in<T, E>(&self, scope: Scope, work: impl AsyncFnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error>,
    {
        let begun = Instant::now();
        let inner = self.begin(&scope, Mode::Write).await?;
        let mut tx = Tx { inner, scope, events: Vec::new(), traceparent: None };
        let value = work(&mut tx).await?;
        let appended = outbox::append(&mut tx.inner, &tx.scope, &tx.events, tx.traceparent.as_deref()).await?;
        if appended == 0 {
            // Postgres answers the commit of a transaction in which a statement failed with a rollback and no error. A statement tells.
            sqlx::query("select 1").execute(&mut *tx.inner).await.map_err(Error::from)?;
        }
        tx.inner.commit().await.map_err(Error::from)?;
        ::metrics::histogram!(metrics::WRITE_SECONDS).record(begun.elapsed().as_secs_f64());
        if appended > 0 {
            ::metrics::counter!(metrics::OUTBOX_APPENDED_TOTAL).increment(appended as u64);
            outbox::wake(self).await;
        }
        Ok(value)
    }
}
