//! How grave an event is, and what kind of thing it tells of.

use serde::{Deserialize, Serialize};

/// How grave an event is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The ordinary course of things.
    #[default]
    Info,
    /// Worth a look.
    Warning,
    /// Something failed.
    Error,
    /// Someone must act.
    Critical,
}

impl Severity {
    /// All, in rising order.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// The severity of a word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// What kind of thing an event tells of (the five categories of the activity log).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Who came in, and who was refused.
    Auth,
    /// Machines and links.
    Device,
    /// Something was made, changed or removed.
    #[default]
    Entity,
    /// Running activities.
    Capture,
    /// The platform itself: settings, retention, exports.
    System,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Auth, Self::Device, Self::Entity, Self::Capture, Self::System];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Device => "device",
            Self::Entity => "entity",
            Self::Capture => "capture",
            Self::System => "system",
        }
    }

    /// The category of a word on the wire.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }
}
