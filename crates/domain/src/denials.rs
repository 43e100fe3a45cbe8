//! Refused calls of known callers: which are told one by one, and how many more there were. Never with a credential: what is told is the caller, a word and the route's pattern.

use std::collections::HashMap;

use slipstream_event::{Actor, Event, Tenant, Timestamp};

use crate::declared::{Broken, By, Changes, Making};
use crate::limits::{REFUSALS_TOLD_MAX, REFUSALS_WINDOW_SECONDS, REFUSED_CALLERS_MAX};

/// A refused call of a caller whose credential was good.
#[derive(Clone, Debug, PartialEq)]
pub struct Denial {
    /// The tenant that the credential names.
    pub tenant: Tenant,
    /// The caller.
    pub actor: Actor,
    /// The answer's word.
    pub reason: &'static str,
    /// The pattern of the route, when the denial is one of a route.
    pub route: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Denial {
    /// The event that tells of it.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn event(&self) -> Result<Event, Broken> {
        begin("audit.access.refused", &self.tenant, &self.actor)?.with("reason", &self.reason)?.with("route", &self.route)?.finish(Changes::default())
    }
}

/// Refusals of one caller that were not told one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct Rest {
    /// The tenant.
    pub tenant: Tenant,
    /// The caller.
    pub actor: Actor,
    /// How many.
    pub suppressed: u64,
}

impl Rest {
    /// The event that tells of them.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn event(&self) -> Result<Event, Broken> {
        begin("audit.access.suppressed", &self.tenant, &self.actor)?.with("suppressed", &self.suppressed)?.finish(Changes::default())
    }
}

fn begin(event_type: &str, tenant: &Tenant, actor: &Actor) -> Result<Making, Broken> {
    Making::begin(event_type, tenant, actor.user_id.clone(), By { actor, correlation_id: None, batch_id: None })
}

/// What to do with a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Tell it.
    Tell,
    /// It is counted, and told with others.
    Count,
    /// There are too many callers to count for this one.
    Drop,
}

/// Which refusals are told one by one: [`REFUSALS_TOLD_MAX`] of a caller in a window of [`REFUSALS_WINDOW_SECONDS`], which begins with the first.
#[derive(Debug, Default)]
pub struct Throttle(HashMap<(Tenant, String), Window>);

#[derive(Debug)]
struct Window {
    began: Timestamp,
    told: u32,
    rest: Rest,
}

impl Throttle {
    /// Takes the next denial.
    pub fn take(&mut self, denial: &Denial) -> Verdict {
        let key = (denial.tenant.clone(), denial.actor.user_id.clone());
        if self.0.len() >= REFUSED_CALLERS_MAX && !self.0.contains_key(&key) {
            return Verdict::Drop;
        }
        let rest = || Rest { tenant: denial.tenant.clone(), actor: denial.actor.clone(), suppressed: 0 };
        let window = self.0.entry(key).or_insert_with(|| Window { began: denial.at, told: 0, rest: rest() });
        if window.told < REFUSALS_TOLD_MAX {
            window.told += 1;
            return Verdict::Tell;
        }
        window.rest.suppressed += 1;
        Verdict::Count
    }

    /// Forgets the windows that are over; what they did not tell one by one. Without a time: all.
    pub fn over(&mut self, now: Option<Timestamp>) -> Vec<Rest> {
        let length = REFUSALS_WINDOW_SECONDS * 1_000_000;
        let is_over = |window: &Window| now.is_none_or(|now| now.micros() - window.began.micros() >= length);
        let over = self.0.extract_if(|_, window| is_over(window)).map(|(_, window)| window.rest);
        over.filter(|rest| rest.suppressed > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(user: &str, second: i64) -> Denial {
        let at = Timestamp::from_micros(1_790_000_000_000_000 + second * 1_000_000).unwrap();
        Denial { tenant: Tenant::new("acme").unwrap(), actor: Actor::user(user), reason: "role_forbidden", route: Some("/x/{id}".to_owned()), at }
    }

    #[test]
    fn tells_some_of_each_caller_and_then_how_many_more_there_were() {
        let mut throttle = Throttle::default();
        let told = (0..20).filter(|second| throttle.take(&denial("u1", *second)) == Verdict::Tell).count();
        assert_eq!((told, throttle.take(&denial("u2", 20))), (REFUSALS_TOLD_MAX as usize, Verdict::Tell));
        assert_eq!(throttle.over(Some(denial("", 59).at)), []);
        let over = throttle.over(Some(denial("", 60).at));
        assert_eq!(over.iter().map(|rest| (rest.actor.user_id.as_str(), rest.suppressed)).collect::<Vec<_>>(), [("u1", 15)]);
        assert_eq!(over[0].event().unwrap().message.as_deref(), Some("15 more refused calls of u1 within a minute"));
        assert_eq!(throttle.take(&denial("u1", 61)), Verdict::Tell);
        assert_eq!((throttle.over(None), throttle.0.len()), (vec![], 0));
        assert_eq!(denial("u1", 0).event().unwrap().metadata.text("reason").as_deref(), Some("role_forbidden"));
    }

    #[test]
    fn counts_for_so_many_callers_and_no_more() {
        let mut throttle = Throttle::default();
        (0..REFUSED_CALLERS_MAX).for_each(|n| assert_eq!(throttle.take(&denial(&n.to_string(), 0)), Verdict::Tell));
        assert_eq!((throttle.take(&denial("one more", 0)), throttle.take(&denial("0", 0))), (Verdict::Drop, Verdict::Tell));
    }
}
