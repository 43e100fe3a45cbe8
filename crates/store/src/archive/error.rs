//! Why a batch was not archived.

use super::Watermark;

/// Why a batch was not archived. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The watermark is not where the batch begins: another archiver is at work, or the caller is behind. Start again from `have`.
    #[error("the watermark is elsewhere: {have:?}")]
    Fenced {
        /// The watermark, when there is one.
        have: Option<Watermark>,
    },
    /// Postgres refuses a value of one of the rows. Bisect with [`Batch::split`](super::Batch::split); a single row goes to quarantine.
    #[error("a row was refused: {reason}")]
    Poison {
        /// Postgres's sentence.
        reason: String,
    },
    /// All else.
    #[error(transparent)]
    Store(#[from] crate::Error),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Error {
    /// What Postgres refused is the fault of a row.
    pub(super) fn poison(error: sqlx::Error) -> Self {
        match crate::Error::from(error) {
            crate::Error::Refused { what } => Self::Poison { reason: what },
            other => Self::Store(other),
        }
    }
}
