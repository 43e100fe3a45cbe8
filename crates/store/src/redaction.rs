//! Redaction: taking fields of archived events away, by request and by rule, so that the ledger still proves what was there and tells what is left.
//!
//! All is done in transactions of at most [`REDACTION_EVENTS_MAX`](slipstream_domain::limits::REDACTION_EVENTS_MAX) events ([`Redactor`]). Each commits the change of its events, of all
//! that was derived from them, how far it has come, and the events that tell of it; so a worker may be killed at any moment, and nothing is done twice. What a hold covers stays.

mod apply;
mod choose;
pub mod job;
pub mod rule;
mod turn;

use serde::{Deserialize, Serialize};
use slipstream_event::{Category, Filter, Keyset, Timestamp, Viewer};
use uuid::Uuid;

pub use turn::{Outcome, Redactor};

/// Which events a redaction is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Events {
    /// Those with these ids.
    Ids(Vec<Uuid>),
    /// Those that meet all criteria.
    Selection(Selection),
}

/// Criteria, joined by "and". Without any, all events are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selection {
    /// Prefixes of types; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Type of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_type: Option<String>,
    /// Id of the entity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// User id of the actor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor_user_id: Option<String>,
    /// Earliest time, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Latest time, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

impl Selection {
    /// Whether it has no criteria.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As a query of history, oldest first, after an event.
    fn query(&self, viewer: &Viewer, after: Option<Keyset>) -> crate::history::Query {
        let filter = Filter {
            types: self.types.clone(),
            entity_types: self.entity_type.iter().cloned().collect(),
            entity_ids: self.entity_id.iter().cloned().collect(),
            actors: self.actor_user_id.iter().cloned().collect(),
            ..Filter::default()
        };
        let categories = self.category.into_iter().collect();
        crate::history::Query { viewer: viewer.clone(), filter, categories, from: self.from, until: self.to, after, oldest_first: true, ..Default::default() }
    }
}

/// What became of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Fields were taken away; of a dry run: would be.
    pub redacted: u64,
    /// They have none of the fields, or none any more.
    pub unchanged: u64,
    /// A hold covers them.
    pub held: u64,
    /// They are themselves the evidence of redactions and removals, or hold no event that can be read.
    pub exempt: u64,
    /// Ids that the archive does not know.
    pub missing: u64,
}
