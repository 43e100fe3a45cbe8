//! What can go wrong in Postgres, as decisions of the caller. Foreign errors are translated here and nowhere else.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why a statement or transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached, is starting or stopping, has no connection left, or took too long. Worth a retry.
    /// For a write the outcome is unknown: the commit may have happened.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Others changed the same at the same time (deadlock, serialisation, lock timeout); nothing happened. Worth a retry at once.
    #[error("the database gave way to another transaction: {0}")]
    Contended(String),
    /// A row with the same key exists. Nothing happened.
    #[error("a row with the same key exists ({constraint})")]
    Conflict {
        /// Name of the unique constraint.
        constraint: String,
    },
    /// A row that it refers to does not exist, or is still referred to. Nothing happened.
    #[error("a referenced row is missing or in use ({constraint})")]
    Reference {
        /// Name of the foreign key.
        constraint: String,
    },
    /// A value that the schema refuses: a check, a length, a character that a text cannot hold. Nothing happened.
    #[error("a value was refused ({what})")]
    Refused {
        /// Name of the constraint, else Postgres's sentence. Not for clients: it may quote the value.
        what: String,
    },
    /// An event over the limit of an event's size. Nothing happened.
    #[error("an event of {bytes} bytes is over the limit")]
    EventTooLarge {
        /// Its size, in bytes of canonical JSON.
        bytes: usize,
    },
    /// One write made more events than [`limits::WRITE_EVENTS_MAX`](crate::limits::WRITE_EVENTS_MAX). Nothing happened.
    #[error("one write made {count} events, more than the limit")]
    TooManyEvents {
        /// How many.
        count: usize,
    },
    /// A search took longer than [`limits::SEARCH_TIMEOUT`](crate::limits::SEARCH_TIMEOUT). The same again takes as long; a narrower one may not.
    #[error("a search took too long")]
    SearchTimeout,
    /// The settings cannot work, or the schema is not the one this program was built for. Not worth a retry.
    #[error("the database is not set up: {0}")]
    Setup(String),
    /// A fault of this program: a right that it lacks, a statement that does not fit the schema. Not worth a retry.
    #[error("a fault in the use of the database: {0}")]
    Bug(String),
}

impl Error {
    /// Whether the same call may succeed later without a change.
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Contended(_))
    }
}

impl Error {
    /// The error of a statement of a search, which Postgres cancels at the search's own limit.
    pub(crate) fn of_search(error: sqlx::Error) -> Self {
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            Some("57014") => Self::SearchTimeout,
            _ => error.into(),
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(inner) => match inner.try_downcast_ref::<PgDatabaseError>() {
                Some(error) => of_postgres(error),
                None => Self::Bug(inner.to_string()),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error.to_string())
            }
            // The server closed in the middle of its greeting, or of an answer.
            sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => Self::Unavailable(error.to_string()),
            sqlx::Error::Configuration(_) => Self::Setup(error.to_string()),
            // A value outside of what the column's type can hold.
            sqlx::Error::Encode(inner) => Self::Refused { what: inner.to_string() },
            other => Self::Bug(other.to_string()),
        }
    }
}

/// By SQLSTATE: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn of_postgres(error: &PgDatabaseError) -> Error {
    let constraint = || error.constraint().unwrap_or_default().to_owned();
    let sentence = || format!("{} ({})", error.message(), error.code());
    match error.code() {
        // The session did not begin: the role is missing, or the login may not take it. (Within a session the same codes mean a value or a right.)
        "22023" | "42501" if error.severity() == PgSeverity::Fatal => Error::Setup(sentence()),
        "23505" => Error::Conflict { constraint: constraint() },
        "23503" => Error::Reference { constraint: constraint() },
        "23514" | "23502" => Error::Refused { what: error.constraint().map_or_else(sentence, str::to_owned) },
        "40001" | "40P01" | "55P03" => Error::Contended(sentence()),
        // No such database, login or password.
        "3D000" | "28000" | "28P01" => Error::Setup(sentence()),
        // No such table, function, schema: the migrations are behind.
        "42P01" | "42883" | "3F000" | "42703" | "42704" => Error::Setup(sentence()),
        // Cancelled by statement_timeout; ended for idling in a transaction; a standby after a failover.
        "57014" | "25P03" | "25006" => Error::Unavailable(sentence()),
        code => match code.get(..2) {
            Some("22" | "54") => Error::Refused { what: sentence() },
            // Broken connection, no resources, shutdown, disk trouble.
            Some("08" | "53" | "57" | "58") => Error::Unavailable(sentence()),
            _ => Error::Bug(sentence()),
        },
    }
}
