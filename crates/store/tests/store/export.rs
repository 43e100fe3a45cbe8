//! Exports: all of it up to the bound, in both orders; jobs of one tenant only, and never two workers at one.

use std::collections::BTreeMap;
use std::time::Duration;

use slipstream_event::export::Format;
use slipstream_event::{Event, Timestamp, Viewer};
use slipstream_store::export::{self, Job, New, Order, Progress, Reach, Reading, Work};
use slipstream_store::history::Query;
use slipstream_store::{Error, Role};
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::{Log, at, event, everything, tenant};

async fn log() -> (Db, Log) {
    let db = Cluster::shared().await.database().await;
    let log = Log::new(&db).await;
    (db, log)
}

async fn read(log: &Log, mut reading: Reading) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(items) = reading.next(&log.reader).await.unwrap() {
        found.extend(items.iter().map(|item| Event::from_json(item.payload.as_bytes()).unwrap().entity_id));
    }
    found
}

#[tokio::test]
async fn reads_all_up_to_the_bound_in_both_orders_and_from_any_place() {
    let (db, mut log) = log().await;
    // Two of each time, over many months, and more than a first batch.
    let events: Vec<Event> =
        (0..260).map(|i| at(&format!("20{:02}-{:02}-01T00:00:00Z", 10 + i / 24, 1 + i / 2 % 12), event("a", "a.b.c", &i.to_string()))).collect();
    log.add(&events).await;
    let (acme, query) = (tenant("a"), everything(7));
    let bound = export::bound(&log.reader, &acme, 0).await.unwrap();
    assert_eq!((bound.seq, bound.number), (260, 260));
    // The archive changes without a new number when something is redacted or removed.
    sqlx::query("update slipstream.tenant_head set version = version + 7 where tenant_id = 'a'").execute(&mut db.root().await).await.unwrap();
    assert_eq!(export::bound(&log.reader, &acme, 0).await.unwrap(), bound);
    log.add(&[at("2015-01-01T00:00:00Z", event("a", "a.b.c", "late")), event("b", "a.b.c", "theirs")]).await;
    let expected = log.entities("a", &everything(500)).await.into_iter().filter(|entity| entity != "late").collect::<Vec<_>>();
    let newest = read(&log, Reading::new(&acme, query.clone(), bound, Order::NewestFirst)).await;
    assert_eq!(newest, expected);
    let oldest = read(&log, Reading::new(&acme, query.clone(), bound, Order::OldestFirst)).await;
    assert_eq!(oldest, expected.iter().rev().cloned().collect::<Vec<_>>());
    let count = export::count(&log.reader, &acme, &query, bound, Duration::from_secs(10)).await.unwrap();
    assert_eq!(count, Some(260));
    let first = Reading::new(&acme, query.clone(), bound, Order::NewestFirst).next(&log.reader).await.unwrap().unwrap();
    let rest = read(&log, Reading::new(&acme, query.clone(), bound, Order::NewestFirst).after(first.last().map(|item| item.keyset))).await;
    assert_eq!(rest, expected[first.len()..]);
    let nobody = Query { viewer: Viewer::default(), ..query };
    assert!(read(&log, Reading::new(&acme, nobody.clone(), bound, Order::OldestFirst)).await.is_empty());
    assert_eq!(export::count(&log.reader, &acme, &nobody, bound, Duration::from_secs(10)).await.unwrap(), Some(0));
    let empty = export::bound(&log.reader, &tenant("c"), 5).await.unwrap();
    assert_eq!((empty.epoch, empty.seq, empty.number), (0, 0, 0));
}

/// Batches whose times overlap, with old events that came late: what is rare is found where it is, whole and in order, and a statement reads no batch that cannot hold it.
#[tokio::test]
async fn what_is_rare_is_read_where_it_can_be() {
    let (db, mut log) = log().await;
    for batch in 0..30_usize {
        let one = |n: usize| {
            let day = if n.is_multiple_of(7) { 1 } else { 1 + (batch + n) % 28 };
            let plain = at(&format!("2026-{:02}-{day:02}T{:02}:00:00Z", 1 + batch % 6, n % 24), event("a", "a.b.c", &format!("{batch}-{n}")));
            let rare = (n == 3 && batch.is_multiple_of(8)).then(|| "c-rare".to_owned());
            Event { message: rare.as_ref().map(|_| "a zeppelin landed".to_owned()), correlation_id: rare, ..plain }
        };
        log.add(&(0..20).map(one).collect::<Vec<_>>()).await;
    }
    let (acme, bound) = (tenant("a"), export::bound(&log.reader, &tenant("a"), 0).await.unwrap());
    let rare = Query { correlation_id: Some("c-rare".to_owned()), ..everything(7) };
    let text = Query { text: Some("ZEPPELIN".to_owned()), ..everything(7) };
    let spring = Query {
        from: Some(Timestamp::parse("2026-03-02T00:00:00Z").unwrap()),
        until: Some(Timestamp::parse("2026-04-09T00:00:00Z").unwrap()),
        ..everything(7)
    };
    for query in [everything(7), rare.clone(), text, spring] {
        let mut expected = log.entities("a", &query).await;
        assert!(expected.len() >= 4, "{query:?}");
        assert_eq!(read(&log, Reading::new(&acme, query.clone(), bound, Order::NewestFirst)).await, expected, "{query:?}");
        expected.reverse();
        assert_eq!(read(&log, Reading::new(&acme, query.clone(), bound, Order::OldestFirst)).await, expected, "{query:?}");
    }
    // Had all batches to be read, this one would be missed: its events are where no filter says that they may be.
    let mut root = db.root().await;
    sqlx::query("update slipstream.ledger_batch set terms = '\\x0000000000000000' where start = 160").execute(&mut root).await.unwrap();
    let told = read(&log, Reading::new(&acme, rare, bound, Order::NewestFirst)).await;
    assert!(told.len() == 3 && !told.contains(&"8-3".to_owned()), "{told:?}");
}

async fn add(db: &Db, of: &str, owner: &str, viewer: Viewer) -> Result<Job, Error> {
    let bound = export::bound(&db.store(Role::Reader), &tenant(of), 0).await?;
    let query = Query { viewer, ..Query::default() };
    let (id, owner) = (Uuid::now_v7(), owner.to_owned());
    let new = New { id, owner, format: Format::Csv, end_line: false, filters: BTreeMap::new(), query, bound, rows_estimated: None };
    db.store(Role::Api).write(&tenant(of), async |tx| export::insert(tx, new).await).await
}

fn admin() -> Viewer {
    Viewer { member: true, admin: true, ..Viewer::default() }
}

#[tokio::test]
async fn a_job_belongs_to_its_tenant_and_to_those_who_see_as_much() {
    let (db, _log) = log().await;
    let (api, mine) = (db.store(Role::Api), add(&db, "a", "u1", admin()).await.unwrap());
    let platform = add(&db, "a", "root", Viewer::everything()).await.unwrap();
    let member = add(&db, "a", "u2", Viewer { member: true, ..Viewer::default() }).await.unwrap();
    let list = async |of: &str, who: &str, reach| {
        let mut ids: Vec<Uuid> = export::list(&api, &tenant(of), who, reach, None).await.unwrap().into_iter().map(|job| job.id).collect();
        ids.sort();
        ids
    };
    assert_eq!(list("a", "u9", Reach::Admin).await, [mine.id, member.id]);
    assert_eq!(list("a", "root", Reach::Platform).await, [mine.id, platform.id, member.id]);
    assert_eq!(list("a", "u2", Reach::Member).await, [member.id]);
    assert_eq!(list("a", "u1", Reach::Member).await, Vec::<Uuid>::new(), "who lost its rights lost its file");
    assert_eq!(list("b", "root", Reach::Platform).await, Vec::<Uuid>::new());
    assert!(!export::remove(&api, &tenant("b"), "root", Reach::Platform, mine.id).await.unwrap());
    assert!(!export::remove(&api, &tenant("a"), "u1", Reach::Admin, platform.id).await.unwrap());
    let refused = |result: Result<Job, Error>| match result {
        Err(Error::Refused { what }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(add(&db, "a", "u1", admin()).await), "export_in_progress");
    add(&db, "a", "u4", admin()).await.unwrap();
    assert_eq!(refused(add(&db, "a", "u5", admin()).await), "too_many_exports");
    assert!(export::remove(&api, &tenant("a"), "u1", Reach::Admin, mine.id).await.unwrap());
    add(&db, "a", "u5", admin()).await.unwrap();
}

#[tokio::test]
async fn a_worker_that_was_taken_for_dead_changes_nothing() {
    let (db, _log) = log().await;
    let job = add(&db, "a", "u1", admin()).await.unwrap();
    let work = Work::new(db.store(Role::Exporter));
    let (stale, hour) = (Duration::ZERO, Duration::from_secs(3_600));
    let first = work.claim(hour).await.unwrap().unwrap();
    assert!(work.claim(hour).await.unwrap().is_none(), "it is being made");
    let zero = Progress { rows: 0, bytes: 0, chunks: 0, last: None };
    let one = Progress { rows: 1, bytes: 3, chunks: 1, ..zero };
    assert!(work.add(&first, b"abc", zero, one).await.unwrap());
    let second = work.claim(stale).await.unwrap().unwrap();
    assert_eq!((second.job.id, second.job.bytes, second.job.chunks, second.job.attempts), (job.id, 3, 1, 2));
    let two = Progress { rows: 2, bytes: 5, chunks: 2, ..zero };
    assert!(!work.add(&first, b"de", one, two).await.unwrap() && !work.beat(&first).await.unwrap());
    assert!(!work.finish(&first, b"de", one, two, &[0; 32]).await.unwrap());
    work.fail(&first, "no").await.unwrap();
    assert!(work.finish(&second, b"de", one, two, &[7; 32]).await.unwrap());
    let api = db.store(Role::Api);
    let done = export::list(&api, &tenant("a"), "u1", Reach::Admin, Some(job.id)).await.unwrap().pop().unwrap();
    assert_eq!((done.state.as_str(), done.rows_done, done.bytes, done.sha256), ("ready", 2, 5, Some(vec![7; 32])));
    let rest = async |of: &str, place| export::chunk(&api, &tenant(of), job.id, place).await.unwrap();
    assert_eq!((rest("a", 1).await, rest("a", 3).await, rest("a", 5).await), (Some(b"bc".to_vec()), Some(b"de".to_vec()), None));
    assert_eq!(rest("b", 0).await, None, "another tenant's file is not there");
    assert!(!work.clean().await.unwrap());
    assert!(export::remove(&api, &tenant("a"), "u1", Reach::Admin, job.id).await.unwrap());
    assert!(work.clean().await.unwrap() && rest("a", 0).await.is_none());
}
