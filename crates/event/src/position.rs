//! Positions: where an event stands in the log.

use serde::{Deserialize, Serialize};

/// The place of an event: shard, epoch of the shard's stream, and sequence in it.
///
/// Positions of one shard and epoch are ordered by `seq`. Between epochs there is no order: the stream began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Index of the shard, from 0.
    pub shard: u16,
    /// Identity of the stream's numbering: changes when the stream is made anew or has lost its end.
    pub epoch: u64,
    /// Sequence in the stream, from 1. 0 stands before the first event.
    pub seq: u64,
}

impl Position {
    /// A position.
    pub fn new(shard: u16, epoch: u64, seq: u64) -> Self {
        Self { shard, epoch, seq }
    }

    /// The same shard and epoch at another sequence.
    #[must_use]
    pub fn at(self, seq: u64) -> Self {
        Self { seq, ..self }
    }

    /// Whether both count in the same numbering, so that their sequences can be compared.
    pub fn same_log(&self, other: &Self) -> bool {
        self.shard == other.shard && self.epoch == other.epoch
    }
}
