//! History against a plain list: free text by filters of batches, every filter alone and with others, page by page, over times in any order.

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use slipstream_event::{Actor, Category, Event, Filter, Keyset, Legacy, Severity, Timestamp, Viewer, Visibility};
use slipstream_store::history::{self, Query, Total};
use slipstream_store::{Config, Error, Role, Store};
use sqlx::Executor;

use crate::cluster::{Cluster, Db, until};
use crate::fixture::{Log, at, event, everything, tenant};

const WORDS: [&str; 10] = ["engine", "Engineer", "left wing", "runway 27", "Größe", "100%_done", "İstanbul", "a\\b", "zzz", "Ada Lovelace"];

/// Events of all kinds at few different times, old ones among new ones.
fn population(random: &mut StdRng, count: usize) -> Vec<Event> {
    let types = ["fleet.aircraft.grounded", "fleet.aircraft.released", "qms.car.closed", "tasks.task.created", "tasks.task.user.moved"];
    let visibilities = ["tenant", "tenant", "department:line", "quality", "subject", "external", "admin", "platform"];
    let one = |of: &[&str], random: &mut StdRng| (*of.choose(random).unwrap()).to_owned();
    (0..count)
        .map(|n| {
            let time =
                format!("20{}-{:02}-{:02}T10:00:0{}Z", 20 + n % 7, 1 + random.random_range(0..12), 1 + random.random_range(0..2), random.random_range(0..2));
            let mut event = at(&time, event("a", &one(&types, random), &one(&["D-ABCD", "D-EFGH", "u1", "zz top"], random)));
            event.visibility = Visibility::parse(&one(&visibilities, random)).unwrap();
            event.severity = *Severity::ALL.choose(random).unwrap();
            event.category = *[Category::Auth, Category::Entity, Category::Device].choose(random).unwrap();
            event.actor = Actor { name: random.random_bool(0.5).then(|| one(&WORDS, random)), ..Actor::user(one(&["u1", "u2", "engine-7"], random)) };
            event.message = random.random_bool(0.7).then(|| format!("{} {}", one(&WORDS, random), one(&WORDS, random)));
            event.entity_name = random.random_bool(0.3).then(|| one(&WORDS, random));
            event.correlation_id = random.random_bool(0.3).then(|| one(&["c-1", "c-2"], random));
            event.legacy = random.random_bool(0.3).then(|| Legacy { event_type: "x".into(), entity_type: "OldCar".into(), action: "x".into() });
            event
        })
        .collect()
}

fn filters() -> Vec<fn(&mut Query)> {
    vec![
        |query| query.filter.types = vec!["fleet.aircraft".into(), "qms.car.closed".into()],
        |query| query.filter.modules = vec!["tasks".into()],
        |query| query.filter.entity_types = vec!["fleet.aircraft".into()],
        |query| query.filter.entity_types = vec!["OldCar".into()],
        |query| query.filter.entity_ids = vec!["D-ABCD".into(), "u1".into()],
        |query| query.filter.actors = vec!["u2".into()],
        |query| query.filter.severities = vec![Severity::Error, Severity::Critical],
        |query| query.actions = vec!["grounded".into(), "closed".into()],
        |query| query.categories = vec![Category::Auth, Category::Device],
        |query| query.correlation_id = Some("c-1".into()),
        |query| query.from = Timestamp::parse("2022-03-01T10:00:00Z"),
        |query| query.until = Timestamp::parse("2025-06-02T10:00:01Z"),
        |query| query.text = Some("ENGINE".into()),
        |query| query.text = Some("left WING".into()),
        |query| query.text = Some("engine-7".into()),
        |query| query.text = Some("100%_".into()),
        |query| query.text = Some("a\\b".into()),
        |query| query.text = Some("gröss".into()),
        |query| query.text = Some("größe".into()),
        |query| query.text = Some("zz".into()),
        |query| query.text = Some("zzz".into()),
        |query| query.text = Some("never written".into()),
        |query| query.viewer = Viewer { member: true, user_id: Some("u1".into()), ..Viewer::default() },
        |query| query.viewer = Viewer { member: true, department: Some("line".into()), ..Viewer::default() },
        |query| query.viewer = Viewer { member: true, quality: true, ..Viewer::default() },
        |query| query.viewer = Viewer { admin: true, ..Viewer::default() },
        |query| query.viewer = Viewer::default(),
    ]
}

/// What the query means, in plain words.
fn takes(query: &Query, event: &Event) -> bool {
    let text = query.text.as_deref().unwrap_or_default().to_lowercase();
    let has = |value: Option<&str>| value.is_some_and(|value| value.to_lowercase().contains(&text));
    let actor = &event.actor;
    query.viewer.sees_event(event)
        && query.filter.takes(event)
        && (query.actions.is_empty() || query.actions.contains(&event.action))
        && (query.categories.is_empty() || query.categories.contains(&event.category))
        && (query.correlation_id.is_none() || query.correlation_id == event.correlation_id)
        && query.from.is_none_or(|from| event.timestamp >= from)
        && query.until.is_none_or(|until| event.timestamp <= until)
        && ([&event.entity_id, &event.action, &actor.user_id].into_iter().any(|value| has(Some(value)))
            || [&event.message, &event.entity_name, &actor.name].into_iter().any(|value| has(value.as_deref())))
}

fn expected(query: &Query, events: &[Event]) -> Vec<Keyset> {
    let mut found: Vec<Keyset> = events.iter().filter(|event| takes(query, event)).map(|event| Keyset { timestamp: event.timestamp, id: event.id }).collect();
    found.sort_by(|a, b| if query.oldest_first { a.cmp(b) } else { b.cmp(a) });
    found
}

/// All pages, one after the other.
async fn all(log: &Log, query: &Query) -> Vec<Keyset> {
    let (mut query, mut found) = (query.clone(), Vec::new());
    loop {
        let page = history::page(&log.reader, &tenant("a"), &query).await.unwrap();
        assert!(page.items.len() <= query.limit as usize);
        found.extend(page.items.iter().map(|item| item.keyset));
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

/// A tenant with shuffled events in many batches, and another one that holds every word.
async fn archived(random: &mut StdRng, count: usize) -> (Db, Log, Vec<Event>) {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let mut events = population(random, count);
    events.shuffle(random);
    let mut rest = events.as_slice();
    while !rest.is_empty() {
        let (batch, after) = rest.split_at(random.random_range(1..=20).min(rest.len()));
        log.add(batch).await;
        log.add(&WORDS.map(|word| Event { message: Some(word.to_owned()), ..event("b", "a.b.c", "engine") })).await;
        rest = after;
    }
    (db, log, events)
}

#[tokio::test]
async fn every_filter_alone_and_with_others_gives_what_a_plain_list_gives() {
    let mut random = StdRng::seed_from_u64(20_26);
    let (_db, log, events) = archived(&mut random, 420).await;
    let filters = filters();
    let mut cases: Vec<Vec<usize>> = (0..filters.len()).map(|one| vec![one]).collect();
    cases.extend((0..120).map(|_| (0..random.random_range(2..=4)).map(|_| random.random_range(0..filters.len())).collect()));
    let (mut found, mut empty) = (0, 0);
    for case in cases {
        let mut query = Query { oldest_first: random.random_bool(0.2), ..everything([1, 7, 50, 500][random.random_range(0..4)]) };
        case.iter().for_each(|filter| filters[*filter](&mut query));
        let (want, got) = (expected(&query, &events), all(&log, &query).await);
        assert_eq!(got, want, "filters {case:?}: {query:?}");
        let page = history::page(&log.reader, &tenant("a"), &Query { with_total: true, after: want.first().copied(), ..query }).await.unwrap();
        assert_eq!(page.total, Some(Total::Exact(want.len() as u64)), "filters {case:?}");
        (found, empty) = (found + want.len(), empty + usize::from(want.is_empty()));
    }
    assert!(found > 3_000 && empty < 100, "the cases are worth something: {found} {empty}");
}

#[tokio::test]
async fn a_search_reads_batches_without_a_filter_and_passes_over_the_others() {
    let mut random = StdRng::seed_from_u64(7);
    let (db, log, events) = archived(&mut random, 200).await;
    let query = Query { text: Some("lovelace".into()), ..everything(3) };
    let want = expected(&query, &events);
    assert!(want.len() > 10);
    // Older batches have no filter: they must be read. An empty filter holds nothing: its batch is passed over.
    let mut root = db.root().await;
    root.execute("update slipstream.ledger_batch set terms = null where tenant_id = 'a' and start % 2 = 0").await.unwrap();
    assert_eq!(all(&log, &query).await, want);
    root.execute("update slipstream.ledger_batch set terms = '\\x0000000000000000'").await.unwrap();
    assert_eq!(all(&log, &query).await, []);
    assert_eq!(
        all(&log, &Query { text: Some("lo".into()), ..query }).await.len(),
        expected(&Query { text: Some("lo".into()), ..everything(3) }, &events).len()
    );
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_ended() {
    let (db, mut random) = (Cluster::shared().await.database().await, StdRng::seed_from_u64(1));
    let mut log = Log::new(&db).await;
    log.add(&population(&mut random, 50)).await;
    // Every row of the tenant waits, as in an archive that is far larger.
    let mut root = db.root().await;
    root.execute("create function slipstream.slow() returns boolean language sql volatile as 'select pg_sleep(0.1) is not null'").await.unwrap();
    root.execute("grant execute on function slipstream.slow() to slipstream_reader").await.unwrap();
    root.execute("create policy slow on slipstream.event as restrictive for select to slipstream_reader using (slipstream.slow())").await.unwrap();
    let reader = Store::open(Config { connections_max: 1, ..db.config(Role::Reader) }).unwrap();
    for text in ["engine", "en"] {
        let query = Query { text: Some(text.into()), ..everything(500) };
        let begun = std::time::Instant::now();
        assert!(matches!(history::page(&reader, &tenant("a"), &query).await, Err(Error::SearchTimeout)), "{text}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(4), "{:?}", begun.elapsed());
    }
    // Only searches are bounded so, also on the same connection; but a count ends, and says that it does not know.
    let plain = history::page(&reader, &tenant("a"), &Query { filter: Filter::default(), with_total: true, ..everything(500) }).await.unwrap();
    assert_eq!((plain.items.len(), plain.total), (50, Some(Total::Unknown)));
}

/// Scans of each index over numbers, and of anything else of the partitions, as Postgres counts them.
async fn scans(db: &Db) -> Vec<(String, i64)> {
    let counted = "
        select indexrelname::text, idx_scan from pg_stat_user_indexes where relname like 'event\\_%' and idx_scan > 0
        union all
        select relname::text || ' in full', seq_scan from pg_stat_user_tables where relname like 'event\\_2%' and seq_scan > 0
        order by 1";
    sqlx::query_as(counted).fetch_all(&mut db.root().await).await.unwrap()
}

#[tokio::test]
async fn a_search_reads_the_numbers_of_its_batches_and_nothing_else() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    for month in 1..=12 {
        let word = if month == 6 { "zeppelin" } else { "aeroplane" };
        let one =
            |n: usize| Event { message: Some(format!("{word} {n}")), ..at(&format!("2025-{month:02}-{:02}T00:00:00Z", 1 + n % 28), event("a", "a.b.c", "1")) };
        for _ in 0..3 {
            log.add(&(0..400).map(one).collect::<Vec<_>>()).await;
        }
    }
    db.root().await.execute("analyze").await.unwrap();
    let before = scans(&db).await;
    let page = history::page(&log.reader, &tenant("a"), &Query { text: Some("Zeppelin 39".into()), ..everything(20) }).await.unwrap();
    assert_eq!(page.items.len(), 20);
    log.reader.close().await;
    let touched = async || {
        let now = scans(&db).await;
        now.into_iter().filter(|now| !before.contains(now)).map(|now| now.0).collect::<Vec<_>>()
    };
    // A connection reports its counts when it ends.
    until("the scans are counted", async || !touched().await.is_empty()).await;
    let touched = touched().await;
    assert!(touched.len() == 1 && touched[0].starts_with("event_2025_06_tenant_id_tenant_seq_"), "{touched:?}");
}
