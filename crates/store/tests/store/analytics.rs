//! Analytics against plain counting: whatever was folded, changed and removed meanwhile, for every viewer.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use slipstream_domain::analytics::{DAY, HOUR, QUARTER, Range, Step, Zone};
use slipstream_event::{Actor, Category, Event, Filter, Severity, Timestamp, Viewer, Visibility};
use slipstream_store::analytics::fold::{fold, grown, reset};
use slipstream_store::analytics::heatmap::{Week, heatmap};
use slipstream_store::analytics::reconcile::{Difference, Told, reconcile};
use slipstream_store::analytics::series::series;
use slipstream_store::analytics::summary::summary;
use slipstream_store::analytics::top::{Of, top};
use slipstream_store::analytics::{Dimension, Fault, Query, Standing, correct, standing};
use slipstream_store::{Error, Role, Scope, Store, Tx, limits};
use sqlx::{AssertSqlSafe, Executor};

use crate::cluster::{Cluster, Db};
use crate::fixture::{Log, at, event, tenant};

struct World {
    db: Db,
    log: Log,
    archiver: Store,
    /// The events by number, from 1; `None` when they were removed.
    plain: Vec<Option<Event>>,
}

impl World {
    async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        let log = Log::new(&db).await;
        Self { archiver: db.store(Role::Archiver), db, log, plain: Vec::new() }
    }

    async fn add(&mut self, events: &[Event]) {
        self.log.add(events).await;
        self.plain.extend(events.iter().cloned().map(Some));
    }

    /// Folds a tenant to the end, in pieces.
    async fn fold_all(&self, of: &str) {
        while fold(&self.archiver, &tenant(of), 7).await.unwrap() > 0 {}
    }

    async fn standing(&self) -> Standing {
        standing(&self.log.reader, &account()).await.unwrap()
    }

    async fn differences(&self) -> Vec<Difference> {
        let mut found = Vec::new();
        let tell = |told: Told| {
            if let Told::Difference(difference) = told {
                found.push(difference);
            }
        };
        let report = reconcile(&self.log.reader, &tenant("a"), tell).await.unwrap();
        assert_eq!(report.differences, found.len() as u64);
        found
    }

    /// Changes events (they become quiet and nobody's) or removes them, in the manner of a redaction.
    async fn correct(&mut self, numbers: &[usize], is_removed: bool) {
        let list = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let change = if is_removed { "delete from slipstream.event" } else { "update slipstream.event set actor_id = 'nobody', severity = 'info'" };
        let script = format!(
            "begin; select slipstream.analytics_forget('a', array[{list}]); {change} where tenant_id = 'a' and tenant_seq in ({list}); \
             select slipstream.analytics_admit('a', array[{list}]); commit"
        );
        self.db.root().await.execute(AssertSqlSafe(script)).await.unwrap();
        for number in numbers {
            let kept = self.plain[number - 1].take().filter(|_| !is_removed);
            self.plain[number - 1] = kept.map(|event| Event { actor: Actor::user("nobody"), severity: Severity::Info, ..event });
        }
    }

    /// What a query should count.
    fn wanted(&self, query: &Query) -> Vec<&Event> {
        let takes = |event: &&Event| {
            query.viewer.sees_event(event)
                && query.filter.takes(event)
                && (query.categories.is_empty() || query.categories.contains(&event.category))
                && event.timestamp >= query.range.from
                && event.timestamp < query.range.to
        };
        self.plain.iter().flatten().filter(takes).collect()
    }

    /// Every kind of query gives what plain counting gives.
    async fn check(&self, query: &Query, offset: i64) {
        let (reader, scope, wanted) = (&self.log.reader, account(), self.wanted(query));
        let local = |event: &Event| event.timestamp.micros() + offset;
        for (step, size) in [(Step::Hour, HOUR), (Step::Day, DAY)] {
            let (found, _) = series(reader, &scope, query, step, Some(Dimension::Type), 2).await.unwrap();
            let mut counts = BTreeMap::<i64, u64>::new();
            wanted.iter().for_each(|event| *counts.entry(local(event).div_euclid(size) * size - offset).or_default() += 1);
            let dense: Vec<(i64, u64)> = found.begins.iter().map(Timestamp::micros).zip(found.counts.iter().copied()).collect();
            assert!(dense.windows(2).all(|pair| pair[1].0 - pair[0].0 == size), "{step:?}");
            assert_eq!(dense.into_iter().filter(|(_, n)| *n > 0).collect::<BTreeMap<_, _>>(), counts, "{query:?} {step:?}");
            let by_type = sorted(wanted.iter().map(|event| event.event_type.to_string()));
            let groups: Vec<(String, u64)> = found.groups.iter().map(|group| (group.key.clone(), group.counts.iter().sum())).collect();
            assert_eq!(groups, by_type.iter().take(2).cloned().collect::<Vec<_>>(), "{query:?}");
            assert_eq!(found.other.iter().flatten().sum::<u64>(), by_type.iter().skip(2).map(|(_, n)| n).sum::<u64>());
        }
        let mut week = Week::default();
        for event in &wanted {
            let (day, hour) = ((local(event).div_euclid(DAY) + 3).rem_euclid(7), local(event).rem_euclid(DAY) / HOUR);
            week[usize::try_from(day).unwrap()][usize::try_from(hour).unwrap()] += 1;
        }
        assert_eq!(heatmap(reader, &scope, query).await.unwrap().0, week, "{query:?}");
        self.check_totals(query, &wanted).await;
    }

    async fn check_totals(&self, query: &Query, wanted: &[&Event]) {
        let (reader, scope, previous) = (&self.log.reader, account(), query.range.previous().unwrap());
        let (now, before, _) = summary(reader, &scope, query, previous).await.unwrap();
        assert_eq!(now.severities, BTreeMap::from_iter(sorted(wanted.iter().map(|event| event.severity.as_str().to_owned()))), "{query:?}");
        assert_eq!(now.categories, BTreeMap::from_iter(sorted(wanted.iter().map(|event| event.category.as_str().to_owned()))));
        assert_eq!(now.errors(), wanted.iter().filter(|event| event.severity >= Severity::Error).count() as u64);
        assert_eq!(before.total(), self.wanted(&Query { range: previous, ..query.clone() }).len() as u64);
        let (actions, _) = top(reader, &scope, query, Of::Actions, 100).await.unwrap();
        let ranked: Vec<(String, u64)> = actions.items.into_iter().map(|item| (item.key, item.count)).collect();
        assert_eq!((ranked, actions.total), (sorted(wanted.iter().map(|event| event.action.clone())), wanted.len() as u64));
    }

    /// Those that are counted by day.
    async fn check_days(&self, query: &Query) {
        let (reader, scope, wanted) = (&self.log.reader, account(), self.wanted(query));
        let (actors, _) = top(reader, &scope, query, Of::Actors, 2).await.unwrap();
        let by_actor = sorted(wanted.iter().map(|event| event.actor.user_id.clone()));
        assert_eq!((actors.total, actors.distinct), (wanted.len() as u64, by_actor.len() as u64), "{query:?}");
        let ranked: Vec<(String, u64)> = actors.items.iter().map(|item| (item.key.clone(), item.count)).collect();
        assert_eq!(ranked, by_actor[..by_actor.len().min(2)]);
        for item in &actors.items {
            let errors = wanted.iter().filter(|event| event.actor.user_id == item.key && event.severity >= Severity::Error).count();
            assert_eq!(item.errors, errors as u64);
        }
        let (entities, _) = top(reader, &scope, query, Of::Entities, 100).await.unwrap();
        let mut ranked: Vec<(String, u64)> =
            entities.items.into_iter().map(|item| (format!("{} {}", item.key, item.entity_type.unwrap()), item.count)).collect();
        ranked.sort();
        let mut by_entity = sorted(wanted.iter().map(|event| format!("{} {}", event.entity_id, event.entity_type)));
        by_entity.sort();
        assert_eq!(ranked, by_entity);
        let (found, _) = series(reader, &scope, query, Step::Week, Some(Dimension::Actor), 50).await.unwrap();
        assert_eq!(found.groups.iter().map(|group| (group.key.clone(), group.counts.iter().sum())).collect::<Vec<(String, u64)>>(), by_actor);
    }
}

/// How many there are of each, most first.
fn sorted(keys: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<String, u64>::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

fn account() -> Scope {
    Scope::Account(tenant("a"))
}

fn range(from: &str, to: &str) -> Range {
    let at = |text: &str| Timestamp::parse(text).unwrap();
    Range { from: at(from), to: at(to) }
}

fn everything(range: Range) -> Query {
    Query { viewer: Viewer::everything(), filter: Filter::default(), categories: Vec::new(), range, zone: Zone::utc() }
}

fn population(random: &mut StdRng, count: usize) -> Vec<Event> {
    let types = ["fleet.aircraft.grounded", "fleet.aircraft.released", "qms.car.closed", "tasks.task.user.moved"];
    let classes = ["tenant", "tenant", "department:line", "quality", "subject", "external", "admin", "platform"];
    let one = |of: &[&str], random: &mut StdRng| (*of.choose(random).unwrap()).to_owned();
    (0..count)
        .map(|_| {
            let time = format!(
                "2025-{}T{:02}:{:02}:{:02}.5Z",
                one(&["02-28", "03-01", "03-02", "11-30"], random),
                random.random_range(0..24),
                random.random_range(0..60),
                random.random_range(0..60)
            );
            let mut event = at(&time, event("a", &one(&types, random), &one(&["D-ABCD", "u1", "zz \" top", "ü"], random)));
            event.visibility = Visibility::parse(&one(&classes, random)).unwrap();
            event.severity = *Severity::ALL.choose(random).unwrap();
            event.category = *[Category::Auth, Category::Entity].choose(random).unwrap();
            event.actor = Actor::user(one(&["u1", "u2", "engine-7"], random));
            if random.random_bool(0.6) {
                event.metadata.set("subjectUserId", &one(&["u1", "u2"], random)).unwrap();
            }
            event
        })
        .collect()
}

fn viewers() -> Vec<Viewer> {
    let member = Viewer { member: true, user_id: Some("u1".into()), department: Some("line".into()), ..Viewer::default() };
    vec![
        Viewer::everything(),
        Viewer { admin: true, ..member.clone() },
        Viewer { quality: true, user_id: Some("u2".into()), ..member.clone() },
        Viewer { user_id: Some("u2".into()), ..Viewer::default() },
        Viewer::default(),
        member,
    ]
}

fn queries() -> Vec<(Query, i64)> {
    let wide = everything(range("2025-02-01T00:00:00Z", "2025-03-05T00:00:00Z"));
    let zone = |text: &str, query: &Query| Query { zone: Zone::parse(text).unwrap(), ..query.clone() };
    let fine = everything(range("2025-03-01T05:15:00Z", "2025-03-02T11:45:00Z"));
    let filter = Filter { types: vec!["fleet.aircraft".into()], severities: vec![Severity::Error, Severity::Info], ..Filter::default() };
    let modules = Filter { modules: vec!["qms".into(), "tasks".into()], ..Filter::default() };
    vec![
        (zone("+05:30", &wide), 22 * QUARTER),
        (zone("-03:00", &fine), -12 * QUARTER),
        (zone("Asia/Kathmandu", &fine), 23 * QUARTER),
        (Query { filter, ..fine.clone() }, 0),
        (Query { filter: modules, categories: vec![Category::Auth], ..wide.clone() }, 0),
        (fine, 0),
        (wide, 0),
    ]
}

#[tokio::test]
async fn counts_are_those_of_a_plain_list_however_they_were_folded() {
    for seed in 0..3 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut world = World::new().await;
        for round in 0..6 {
            let events = population(&mut random, 40);
            world.add(&events).await;
            world.log.add(&[Event { tenant_id: tenant("b"), ..events[0].clone() }]).await;
            for _ in 0..random.random_range(0..4) {
                fold(&world.archiver, &tenant("a"), random.random_range(1..30)).await.unwrap();
            }
            let numbers: Vec<usize> = (0..5).map(|_| random.random_range(1..=world.plain.len())).collect();
            world.correct(&numbers, round % 2 == 1).await;
            let viewer = viewers().into_iter().nth(round).unwrap();
            for (query, offset) in queries() {
                let query = Query { viewer: viewer.clone(), ..query };
                world.check(&query, offset).await;
                if query.range.is_whole(DAY) && query.zone.is_utc() && query.filter.types.is_empty() {
                    world.check_days(&query).await;
                }
            }
            assert_eq!(world.differences().await, [], "seed {seed}, round {round}");
        }
        world.fold_all("a").await;
        let standing = world.standing().await;
        assert_eq!((standing.folded, standing.size), (world.plain.len() as u64, world.plain.len() as u64));
        for (query, offset) in queries() {
            world.check(&query, offset).await;
        }
        assert_eq!(world.differences().await, [], "seed {seed}");
    }
}

#[tokio::test]
async fn a_query_costs_no_more_than_its_rollups_when_too_many_events_wait() {
    let mut world = World::new().await;
    let events: Vec<Event> = (0..10).map(|n| at("2025-03-01T10:00:00Z", event("a", "a.b.c", &n.to_string()))).collect();
    world.add(&events).await;
    fold(&world.archiver, &tenant("a"), 4).await.unwrap();
    let query = everything(range("2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z"));
    let (totals, _, before) = summary(&world.log.reader, &account(), &query, query.range.previous().unwrap()).await.unwrap();
    assert_eq!((totals.total(), before.through, before.is_complete()), (10, 10, true));
    // As if many more had been archived.
    let more = format!("update slipstream.tenant_head set ledger_size = {} where tenant_id = 'a'", limits::ANALYTICS_TAIL_MAX + 5);
    world.db.root().await.execute(AssertSqlSafe(more)).await.unwrap();
    let (totals, _, after) = summary(&world.log.reader, &account(), &query, query.range.previous().unwrap()).await.unwrap();
    assert_eq!((totals.total(), after.through, after.is_complete()), (4, 4, false));
    let waiting = grown(&world.archiver, None).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].waiting, waiting[0].seconds > 0.0), (1, limits::ANALYTICS_TAIL_MAX + 1, true));
    assert!(grown(&world.archiver, Some(&tenant("a"))).await.unwrap().is_empty());
}

#[tokio::test]
async fn hours_and_days_are_those_of_the_zones_clocks() {
    let mut world = World::new().await;
    // Berlin: at 01:00 UTC clocks go from 02:00 to 03:00 on 2025-03-30, and from 03:00 to 02:00 on 2025-10-26; both are Sundays.
    let times = ["2025-03-30T00:30:00Z", "2025-03-30T01:30:00Z", "2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-26T23:30:00Z"];
    world.add(&times.map(|time| at(time, event("a", "a.b.c", "1")))).await;
    world.fold_all("a").await;
    let berlin = |from: &str, to: &str| Query { zone: Zone::parse("Europe/Berlin").unwrap(), ..everything(range(from, to)) };
    let (week, _) = heatmap(&world.log.reader, &account(), &berlin("2025-03-01T00:00:00Z", "2025-11-01T00:00:00Z")).await.unwrap();
    assert_eq!((week[6][1], week[6][2], week[6][3], week[0][0]), (1, 2, 1, 1), "the hour left out has none, the one shown twice has both");
    let autumn = berlin("2025-10-25T22:00:00Z", "2025-10-27T23:00:00Z");
    let (days, _) = series(&world.log.reader, &account(), &autumn, Step::Day, None, 0).await.unwrap();
    let begins: Vec<String> = days.begins.iter().map(ToString::to_string).collect();
    assert_eq!(begins, ["2025-10-25T22:00:00.000000Z", "2025-10-26T23:00:00.000000Z"], "a day of 25 hours");
    assert_eq!(days.counts, [2, 1]);
    let (hours, _) = series(&world.log.reader, &account(), &autumn, Step::Hour, None, 0).await.unwrap();
    assert_eq!((hours.begins.len(), &hours.counts[2..4]), (49, &[1, 1][..]), "two hours that clocks call the same");
    let (months, _) = series(&world.log.reader, &account(), &berlin("2025-03-01T00:00:00Z", "2025-11-01T00:00:00Z"), Step::Month, None, 0).await.unwrap();
    assert_eq!((months.begins.len(), months.counts.iter().sum::<u64>(), months.counts[0], months.counts[7]), (9, 5, 2, 3));
    let zone = |text: &str| Query { zone: Zone::parse(text).unwrap(), ..autumn.clone() };
    let unknown = heatmap(&world.log.reader, &account(), &zone("Europe/Nowhere")).await;
    assert!(matches!(unknown, Err(Fault::ZoneUnknown)), "{unknown:?}");
    let monrovia = Query { zone: Zone::parse("Africa/Monrovia").unwrap(), ..everything(range("1960-01-01T00:00:00Z", "1960-02-01T00:00:00Z")) };
    assert!(matches!(heatmap(&world.log.reader, &account(), &monrovia).await, Err(Fault::ZoneTooFine)), "its offset was 44 minutes and a half");
}

/// Only who goes away in the middle costs a connection: a word that nobody knows, asked again and again, would keep the pool busy with new ones.
#[tokio::test]
async fn a_zone_that_nobody_knows_costs_no_connection() {
    let world = World::new().await;
    let mut root = world.db.root().await;
    let sessions = "select array_agg(pid order by pid) from pg_stat_activity where datname = current_database() and application_name = 'slipstream_reader'";
    world.standing().await;
    let before: Vec<i32> = sqlx::query_scalar(sessions).fetch_one(&mut root).await.unwrap();
    let query = Query { zone: Zone::parse("Nowhere/Else").unwrap(), ..everything(range("2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")) };
    for _ in 0..3 {
        assert!(matches!(heatmap(&world.log.reader, &account(), &query).await, Err(Fault::ZoneUnknown)));
    }
    let after: Vec<i32> = sqlx::query_scalar(sessions).fetch_one(&mut root).await.unwrap();
    assert!(before.iter().all(|pid| after.contains(pid)), "{before:?} {after:?}");
}

#[tokio::test]
async fn a_correction_and_a_fold_wait_for_each_other() {
    let mut world = World::new().await;
    let events: Vec<Event> = (0..10).map(|n| at("2025-03-01T10:00:00Z", event("a", "a.b.c", &n.to_string()))).collect();
    world.add(&events).await;
    for folded in [0, 5] {
        fold(&world.archiver, &tenant("a"), folded.max(1)).await.unwrap();
        let mut root = world.db.root().await;
        root.execute("begin; select slipstream.analytics_forget('a', array[1, 2, 9])").await.unwrap();
        assert_eq!(fold(&world.archiver, &tenant("a"), 3).await.unwrap(), 0, "the counts are locked");
        root.execute("update slipstream.event set severity = 'error' where tenant_id = 'a' and tenant_seq in (1, 2, 9)").await.unwrap();
        root.execute("select slipstream.analytics_admit('a', array[1, 2, 9]); commit").await.unwrap();
        assert_eq!(world.differences().await, [], "{folded}");
    }
    world.fold_all("a").await;
    let query = everything(range("2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z"));
    let (totals, _, _) = summary(&world.log.reader, &account(), &query, query.range.previous().unwrap()).await.unwrap();
    assert_eq!((totals.total(), totals.errors()), (10, 3));
    // The same from Rust: what is taken out and put back changes nothing; what is taken out alone is missing.
    world.db.root().await.execute("grant execute on all functions in schema slipstream to slipstream_api").await.unwrap();
    let api = world.db.store(Role::Api);
    let twice = async |tx: &mut Tx| -> Result<(), Error> {
        correct::forget(tx, &tenant("a"), &[1, 2, 3]).await?;
        correct::forget(tx, &tenant("a"), &[]).await?;
        correct::admit(tx, &tenant("a"), &[1, 2, 3]).await
    };
    api.write(&tenant("a"), twice).await.unwrap();
    assert_eq!(world.differences().await, []);
    api.write(&tenant("a"), async |tx: &mut Tx| correct::forget(tx, &tenant("a"), &[4]).await).await.unwrap();
    let found = world.differences().await;
    assert_eq!(found.iter().map(|d| (d.kind.as_str(), d.rollup, d.events)).collect::<Vec<_>>(), [("hour", 6, 7), ("actor", 6, 7), ("entity", 0, 1)]);
    let many = vec![1; limits::ANALYTICS_NUMBERS_MAX + 1];
    let refused = api.write(&tenant("a"), async |tx: &mut Tx| correct::forget(tx, &tenant("a"), &many).await).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn counts_that_someone_forged_are_named_and_counted_anew() {
    let mut world = World::new().await;
    let events: Vec<Event> = (0..10).map(|n| at("2025-03-01T10:20:00Z", event("a", "a.b.c", &n.to_string()))).collect();
    world.add(&events).await;
    world.fold_all("a").await;
    assert_eq!(world.differences().await, []);
    let forgeries = [
        ("update slipstream.analytics_hour set q1 = 11", "hour", 11, 10),
        ("update slipstream.analytics_hour set q1 = q1 - 1, q2 = q2 + 1", "hour", 9, 10),
        ("delete from slipstream.analytics_hour", "hour", 0, 10),
        ("update slipstream.analytics_hour set type = 'a.b.d'", "hour", 0, 10),
        ("update slipstream.analytics_hour set hash = '\\x00'", "hour", 0, 0),
        ("update slipstream.analytics_day set day = day + 60 where kind = 'actor'", "actor", 0, 10),
        ("update slipstream.analytics_day set count = 2 where id = '3'", "entity", 2, 1),
        ("update slipstream.analytics_head set folded_size = 12", "head", 12, 10),
        ("update slipstream.analytics_head set folded_size = 9", "hour", 10, 9),
    ];
    for (statement, kind, rollup, counted) in forgeries {
        world.db.root().await.execute(statement).await.unwrap();
        let found = world.differences().await;
        let is_named = |d: &Difference| d.kind == kind && (kind == "hour" && rollup == 0 && counted == 0 || (d.rollup, d.events) == (rollup, counted));
        assert!(found.iter().any(is_named), "{statement}: {found:?}");
        reset(&world.archiver, &tenant("a")).await.unwrap();
        assert_eq!(world.standing().await.folded, 0);
        world.fold_all("a").await;
        assert_eq!(world.differences().await, [], "{statement}");
    }
}

#[tokio::test]
async fn all_tenants_are_counted_together_from_rollups_alone() {
    let mut world = World::new().await;
    let of = |name: &str, count: u32| (0..count).map(|n| at("2025-03-01T10:20:00Z", event(name, "a.b.c", &n.to_string()))).collect::<Vec<_>>();
    for (name, count) in [("a", 5), ("b", 8), ("c", 2)] {
        world.log.add(&of(name, count)).await;
    }
    world.fold_all("a").await;
    world.fold_all("b").await;
    let (api, query) = (world.db.store(Role::Api), everything(range("2025-03-01T00:00:00Z", "2025-03-02T00:00:00Z")));
    let (ranking, standing) = top(&api, &Scope::AllAccounts, &query, Of::Tenants, 1).await.unwrap();
    assert_eq!((ranking.items[0].key.as_str(), ranking.items[0].count, ranking.total, ranking.distinct), ("b", 8, 13, 2));
    assert_eq!((standing.through, standing.size, standing.is_complete()), (13, 15, false), "c is not counted yet");
    world.fold_all("c").await;
    let (ranking, standing) = top(&api, &Scope::AllAccounts, &query, Of::Actors, 10).await.unwrap();
    assert!(standing.is_complete());
    let owners: Vec<_> = ranking.items.iter().map(|item| (item.tenant.as_deref().unwrap(), item.key.as_str(), item.count)).collect();
    assert_eq!(owners, [("b", "u1", 8), ("a", "u1", 5), ("c", "u1", 2)]);
    let (found, _) = series(&api, &Scope::AllAccounts, &query, Step::Day, Some(Dimension::Tenant), 2).await.unwrap();
    assert_eq!((found.counts, found.groups.len(), found.other), (vec![15], 2, Some(vec![2])));
    // The same question within one account tells of no other.
    let (own, _) = top(&world.log.reader, &account(), &query, Of::Tenants, 10).await.unwrap();
    assert_eq!((own.items.len(), own.total), (1, 5));
}
