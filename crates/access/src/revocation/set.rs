//! The entries by tenant, arranged so that a caller is compared with few of them.

use std::collections::HashMap;
use std::sync::Arc;

use slipstream_event::Timestamp;
use uuid::Uuid;

use super::{Change, Reason, Revocation, Target};
use crate::Principal;

/// All entries. A copy shares the tenants that it does not change.
#[derive(Clone, Debug, Default)]
pub(super) struct Set(HashMap<Box<str>, Arc<OfTenant>>);

#[derive(Clone, Debug, Default)]
struct OfTenant {
    all: HashMap<Uuid, Arc<Revocation>>,
    users: Index,
    sessions: Index,
    tokens: Index,
}

type Index = HashMap<Box<str>, Vec<Arc<Revocation>>>;

impl Set {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().map(|of| of.all.len()).sum()
    }

    /// The weightiest reason for which `principal`, who stands in `tenant`, is refused.
    pub(super) fn find(&self, tenant: &str, principal: &Principal, now: Timestamp) -> Option<Reason> {
        let of = self.0.get(tenant)?;
        let named = [(&of.users, Some(&principal.actor.user_id)), (&of.sessions, principal.session_id.as_ref()), (&of.tokens, principal.token_id.as_ref())];
        let entries = named.into_iter().filter_map(|(index, id)| index.get(id?.as_str())).flatten();
        entries.filter(|entry| entry.refuses(principal, now)).map(|entry| entry.reason).min()
    }

    /// A tenant's entries in force, newest first.
    pub(super) fn of(&self, tenant: &str, now: Timestamp) -> Vec<Arc<Revocation>> {
        let Some(of) = self.0.get(tenant) else { return Vec::new() };
        let mut entries: Vec<_> = of.all.values().filter(|entry| entry.is_in_force(now)).cloned().collect();
        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
        entries
    }

    pub(super) fn holds(&self, tenant: &str, id: Uuid) -> bool {
        self.0.get(tenant).is_some_and(|of| of.all.contains_key(&id))
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Put(entry) => {
                self.remove(entry.tenant_id.as_str(), entry.id);
                let of = Arc::make_mut(self.0.entry(entry.tenant_id.as_str().into()).or_default());
                let entry = Arc::new(entry);
                let (index, id) = of.index(&entry.target);
                index.entry(id.into()).or_default().push(entry.clone());
                of.all.insert(entry.id, entry);
            }
            Change::Gone(tenant, id) => self.remove(tenant.as_str(), id),
        }
    }

    /// Drops what is past its `until`.
    pub(super) fn forget_past(&mut self, now: Timestamp) {
        let past: Vec<Arc<Revocation>> = self.0.values().flat_map(|of| of.all.values()).filter(|entry| !entry.is_in_force(now)).cloned().collect();
        past.iter().for_each(|entry| self.remove(entry.tenant_id.as_str(), entry.id));
    }

    fn remove(&mut self, tenant: &str, id: Uuid) {
        let Some(of) = self.0.get_mut(tenant).filter(|of| of.all.contains_key(&id)) else { return };
        let of = Arc::make_mut(of);
        if let Some(entry) = of.all.remove(&id) {
            let (index, name) = of.index(&entry.target);
            if let Some(entries) = index.get_mut(name) {
                entries.retain(|other| other.id != id);
                if entries.is_empty() {
                    index.remove(name);
                }
            }
        }
        if of.all.is_empty() {
            self.0.remove(tenant);
        }
    }
}

impl OfTenant {
    fn index<'a>(&mut self, target: &'a Target) -> (&mut Index, &'a str) {
        match target {
            Target::UserId(id) => (&mut self.users, id),
            Target::SessionId(id) => (&mut self.sessions, id),
            Target::TokenId(id) => (&mut self.tokens, id),
        }
    }
}
