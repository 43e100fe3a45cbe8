//! Retention of the archive: what rules may say, what they mean at a moment, and which events tell of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use slipstream_event::{Actor, Category, Event, Fault, Tenant, Timestamp};

use crate::activity::Settings;
use crate::declared::{Broken, By, Changes, Making};
use crate::limits::{RANGES_MAX, RETENTION_DAYS, RETENTION_ENTRIES};

/// Id of the one set of rules of a tenant, as an entity of events.
const RETENTION: &str = "retention";
/// Name of the group of categories without a rule of their own.
const OTHERS: &str = "*";
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// How long events of a category are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The category; `None`: all that have no rule of their own, together.
    pub category: Option<Category>,
    /// `false`: nothing of it is removed.
    pub enabled: bool,
    /// Older events are removed, in days.
    pub max_days: Option<u32>,
    /// The oldest beyond so many are removed, in the order in which they were archived.
    pub max_entries: Option<u64>,
}

/// Categories that are kept alike, at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The category, or a star.
    pub name: String,
    /// Which they are.
    pub categories: Vec<Category>,
    /// What happened before this is too old.
    pub before: Option<Timestamp>,
    /// The newest so many are kept, of all of them together.
    pub max_entries: Option<u64>,
}

/// What one transaction removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// Numbers of the events, as first and last of ranges, ascending.
    pub numbers: Vec<(u64, u64)>,
    /// How many of each category.
    pub categories: BTreeMap<String, u64>,
    /// Events that a hold kept.
    pub held: u64,
}

impl Group {
    /// Whether an event of this category is in it.
    pub fn has(&self, category: Category) -> bool {
        self.categories.contains(&category)
    }
}

impl Rule {
    /// The category, or a star.
    pub fn name(&self) -> &'static str {
        self.category.map_or(OTHERS, Category::as_str)
    }
}

/// What is wrong with rules, beyond each value of its own: the fields are named as `rules.<place>.<field>`.
pub fn faults(rules: &[Rule]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (place, rule) in rules.iter().enumerate() {
        let mut refuse = |field: &str, code: &'static str, what: String| faults.push(Fault::new(format!("rules.{place}.{field}"), code, what));
        if rules[..place].iter().any(|other| other.category == rule.category) {
            refuse("category", "duplicate", "has a rule already".to_owned());
        }
        if rule.max_days.is_some_and(|days| !RETENTION_DAYS.contains(&i64::from(days))) {
            refuse("maxDays", "range", format!("must be {} to {}", RETENTION_DAYS.start(), RETENTION_DAYS.end()));
        }
        if rule.max_entries.is_some_and(|entries| !i64::try_from(entries).is_ok_and(|entries| RETENTION_ENTRIES.contains(&entries))) {
            refuse("maxEntries", "range", format!("must be {} to {}", RETENTION_ENTRIES.start(), RETENTION_ENTRIES.end()));
        }
        if rule.enabled && rule.max_days.is_none() && rule.max_entries.is_none() {
            refuse("maxDays", "missing", "is required, or maxEntries, while the rule is enabled".to_owned());
        }
    }
    faults
}

/// What rules mean at `now`: only groups of which something may be removed. `max_days` holds for categories to which no rule applies. While the activity log is on, its
/// own limit of age is the least: what it shows is not removed because of its age.
pub fn groups(rules: &[Rule], max_days: Option<u32>, log: &Settings, now: Timestamp) -> Vec<Group> {
    let others: Vec<Category> = Category::ALL.into_iter().filter(|category| !rules.iter().any(|rule| rule.category == Some(*category))).collect();
    let general = Rule { category: None, enabled: true, max_days, max_entries: None };
    let has_general = rules.iter().any(|rule| rule.category.is_none());
    let all = rules.iter().chain((!has_general && max_days.is_some()).then_some(&general));
    let group = |rule: &Rule| {
        let days = rule.max_days.map(|days| if log.enabled { days.max(log.max_days) } else { days });
        Group {
            name: rule.name().to_owned(),
            categories: rule.category.map_or_else(|| others.clone(), |category| vec![category]),
            before: days.and_then(|days| Timestamp::from_micros(now.micros() - i64::from(days) * DAY_MICROS)),
            max_entries: rule.max_entries,
        }
    };
    let mut groups: Vec<Group> = all.filter(|rule| rule.enabled).map(group).collect();
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups
}

/// Numbers, ascending, as first and last of ranges.
pub fn ranges(numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// The event of new rules.
///
/// # Errors
/// [`Broken`].
pub fn updated(tenant: &Tenant, before: &[Rule], after: &[Rule], by: By<'_>) -> Result<Event, Broken> {
    Making::begin("archive.retention.updated", tenant, RETENTION.to_owned(), by)?.with("before", &before)?.with("after", &after)?.finish(Changes::default())
}

/// The events of what was removed: one of each [`RANGES_MAX`] ranges, so that each fits into an event. What a hold kept, and categories, are told by the first.
///
/// # Errors
/// [`Broken`].
pub fn completed(tenant: &Tenant, removal: &Removal) -> Result<Vec<Event>, Broken> {
    #[derive(Serialize)]
    struct Report<'a> {
        numbers: &'a [(u64, u64)],
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        categories: &'a BTreeMap<String, u64>,
    }
    let (actor, none) = (Actor::system(), BTreeMap::new());
    let event = |(place, numbers): (usize, &[(u64, u64)])| {
        let by = By { actor: &actor, correlation_id: None, batch_id: None };
        let removed: u64 = numbers.iter().map(|(first, last)| last - first + 1).sum();
        let (categories, held) = if place == 0 { (&removal.categories, removal.held) } else { (&none, 0) };
        Making::begin("archive.retention.completed", tenant, RETENTION.to_owned(), by)?
            .with("removed", &removed)?
            .with("held", &held)?
            .with("report", &Report { numbers, categories })?
            .finish(Changes::default())
    };
    removal.numbers.chunks(RANGES_MAX).enumerate().map(event).collect()
}

#[cfg(test)]
mod tests {
    use slipstream_event::limits::EVENT_BYTES_MAX;

    use super::*;

    fn rule(category: Option<Category>, max_days: Option<u32>, max_entries: Option<u64>) -> Rule {
        Rule { category, enabled: true, max_days, max_entries }
    }

    fn off() -> Settings {
        Settings { enabled: false, ..Settings::default() }
    }

    #[test]
    fn a_category_goes_by_its_own_rule_and_the_rest_together() {
        let now = Timestamp::parse("2026-11-20T00:00:00Z").unwrap();
        let rules =
            [rule(None, Some(365), None), rule(Some(Category::Device), Some(30), Some(5)), Rule { enabled: false, ..rule(Some(Category::Auth), None, None) }];
        let groups = groups(&rules, Some(7), &off(), now);
        assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["*", "device"]);
        assert_eq!(groups[0].categories, [Category::Entity, Category::Capture, Category::System], "what is switched off belongs to no other rule");
        assert_eq!((groups[0].before, groups[0].max_entries), (Timestamp::parse("2025-11-20T00:00:00Z"), None));
        assert_eq!((groups[1].before, groups[1].max_entries), (Timestamp::parse("2026-10-21T00:00:00Z"), Some(5)));
    }

    #[test]
    fn without_rules_the_common_limit_holds_or_none() {
        let now = Timestamp::parse("2026-11-20T00:00:00Z").unwrap();
        assert_eq!(groups(&[], None, &off(), now), []);
        assert_eq!(groups(&[], Some(1), &off(), now)[0].categories.len(), 5);
        let exempt = Rule { enabled: false, ..rule(None, None, None) };
        assert_eq!(groups(&[exempt], Some(1), &off(), now), [], "a rule that is off is a rule");
    }

    #[test]
    fn what_the_activity_log_shows_is_not_too_old() {
        let now = Timestamp::parse("2026-11-20T00:00:00Z").unwrap();
        let log = Settings { max_days: 90, ..Settings::default() };
        let before = |days| groups(&[rule(None, Some(days), None)], None, &log, now)[0].before;
        assert_eq!(before(1), before(90));
        assert!(before(91) < before(90));
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let rules = [rule(None, Some(0), Some(0)), rule(None, None, None), rule(Some(Category::Auth), Some(36_501), None)];
        let fields: Vec<String> = faults(&rules).into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["rules.0.maxDays", "rules.0.maxEntries", "rules.1.category", "rules.1.maxDays", "rules.2.maxDays"]);
        assert_eq!(faults(&[rule(None, Some(1), Some(1)), Rule { enabled: false, ..rule(Some(Category::Auth), None, None) }]), []);
    }

    #[test]
    fn reports_fit_into_events_whatever_the_numbers() {
        let tenant = Tenant::new("acme").unwrap();
        let numbers: Vec<u64> = (0..2_500).map(|n| 900_000_000_000_000 + 2 * n).collect();
        let removal = Removal { numbers: ranges(numbers.iter().copied()), categories: BTreeMap::from([("auth".to_owned(), 2_500)]), held: 7 };
        let events = completed(&tenant, &removal).unwrap();
        assert_eq!(events.len(), 3);
        assert!(events.iter().all(|event| event.to_json().len() <= EVENT_BYTES_MAX));
        let told = |event: &Event, key: &str| event.metadata.get(key).unwrap().parse::<u64>().unwrap();
        assert_eq!(events.iter().map(|event| told(event, "removed")).sum::<u64>(), 2_500);
        assert_eq!(events.iter().map(|event| told(event, "held")).sum::<u64>(), 7);
        assert_eq!(ranges([1, 2, 3, 5, 7, 8]), [(1, 3), (5, 5), (7, 8)]);
    }
}
