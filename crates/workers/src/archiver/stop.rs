//! Why the archiver drops its reader and starts again from the watermark.

use slipstream_broker::Error as BrokerError;
use slipstream_store::Error as StoreError;
use slipstream_store::archive::Error as ArchiveError;

/// All of these are survived.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    /// Another archiver moved the watermark.
    #[error("another archiver moves the watermark")]
    Fenced,
    /// The reader is of no more use.
    #[error(transparent)]
    Reader(BrokerError),
    /// The stream is not what it was when the reader was made.
    #[error("the stream changed: {0}")]
    Changed(&'static str),
    /// The broker does not answer, or refuses.
    #[error(transparent)]
    Broker(BrokerError),
    /// The database does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Stop {
    /// For metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Fenced => "fenced",
            Self::Reader(_) => "reader",
            Self::Changed(_) => "changed",
            Self::Broker(_) => "broker",
            Self::Store(_) => "database",
        }
    }

    /// Whether it will not pass by itself.
    pub(super) fn needs_someone(&self) -> bool {
        match self {
            Self::Broker(error) => {
                !error.retriable() && !matches!(error, BrokerError::Expired { .. } | BrokerError::Beyond { .. } | BrokerError::EpochChanged { .. })
            }
            Self::Store(error) => !error.is_retriable(),
            Self::Fenced | Self::Reader(_) | Self::Changed(_) => false,
        }
    }
}

impl From<BrokerError> for Stop {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl From<ArchiveError> for Stop {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Fenced { .. } => Self::Fenced,
            // Only a batch without rows comes here with it: one that no bisecting can mend.
            ArchiveError::Poison { reason } => Self::Store(StoreError::Refused { what: reason }),
            ArchiveError::Store(error) => Self::Store(error),
        }
    }
}
