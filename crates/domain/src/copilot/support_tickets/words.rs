//! The enumerations of tickets, in the exact words of the wire.

use serde::Serialize;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The value of a word, case-sensitive.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }
    };
}

words! {
    /// Where a ticket stands.
    Status {
        /// New.
        #[default]
        Open = "OPEN",
        /// Being worked on.
        InProgress = "IN_PROGRESS",
        /// Waiting.
        Pending = "PENDING",
        /// Answered.
        Resolved = "RESOLVED",
        /// Over.
        Closed = "CLOSED",
        /// Taken back.
        Cancelled = "CANCELLED",
    }
}

words! {
    /// How urgent a ticket is.
    Priority {
        /// Some time.
        Low = "LOW",
        /// The usual.
        #[default]
        Medium = "MEDIUM",
        /// At once.
        Urgent = "URGENT",
        /// Soon.
        Important = "IMPORTANT",
    }
}
