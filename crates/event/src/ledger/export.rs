//! The ledger as a file: lines of JSON that hold everything by which it is checked, without the platform.
//!
//! The first line is [`Head`]; then, by rising number, an [`Entry`] for every event and a [`Line::Checkpoint`] behind the last entry that it covers; the last line
//! is [`Line::End`]. A file without its last line was cut.

use serde::{Deserialize, Serialize};

use crate::Tenant;
use crate::ledger::Hash;

/// The version of this form.
pub const VERSION: u32 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Line {
    /// What it is the ledger of.
    Ledger(Head),
    /// An event, or the place where one was.
    Entry(Entry),
    /// A checkpoint, as a signed note.
    Checkpoint(String),
    /// The end, with the number of entries before it.
    End(u64),
}

/// What a file begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// [`VERSION`].
    pub version: u32,
    /// Whose ledger.
    pub tenant: Tenant,
    /// How many events it has.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The verifier keys that the platform names. Compare them with those that you got from elsewhere.
    pub keys: Vec<String>,
}

/// One event as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its number, from 1; 0 for a row that has none in this ledger.
    pub number: u64,
    /// Its leaf hash, as the ledger has it; none for a row that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<Hash>,
    /// The bytes that are kept, as text; none when the row is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// Columns beside the bytes that do not say what these say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
}
