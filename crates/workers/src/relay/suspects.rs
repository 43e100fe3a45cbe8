//! Which rows may stand in the log already, although the outbox does not know: the bookkeeping, without I/O.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use slipstream_event::{Tenant, Timestamp};
use tokio::time::Instant;

use crate::limits;

/// Rows are published in order and the outbox is told of each batch before the next. So of a tenant's pending rows only the first ones may stand in the log, and once
/// one is seen not to, the tenant is clear.
#[derive(Debug)]
pub(super) struct Suspects {
    /// Rows that were appended before this are suspect, those of clear tenants excepted.
    before: Timestamp,
    clear: HashSet<Tenant>,
    /// Tenants whose publishing fails, since when.
    failing: HashMap<Tenant, Instant>,
    duplicate_window: Duration,
}

impl Suspects {
    /// All rows that are there at `now`.
    pub(super) fn new(now: Timestamp, duplicate_window: Duration) -> Self {
        Self { before: margin(now), clear: HashSet::new(), failing: HashMap::new(), duplicate_window }
    }

    /// All rows that are there at `now` are suspect again.
    pub(super) fn all(&mut self, now: Timestamp) {
        self.before = margin(now);
        self.clear.clear();
    }

    /// Whether rows of a tenant, the first of which was appended at `appended_at`, must be looked for before they are published.
    pub(super) fn includes(&self, tenant: &Tenant, appended_at: Timestamp, now: Instant) -> bool {
        let unknown_for_long = self.failing.get(tenant).is_some_and(|since| now.duration_since(*since) >= self.duplicate_window / 2);
        unknown_for_long || (appended_at < self.before && !self.clear.contains(tenant))
    }

    /// A row of the tenant was looked for and not found.
    pub(super) fn cleared(&mut self, tenant: &Tenant, now: Instant) {
        self.clear.insert(tenant.clone());
        if let Some(since) = self.failing.get_mut(tenant) {
            *since = now;
        }
    }

    /// Publishing of the tenant failed: it is unknown what of it was stored.
    pub(super) fn failed(&mut self, tenant: &Tenant, now: Instant) {
        self.failing.entry(tenant.clone()).or_insert(now);
    }

    /// Publishing of the tenant succeeded.
    pub(super) fn succeeded(&mut self, tenant: &Tenant) {
        self.failing.remove(tenant);
    }
}

fn margin(now: Timestamp) -> Timestamp {
    (now.datetime() + limits::CLOCKS_APART_MAX).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_what_was_there_before_once_per_tenant() {
        let (now, at) = (Timestamp::now(), Instant::now());
        let (a, b) = (Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        let mut suspects = Suspects::new(now, Duration::from_secs(600));
        assert!(suspects.includes(&a, now, at) && suspects.includes(&b, now, at));
        suspects.cleared(&a, at);
        assert!(!suspects.includes(&a, now, at) && suspects.includes(&b, now, at));
        let later = (now.datetime() + 2 * limits::CLOCKS_APART_MAX).into();
        assert!(!suspects.includes(&b, later, at), "appended while this relay leads");
        suspects.all(later);
        assert!(suspects.includes(&a, now, at) && suspects.includes(&b, later, at));
    }

    #[test]
    fn suspects_what_fails_for_half_the_window() {
        let (now, at) = (Timestamp::now(), Instant::now());
        let a = Tenant::new("a").unwrap();
        let mut suspects = Suspects::new(now, Duration::from_secs(600));
        suspects.cleared(&a, at);
        suspects.failed(&a, at);
        suspects.failed(&a, at + Duration::from_secs(200));
        assert!(!suspects.includes(&a, now, at + Duration::from_secs(299)));
        assert!(suspects.includes(&a, now, at + Duration::from_secs(300)));
        suspects.cleared(&a, at + Duration::from_secs(300));
        assert!(!suspects.includes(&a, now, at + Duration::from_secs(301)), "looked for just now");
        suspects.succeeded(&a);
        assert!(!suspects.includes(&a, now, at + Duration::from_secs(9_000)));
    }
}
