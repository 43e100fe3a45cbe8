//! Retention: what goes, what stays, and what is known of what went.

use slipstream_domain::activity::Settings as Log_;
use slipstream_domain::holds::Hold;
use slipstream_domain::retention::Rule;
use slipstream_event::ledger::verify::REMOVED;
use slipstream_event::{Actor, Category, Event, EventType, Tenant, Timestamp};
use slipstream_store::archive::{Appended, Batch};
use slipstream_store::retention::{Run, Settings, Turn, month, preview, removed, rules, turn};
use slipstream_store::{Error, Role, Store, Tx, activity, cold, holds};
use sqlx::postgres::PgConnection;
use time::{Duration, OffsetDateTime};
use uuid::{NoContext, Uuid};

use crate::cluster::{Cluster, Db};
use crate::fixture::{EPOCH, Log, event, everything, hold, row, tenant};

/// Everything may go as soon as it is archived.
const AT_ONCE: Settings = Settings { keep: std::time::Duration::ZERO, every: std::time::Duration::from_secs(3_600), max_days: None };

fn days_ago(days: i64) -> Timestamp {
    (OffsetDateTime::now_utc() - Duration::days(days)).into()
}

/// An event of so many days ago, with an id of that time.
fn old(of: &str, event_type: &str, entity: &str, days: i64) -> Event {
    let at = days_ago(days);
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, at.datetime().unix_timestamp().unsigned_abs(), 0));
    Event { id, timestamp: at, ..event(of, event_type, entity) }
}

fn of_category(category: Category, event: Event) -> Event {
    Event { category, ..event }
}

fn rule(category: Option<Category>, max_days: Option<u32>, max_entries: Option<u64>) -> Rule {
    Rule { category, enabled: true, max_days, max_entries }
}

/// Sets rules, with the activity log off, so that only they count.
async fn set(db: &Db, of: &str, wanted: &[Rule]) {
    let of = tenant(of);
    let write = async |tx: &mut Tx| {
        let (before, at) = activity::settings::lock(tx).await?;
        activity::settings::save(tx, &before, &Log_ { enabled: false, ..before }, at).await?;
        rules::replace(tx, &of, wanted).await
    };
    db.store(Role::Api).write(&of, write).await.unwrap();
}

/// A whole run, turn by turn.
async fn run(store: &Store, of: &str, settings: &Settings) -> Run {
    let now = Timestamp::now();
    loop {
        let work = async |tx: &mut Tx| turn(tx, settings, now).await;
        if let Turn::Done(run) = store.write(&tenant(of), work).await.unwrap() {
            return run;
        }
    }
}

/// Numbers that the outbox tells to be removed.
async fn told(root: &mut PgConnection, of: &str) -> Vec<(u64, u64)> {
    let reports = sqlx::query_scalar::<_, String>("select payload from slipstream.outbox where tenant_id = $1 and type = $2 order by id");
    let reports = reports.bind(of).bind(REMOVED).fetch_all(root).await.unwrap();
    let mut numbers = Vec::new();
    for report in reports {
        let event = Event::from_json(report.as_bytes()).unwrap();
        let report: serde_json::Value = serde_json::from_str(event.metadata.get("report").unwrap()).unwrap();
        numbers.extend(serde_json::from_value::<Vec<(u64, u64)>>(report["numbers"].clone()).unwrap());
    }
    numbers
}

async fn again(log: &Log, seq: u64, events: &[Event]) -> Appended {
    let rows = events.iter().zip(seq + 1..).map(|(event, seq)| row(seq, event)).collect();
    let batch = Batch { shard: 0, epoch: EPOCH, expected_seq: seq, through_seq: seq + events.len() as u64, rows, quarantined: Vec::new() };
    log.archive.append(&batch).await.unwrap()
}

#[tokio::test]
async fn what_is_too_old_goes_and_is_known_ever_after() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let events: Vec<Event> = (0..10).map(|n| old("acme", "shop.order.created", &format!("o{n}"), 100 - 10 * n)).collect();
    log.add(&events).await;
    log.add(&[old("other", "shop.order.created", "theirs", 400)]).await;
    set(&db, "acme", &[rule(None, Some(45), None)]).await;
    let store = db.store(Role::Retention);
    assert_eq!(run(&store, "acme", &Settings::default()).await.removed, 0, "what was archived only just stays");
    set(&db, "acme", &[rule(None, Some(45), None)]).await;
    let head = sqlx::query_scalar::<_, i64>("select version from slipstream.tenant_head where tenant_id = 'acme'");
    let version = head.fetch_one(&mut db.root().await).await.unwrap();
    let done = run(&store, "acme", &AT_ONCE).await;
    assert_eq!((done.removed, done.held, done.categories.get("entity")), (6, 0, Some(&6)));
    assert_eq!(log.entities("acme", &everything(50)).await, ["o9", "o8", "o7", "o6"]);
    assert_eq!(log.entities("other", &everything(50)).await, ["theirs"]);
    let mut root = db.root().await;
    assert_eq!(told(&mut root, "acme").await, [(1, 6)]);
    let (after, gone): (i64, i64) =
        sqlx::query_as("select version, removed from slipstream.tenant_head where tenant_id = 'acme'").fetch_one(&mut root).await.unwrap();
    assert!(after > version && gone == 6, "whoever holds a page learns that it changed");

    assert_eq!(again(&log, 11, &events).await, Appended { inserted: 0, duplicates: 10 });
    let places = cold::known(&log.reader, &tenant("acme"), &[(events[2].id, events[2].timestamp), (events[7].id, events[7].timestamp)]).await.unwrap();
    assert_eq!(places.iter().map(|place| place.unwrap().seq).collect::<Vec<_>>(), [3, 8]);
    let moved = cold::known(&log.reader, &tenant("acme"), &[(events[2].id, days_ago(3)), (Uuid::nil(), events[2].timestamp)]).await.unwrap();
    assert_eq!(moved, [None, None], "another event, with the same id or the same time");
    let foreign = cold::known(&log.reader, &tenant("other"), &[(events[2].id, events[2].timestamp)]).await.unwrap();
    assert_eq!(foreign, [None]);
    assert_eq!(removed::find(&log.reader, &tenant("acme"), events[2].id).await.unwrap().unwrap().number, 3);
    assert_eq!(removed::find(&log.reader, &tenant("other"), events[2].id).await.unwrap(), None);
    assert_eq!(removed::find(&log.reader, &tenant("acme"), events[8].id).await.unwrap(), None);
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 0);
}

#[tokio::test]
async fn a_replay_over_what_was_removed_is_lost_and_not_silent() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    log.add(&(0..10).map(|n| old("acme", "shop.order.created", &format!("o{n}"), 100 - 10 * n)).collect::<Vec<_>>()).await;
    set(&db, "acme", &[rule(None, Some(45), None)]).await;
    run(&db.store(Role::Retention), "acme", &AT_ONCE).await;
    let page = async |after_seq| {
        let range = cold::Range { shard: 0, epoch: EPOCH, after_seq, up_to_seq: 10 };
        cold::page(&log.reader, &tenant("acme"), range, 100, 1 << 20).await.unwrap()
    };
    for after in [0, 3, 5] {
        let lost = page(after).await;
        assert_eq!((lost.through_seq, lost.events.len(), lost.done), (after, 0, false), "after {after}");
    }
    assert_eq!((page(6).await.through_seq, page(6).await.events.len()), (10, 4));
}

#[tokio::test]
async fn each_category_goes_by_its_own_rule_by_age_and_by_number() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let mut events = Vec::new();
    for n in 0..30 {
        events.push(of_category(Category::Device, old("acme", "net.link.changed", &format!("d{n:02}"), 20)));
        events.push(of_category(Category::Auth, old("acme", "net.login.failed", &format!("a{n:02}"), 60 - n)));
        events.push(old("acme", "shop.order.created", &format!("e{n:02}"), 500));
    }
    log.add(&events).await;
    let exempt = Rule { enabled: false, ..rule(Some(Category::Entity), None, None) };
    set(&db, "acme", &[rule(Some(Category::Device), None, Some(5)), rule(None, Some(40), None), exempt]).await;
    let store = db.store(Role::Retention);
    let now = Timestamp::now();
    let mut of_rules = db.store(Role::Api);
    let due = dry(&mut of_rules, &log.reader, "acme", now).await;
    let done = run(&store, "acme", &AT_ONCE).await;
    let planned: Vec<(String, u64)> = due.into_iter().map(|due| (due.category, due.events)).collect();
    assert_eq!(planned, done.categories.clone().into_iter().collect::<Vec<_>>(), "a dry run tells what then happens");
    assert_eq!(done.categories.get("device"), Some(&25));
    let left = log.entities("acme", &everything(200)).await;
    assert_eq!(left.iter().filter(|entity| entity.starts_with('e')).count(), 30, "a rule that is off keeps everything");
    let devices: Vec<&String> = left.iter().filter(|entity| entity.starts_with('d')).collect();
    assert!(devices.len() == 5 && devices.iter().all(|entity| entity.as_str() >= "d25"), "{devices:?}");
    assert_eq!(left.iter().filter(|entity| entity.starts_with('a')).count(), 9, "of 52 and more days none, of 40 and less all");

    // What comes in later with an old time goes with the next run, and so does what makes the others too many.
    let late =
        [of_category(Category::Auth, old("acme", "net.login.failed", "late", 300)), of_category(Category::Device, old("acme", "net.link.changed", "d99", 1))];
    log.add(&late).await;
    let done = run(&store, "acme", &AT_ONCE).await;
    assert_eq!((done.categories.get("auth"), done.categories.get("device"), done.removed), (Some(&1), Some(&1), 2));
}

async fn dry(rules_of: &mut Store, reader: &Store, of: &str, now: Timestamp) -> Vec<preview::Due> {
    let of = tenant(of);
    let read = async |tx: &mut Tx| rules::read(tx, &of).await;
    let rules: Vec<Rule> = rules_of.read(&slipstream_store::Scope::Account(of.clone()), read).await.unwrap();
    preview::preview(reader, &of, rules, &AT_ONCE, now).await.unwrap()
}

#[tokio::test]
async fn what_is_held_stays_until_it_is_released() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    log.add(&(0..20).map(|n| old("acme", "shop.order.created", &format!("o{}", n % 2), 100)).collect::<Vec<_>>()).await;
    set(&db, "acme", &[rule(None, Some(30), None)]).await;
    let held = hold(Hold { entity_id: Some("o1".to_owned()), name: "case 12".to_owned(), reason: "r".to_owned(), ..Hold::default() });
    let (api, of) = (db.store(Role::Api), tenant("acme"));
    api.write(&of, async |tx: &mut Tx| holds::place(tx, &of, &held).await).await.unwrap();
    let due = dry(&mut db.store(Role::Api), &log.reader, "acme", Timestamp::now()).await;
    assert_eq!((due[0].events, due[0].held), (10, 10));
    let store = db.store(Role::Retention);
    let done = run(&store, "acme", &AT_ONCE).await;
    assert_eq!((done.removed, done.held), (10, 10));
    assert!(log.entities("acme", &everything(50)).await.iter().all(|entity| entity == "o1"));
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 0);
    let end = holds::Release { at: Timestamp::now(), by: "u1".to_owned(), reason: None };
    api.write(&of, async |tx: &mut Tx| holds::release(tx, &of, held.id, &end).await).await.unwrap();
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 10);
}

#[tokio::test]
async fn what_tells_of_the_archive_and_what_the_activity_log_shows_stays() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let report = of_category(Category::System, old("acme", REMOVED, "retention", 400));
    log.add(&[report, old("acme", "shop.order.created", "o1", 60), old("acme", "shop.order.created", "o2", 91)]).await;
    let of = tenant("acme");
    db.store(Role::Api).write(&of, async |tx: &mut Tx| rules::replace(tx, &of, &[rule(None, Some(1), Some(1))]).await).await.unwrap();
    let store = db.store(Role::Retention);
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 1, "the log shows 90 days and 100,000 entries");
    assert_eq!(log.entities("acme", &everything(50)).await, ["o1", "retention"]);
    set(&db, "acme", &[rule(None, Some(1), Some(1))]).await;
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 1);
    assert_eq!(log.entities("acme", &everything(50)).await, ["retention"]);
}

/// A month that is over, and its middle.
fn past_month(months: i32) -> (time::Date, Timestamp) {
    let mut first = OffsetDateTime::now_utc().date().replace_day(1).unwrap();
    for _ in 0..months {
        first = first.previous_day().unwrap().replace_day(1).unwrap();
    }
    (first, first.replace_day(15).unwrap().midnight().assume_utc().into())
}

fn month_of_events(of: &str, at: Timestamp, count: usize) -> Vec<Event> {
    let made = |n: usize| {
        let event = Event::new(&tenant(of), &EventType::new("shop.order.created").unwrap(), format!("o{n}"), Actor::user("u1"));
        Event { timestamp: Timestamp::from_micros(at.micros() + i64::try_from(n).unwrap() * 60_000_000).unwrap(), ..event }
    };
    (0..count).map(made).collect()
}

#[tokio::test]
async fn a_month_goes_as_a_whole_when_all_of_it_is_due() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let (first, at) = past_month(4);
    let events = month_of_events("acme", at, 2_500);
    log.add(&events).await;
    log.add(&month_of_events("other", at, 10)).await;
    let report = of_category(Category::System, Event { timestamp: at, ..event("acme", REMOVED, "retention") });
    log.add(&[report, old("acme", "shop.order.created", "new", 1)]).await;
    set(&db, "acme", &[rule(None, Some(30), None)]).await;
    let store = db.store(Role::Retention);
    let remove = async || month::remove(&store, &AT_ONCE, first, Timestamp::now()).await.unwrap();
    assert_eq!(remove().await, month::Outcome::Stays, "another tenant keeps its events");
    set(&db, "other", &[rule(None, Some(30), None)]).await;
    assert_eq!(month::remove(&store, &Settings::default(), first, Timestamp::now()).await.unwrap(), month::Outcome::Stays, "it was archived only just");
    assert!(month::months(&store).await.unwrap().contains(&first));
    assert_eq!(remove().await, month::Outcome::Gone(vec![(tenant("acme"), 2_500), (tenant("other"), 10)]));
    assert_eq!(log.entities("acme", &everything(50)).await, ["new", "retention"]);
    assert_eq!(log.entities("other", &everything(50)).await, [""; 0]);
    let mut root = db.root().await;
    assert_eq!((told(&mut root, "acme").await, told(&mut root, "other").await), (vec![(1, 2_500)], vec![(1, 10)]));
    assert_eq!(remove().await, month::Outcome::Stays, "what is left tells of the archive");
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 0, "nothing went twice");
    assert_eq!(again(&log, 2_512, &events[..1_000]).await, Appended { inserted: 0, duplicates: 1_000 });
    let late = Event { timestamp: at, ..event("acme", "shop.order.created", "late") };
    assert_eq!(again(&log, 3_512, &[late]).await.inserted, 1);
    assert_eq!(log.entities("acme", &everything(50)).await.len(), 3);
}

#[tokio::test]
async fn a_month_that_went_is_made_again_when_something_of_it_comes_late_and_a_hold_keeps_it() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let (first, at) = past_month(5);
    let events = month_of_events("acme", at, 1_200);
    log.add(&events).await;
    set(&db, "acme", &[rule(None, Some(30), None)]).await;
    let (store, api, of) = (db.store(Role::Retention), db.store(Role::Api), tenant("acme"));
    let remove = async || month::remove(&store, &AT_ONCE, first, Timestamp::now()).await.unwrap();
    let held = hold(Hold { entity_id: Some("o7".to_owned()), name: "case 12".to_owned(), reason: "r".to_owned(), ..Hold::default() });
    api.write(&of, async |tx: &mut Tx| holds::place(tx, &of, &held).await).await.unwrap();
    assert_eq!(remove().await, month::Outcome::Stays);
    let end = holds::Release { at: Timestamp::now(), by: "u1".to_owned(), reason: None };
    api.write(&of, async |tx: &mut Tx| holds::release(tx, &of, held.id, &end).await).await.unwrap();
    assert!(matches!(remove().await, month::Outcome::Gone(_)));
    assert!(!month::months(&store).await.unwrap().contains(&first), "nothing was left");
    log_goes_on(&mut log, at).await;
    // A month from which everything went one by one goes as well.
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 1);
    assert_eq!(remove().await, month::Outcome::Gone(Vec::new()));
    assert_eq!(month::months(&store).await.unwrap().iter().filter(|month| **month == first).count(), 0);
}

async fn log_goes_on(log: &mut Log, at: Timestamp) {
    log.add(&[Event { timestamp: at, ..event("acme", "shop.order.created", "late") }]).await;
    assert_eq!(log.entities("acme", &everything(50)).await, ["late"]);
}

#[tokio::test]
async fn a_reader_makes_a_month_wait_and_is_not_cut_off() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    let (first, at) = past_month(6);
    log.add(&month_of_events("acme", at, 1_200)).await;
    set(&db, "acme", &[rule(None, Some(30), None)]).await;
    let store = db.store(Role::Retention);
    let mut reading = db.root().await;
    sqlx::raw_sql("begin; select count(*) from slipstream.event").execute(&mut reading).await.unwrap();
    let remove = month::remove(&store, &AT_ONCE, first, Timestamp::now());
    let release = async {
        let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let mut root = db.root().await;
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut root).await.unwrap() == 0 {}
        let count: i64 = sqlx::query_scalar("select count(*) from slipstream.event").fetch_one(&mut reading).await.unwrap();
        sqlx::raw_sql("commit").execute(&mut reading).await.unwrap();
        count
    };
    let (outcome, count) = tokio::join!(remove, release);
    assert_eq!((outcome.unwrap(), count), (month::Outcome::Gone(vec![(tenant("acme"), 1_200)]), 1_200));
}

#[tokio::test]
async fn two_never_work_on_one_tenant() {
    let db = Cluster::shared().await.database().await;
    let mut log = Log::new(&db).await;
    log.add(&[old("acme", "shop.order.created", "o1", 100)]).await;
    set(&db, "acme", &[rule(None, Some(30), None)]).await;
    let store = db.store(Role::Retention);
    let of: Tenant = tenant("acme");
    let outer = async |tx: &mut Tx| -> Result<Turn, Error> {
        let first = turn(tx, &AT_ONCE, Timestamp::now()).await?;
        let inner = store.write(&of, async |tx: &mut Tx| turn(tx, &AT_ONCE, Timestamp::now()).await).await?;
        assert_eq!(inner, Turn::Busy);
        Ok(first)
    };
    assert_eq!(store.write(&of, outer).await.unwrap(), Turn::More { removed: 1 });
    assert_eq!(run(&store, "acme", &AT_ONCE).await.removed, 1, "the report is of the whole run");
}
