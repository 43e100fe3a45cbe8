//! A year of a platform's events, made anew and alike in every run: the n-th event depends on nothing but n.
//!
//! Half of all events belong to the first tenant, the rest to the others in turn by chance. They happen one after the other, but one in 200 comes up to two hours late.

use slipstream_event::{Actor, Category, Event, EventType, Severity, Tenant, Timestamp, Visibility};
use time::{Duration, OffsetDateTime};
use uuid::Builder;

/// Over which time the events are spread.
const SPAN: Duration = Duration::days(360);
/// One event in so many is late.
const LATE_ONE_IN: u64 = 200;
/// How late, at most.
const LATE_MAX: Duration = Duration::hours(2);
/// What happens, how often of 64, and how it is classed.
const KINDS: [(&str, u64, Severity, Category, &str); 12] = [
    ("fleet.work_order.updated", 18, Severity::Info, Category::Entity, "tenant"),
    ("fleet.work_order.created", 6, Severity::Info, Category::Entity, "tenant"),
    ("fleet.work_order.closed", 6, Severity::Info, Category::Capture, "tenant"),
    ("fleet.component.inspected", 9, Severity::Info, Category::Entity, "tenant"),
    ("quality.finding.raised", 4, Severity::Warning, Category::Entity, "quality"),
    ("quality.car.escalated", 1, Severity::Error, Category::Capture, "quality"),
    ("documents.manual.published", 2, Severity::Info, Category::Capture, "tenant"),
    ("devices.gateway.online", 6, Severity::Info, Category::Device, "tenant"),
    ("devices.gateway.lost", 2, Severity::Error, Category::Device, "tenant"),
    ("auth.session.established", 7, Severity::Info, Category::Auth, "admin"),
    ("auth.session.refused", 2, Severity::Warning, Category::Auth, "subject"),
    ("settings.module.changed", 1, Severity::Critical, Category::System, "admin"),
];
const FIRST_NAMES: [&str; 8] = ["Anna", "Boris", "Chiara", "Deniz", "Edda", "Farid", "Greta", "Hugo"];
const LAST_NAMES: [&str; 8] = ["Berg", "Costa", "Dahl", "Ersoy", "Funke", "Garcia", "Hansen", "Ivanov"];

/// The events.
#[derive(Clone, Debug)]
pub(crate) struct Corpus {
    tenants: Vec<Tenant>,
    templates: Vec<Event>,
    /// The kind of an event, by the lowest six bits of its chance.
    kinds: Vec<usize>,
    events: u64,
    begin: OffsetDateTime,
}

impl Corpus {
    /// So many events, the last of which happened just before `end`.
    pub(crate) fn new(events: u64, tenants: u16, end: OffsetDateTime) -> Self {
        let tenants: Vec<Tenant> = (0..tenants).map(|number| Tenant::new(&format!("operator-{number:03}")).unwrap()).collect();
        let template = |(name, _, severity, category, visibility): &(&str, u64, Severity, Category, &str)| Event {
            severity: *severity,
            category: *category,
            visibility: Visibility::parse(visibility).unwrap(),
            ..Event::new(&tenants[0], &EventType::new(name).unwrap(), "", Actor::user(""))
        };
        let templates = KINDS.iter().map(template).collect();
        let kinds: Vec<usize> = KINDS.iter().enumerate().flat_map(|(kind, (_, often, ..))| std::iter::repeat_n(kind, *often as usize)).collect();
        assert!(kinds.len() == 64, "the kinds are so many of 64");
        Self { tenants, templates, kinds, events, begin: end - SPAN }
    }

    /// How many there are.
    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    /// The tenant with half of all.
    pub(crate) fn largest(&self) -> &Tenant {
        &self.tenants[0]
    }

    /// One of the others.
    pub(crate) fn small(&self) -> &Tenant {
        &self.tenants[self.tenants.len() / 2]
    }

    /// When the n-th event would happen if it were not late.
    pub(crate) fn time(&self, n: u64) -> OffsetDateTime {
        self.begin + SPAN * (n as f64 / self.events as f64)
    }

    /// The n-th event, from 0.
    pub(crate) fn event(&self, n: u64) -> Event {
        let chance = mixed(n);
        let is_large = n.is_multiple_of(2) || self.tenants.len() == 1;
        let (tenant, entities) =
            if is_large { (&self.tenants[0], 50_000) } else { (&self.tenants[1 + below(chance, self.tenants.len() as u64 - 1, 7)], 2_000) };
        let late = if below(chance, LATE_ONE_IN, 11) == 0 { LATE_MAX * (below(chance, 1_000, 13) as f64 / 1_000.0) } else { Duration::ZERO };
        let at = Timestamp::from(self.time(n) - late);
        let mut event = self.templates[self.kinds[(chance & 63) as usize]].clone();
        let entity = below(chance, entities, 17);
        let user = below(chance, 400, 19);
        let name = format!("{} {}", FIRST_NAMES[user % 8], LAST_NAMES[user / 8 % 8]);
        let noun = event.entity_type.rsplit('.').next().unwrap_or_default().replace('_', " ");
        event.id = Builder::from_unix_timestamp_millis(at.micros().unsigned_abs() / 1_000, &id_bytes(chance, n)).into_uuid();
        event.tenant_id = tenant.clone();
        event.timestamp = at;
        event.message = Some(format!("{name} {} {noun} {entity:05} at station {}", event.action, below(chance, 40, 23)));
        event.entity_name = Some(format!("{noun} {entity:05}"));
        event.entity_id = format!("{}-{entity:05}", &noun[..2]);
        event.actor = Actor { name: Some(name), ..Actor::user(format!("u-{user:03}")) };
        event.correlation_id = (below(chance, 3, 29) == 0).then(|| format!("c-{:08x}", mixed(n / 3) as u32));
        let metadata = [
            ("amoId", tenant.to_string()),
            ("module", event.module.clone()),
            ("station", below(chance, 40, 23).to_string()),
            ("channel", "web".to_owned()),
            ("hours", format!("{}.{}", below(chance, 900, 31), below(chance, 10, 37))),
            ("reference", format!("WO-{:010x}", chance >> 24)),
        ];
        if event.visibility == Visibility::Subject {
            event.metadata.set("subjectUserId", &event.actor.user_id).unwrap();
        }
        metadata.into_iter().for_each(|(key, value)| event.metadata.set(key, &value).unwrap());
        event
    }
}

/// A number that looks like chance.
fn mixed(n: u64) -> u64 {
    // SplitMix64.
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number below `bound`, another one for each `salt`.
fn below(chance: u64, bound: u64, salt: u64) -> usize {
    (mixed(chance ^ (salt << 56)) % bound) as usize
}

fn id_bytes(chance: u64, n: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&(chance as u16).to_be_bytes());
    bytes[2..].copy_from_slice(&mixed(n ^ chance).to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn is_alike_in_every_run_and_holds_what_is_told() {
        let end = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let corpus = Corpus::new(20_000, 200, end);
        let events: Vec<Event> = (0..20_000).map(|n| corpus.event(n)).collect();
        assert_eq!(events[77], Corpus::new(20_000, 200, end).event(77));
        assert_eq!(events.iter().map(|event| event.id).collect::<HashSet<_>>().len(), 20_000);
        let mut by_tenant: HashMap<&Tenant, usize> = HashMap::new();
        events.iter().for_each(|event| *by_tenant.entry(&event.tenant_id).or_default() += 1);
        assert_eq!((by_tenant.len(), by_tenant[corpus.largest()]), (200, 10_000));
        let late = events.windows(2).filter(|pair| pair[1].timestamp < pair[0].timestamp).count();
        assert!((50..200).contains(&late), "{late}");
        let bytes = events.iter().map(|event| event.to_json().len()).sum::<usize>() / events.len();
        assert!((500..800).contains(&bytes), "{bytes}");
        assert!(events.iter().all(|event| event.timestamp.datetime() <= end && Event::from_json(event.to_json().as_bytes()).unwrap() == *event));
    }
}
