//! A private Postgres on a Unix socket.
//!
//! Layout of its directory: `data` (the database) and `run` (the socket), both of the account that runs the server and
//! closed to others; `postgres.log`. Where that account cannot enter the directory (a checkout under `/root`), `data` and
//! `run` are in a private directory elsewhere, whose path is kept in the file `elsewhere`.

mod client;
mod cluster;
mod layout;
mod server;

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::account::Account;
use super::limits::{DROP_TIMEOUT, STOP_TIMEOUT, VANISH_TIMEOUT};
use super::process::Handle;
use super::slot::Slot;
use super::{Error, Lock, proc};
use layout::Layout;

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct PostgresConfig {
    /// The folder with `postgres`, `initdb` and `psql`, see [`find_postgres`](super::find_postgres).
    pub bin_dir: PathBuf,
    /// Everything that is kept. Made when absent.
    pub dir: PathBuf,
    /// As root, Postgres runs as another account. Where that one cannot enter `dir`, the database goes into a new private
    /// directory below this one; with `None` the start fails with [`Error::NotEnterable`].
    pub elsewhere: Option<PathBuf>,
    /// See [`find_setpriv`](super::find_setpriv).
    pub setpriv: Option<PathBuf>,
    /// Settings beside our own, as `(name, value)`; these win.
    pub settings: Vec<(String, String)>,
}

/// A private Postgres. Dropping it ends it at once; what was committed stays.
#[derive(Debug)]
pub struct Postgres {
    config: PostgresConfig,
    account: Account,
    layout: Layout,
    slot: Slot,
    _lock: Lock,
}

impl Postgres {
    /// Makes the database on first use, starts the server and waits until it accepts connections (after a crash: until
    /// it has recovered). Ends one that a killed process left in the same directory.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Version`], [`Error::NotEnterable`], [`Error::NoAccount`]; [`Error::Failed`] with the
    /// end of the log when the server does not start.
    pub async fn start(mut config: PostgresConfig) -> Result<Self, Error> {
        let lock = Lock::acquire(&config.dir)?;
        config.dir = config.dir.canonicalize().map_err(Error::file("read", &config.dir))?;
        let account = Account::for_postgres(&Layout::present_data(&config.dir))?;
        let layout = Layout::choose(&config, &account)?;
        cluster::ensure(&config, &account, &layout).await?;
        let running = server::launch(&config, &account, &layout).await?;
        tracing::debug!(pid = running.process.handle().pid(), "Postgres is ready");
        Ok(Self { config, account, layout, slot: Slot::new(running), _lock: lock })
    }

    /// The address of a database: `postgres://slipstream@localhost/<name>?host=<socket directory>`, the path
    /// percent-encoded. The user is the superuser of this server; the socket's directory is the lock on the door.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        client::url(&self.layout.sockets, database)
    }

    /// Where the database is: the configured directory or the one elsewhere.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.layout.data
    }

    /// The name of the account that runs the server.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account.name
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// [`Error::DatabaseName`]; [`Error::Sql`] when it exists or the server is down.
    pub async fn create_database(&self, name: &str) -> Result<(), Error> {
        self.create_database_from(name, "template1").await
    }

    /// Makes a database as a copy of `template`, to which nobody may be connected.
    ///
    /// # Errors
    /// As [`Postgres::create_database`].
    pub async fn create_database_from(&self, name: &str, template: &str) -> Result<(), Error> {
        let (name, template) = (client::quoted(name)?, client::quoted(template)?);
        self.sql("postgres", &format!("create database {name} template {template}")).await.map(drop)
    }

    /// Makes an empty database unless it exists.
    ///
    /// # Errors
    /// As [`Postgres::create_database`].
    pub async fn ensure_database(&self, name: &str) -> Result<(), Error> {
        client::quoted(name)?;
        let found = self.sql("postgres", &format!("select 1 from pg_database where datname = '{name}'")).await?;
        if found.is_empty() { self.create_database(name).await } else { Ok(()) }
    }

    /// Drops a database, with whoever is connected to it. No error when there is none.
    ///
    /// # Errors
    /// [`Error::DatabaseName`]; [`Error::Sql`] when the server is down.
    pub async fn drop_database(&self, name: &str) -> Result<(), Error> {
        let name = client::quoted(name)?;
        self.sql("postgres", &format!("drop database if exists {name} with (force)")).await.map(drop)
    }

    /// Runs statements by `psql` as superuser and returns the rows, one a line, columns separated by `|`.
    ///
    /// # Errors
    /// [`Error::Sql`] with the server's message; nothing is changed then (one transaction, unless a statement cannot
    /// run in one).
    pub async fn sql(&self, database: &str, statements: &str) -> Result<String, Error> {
        client::run(&self.config.bin_dir.join("psql"), &self.url(database), statements).await
    }

    /// The process id of the present or last postmaster.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.handle().pid()
    }

    /// Whether the postmaster runs (also when it hangs).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.handle().exit().is_none()
    }

    /// Waits for the end of the present postmaster, whoever ends it.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.handle().exited().await
    }

    /// Kills the postmaster and all its backends at once (`kill -9`) and waits until they are gone.
    pub async fn kill(&self) {
        let handle = self.handle();
        // A stopped postmaster starts no backend that we would miss.
        handle.signal(Signal::SIGSTOP);
        let backends = if handle.exit().is_none() { proc::children_of(handle.pid()) } else { Vec::new() };
        handle.signal(Signal::SIGKILL);
        proc::kill_all(&backends);
        handle.exited().await;
        if !proc::vanished(&backends, VANISH_TIMEOUT).await {
            tracing::warn!("backends of a killed Postgres have not ended yet");
        }
    }

    /// Ends sessions, writes a checkpoint and stops (fast shutdown); less politely after ten seconds.
    pub async fn stop(&self) {
        self.resume();
        self.handle().end(&[(Signal::SIGINT, STOP_TIMEOUT), (Signal::SIGQUIT, VANISH_TIMEOUT)]).await;
    }

    /// Hangs the postmaster and all its backends (`SIGSTOP`), until [`Postgres::resume`].
    pub fn pause(&self) {
        self.signal_all(Signal::SIGSTOP);
    }

    /// Ends [`Postgres::pause`].
    pub fn resume(&self) {
        self.signal_all(Signal::SIGCONT);
    }

    /// Starts it again on the same files and address; stops it first if it runs.
    ///
    /// # Errors
    /// [`Error::Failed`] with the end of the log when it does not start.
    pub async fn restart(&self) -> Result<(), Error> {
        let _turn = self.slot.turn.lock().await;
        self.stop().await;
        self.slot.replace(server::launch(&self.config, &self.account, &self.layout).await?);
        Ok(())
    }

    /// The file that the server logs to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        self.layout.log.clone()
    }

    /// The end of what the present process logged, for a message about its end.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.slot.log_tail()
    }

    fn handle(&self) -> Handle {
        self.slot.handle()
    }

    fn signal_all(&self, signal: Signal) {
        let handle = self.handle();
        if handle.exit().is_some() {
            return;
        }
        handle.signal(signal);
        proc::signal_each(&proc::children_of(handle.pid()), signal);
    }
}

impl Drop for Postgres {
    /// Immediate shutdown rather than `kill -9`, so that no shared memory is left in the system.
    fn drop(&mut self) {
        let handle = self.handle();
        self.resume();
        handle.signal(Signal::SIGQUIT);
        if !handle.block_until_exit(DROP_TIMEOUT) {
            proc::signal_each(&proc::children_of(handle.pid()), Signal::SIGKILL);
        }
    }
}

/// How long a start may be refused because killed backends still hold the shared memory.
const SHARED_MEMORY_TIMEOUT: Duration = VANISH_TIMEOUT;
