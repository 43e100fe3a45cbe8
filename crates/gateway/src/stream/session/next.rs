//! What a session asks of its writer.

use bytes::Bytes;

use crate::stream::replay::Wanted;

/// What a stream does next.
#[derive(Debug)]
pub enum Next {
    /// Write these bytes, then ask again.
    Write(Bytes, Written),
    /// Nothing until the lane rings, what it asked for is brought, or the clock reaches [`super::Session::deadline`].
    Wait,
    /// Bring the [`Step`](crate::stream::replay::Step) that gives this, by [`super::Session::bring`]; meanwhile it waits. When that cannot be had: [`super::Session::forget_question`].
    Read(Wanted),
    /// The log has ended: bring the one that takes its place, by [`super::Session::rebase`].
    Rebase,
    /// The stream has ended.
    End,
}

/// What bytes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Events.
    pub events: u64,
    /// Where they come from: `window`, `broker`, `archive`.
    pub source: &'static str,
    /// More may be there already: ask again.
    pub has_more: bool,
}
