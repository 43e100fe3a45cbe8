//! The activity log: exact pages, what is shown and what is not, and totals that tell nothing of what is hidden.

use std::collections::BTreeSet;

use slipstream_domain::activity::Settings;
use slipstream_event::activity::Selection;
use slipstream_event::{Actor, Event, Severity, Timestamp, Viewer, Visibility};
use slipstream_store::activity::{self, Clearing, Fault, Page, Query, Range, Shown, Total, place, prune, settings};
use slipstream_store::{Error, Role, Store, Tx, history};
use sqlx::Executor;

use crate::cluster::{Cluster, Db};
use crate::fixture::{EPOCH, Log, event, tenant};

async fn log() -> (Db, Log) {
    let db = Cluster::shared().await.database().await;
    let log = Log::new(&db).await;
    (db, log)
}

/// An event of tenant `a` that happened so many seconds before now.
fn past(seconds: i64, entity: &str) -> Event {
    let timestamp = Timestamp::from_micros(Timestamp::now().micros() - seconds * 1_000_000).unwrap();
    Event { timestamp, ..event("a", "a.b.c", entity) }
}

fn everything() -> Query {
    Query { viewer: Viewer::everything(), ..Query::default() }
}

async fn shown(log: &Log) -> Shown {
    activity::shown(&log.reader, &tenant("a"), Timestamp::now()).await.unwrap()
}

async fn page(log: &Log, query: &Query, range: Range) -> Page {
    activity::page(&log.reader, &tenant("a"), &shown(log).await, query, range).await.unwrap()
}

/// Entities of all that is shown, newest first.
async fn entities(log: &Log, query: &Query) -> Vec<String> {
    let page = page(log, query, Range { limit: 1_000, ..Range::default() }).await;
    page.items.into_iter().map(|item| item.event.entity_id).collect()
}

async fn total(log: &Log, query: &Query) -> Total {
    activity::total(&log.reader, &tenant("a"), &shown(log).await, query, 0).await.unwrap()
}

/// Keeps settings; the time of the change.
async fn set(store: &Store, after: Settings) -> Timestamp {
    let work = async |tx: &mut Tx| -> Result<Timestamp, Error> {
        let (before, at) = settings::lock(tx).await?;
        settings::save(tx, &before, &after, at).await?;
        Ok(at)
    };
    store.write(&tenant("a"), work).await.unwrap()
}

#[tokio::test]
async fn pages_neither_overlap_nor_leave_a_gap_while_new_entries_come_in() {
    let (_db, mut log) = log().await;
    let old: Vec<Event> = (0..25).map(|i| past(3_600 - i, &i.to_string())).collect();
    for batch in old.chunks(4) {
        log.add(batch).await;
    }
    // Times do not decide: the number does.
    log.add(&[past(86_400 * 40, "late")]).await;
    for limit in [1, 2, 7, 25, 26, 27] {
        let (mut seen, mut before_seq) = (Vec::new(), None);
        loop {
            let page = page(&log, &everything(), Range { before_seq, after_seq: None, limit }).await;
            assert!(page.items.len() <= limit as usize);
            seen.extend(page.items.iter().map(|item| item.seq));
            if !page.has_more {
                break;
            }
            before_seq = page.items.last().map(|item| item.seq);
            if limit == 7 {
                log.add(&[past(0, "new")]).await;
            }
        }
        let top = seen[0];
        assert_eq!(seen, (1..=top).rev().collect::<Vec<_>>(), "pages of {limit}");
    }
    let after = page(&log, &everything(), Range { after_seq: Some(20), before_seq: Some(26), limit: 4 }).await;
    assert_eq!((after.items.iter().map(|item| item.seq).collect::<Vec<_>>(), after.has_more), (vec![21, 22, 23, 24], true));
    assert_eq!(page(&log, &everything(), Range { after_seq: Some(u64::MAX >> 1), ..Range::default() }).await, Page { items: Vec::new(), has_more: false });
}

#[tokio::test]
async fn shows_and_counts_only_what_the_reader_may_see() {
    let (_db, mut log) = log().await;
    let classes = ["tenant", "department:line", "department:stores", "quality", "subject", "external", "admin", "platform"];
    let mut events: Vec<Event> = classes.iter().map(|class| Event { visibility: Visibility::parse(class).unwrap(), ..past(60, class) }).collect();
    for event in &mut events {
        event.metadata.set("subjectUserId", &"u2").unwrap();
    }
    log.add(&events).await;
    let member = Viewer { member: true, user_id: Some("u9".into()), department: Some("line".into()), ..Viewer::default() };
    let viewers = [
        Viewer::default(),
        Viewer { user_id: Some("u2".into()), ..member.clone() },
        Viewer { quality: true, ..member.clone() },
        Viewer { admin: true, ..member.clone() },
        Viewer { user_id: Some("u2".into()), ..Viewer::default() },
        Viewer::everything(),
        member,
    ];
    for viewer in viewers {
        let want: BTreeSet<String> = events.iter().filter(|event| viewer.sees_event(event)).map(|event| event.entity_id.clone()).collect();
        let query = Query { viewer: viewer.clone(), ..Query::default() };
        assert_eq!(entities(&log, &query).await.into_iter().collect::<BTreeSet<_>>(), want, "{viewer:?}");
        assert_eq!(total(&log, &query).await, Total { count: want.len() as u64, is_estimate: false }, "{viewer:?}");
        // What concerns a person is counted in a way of its own, and by categories and times too.
        for (pairs, is_in) in [([("categories", "entity")], true), ([("categories", "auth")], false), ([("severities", "info,error")], true)] {
            let query = Query { selection: Selection::from_query(pairs).unwrap(), since: Some(past(90, "").timestamp), ..query.clone() };
            assert_eq!(total(&log, &query).await.count, if is_in { want.len() as u64 } else { 0 }, "{viewer:?} {pairs:?}");
        }
        let late = Query { until: Some(past(90, "").timestamp), ..query };
        assert_eq!(total(&log, &late).await.count, 0, "{viewer:?}");
    }
}

#[tokio::test]
async fn filters_narrow_each_other() {
    let (_db, mut log) = log().await;
    let named = |name: &str| Actor { name: Some(name.to_owned()), ..Actor::user("u7") };
    let mut failed = Event { severity: Severity::Critical, actor: named("Asha 100% Rao"), message: Some("The pump_house failed".to_owned()), ..past(50, "p1") };
    failed.legacy = Some(slipstream_event::Legacy { event_type: "PUMP.FAILED".to_owned(), entity_type: "pump".to_owned(), action: "failed".to_owned() });
    log.add(&[past(100, "e1"), failed, past(10, "e2")]).await;
    let of = |pairs: &[(&str, &str)]| Selection::from_query(pairs.iter().copied()).unwrap();
    let cases = [
        (Query { selection: of(&[("severities", "error")]), ..everything() }, vec!["p1"]),
        (Query { selection: of(&[("severities", "error,info"), ("categories", "auth")]), ..everything() }, vec![]),
        (Query { selection: of(&[("categories", "entity")]), ..everything() }, vec!["e2", "p1", "e1"]),
        (Query { actor: Some("ASHA 100%".to_owned()), ..everything() }, vec!["p1"]),
        (Query { actor: Some("u7".to_owned()), ..everything() }, vec!["p1"]),
        (Query { actor: Some("U7".to_owned()), ..everything() }, vec![]),
        (Query { actor: Some("Rao".to_owned()), ..everything() }, vec![]),
        (Query { entity_type: Some("pump".to_owned()), ..everything() }, vec!["p1"]),
        (Query { entity_type: Some("a.b".to_owned()), entity_id: Some("e1".to_owned()), ..everything() }, vec!["e1"]),
        (Query { text: Some("PUMP_house".to_owned()), ..everything() }, vec!["p1"]),
        (Query { text: Some("pumpxhouse".to_owned()), ..everything() }, vec![]),
        (Query { since: Some(past(60, "").timestamp), until: Some(past(5, "").timestamp), ..everything() }, vec!["e2", "p1"]),
    ];
    for (query, want) in cases {
        assert_eq!(entities(&log, &query).await, want, "{query:?}");
        assert_eq!(total(&log, &query).await.count, want.len() as u64, "{query:?}");
    }
    let (first, until) = (page(&log, &everything(), Range { limit: 1, ..Range::default() }).await, Some(Timestamp::now()));
    let at = first.items[0].event.timestamp;
    assert_eq!(entities(&log, &Query { since: Some(at), until, ..everything() }).await, ["e2"], "since is inclusive");
    assert_eq!(entities(&log, &Query { until: Some(at), ..everything() }).await, ["p1", "e1"], "until is exclusive");
}

#[tokio::test]
async fn a_clearing_hides_what_was_committed_before_it_also_what_is_archived_later() {
    let (db, mut log) = log().await;
    let store = db.store(Role::Api);
    log.add(&[past(100, "1"), past(90, "2")]).await;
    let cleared = Event { event_type: slipstream_event::EventType::new("activity.log.cleared").unwrap(), ..past(0, "cleared") };
    let clearing = Clearing { event_id: cleared.id, at: cleared.timestamp, through_seq: shown(&log).await.size };
    let work = async |tx: &mut Tx| -> Result<(), Error> {
        settings::lock(tx).await?;
        settings::clear(tx, &clearing).await
    };
    store.write(&tenant("a"), work).await.unwrap();
    assert_eq!(entities(&log, &everything()).await, [""; 0]);
    // Of two ways into the log one may be slower: what happened after the clearing can be archived before its event.
    log.add(&[past(1, "on its way"), past(0, "overtook")]).await;
    assert_eq!(entities(&log, &everything()).await, ["overtook"]);
    log.add(&[cleared, past(0, "after"), past(3_600, "imported")]).await;
    assert_eq!(entities(&log, &everything()).await, ["imported", "after", "cleared", "overtook"]);
    assert_eq!(total(&log, &everything()).await.count, 4);
    // The archive has all of them.
    assert_eq!(log.entities("a", &crate::fixture::everything(50)).await.len(), 7);
}

/// The event that tells that the log was turned off, or on.
fn turned(word: &str, timestamp: Timestamp) -> Event {
    Event { timestamp, ..event("a", &format!("activity.log.{word}"), word) }
}

#[tokio::test]
async fn what_comes_while_the_log_is_off_is_not_shown_whenever_it_happened() {
    let (db, mut log) = log().await;
    let (store, archiver) = (db.store(Role::Api), db.store(Role::Archiver));
    let (on, off) = (Settings::default(), Settings { enabled: false, ..Settings::default() });
    log.add(&[past(1, "before")]).await;
    let began = set(&store, off).await;
    assert_eq!(shown(&log).await.settings, off);
    // The order of the log decides, which the live view knows too: nothing is hidden by a change that is not in it.
    log.add(&[past(0, "overtook")]).await;
    assert_eq!(entities(&log, &everything()).await, ["overtook", "before"]);
    log.add(&[turned("disabled", began), past(0, "silent"), past(3_600, "silent, of before")]).await;
    assert_eq!(entities(&log, &everything()).await, ["disabled", "overtook", "before"]);
    let ended = set(&store, on).await;
    assert!(ended > began);
    log.add(&[past(-5, "silent, of the future")]).await;
    let of = |began_seq, ended_seq| (began_seq, ended_seq);
    let silences = async || shown(&log).await.silences.iter().map(|silence| of(silence.began_seq, silence.ended_seq)).collect::<Vec<_>>();
    assert_eq!(silences().await, [(3, None)]);
    prune::prune(&archiver, &log.reader, &tenant("a"), Timestamp::now()).await.unwrap();
    log.add(&[turned("enabled", ended), past(0, "after"), past(0, "after")]).await;
    for _ in 0..2 {
        let silences = shown(&log).await.silences.iter().map(|silence| of(silence.began_seq, silence.ended_seq)).collect::<Vec<_>>();
        assert_eq!(silences, [(3, Some(7))]);
        assert_eq!(entities(&log, &everything()).await, ["after", "after", "enabled", "disabled", "overtook", "before"]);
        assert_eq!(total(&log, &everything()).await.count, 6);
        // The pruner notes the numbers; from then on the events are not needed.
        prune::prune(&archiver, &log.reader, &tenant("a"), Timestamp::now()).await.unwrap();
    }
    let noted: i64 = sqlx::query_scalar("select ended_seq from slipstream.activity_silence").fetch_one(&mut db.root().await).await.unwrap();
    assert_eq!(noted, 7);
}

#[tokio::test]
async fn the_live_view_is_told_where_in_the_stream_lies_what_is_shown() {
    let (db, mut log) = log().await;
    let (store, archiver) = (db.store(Role::Api), db.store(Role::Archiver));
    let off = Settings { enabled: false, max_entries: 100, ..Settings::default() };
    let placed = async |log: &Log, epoch| place::placed(&log.reader, &tenant("a"), 0, epoch).await.unwrap();
    let nothing = placed(&log, EPOCH).await;
    assert_eq!((nothing.after_seq, nothing.cleared, nothing.silences.len(), nothing.changed_at), (0, None, 0, None));
    // Others' events lie in between: numbers are not sequences.
    for i in 0..60 {
        log.add(&[past(60, &format!("{i}")), event("b", "a.b.c", "theirs"), past(60, &format!("{i}b"))]).await;
    }
    let began = set(&store, off).await;
    log.add(&[turned("disabled", began), past(0, "silent")]).await;
    let ended = set(&store, Settings { enabled: true, ..off }).await;
    log.add(&[event("b", "a.b.c", "theirs"), turned("enabled", ended)]).await;
    prune::prune(&archiver, &log.reader, &tenant("a"), Timestamp::now()).await.unwrap();
    let now = placed(&log, EPOCH).await;
    // 123 numbers, of which 1 is silent: 100 of 122 are shown, those after number 22, which is the second of the 11th batch of three.
    assert_eq!(shown(&log).await.after_seq, 22);
    assert_eq!((now.after_seq, now.silences.as_slice(), now.through_seq), (33, &[(181, Some(184))][..], 184));
    assert_eq!((now.turned_at, now.changed_at, now.settings), (Some(ended), Some(ended), Settings { enabled: true, ..off }));
    let cleared = Event { timestamp: Timestamp::now(), ..event("a", "activity.log.cleared", "cleared") };
    let clearing = Clearing { event_id: cleared.id, at: cleared.timestamp, through_seq: 123 };
    store.write(&tenant("a"), async |tx: &mut Tx| settings::clear(tx, &clearing).await).await.unwrap();
    let on_its_way = placed(&log, EPOCH).await;
    assert_eq!((on_its_way.after_seq, on_its_way.cleared.unwrap().seq), (184, None));
    log.add(&[past(0, "overtook"), cleared, past(0, "after")]).await;
    assert_eq!(placed(&log, EPOCH).await.cleared, Some(activity::Cleared { at: clearing.at, seq: Some(186) }));
    // In another epoch all of that lies before its first event.
    let other = placed(&log, EPOCH + 1).await;
    assert_eq!((other.through_seq, other.after_seq, other.cleared.unwrap().seq), (0, 0, Some(0)));
    assert!(place::placed(&log.reader, &tenant("b"), 0, EPOCH).await.unwrap().cleared.is_none());
}

#[tokio::test]
async fn both_limits_hold_and_never_bring_anything_back() {
    let (db, mut log) = log().await;
    let (store, archiver, now) = (db.store(Role::Api), db.store(Role::Archiver), Timestamp::now);
    for day in [200, 100, 80, 40] {
        log.add(&(0..60).map(|i| past(86_400 * day, &format!("{day} {i}"))).collect::<Vec<_>>()).await;
    }
    assert_eq!(total(&log, &everything()).await.count, 120, "90 days at first");
    let pruned = async || prune::prune(&archiver, &log.reader, &tenant("a"), now()).await.unwrap();
    assert_eq!((pruned().await, pruned().await), (120, 0));
    set(&store, Settings { max_days: 365, ..Settings::default() }).await;
    assert_eq!(total(&log, &everything()).await.count, 120, "what fell out stays out");
    set(&store, Settings { max_entries: 100, ..Settings::default() }).await;
    let due = async || prune::due(&archiver).await.unwrap();
    let first = due().await;
    assert_eq!((first.len(), &first[0].tenant), (1, &tenant("a")));
    // Changed again meanwhile: who has pruned for the first change has not for this one.
    set(&store, Settings { max_entries: 100, ..Settings::default() }).await;
    prune::settled(&archiver, &first[0]).await.unwrap();
    let second = due().await;
    assert!(second.len() == 1 && second[0].changed_at > first[0].changed_at);
    assert_eq!(pruned().await, 20);
    prune::settled(&archiver, &second[0]).await.unwrap();
    assert_eq!(due().await, []);
    assert_eq!((entities(&log, &everything()).await.len(), total(&log, &everything()).await.count), (100, 100));
    set(&store, Settings { max_days: 1, ..Settings::default() }).await;
    assert_eq!(entities(&log, &everything()).await, [""; 0], "at once, before anything is pruned");
    assert_eq!(prune::tenants(&archiver, None).await.unwrap(), [tenant("a")]);
    assert_eq!(prune::tenants(&archiver, Some(&tenant("a"))).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_not_recorded_does_not_count_against_the_limit() {
    let (db, mut log) = log().await;
    let (store, archiver) = (db.store(Role::Api), db.store(Role::Archiver));
    let (on, off) = (Settings { max_entries: 100, ..Settings::default() }, Settings { enabled: false, max_entries: 100, ..Settings::default() });
    log.add(&(0..70).map(|i| past(60, &i.to_string())).collect::<Vec<_>>()).await;
    let began = set(&store, off).await;
    log.add(&[turned("disabled", began)]).await;
    log.add(&(0..500).map(|_| past(0, "silent")).collect::<Vec<_>>()).await;
    let ended = set(&store, on).await;
    log.add(&[turned("enabled", ended)]).await;
    log.add(&(0..40).map(|_| past(0, "after")).collect::<Vec<_>>()).await;
    prune::prune(&archiver, &log.reader, &tenant("a"), Timestamp::now()).await.unwrap();
    let shown = entities(&log, &everything()).await;
    assert_eq!((shown.len(), shown[99].as_str()), (100, "12"));
}

/// A total that counts what the page does not hold would tell of entries that nobody was shown.
#[tokio::test]
async fn page_and_total_are_of_the_same_moment() {
    let (_db, mut log) = log().await;
    log.add(&[past(3, "pump 1"), past(2, "pump 2")]).await;
    let shown = shown(&log).await;
    log.add(&[past(1, "pump 3")]).await;
    for text in [None, Some("pump"), Some("p")] {
        let query = Query { text: text.map(str::to_owned), ..everything() };
        for after_seq in [None, Some(0)] {
            let page = activity::page(&log.reader, &tenant("a"), &shown, &query, Range { after_seq, limit: 10, ..Range::default() }).await.unwrap();
            let total = activity::total(&log.reader, &tenant("a"), &shown, &query, 0).await.unwrap();
            assert_eq!((page.items.len(), total), (2, Total { count: 2, is_estimate: false }), "{text:?} {after_seq:?}");
        }
    }
}

#[tokio::test]
async fn a_search_that_takes_too_long_is_told_so_and_a_count_is_an_estimate() {
    let (db, mut log) = log().await;
    log.add(&[past(1, "1")]).await;
    let shown = shown(&log).await;
    let mut blocker = db.root().await;
    blocker.execute("begin; lock table slipstream.event in access exclusive mode").await.unwrap();
    let query = Query { text: Some("x".to_owned()), ..everything() };
    let page = activity::page(&log.reader, &tenant("a"), &shown, &query, Range::default()).await;
    assert!(matches!(page, Err(Fault::TooSlow)), "{page:?}");
    let total = activity::total(&log.reader, &tenant("a"), &shown, &query, 7).await.unwrap();
    assert_eq!(total, Total { count: 7, is_estimate: true });
}

#[tokio::test]
async fn nothing_of_another_tenant_is_shown_or_changed() {
    let (db, mut log) = log().await;
    log.add(&[past(1, "ours"), event("b", "a.b.c", "theirs")]).await;
    set(&db.store(Role::Api), Settings { enabled: false, max_days: 1, max_entries: 100 }).await;
    let theirs = activity::shown(&log.reader, &tenant("b"), Timestamp::now()).await.unwrap();
    assert_eq!((theirs.settings, theirs.silences.len(), theirs.size), (Settings::default(), 0, 1));
    let page = activity::page(&log.reader, &tenant("b"), &theirs, &everything(), Range { limit: 9, ..Range::default() }).await.unwrap();
    assert_eq!(page.items.iter().map(|item| (item.seq, item.event.entity_id.as_str())).collect::<Vec<_>>(), [(1, "theirs")]);
}

#[tokio::test]
async fn the_archive_is_late_when_it_does_not_reach_an_end_that_was_seen_a_second_ago_or_nobody_looks() {
    let (db, mut log) = log().await;
    let late = async |log: &Log| history::progress(&log.reader, 0).await.unwrap().unwrap().1;
    let look = async |log: &Log, seq| log.archive.note_end(0, EPOCH, seq).await.unwrap();
    // As if so much time had passed.
    let pass = async |seconds: i32| {
        let back =
            "update slipstream.archive_end set looked_at = looked_at - make_interval(secs => $1), behind_since = behind_since - make_interval(secs => $1)";
        sqlx::query(back).bind(f64::from(seconds)).execute(&mut db.root().await).await.unwrap();
    };
    assert!(history::progress(&log.reader, 1).await.unwrap().is_none());
    assert!(!late(&log).await, "nobody has looked yet");
    look(&log, 2).await;
    assert!(!late(&log).await, "for a moment it may be");
    pass(2).await;
    assert!(late(&log).await);
    log.add(&[past(1, "1")]).await;
    assert!(late(&log).await, "not all of it");
    look(&log, 7).await;
    assert!(late(&log).await, "a new look does not excuse it");
    log.add(&[past(1, "2"), past(1, "3")]).await;
    look(&log, 9).await;
    pass(2).await;
    assert!(late(&log).await, "the end of the look before is not reached");
    log.add(&(4..=9).map(|n| past(0, &n.to_string())).collect::<Vec<_>>()).await;
    assert!(!late(&log).await, "all that was seen is there");
    look(&log, 10).await;
    assert!(!late(&log).await, "one that was just seen");
    pass(6).await;
    log.add(&[past(0, "10")]).await;
    assert!(late(&log).await, "nobody looks any more");
}
