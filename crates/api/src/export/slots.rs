//! How many exports one process hands out at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use slipstream_access::Problem;
use slipstream_event::Tenant;

use crate::limits;

/// The exports that are being handed out: the users, by tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots(Arc<Mutex<HashMap<Tenant, Vec<String>>>>);

/// The right to hand out one export. It ends when it is dropped, with the body that holds it: also when the client goes away.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    tenant: Tenant,
    user: String,
}

impl Slots {
    /// A slot for a user of a tenant.
    ///
    /// # Errors
    /// 429 with `Retry-After`, when the user has one or the tenant has all.
    pub(crate) fn take(&self, tenant: &Tenant, user: &str) -> Result<Slot, Problem> {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let users = tenants.entry(tenant.clone()).or_default();
        let refused = |code, detail| Err(Problem::too_many_requests(code, detail, limits::EXPORTS_RETRY_AFTER));
        if users.iter().filter(|other| *other == user).count() >= limits::EXPORTS_USER_MAX {
            return refused("export_in_progress", "you have an export that is not done");
        }
        if users.len() >= limits::EXPORTS_TENANT_MAX {
            return refused("too_many_exports", "your organisation has as many exports as it may at a time");
        }
        users.push(user.to_owned());
        Ok(Slot { slots: self.clone(), tenant: tenant.clone(), user: user.to_owned() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut tenants = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(users) = tenants.get_mut(&self.tenant) else { return };
        if let Some(place) = users.iter().position(|user| *user == self.user) {
            users.swap_remove(place);
        }
        if users.is_empty() {
            tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_a_user_and_four_for_a_tenant() {
        let (slots, a, b) = (Slots::default(), Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        let code = |result: Result<Slot, Problem>| result.unwrap_err().code();
        let mut taken: Vec<Slot> = (0..4).map(|n| slots.take(&a, &format!("u{n}")).unwrap()).collect();
        assert_eq!((code(slots.take(&a, "u1")), code(slots.take(&a, "u9"))), ("export_in_progress", "too_many_exports"));
        drop(slots.take(&b, "u1").unwrap());
        taken.remove(1);
        drop(slots.take(&a, "u1").unwrap());
        drop(taken);
        assert!(slots.0.lock().unwrap().is_empty(), "nothing is kept of who has none");
    }
}
