//! The vocabulary of Slipstream, without I/O: tenants, events, subjects, cursors, limits and the registry of event types.
//!
//! What every other crate may rely on:
//! - A value of a type of this crate is valid: [`Tenant`], [`EventType`] and [`Event`] cannot be built from input that breaks their rules.
//! - The JSON of an [`Event`] is one line and canonical: equal events give equal bytes, and the bytes are what the archive keeps.
//! - A cursor ([`cursor`]) is opaque, the same for all readers of one tenant, and refused for every other tenant.
//! - Every limit stands in [`limits`], with what happens at it.

pub mod activity;
pub mod actor;
pub mod cloudevents;
pub mod cursor;
pub mod draft;
pub mod envelope;
pub mod event_type;
pub mod export;
pub mod fault;
pub mod filter;
pub mod id;
pub mod keyset;
pub mod ledger;
pub mod limits;
pub mod object;
pub mod position;
pub mod redaction;
pub mod registry;
pub mod severity;
pub mod subject;
pub mod tenant;
pub mod timestamp;
pub mod visibility;

pub use actor::{Actor, ActorKind};
pub use cursor::CursorKey;
pub use draft::Draft;
pub use envelope::{Event, Legacy};
pub use event_type::EventType;
pub use fault::Fault;
pub use filter::Filter;
pub use keyset::Keyset;
pub use object::Object;
pub use position::Position;
pub use severity::{Category, Severity};
pub use tenant::Tenant;
pub use timestamp::Timestamp;
pub use visibility::{Viewer, Visibility};
