//! The floors: the same work by the engines alone.

pub(crate) mod copy;
pub(crate) mod direct_get;
pub(crate) mod publish;
pub(crate) mod writer;
