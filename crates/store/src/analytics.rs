//! Analytics: how many events a tenant's archive holds, by time, kind and actor, at a cost that follows the buckets and not the events.
//!
//! What a caller may rely on:
//! - **Counts are exact.** Every tenant's events bear numbers without holes. The numbers up to `folded_size` are counted in rollups ([`fold`]); a query adds the events with larger numbers, in one
//!   snapshot. When these are more than [`limits::ANALYTICS_TAIL_MAX`](crate::limits::ANALYTICS_TAIL_MAX) they are left out, and the answer says through which number it counts ([`Standing`]).
//! - **A viewer's counts hold what it could list**, and nothing else: the visibility class, and whom an event of the classes `subject` and `external` concerns, are part of every rollup's key.
//! - **Over all tenants** only rollups are read, under the role `slipstream_platform`, which can read nothing else of an archive.
//! - Who changes or removes events keeps the counts right with [`correct`]; whether they are is told by [`reconcile`].

pub mod correct;
pub mod fold;
pub mod heatmap;
pub mod reconcile;
pub mod series;
mod snapshot;
mod source;
pub mod summary;
pub mod top;

use slipstream_domain::analytics::{Range, Zone};
use slipstream_event::{Category, Filter, Viewer};

use crate::{Error, Scope, Store};

/// What is counted. The default's viewer sees no event.
#[derive(Clone, Debug)]
pub struct Query {
    /// What the reader may see.
    pub viewer: Viewer,
    /// Types, modules and severities; its other fields must be empty, and types too where [`Dimension::Actor`], [`top::Of::Actors`] or [`top::Of::Entities`] are asked for.
    pub filter: Filter,
    /// Categories; empty for all.
    pub categories: Vec<Category>,
    /// When: whole quarters of an hour of UTC; whole days where actors or entities are asked for.
    pub range: Range,
    /// Whose days and hours.
    pub zone: Zone,
}

/// What counts are split by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The type.
    Type,
    /// The category.
    Category,
    /// The severity.
    Severity,
    /// The module: first token of the type.
    Module,
    /// The action: last token of the type.
    Action,
    /// The entity's type: the type without its last token.
    EntityType,
    /// The actor's user id. By days of UTC only.
    Actor,
    /// The tenant: for super-admins.
    Tenant,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 8] = [Self::Type, Self::Category, Self::Severity, Self::Module, Self::Action, Self::EntityType, Self::Actor, Self::Tenant];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Category => "category",
            Self::Severity => "severity",
            Self::Module => "module",
            Self::Action => "action",
            Self::EntityType => "entityType",
            Self::Actor => "actor",
            Self::Tenant => "tenant",
        }
    }
}

/// How far counts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// A number that changes whenever the tenant's archive does; 0 over all tenants.
    pub head: u64,
    /// How many events there are: the largest number.
    pub size: u64,
    /// Through which number they are counted in rollups.
    pub folded: u64,
    /// Through which number the answer counts them; over all tenants: how many it counts.
    pub through: u64,
}

impl Standing {
    /// Whether all events of the archive are counted.
    pub fn is_complete(&self) -> bool {
        self.through >= self.size
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Postgres knows no zone of this name.
    #[error("there is no such time zone")]
    ZoneUnknown,
    /// In the time that is asked for, the zone's offset is no whole quarter of an hour.
    #[error("the zone's offset is no whole quarter of an hour then")]
    ZoneTooFine,
    /// Counting took longer than [`limits::ANALYTICS_TIMEOUT`](crate::limits::ANALYTICS_TIMEOUT), or [`limits::ANALYTICS_ENTITIES_TIMEOUT`](crate::limits::ANALYTICS_ENTITIES_TIMEOUT) for a ranking of entities. The same again takes as long.
    #[error("counting took too long")]
    TooSlow,
    /// Anything else.
    #[error(transparent)]
    Store(#[from] Error),
}

/// How far the counts of a scope go now. An account is read through a pool of [`Role::Reader`](crate::Role::Reader), all through one of [`Role::Api`](crate::Role::Api).
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn standing(store: &Store, scope: &Scope) -> Result<Standing, Error> {
    let mut tx = store.begin(scope, crate::store::Mode::Snapshot).await?;
    let standing = snapshot::standing(&mut tx, scope).await?;
    tx.commit().await?;
    Ok(standing)
}
