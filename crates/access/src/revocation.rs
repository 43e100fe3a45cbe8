//! Who was cut off: the entries in force, in memory, and the one place that compares a caller with them.
//!
//! - An entry cuts within one tenant. Super-admins stand in the reserved tenant `platform`, whatever tenant their token names: no tenant's admin can cut them.
//! - By user, `user_disabled` and `tenant_suspended` refuse every credential until the entry is deleted or its `until` has passed. The other reasons refuse
//!   what was issued up to [`limits::LEEWAY_SECONDS`] after `revokedAt`: token times are whole seconds of the issuer's clock, and in doubt a credential is
//!   refused. A credential without a time of issue counts as issued before. A login after that works.
//! - By session and by token, everything that carries the id is refused.
//! - Until the entries were read for the first time nobody is let in. Afterwards the last known ones hold, also while they cannot be compared.

mod set;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use serde::{Deserialize, Serialize};
use slipstream_event::{Actor, Tenant, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Principal, limits};
use set::Set;

/// The entries in force. Cheap to clone; all clones share them.
#[derive(Clone)]
pub struct Revocations(Arc<Shared>);

struct Shared {
    /// `None`: not read yet.
    set: ArcSwapOption<Set>,
    version: watch::Sender<u64>,
}

/// One entry. Its JSON is what the routes show and what the broker keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// Its handle; ids of later entries are greater.
    pub id: Uuid,
    /// The tenant in which it cuts; `platform`: super-admins.
    pub tenant_id: Tenant,
    /// Whom.
    #[serde(flatten)]
    pub target: Target,
    /// Why.
    pub reason: Reason,
    /// Since when.
    pub revoked_at: Timestamp,
    /// When it loses its force. What it cut and has not expired by then is let in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who made it.
    pub revoked_by: Actor,
    /// What its maker had to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whom an entry cuts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// All credentials of a user, as events name it in `actor.userId`; of a service key: its name.
    UserId(String),
    /// What belongs to a session.
    SessionId(String),
    /// One token, by its `jti`.
    TokenId(String),
}

/// Why a caller is cut off, the weightiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The user may not come in any more.
    UserDisabled,
    /// The tenant may not be used any more.
    TenantSuspended,
    /// The credential is void; a new login works.
    AccessRevoked,
    /// The user's rights are others now; a new login has them.
    PermissionsChanged,
    /// The user works for another tenant now.
    TenantChanged,
}

/// One change of the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or as it is now.
    Put(Revocation),
    /// The entry of that tenant and id is gone.
    Gone(Tenant, Uuid),
}

impl Reason {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserDisabled => "user_disabled",
            Self::TenantSuspended => "tenant_suspended",
            Self::AccessRevoked => "access_revoked",
            Self::PermissionsChanged => "permissions_changed",
            Self::TenantChanged => "tenant_changed",
        }
    }

    /// Whether a client that is cut off for it should come again, with a new credential.
    pub fn reconnect(self) -> bool {
        matches!(self, Self::PermissionsChanged | Self::TenantChanged)
    }

    /// Whether it refuses a user's new logins too.
    fn bars_logins(self) -> bool {
        matches!(self, Self::UserDisabled | Self::TenantSuspended)
    }
}

impl Revocation {
    /// Whether it refuses `principal` at `now`. Pure.
    pub fn refuses(&self, principal: &Principal, now: Timestamp) -> bool {
        let same = |id: &Option<String>, other: &str| id.as_deref() == Some(other);
        self.is_in_force(now)
            && self.tenant_id.as_str() == tenant_of(principal)
            && match &self.target {
                Target::UserId(user) => *user == principal.actor.user_id && (self.reason.bars_logins() || self.covers(principal)),
                Target::SessionId(session) => same(&principal.session_id, session),
                Target::TokenId(token) => same(&principal.token_id, token),
            }
    }

    /// Whether it would keep its own maker out for good: a user that bars its own logins, or a service key, which has no other login. Pure.
    pub fn locks_out(&self, maker: &Principal) -> bool {
        let own = matches!(&self.target, Target::UserId(user) if *user == maker.actor.user_id) && self.tenant_id.as_str() == tenant_of(maker);
        own && (self.reason.bars_logins() || maker.issued_at.is_none())
    }

    /// Whether `until` has not passed.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether the credential was, or may have been, issued before.
    fn covers(&self, principal: &Principal) -> bool {
        let last = self.revoked_at.datetime() + Duration::from_secs(limits::LEEWAY_SECONDS);
        principal.issued_at.is_none_or(|issued_at| issued_at <= last)
    }
}

/// The tenant whose entries cut a caller.
fn tenant_of(principal: &Principal) -> &str {
    principal.tenant.as_ref().filter(|_| !principal.super_admin).map_or(Tenant::PLATFORM, Tenant::as_str)
}

impl Revocations {
    /// Not read yet: nobody is let in.
    pub fn unread() -> Self {
        Self(Arc::new(Shared { set: ArcSwapOption::empty(), version: watch::Sender::new(0) }))
    }

    /// Known to be none: for programs that verify tokens without a broker.
    pub fn none() -> Self {
        let none = Self::unread();
        none.replace([]);
        none
    }

    /// Why `principal` is cut off now, the weightiest reason; `None` when it is not. Waits for nothing; without entries it allocates nothing.
    pub fn check(&self, principal: &Principal) -> Option<Reason> {
        let set = self.0.set.load();
        let set = set.as_deref().filter(|set| !set.is_empty())?;
        set.find(tenant_of(principal), principal, Timestamp::now())
    }

    /// A number that grows with every change: whoever lets a caller stay for long [checks](Revocations::check) it again then.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.version.subscribe()
    }

    /// Whether the entries were ever read.
    pub fn is_read(&self) -> bool {
        self.0.set.load().is_some()
    }

    /// Waits at most `wait` for the first read; whether there was one.
    pub async fn read_within(&self, wait: Duration) -> bool {
        self.is_read() || self.wait_for(wait, |_| self.is_read()).await
    }

    /// Waits at most `wait` until the entry is known, or known to be gone; whether it came to that.
    pub async fn settled(&self, tenant: &Tenant, id: Uuid, present: bool, wait: Duration) -> bool {
        self.wait_for(wait, |_| self.0.set.load().as_deref().is_some_and(|set| set.holds(tenant.as_str(), id)) == present).await
    }

    /// The entries of a tenant that are in force, newest first.
    pub fn of(&self, tenant: &Tenant) -> Vec<Arc<Revocation>> {
        self.0.set.load().as_deref().map(|set| set.of(tenant.as_str(), Timestamp::now())).unwrap_or_default()
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.0.set.load().as_deref().map_or(0, Set::count)
    }

    /// These are all.
    pub fn replace(&self, all: impl IntoIterator<Item = Revocation>) {
        self.apply(Set::default(), all.into_iter().map(Change::Put));
    }

    /// These have changed.
    pub fn change(&self, changes: impl IntoIterator<Item = Change>) {
        let known = self.0.set.load_full().map(|set| (*set).clone());
        self.apply(known.unwrap_or_default(), changes);
    }

    /// First the entries, then the number: who sees the number sees the entries.
    fn apply(&self, mut set: Set, changes: impl IntoIterator<Item = Change>) {
        changes.into_iter().for_each(|change| set.apply(change));
        set.forget_past(Timestamp::now());
        self.0.set.store(Some(Arc::new(set)));
        self.0.version.send_modify(|version| *version += 1);
    }

    async fn wait_for(&self, wait: Duration, holds: impl FnMut(&u64) -> bool) -> bool {
        let mut version = self.subscribe();
        let held = tokio::time::timeout(wait, version.wait_for(holds)).await;
        matches!(held, Ok(Ok(_)))
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("is_read", &self.is_read()).field("count", &self.count()).finish()
    }
}

#[cfg(test)]
mod tests;
