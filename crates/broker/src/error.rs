//! What can go wrong, one variant per decision of the caller.

/// Why a read or a change of the broker's set-up failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection, no answer in time, or the server cannot answer now. Try again later; a change may or may not have been made.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
    /// The server refused. Trying again gives the same.
    #[error("broker refused ({code}): {description}")]
    Refused {
        /// JetStream error code.
        code: u64,
        /// The server's words.
        description: String,
    },
    /// The stream does not exist or carries no epoch: provision first.
    #[error("stream {0} is not provisioned")]
    NotProvisioned(String),
    /// A message between server and client was lost. Make a new reader at the last sequence handled + 1.
    #[error("delivery {expected} missing, got {got}")]
    Gap {
        /// The delivery number that was to come.
        expected: u64,
        /// The one that came.
        got: u64,
    },
    /// The reader's consumer is gone or silent. Make a new reader at the last sequence handled + 1.
    #[error("reader lost: {0}")]
    Lost(String),
    /// The asked-for start lies before the first message that the broker still holds: what is between is in the archive.
    #[error("the broker begins at sequence {first_seq}")]
    Expired {
        /// First sequence that is still there.
        first_seq: u64,
    },
    /// The asked-for sequence lies beyond the end: it belongs to another epoch, or the stream has lost its end.
    #[error("the stream ends at sequence {last_seq}")]
    Beyond {
        /// Last sequence of the stream.
        last_seq: u64,
    },
    /// The stream began anew during the read: positions read before have no order with those to come.
    #[error("epoch changed from {was} to {is}")]
    EpochChanged {
        /// Epoch at the beginning.
        was: u64,
        /// Epoch now.
        is: u64,
    },
    /// A setting or argument cannot work.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Whether the same call may succeed later without anyone's action.
    pub fn retriable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Gap { .. } | Self::Lost(_))
    }
}

/// Why a message has no ack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No connection, no ack in time, or the server cannot store now. The message may or may not be stored: publish it again under the same message id.
    #[error("broker unavailable: {0}")]
    Unavailable(String),
    /// The server refused the message; it is not stored, and trying again gives the same.
    #[error("broker rejected the message ({code}): {description}")]
    Rejected {
        /// JetStream error code; 0 when it was not the server that refused.
        code: u64,
        /// The server's words.
        description: String,
    },
    /// Larger than the server takes; not sent.
    #[error("message of {bytes} bytes is larger than the broker's {bytes_max}")]
    TooLarge {
        /// Size of payload and headers.
        bytes: usize,
        /// Largest size that the server takes.
        bytes_max: usize,
    },
}

impl PublishError {
    /// Whether publishing again under the same message id may succeed.
    pub fn retriable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Unavailable(why) => Self::Unavailable(why),
            PublishError::Rejected { code, description } => Self::Refused { code, description },
            PublishError::TooLarge { .. } => Self::Invalid(error.to_string()),
        }
    }
}
