//! What became of a tenant's rows.

use slipstream_event::{Position, Tenant};

/// The end of one publishing of a tenant's rows.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) tenant: Tenant,
    pub(super) shard: u16,
    /// Rows that are in the log, and where.
    pub(super) acks: Vec<(i64, Position)>,
    /// Rows that can never be published, and why.
    pub(super) refused: Vec<(i64, String)>,
    /// The lowest and the highest position that messages got which the broker had not known.
    pub(super) new: Option<(Position, Position)>,
    /// Where the stream ended, as far as it was known when the rows were sent off: a new message at or before that shows that the stream came back older.
    pub(super) floor: Position,
    /// Whether a row was looked for in the log and not found.
    pub(super) cleared: bool,
    pub(super) end: End,
}

/// How far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All rows are done with.
    Whole,
    /// The rest was not tried: the shard was closed, or the claim grew old.
    GivenBack,
    /// The rest is to be tried again.
    Failed(Failure),
}

/// A publishing that is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The first row that is not known to be stored.
    pub(super) id: i64,
    /// How often its publishing has failed, this time included.
    pub(super) attempts: u32,
    pub(super) error: String,
}

impl Done {
    pub(super) fn new(tenant: Tenant, shard: u16, floor: Position) -> Self {
        Self { tenant, shard, acks: Vec::new(), refused: Vec::new(), new: None, floor, cleared: false, end: End::Whole }
    }
}

/// What can go wrong around publishing. All of it is tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error(transparent)]
    Broker(#[from] slipstream_broker::Error),
    #[error(transparent)]
    Store(#[from] slipstream_store::Error),
}
