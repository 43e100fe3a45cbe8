//! History: exact pages, the same visibility and filters as on the stream, and only the partitions that it needs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use slipstream_event::{Actor, Category, Event, Filter, Legacy, Object, Severity, Timestamp, Viewer, Visibility};
use slipstream_store::history::{self, Query};
use sqlx::Connection;

use crate::cluster::{Cluster, Db, until};
use crate::fixture::{Log, at, event, everything, tenant};

async fn log() -> (Db, Log) {
    let db = Cluster::shared().await.database().await;
    let log = Log::new(&db).await;
    (db, log)
}

#[tokio::test]
async fn pages_are_exact_over_equal_times_and_new_events() {
    let (_db, mut log) = log().await;
    let same_time = "2026-11-20T10:00:00.000001Z";
    let events: Vec<Event> = (0..25).map(|i| at(same_time, event("a", "a.b.c", &i.to_string()))).collect();
    log.add(&events).await;
    log.add(&[at("2026-11-20T09:00:00Z", event("a", "a.b.c", "older")), at("2026-11-20T11:00:00Z", event("a", "a.b.c", "newer"))]).await;
    let mut expected: Vec<&Event> = events.iter().collect();
    expected.sort_by_key(|event| std::cmp::Reverse(event.id));
    let expected: Vec<String> =
        ["newer"].into_iter().map(str::to_owned).chain(expected.iter().map(|e| e.entity_id.clone())).chain(["older".to_owned()]).collect();
    for limit in [1, 2, 7, 26, 27, 28, 500] {
        assert_eq!(log.entities("a", &everything(limit)).await, expected, "pages of {limit}");
    }
    // Between two pages events come in: newer ones, older ones, and of the very time at which the first page ended.
    let first = history::page(&log.reader, &tenant("a"), &everything(10)).await.unwrap();
    let late: Vec<Event> =
        [same_time, "2026-11-20T12:00:00Z", "2026-11-20T08:00:00Z"].iter().flat_map(|time| (0..5).map(|_| at(time, event("a", "a.b.c", "late")))).collect();
    log.add(&late).await;
    let rest = log.entities("a", &Query { after: first.next, ..everything(10) }).await;
    let without_late: Vec<String> = rest.iter().filter(|entity| *entity != "late").cloned().collect();
    assert_eq!(without_late, expected[10..], "what was there comes once");
    let all: BTreeSet<_> = log.entities("a", &everything(3)).await.into_iter().collect();
    assert_eq!(all.len(), 28);
}

/// A total that counts what came after the page was read would tell of events that no page holds.
#[tokio::test]
async fn a_page_and_its_total_are_of_one_moment() {
    let (_db, mut log) = log().await;
    let reader = log.reader.clone();
    let adding = async move {
        for n in 0..60 {
            log.add(&[at("2026-11-20T10:00:00Z", event("a", "a.b.c", &format!("pump {n}")))]).await;
        }
    };
    let reading = async {
        let mut size = 0;
        while size < 60 {
            for text in [None, Some("pump".to_owned())] {
                let page = history::page(&reader, &tenant("a"), &Query { with_total: true, text, ..everything(100) }).await.unwrap();
                size = page.items.len();
                assert_eq!(page.total, Some(history::Total::Exact(size as u64)));
            }
        }
    };
    tokio::join!(adding, reading);
}

#[tokio::test]
async fn limits_and_bounds() {
    let (_db, mut log) = log().await;
    let days: Vec<String> = (1..=9).map(|day| format!("2026-10-0{day}T00:00:00Z")).collect();
    log.add(&days.iter().map(|day| at(day, event("a", "a.b.c", &day[9..10]))).collect::<Vec<_>>()).await;
    let page = history::page(&log.reader, &tenant("a"), &everything(0)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(history::page(&log.reader, &tenant("a"), &everything(u32::MAX)).await.unwrap().next.is_none());
    let day = |i: usize| Timestamp::parse(&days[i]);
    assert_eq!(log.entities("a", &Query { from: day(2), until: day(5), ..everything(2) }).await, ["6", "5", "4", "3"], "both ends count");
    assert_eq!(log.entities("a", &Query { from: day(5), until: day(2), ..everything(2) }).await, [""; 0]);
    assert_eq!(log.entities("b", &everything(2)).await, [""; 0]);
    assert!(log.entities("a", &Query { limit: 9, ..Query::default() }).await.is_empty(), "the default viewer sees nothing");
}

#[tokio::test]
async fn pages_hold_no_changes_and_else_the_bytes_as_published() {
    let (_db, mut log) = log().await;
    let plain = at("2026-11-01T00:00:00Z", event("a", "a.b.c", "1"));
    let mut changed = at("2026-11-02T00:00:00Z", event("a", "a.b.c", "2"));
    changed.changes = Some(Object::parse(r#"{"secret":{"before":1,"after":2}}"#).unwrap());
    log.add(&[plain.clone(), changed.clone()]).await;
    let page = history::page(&log.reader, &tenant("a"), &everything(9)).await.unwrap();
    assert_eq!(page.items[1].payload, plain.to_json());
    assert_eq!(page.items[0].payload, Event { changes: None, ..changed }.to_json());
}

#[tokio::test]
async fn free_text_and_the_filters_that_only_history_has() {
    let (_db, mut log) = log().await;
    let mut one = at("2026-11-01T00:00:00Z", event("a", "fleet.aircraft.grounded", "D-ABCD"));
    one.message = Some("Größe 50% of it_".to_owned());
    one.correlation_id = Some("c-1".to_owned());
    let mut two = at("2026-11-02T00:00:00Z", event("a", "fleet.aircraft.released", "D-EFGH"));
    two.entity_name = Some("Concorde".to_owned());
    two.category = Category::Device;
    two.actor = Actor { name: Some("Grace Hopper".to_owned()), ..Actor::user("u-77") };
    log.add(&[one, two]).await;
    let text = async |text: &str| log.entities("a", &Query { text: Some(text.to_owned()), ..everything(9) }).await;
    for (wanted, found) in [
        ("größe", "D-ABCD"),
        ("50%", "D-ABCD"),
        ("it_", "D-ABCD"),
        ("d-ab", "D-ABCD"),
        ("GROUND", "D-ABCD"),
        ("concorde", "D-EFGH"),
        ("hopper", "D-EFGH"),
        ("U-77", "D-EFGH"),
    ] {
        assert_eq!(text(wanted).await, [found], "{wanted}");
    }
    assert_eq!((text("0%0").await.len(), text("iti").await.len(), text("").await.len(), text("'; drop").await.len()), (0, 0, 2, 0));
    assert_eq!(log.entities("a", &Query { actions: vec!["released".into()], ..everything(9) }).await, ["D-EFGH"]);
    assert_eq!(log.entities("a", &Query { categories: vec![Category::Device, Category::Auth], ..everything(9) }).await, ["D-EFGH"]);
    assert_eq!(log.entities("a", &Query { correlation_id: Some("c-1".into()), ..everything(9) }).await, ["D-ABCD"]);
}

/// Events of all kinds that visibility and filters tell apart.
fn population() -> Vec<Event> {
    let visibilities = ["tenant", "department:line", "department:stores", "quality", "subject", "external", "admin", "platform"];
    let types = ["copilot.agent.created", "copilot.agents.created", "copilot.agent.tool.called", "qms.car.user", "qms.user.joined"];
    let mut events = Vec::new();
    for (i, visibility) in visibilities.iter().cycle().take(120).enumerate() {
        let event_type = types[(i / 3) % types.len()];
        let mut event = event("a", event_type, ["u1", "u2", "e3"][(i / 8) % 3]);
        event.visibility = Visibility::parse(visibility).unwrap();
        event.severity = Severity::ALL[(i / 5) % 4];
        event.actor = Actor::user(["u1", "u2"][(i / 7) % 2]);
        if i % 4 == 0 {
            event.metadata.set("subjectUserId", &["u1", "u2", ""][(i / 4) % 3]).unwrap();
        }
        if i % 6 == 0 {
            event.legacy = Some(Legacy { event_type: "x".into(), entity_type: ["Agent", "qms.user"][(i / 6) % 2].into(), action: "x".into() });
        }
        events.push(event);
    }
    events
}

fn viewers() -> impl Strategy<Value = Viewer> {
    let word = |words: &'static [&'static str]| prop::option::of(prop::sample::select(words)).prop_map(|word| word.map(Box::from));
    let flags = (any::<bool>(), prop::bool::weighted(0.3), prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    (word(&["u1", "u2", "u9", ""]), word(&["line", "stores", "other", ""]), flags)
        .prop_map(|(user_id, department, (member, quality, admin, platform))| Viewer { user_id, department, member, quality, admin, platform })
}

fn filters() -> impl Strategy<Value = Filter> {
    let some = |words: &'static [&'static str]| {
        let all = words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        prop_oneof![3 => Just(Vec::new()), 2 => prop::sample::subsequence(all, 1..=2)]
    };
    (
        some(&["copilot", "copilot.agent", "copilot.agent.*", "qms.", "copilot.age", ".*", "qms.car.user", "%", "copilot_agent"]),
        some(&["copilot", "qms", "x"]),
        some(&["copilot.agent", "Agent", "qms.user", "agent"]),
        some(&["u1", "e3", "none"]),
        some(&["u1", "u2"]),
        some(&["info", "critical"]),
    )
        .prop_map(|(types, modules, entity_types, entity_ids, actors, severities)| {
            let severities = severities.iter().filter_map(|word| Severity::parse(word)).collect();
            Filter { types, modules, entity_types, entity_ids, actors, severities }
        })
}

/// The conditions in SQL and the rules in Rust, which the stream goes by, choose the same events.
#[tokio::test]
async fn visibility_and_filters_are_those_of_the_stream() {
    let (_db, mut log) = log().await;
    let events = population();
    log.add(&events).await;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut seen, mut hidden) = (0, 0);
    for case in 0..400 {
        let viewer = viewers().new_tree(&mut runner).unwrap().current();
        let filter = if case % 2 == 0 { Filter::default() } else { filters().new_tree(&mut runner).unwrap().current() };
        let query = Query { viewer, filter, ..everything(500) };
        let page = history::page(&log.reader, &tenant("a"), &query).await.unwrap();
        let found: BTreeSet<_> = page.items.iter().map(|item| item.keyset.id).collect();
        let expected: BTreeSet<_> = events.iter().filter(|event| query.viewer.sees_event(event) && query.filter.takes(event)).map(|event| event.id).collect();
        assert_eq!(found, expected, "{:?} {:?}", query.viewer, query.filter);
        (seen, hidden) = (seen + found.len(), hidden + events.len() - found.len());
    }
    assert!(seen > 5_000 && hidden > 5_000, "the cases are worth something: {seen} {hidden}");
}

/// Scans of each partition, as Postgres counts them.
async fn scans(db: &Db) -> Vec<(String, i64)> {
    let mut root = db.root().await;
    let counted = sqlx::query_as("select relname::text, coalesce(idx_scan, 0) + seq_scan from pg_stat_user_tables where relname like 'event\\_%' order by 1")
        .fetch_all(&mut root)
        .await
        .unwrap();
    root.close().await.unwrap();
    counted
}

#[tokio::test]
async fn a_page_touches_the_months_that_it_needs() {
    let (db, mut log) = log().await;
    for month in 1..=12 {
        let events: Vec<Event> = (1..=20).map(|day| at(&format!("2025-{month:02}-{day:02}T00:00:00Z"), event("a", "a.b.c", "1"))).collect();
        log.add(&events).await;
    }
    let before = scans(&db).await;
    assert_eq!(before.len(), 13, "one per month and the past");
    let middle = history::page(&log.reader, &tenant("a"), &Query { until: Timestamp::parse("2025-06-15T00:00:00Z"), ..everything(20) }).await.unwrap();
    assert_eq!(middle.items.len(), 20);
    let touched = async || {
        let now = scans(&db).await;
        now.iter().zip(&before).filter(|(now, before)| now.1 > before.1).map(|(now, _)| now.0.clone()).collect::<Vec<_>>()
    };
    // A connection reports its counts when it ends.
    log.reader.close().await;
    until("the scans are counted", async || !touched().await.is_empty()).await;
    assert_eq!(touched().await, ["event_2025_05", "event_2025_06"]);
}
