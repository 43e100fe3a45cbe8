//! What can go wrong with a child, in words for the person at the terminal.

use std::io;
use std::path::{Path, PathBuf};

/// Why a child could not be found, started or used. Every message can be read alone.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is not installed, or too old; `how` says how to get it.
    #[error("{what} was not found: {how}")]
    Missing {
        /// The program and the version that is needed.
        what: &'static str,
        /// What was looked at and how to get it.
        how: String,
    },
    /// Another process uses the directory.
    #[error("{} is in use by process {pid}: stop that one first, or work in another checkout", dir.display())]
    InUse {
        /// The locked directory.
        dir: PathBuf,
        /// The holder's process id as it wrote it itself; `?` when it could not be read.
        pid: String,
    },
    /// The files were made by another major version of Postgres, which cannot read them.
    #[error(
        "the database in {} was made by Postgres {made_by}, but {} is version {found}: install Postgres {made_by}, \
         or remove the directory to start with an empty database",
        dir.display(),
        bin_dir.display()
    )]
    Version {
        /// The database directory.
        dir: PathBuf,
        /// Major version that made it.
        made_by: String,
        /// Where the found programs are.
        bin_dir: PathBuf,
        /// Their major version.
        found: String,
    },
    /// The account that has to run Postgres cannot enter the directory.
    #[error("the account {account} that has to run Postgres cannot enter {}", dir.display())]
    NotEnterable {
        /// The directory.
        dir: PathBuf,
        /// The account's name.
        account: String,
    },
    /// Postgres refuses to run as root and there is no other account.
    #[error("Postgres refuses to run as root, and there is no account `postgres` or `nobody` to run it as")]
    NoAccount,
    /// A name that cannot be a database here.
    #[error("`{0}` cannot name a database: use at most 63 of [a-z0-9_], not a digit first")]
    DatabaseName(String),
    /// A file or directory could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A program ran but did not become, or do, what it should.
    #[error("{name} {reason}\n{log_tail}\n(whole log: {})", log.display())]
    Failed {
        /// The program.
        name: &'static str,
        /// What happened.
        reason: String,
        /// The end of what it wrote.
        log_tail: String,
        /// Where the rest is.
        log: PathBuf,
    },
    /// A statement was refused, or `psql` could not connect.
    #[error("psql: {0}")]
    Sql(String),
}

impl Error {
    /// For `map_err` on a file operation.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}
