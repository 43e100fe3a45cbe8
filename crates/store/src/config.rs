//! How to reach Postgres, and as whom.

use std::fmt;
use std::time::Duration;

use crate::{Wake, limits};

/// One pool of connections.
#[derive(Clone)]
pub struct Config {
    /// `postgres://…`, with the password. Never printed. A pooler in between must give each client a session of its own: settings of the session,
    /// the relay's lock and notifications do not survive the pooling of transactions.
    pub url: String,
    /// The rights under which all its statements run.
    pub role: Role,
    /// Most open connections. At the limit callers wait, at most `acquire_timeout`.
    pub connections_max: u32,
    /// Longest wait for a connection.
    pub acquire_timeout: Duration,
    /// Longest statement.
    pub statement_timeout: Duration,
    /// The signal from writers to the relay of this process: give all pools of a process the same.
    pub wake: Wake,
}

impl Config {
    /// A pool of 10 connections with the usual limits.
    pub fn new(url: impl Into<String>, role: Role) -> Self {
        Self {
            url: url.into(),
            role,
            connections_max: 10,
            acquire_timeout: limits::ACQUIRE_TIMEOUT,
            statement_timeout: limits::STATEMENT_TIMEOUT,
            wake: Wake::default(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("url", &"[redacted]")
            .field("role", &self.role)
            .field("connections_max", &self.connections_max)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// The database role of a pool. The login user must be a member of it (migrations see to that for the user who runs them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Domain tables of the named tenant, and appending to its outbox.
    Api,
    /// The outbox of all tenants, and nothing else.
    Relay,
    /// Adding to the archive; neither changing nor deleting in it.
    Archiver,
    /// Reading the archive of the named tenant.
    Reader,
    /// Making the files of exports, for all tenants.
    Exporter,
    /// Taking parts of archived events of the named tenant away.
    Redactor,
    /// Removing events of the named tenant from the archive, without reading what they say.
    Retention,
}

impl Role {
    /// Its name in Postgres.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "slipstream_api",
            Self::Relay => "slipstream_relay",
            Self::Archiver => "slipstream_archiver",
            Self::Reader => "slipstream_reader",
            Self::Exporter => "slipstream_exporter",
            Self::Redactor => "slipstream_redactor",
            Self::Retention => "slipstream_retention",
        }
    }
}
