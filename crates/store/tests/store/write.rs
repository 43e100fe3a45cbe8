//! The write transaction: rows and events together or not at all, in the order of commits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use slipstream_event::Event;
use slipstream_store::copilot::support_tickets::{self, New};
use slipstream_store::outbox::Outbox;
use slipstream_store::{Error, Role, Store, Tx, Wake, limits};

use crate::cluster::{Cluster, until};
use crate::fixture::{event, tenant};

fn ticket(account: &str, subject: &str) -> New {
    New {
        account_id: account.to_owned(),
        user_profile_id: None,
        subject: subject.to_owned(),
        description: String::new(),
        status: "OPEN".to_owned(),
        priority: "LOW".to_owned(),
        assigned_to: None,
        created_by: None,
    }
}

async fn change(tx: &mut Tx, account: &str, subject: &str) -> Result<(), Error> {
    let row = support_tickets::insert(tx, &ticket(account, subject)).await?;
    tx.emit(event(account, "copilot.support_ticket.created", &row.id.to_string()));
    Ok(())
}

/// Tickets and outbox rows of everybody.
async fn counts(db: &crate::cluster::Db) -> (i64, i64) {
    let sql = "select (select count(*) from copilot.support_tickets), (select count(*) from slipstream.outbox)";
    sqlx::query_as(sql).fetch_one(&mut db.root().await).await.unwrap()
}

#[tokio::test]
async fn a_row_and_its_events_commit_together() {
    let db = Cluster::shared().await.database().await;
    let (store, outbox) = (db.store(Role::Api), Outbox::new(db.store(Role::Relay)));
    let (one, two) = (event("acme", "a.b.one", "1"), event("acme", "a.b.two", "1"));
    let answer = store
        .write(&tenant("acme"), async |tx| {
            support_tickets::insert(tx, &ticket("acme", "s")).await?;
            tx.trace(Some("00-abc-def-01".to_owned()));
            tx.emit(one.clone());
            tx.emit(two.clone());
            Ok::<_, Error>(42)
        })
        .await;
    assert_eq!(answer.unwrap(), 42);
    assert_eq!(counts(&db).await, (1, 2));
    let rows = outbox.claim(10, &[]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.event_id).collect::<Vec<_>>(), [one.id, two.id]);
    assert_eq!((rows[0].payload.clone(), rows[0].tenant.clone(), rows[0].event_type.as_str()), (one.to_json(), tenant("acme"), "a.b.one"));
    assert_eq!((rows[0].traceparent.as_deref(), rows[0].attempts), (Some("00-abc-def-01"), 0));
    assert_eq!(Event::from_json(rows[1].payload.as_bytes()).unwrap(), two);
}

#[tokio::test]
async fn a_failed_write_leaves_nothing() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    let acme = tenant("acme");
    let given_up = store.write(&acme, async |tx| change(tx, "acme", "x").await.and(Err::<(), _>(Error::Bug("given up".into())))).await;
    assert!(matches!(given_up, Err(Error::Bug(why)) if why == "given up"));
    let foreign = store.write(&acme, async |tx| change(tx, "acme", "x").await.map(|()| tx.emit(event("other", "a.b.c", "1")))).await;
    assert!(matches!(foreign, Err(Error::Bug(_))));
    let mut large = event("acme", "a.b.c", "1");
    large.metadata.set("x", &"y".repeat(70_000)).unwrap();
    let large = store.write(&acme, async |tx| change(tx, "acme", "x").await.map(|()| tx.emit(large))).await;
    assert!(matches!(large, Err(Error::EventTooLarge { bytes }) if bytes > 70_000), "{large:?}");
    let twice = event("acme", "a.b.c", "1");
    let twice = store
        .write(&acme, async |tx| {
            change(tx, "acme", "x").await?;
            tx.emit(twice.clone());
            tx.emit(twice.clone());
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(&twice, Err(Error::Conflict { constraint }) if constraint == "outbox_event"), "{twice:?}");
    let many = store
        .write(&acme, async |tx| {
            (0..=limits::WRITE_EVENTS_MAX).for_each(|_| tx.emit(event("acme", "a.b.c", "1")));
            change(tx, "acme", "x").await
        })
        .await;
    assert!(matches!(many, Err(Error::TooManyEvents { .. })));
    let refused = store.write(&acme, async |tx| support_tickets::insert(tx, &New { status: "ODD".into(), ..ticket("acme", "x") }).await).await;
    assert!(matches!(&refused, Err(Error::Refused { what }) if what == "support_tickets_status"), "{refused:?}");
    assert_eq!(counts(&db).await, (0, 0));
}

#[tokio::test]
async fn a_connection_that_dies_in_the_middle_is_unavailable_and_leaves_nothing() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    let answer = store
        .write(&tenant("acme"), async |tx| {
            change(tx, "acme", "x").await?;
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'";
            sqlx::query(kill).execute(&mut db.root().await).await.unwrap();
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
    assert_eq!(counts(&db).await, (0, 0));
    store.write(&tenant("acme"), async |tx| change(tx, "acme", "x").await).await.unwrap();
    assert_eq!(counts(&db).await, (1, 1));
}

#[tokio::test]
async fn a_failed_statement_that_was_passed_over_fails_the_write() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    for emits in [false, true] {
        let answer = store
            .write(&tenant("acme"), async |tx| {
                support_tickets::insert(tx, &ticket("acme", "lost")).await?;
                assert!(support_tickets::insert(tx, &New { status: "ODD".into(), ..ticket("acme", "x") }).await.is_err());
                if emits {
                    tx.emit(event("acme", "a.b.c", "1"));
                }
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(&answer, Err(Error::Bug(why)) if why.contains("25P02")), "{answer:?}");
    }
    assert_eq!(counts(&db).await, (0, 0));
}

/// 8 writers of one tenant and 4 of another, while a relay looks: whatever it sees, it has seen all earlier rows of the tenant before.
#[tokio::test]
async fn the_order_of_a_tenants_rows_is_the_order_of_its_commits() {
    let db = Cluster::shared().await.database().await;
    let (store, outbox) = (db.store(Role::Api), Outbox::new(db.store(Role::Relay)));
    let done = AtomicBool::new(false);
    let writers = (0..12_u64).map(|writer| {
        let (store, account) = (&store, if writer < 8 { "acme" } else { "other" });
        async move {
            for i in 0..20_u64 {
                let work = async |tx: &mut Tx| {
                    change(tx, account, "x").await?;
                    // Transactions of different length, so that they overlap in all ways.
                    tokio::time::sleep(Duration::from_micros((writer * 7919 + i * 104_729) % 3_000)).await;
                    change(tx, account, "y").await
                };
                store.write(&tenant(account), work).await.unwrap();
            }
        }
    });
    let watch = async {
        let mut newest: HashMap<String, i64> = HashMap::new();
        let mut seen = std::collections::HashSet::new();
        while !done.load(Ordering::Relaxed) {
            for row in outbox.claim(10_000, &[]).await.unwrap() {
                if seen.insert(row.id) {
                    let before = newest.insert(row.tenant.to_string(), row.id).unwrap_or_default();
                    assert!(before < row.id, "row {} of {} appeared after row {before}", row.id, row.tenant);
                }
            }
        }
    };
    let writing = async {
        join_all(writers).await;
        done.store(true, Ordering::Relaxed);
    };
    join(writing, watch).await;
    assert_eq!(counts(&db).await, (480, 480));
    let disorder = "
        select count(*)
          from (select pg_xact_commit_timestamp(xmin) as at, lag(pg_xact_commit_timestamp(xmin)) over (partition by tenant_id order by id) as before from slipstream.outbox) t
         where at < before";
    assert_eq!(sqlx::query_scalar::<_, i64>(disorder).fetch_one(&mut db.root().await).await.unwrap(), 0);
}

#[tokio::test]
async fn one_tenant_does_not_wait_for_another() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    let mut holder = db.root().await;
    sqlx::raw_sql("begin; select slipstream.emit('slow', 'a.b.c', '1')").execute(&mut holder).await.unwrap();
    store.write(&tenant("quick"), async |tx| change(tx, "quick", "x").await).await.unwrap();
    let slow = tenant("slow");
    let mut waiting = Box::pin(store.write(&slow, async |tx| change(tx, "slow", "x").await));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut waiting).await.is_err(), "the same tenant waits");
    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn one_write_may_concern_all_accounts_and_never_deadlocks() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    let both = async |first: &str, second: &str| {
        for _ in 0..20 {
            let work = async |tx: &mut Tx| {
                tx.emit(event(first, "a.b.c", "1"));
                tx.emit(event(second, "a.b.c", "1"));
                Ok::<_, Error>(())
            };
            store.write_all_accounts(work).await.unwrap();
        }
    };
    join(both("a", "b"), both("b", "a")).await;
    let mixed = store.write_all_accounts(async |tx| {
        change(tx, "a", "x").await?;
        change(tx, "b", "x").await
    });
    mixed.await.unwrap();
    assert_eq!(counts(&db).await, (2, 82));
}

#[tokio::test]
async fn reads_cannot_write() {
    let db = Cluster::shared().await.database().await;
    let store = db.store(Role::Api);
    let scope = slipstream_store::Scope::Account(tenant("acme"));
    let answer = store.read(&scope, async |tx| change(tx, "acme", "x").await).await;
    assert!(answer.is_err());
    assert_eq!(counts(&db).await, (0, 0));
}

#[tokio::test]
async fn a_commit_wakes_the_relay_of_this_process_and_of_others() {
    let db = Cluster::shared().await.database().await;
    let wake = Wake::default();
    let store = Store::open(slipstream_store::Config { wake: wake.clone(), ..db.config(Role::Api) }).unwrap();
    let (here, elsewhere) = (Store::open(slipstream_store::Config { wake: wake.clone(), ..db.config(Role::Relay) }).unwrap(), db.store(Role::Relay));
    let (here, elsewhere) = (Outbox::new(here), Outbox::new(elsewhere));
    let (mut wakes_here, mut wakes_elsewhere) = (here.wakeups(), elsewhere.wakeups());
    wakes_elsewhere.next(Duration::from_secs(30)).await;
    assert!(wakes_elsewhere.is_listening(), "being connected is the first reason to look");
    let write = async || store.write(&tenant("acme"), async |tx| change(tx, "acme", "x").await).await.unwrap();

    write().await;
    let an_hour = Duration::from_secs(3600);
    let both = join(wakes_here.next(an_hour), wakes_elsewhere.next(an_hour));
    tokio::time::timeout(Duration::from_secs(30), both).await.expect("both are woken");

    let leadership = here.lead(0).await.unwrap().unwrap();
    assert!(wake.is_led_here());
    write().await;
    assert!(tokio::time::timeout(Duration::from_millis(300), wakes_elsewhere.next(an_hour)).await.is_err(), "nobody else needs to know");
    leadership.release().await.unwrap();
    assert!(!wake.is_led_here());
    until("others are told again", async || {
        write().await;
        let mut wakes = elsewhere.wakeups();
        wakes.next(Duration::from_secs(5)).await;
        wakes.is_listening()
    })
    .await;
}

#[test]
fn a_write_can_be_awaited_by_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    let _inside = |store: &'static Store| {
        let account = tenant("acme");
        let write = async move { store.write(&account, async |tx| change(tx, "acme", "x").await).await };
        is_send(&write);
    };
}
