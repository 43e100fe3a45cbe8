//! How often streams may be opened: a token bucket per user and one per tenant, so that a client that opens streams in a loop costs others nothing.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{NotUntil, Quota, RateLimiter};
use metrics::counter;
use serde::Deserialize;
use slipstream_event::Tenant;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::metrics::OPENS_REFUSED;

/// How often. A bucket that was not used holds a minute's worth of a user, a second's worth of a tenant.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Openings by one user of a tenant in a minute.
    pub user_per_minute: NonZeroU32,
    /// Openings by all users of a tenant in a second.
    pub tenant_per_second: NonZeroU32,
}

impl Default for Rates {
    fn default() -> Self {
        let at_least_one = |rate| NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        Self { user_per_minute: at_least_one(120), tenant_per_second: at_least_one(5_000) }
    }
}

/// An opening came too soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    /// Whose bucket is empty: `user` or `tenant`.
    pub of: &'static str,
    /// When there will be room for one.
    pub wait: Duration,
}

/// Counts openings. One per process: behind a balancer each process allows as many.
#[derive(Debug)]
pub struct Opens {
    users: Limiter<(Tenant, Box<str>)>,
    tenants: Limiter<Tenant>,
    clock: DefaultClock,
}

type Limiter<K> = RateLimiter<K, governor::state::keyed::HashMapStateStore<K>, DefaultClock>;

impl Opens {
    /// With these rates.
    pub fn new(rates: Rates) -> Arc<Self> {
        let (users, tenants) = (Quota::per_minute(rates.user_per_minute), Quota::per_second(rates.tenant_per_second));
        Arc::new(Self { users: RateLimiter::hashmap(users), tenants: RateLimiter::hashmap(tenants), clock: DefaultClock::default() })
    }

    /// Counts one opening. The user's bucket comes first: what it refuses takes nothing from its tenant's.
    ///
    /// # Errors
    /// The bucket that is empty, and for how long.
    pub fn take(&self, tenant: &Tenant, user: &str) -> Result<(), TooSoon> {
        let of_user = self.users.check_key(&(tenant.clone(), user.into())).map_err(|not_until| ("user", self.wait(&not_until)));
        let taken = of_user.and_then(|()| self.tenants.check_key(tenant).map_err(|not_until| ("tenant", self.wait(&not_until))));
        taken.map_err(|(of, wait)| {
            counter!(OPENS_REFUSED, "of" => of).increment(1);
            TooSoon { of, wait }
        })
    }

    /// Forgets full buckets from time to time, until `shutdown`: what is kept is bounded by who opened streams in the last minutes.
    pub async fn forget_idle(&self, shutdown: CancellationToken) {
        while tokio::time::timeout(limits::OPENS_FORGOTTEN, shutdown.cancelled()).await.is_err() {
            self.forget();
        }
    }

    /// How many buckets are kept.
    pub fn kept(&self) -> usize {
        self.users.len() + self.tenants.len()
    }

    fn forget(&self) {
        self.users.retain_recent();
        self.users.shrink_to_fit();
        self.tenants.retain_recent();
        self.tenants.shrink_to_fit();
    }

    fn wait(&self, not_until: &NotUntil<<DefaultClock as Clock>::Instant>) -> Duration {
        not_until.wait_time_from(self.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(rate: u32) -> NonZeroU32 {
        NonZeroU32::new(rate).unwrap()
    }

    #[test]
    fn a_users_bucket_is_its_own_and_comes_before_the_tenants() {
        let opens = Opens::new(Rates { user_per_minute: rate(2), tenant_per_second: rate(5) });
        let (a, b) = (Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        assert!(opens.take(&a, "u1").is_ok() && opens.take(&a, "u1").is_ok());
        for _ in 0..10 {
            let refused = opens.take(&a, "u1").unwrap_err();
            assert!(refused.of == "user" && refused.wait > Duration::from_secs(20) && refused.wait <= Duration::from_secs(30), "{refused:?}");
        }
        assert!(opens.take(&b, "u1").is_ok(), "the same name in another tenant");
        assert!(opens.take(&a, "u2").is_ok() && opens.take(&a, "u3").is_ok() && opens.take(&a, "u4").is_ok(), "u1's refusals cost its tenant nothing");
        let refused = opens.take(&a, "u5").unwrap_err();
        assert!(refused.of == "tenant" && refused.wait <= Duration::from_millis(200), "{refused:?}");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let opens = Opens::new(Rates { user_per_minute: rate(u32::MAX), tenant_per_second: rate(u32::MAX) });
        let tenant = Tenant::new("a").unwrap();
        for user in 0..1_000 {
            opens.take(&tenant, &user.to_string()).unwrap();
        }
        assert_eq!(opens.kept(), 1_001);
        let begun = std::time::Instant::now();
        while opens.kept() > 0 {
            opens.forget();
            assert!(begun.elapsed() < Duration::from_secs(10), "{} are kept", opens.kept());
        }
    }
}
