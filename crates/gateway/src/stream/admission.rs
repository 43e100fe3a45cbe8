//! How many streams may be open: per process, per tenant and per user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::{counter, gauge};
use serde::Deserialize;
use slipstream_event::Tenant;

use crate::metrics::{STREAMS, STREAMS_REFUSED};

/// The caps. At a cap a new stream is refused; open ones stay.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Streams of this process. Beyond: 503.
    pub node_max: usize,
    /// Streams of one tenant. Beyond: 429.
    pub tenant_max: usize,
    /// Streams of one user. Beyond: 429.
    pub user_max: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Self { node_max: 50_000, tenant_max: 20_000, user_max: 50 }
    }
}

/// Which cap was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The process's.
    Node,
    /// The tenant's.
    Tenant,
    /// The user's.
    User,
}

impl Full {
    /// The word for it in errors and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Tenant => "tenant",
            Self::User => "user",
        }
    }
}

/// Counts open streams.
#[derive(Debug)]
pub struct Admission {
    caps: Caps,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    tenants: HashMap<Tenant, usize>,
    users: HashMap<(Tenant, Box<str>), usize>,
}

/// The right to one open stream; given back when dropped.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    user: (Tenant, Box<str>),
}

impl Admission {
    /// Counts against `caps`.
    pub fn new(caps: Caps) -> Arc<Self> {
        Arc::new(Self { caps, open: Mutex::default() })
    }

    /// Admits one stream of `user` of `tenant`.
    ///
    /// # Errors
    /// The cap that is reached, the widest first.
    pub fn enter(self: &Arc<Self>, tenant: &Tenant, user: &str) -> Result<Permit, Full> {
        let user = (tenant.clone(), Box::from(user));
        let mut open = self.open();
        let of_tenant = open.tenants.get(tenant).copied().unwrap_or(0);
        let of_user = open.users.get(&user).copied().unwrap_or(0);
        let full = [(Full::Node, open.all, self.caps.node_max), (Full::Tenant, of_tenant, self.caps.tenant_max), (Full::User, of_user, self.caps.user_max)];
        if let Some((full, ..)) = full.into_iter().find(|(_, now, max)| now >= max) {
            counter!(STREAMS_REFUSED, "cap" => full.as_str()).increment(1);
            return Err(full);
        }
        open.all += 1;
        open.tenants.insert(tenant.clone(), of_tenant + 1);
        open.users.insert(user.clone(), of_user + 1);
        drop(open);
        gauge!(STREAMS).increment(1.0);
        Ok(Permit { admission: self.clone(), user })
    }

    /// Open streams of this process.
    pub fn count(&self) -> usize {
        self.open().all
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.all = open.all.saturating_sub(1);
        leave(&mut open.tenants, &self.user.0);
        leave(&mut open.users, &self.user);
        drop(open);
        gauge!(STREAMS).decrement(1.0);
    }
}

fn leave<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_down_to_nothing() {
        let admission = Admission::new(Caps { node_max: 3, tenant_max: 2, user_max: 1 });
        let (a, b) = (Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        let first = admission.enter(&a, "u1").unwrap();
        assert_eq!(admission.enter(&a, "u1").unwrap_err(), Full::User);
        let second = admission.enter(&a, "u2").unwrap();
        assert_eq!(admission.enter(&a, "u3").unwrap_err(), Full::Tenant);
        let third = admission.enter(&b, "u1").unwrap();
        assert_eq!(admission.enter(&b, "u2").unwrap_err(), Full::Node);
        drop((first, second, third));
        assert_eq!(admission.count(), 0);
        let open = admission.open();
        assert!(open.tenants.is_empty() && open.users.is_empty());
    }
}
