//! kill -9 of Postgres: calls fail in time with `Unavailable`, nothing acknowledged is lost, and everything goes on by itself.

use std::time::{Duration, Instant};

use slipstream_store::archive::{Archive, Batch};
use slipstream_store::outbox::Outbox;
use slipstream_store::{Config, Error, Role, Store, history, migrate};

use crate::cluster::{Cluster, until};
use crate::fixture::{EPOCH, Log, emit, event, everything, row, tenant};

#[tokio::test]
async fn goes_on_after_a_kill() {
    let cluster = Cluster::own().await;
    let db = cluster.database().await;
    let quick = |role| Store::open(Config { acquire_timeout: Duration::from_millis(500), ..db.config(role) }).unwrap();
    let (store, outbox, reader, mut log) = (quick(Role::Api), Outbox::new(quick(Role::Relay)), quick(Role::Reader), Log::new(&db).await);
    let write = async || emit(&store, event("a", "a.b.c", "1")).await;
    write().await.unwrap();
    log.add(&[event("a", "a.b.c", "1")]).await;
    let mut leadership = outbox.lead(0).await.unwrap().unwrap();
    let mut wakeups = outbox.wakeups();
    wakeups.next(Duration::from_secs(30)).await;

    cluster.kill().await;
    let begun = Instant::now();
    let failures = [
        write().await.unwrap_err(),
        history::page(&reader, &tenant("a"), &everything(1)).await.unwrap_err(),
        outbox.claim(1, &[]).await.unwrap_err(),
        outbox.lead(1).await.unwrap_err(),
        log.archive.watermark(0).await.unwrap_err(),
        store.ping().await.unwrap_err(),
    ];
    assert!(failures.iter().all(|error| matches!(error, Error::Unavailable(_)) && error.is_retriable()), "{failures:?}");
    assert!(begun.elapsed() < Duration::from_secs(12), "each gives up in time: {:?}", begun.elapsed());
    assert!(!leadership.is_held().await);
    let waited = Instant::now();
    wakeups.next(Duration::from_millis(100)).await;
    assert!(waited.elapsed() < Duration::from_secs(5), "the relay polls on");

    cluster.start();
    cluster.ready().await;
    until("writes work again", async || write().await.is_ok()).await;
    until("the relay listens again", async || wakeups_listen(&outbox).await).await;
    assert!(outbox.lead(0).await.unwrap().is_some());
    assert_eq!(outbox.claim(10, &[]).await.unwrap().len(), 2);
    assert_eq!(log.entities("a", &everything(10)).await.len(), 1);
    let archive: &Archive = &log.archive;
    assert_eq!(archive.watermark(0).await.unwrap().unwrap().seq, 1);
    let next = Batch { shard: 0, epoch: EPOCH, expected_seq: 1, through_seq: 2, rows: vec![row(2, &event("a", "a.b.c", "2"))], quarantined: Vec::new() };
    archive.append(&next).await.unwrap();
}

async fn wakeups_listen(outbox: &Outbox) -> bool {
    let mut wakeups = outbox.wakeups();
    wakeups.next(Duration::from_secs(5)).await;
    wakeups.is_listening()
}

#[tokio::test]
async fn a_database_that_was_never_there() {
    let db = Cluster::own().await.empty_database().await;
    let missing = Config::new(db.url().replace("/test_", "/no_test_"), Role::Api);
    assert!(matches!(Store::connect(missing).await, Err(Error::Setup(_))));
    let without_roles = db.store(Role::Api).ping().await;
    assert!(matches!(without_roles, Err(Error::Setup(_))), "{without_roles:?}");
    migrate::up(&db.url(), Some(1)).await.unwrap();
    let unmigrated = db.store(Role::Api);
    unmigrated.ping().await.unwrap();
    let write = emit(&unmigrated, event("a", "a.b.c", "1")).await;
    assert!(matches!(write, Err(Error::Setup(_))), "{write:?}");
    let nowhere = Config { acquire_timeout: Duration::from_millis(300), ..Config::new("postgres://x@127.0.0.1:1/x", Role::Api) };
    assert!(matches!(Store::connect(nowhere).await, Err(Error::Unavailable(_))));
    assert!(matches!(Store::open(Config::new("nonsense", Role::Api)), Err(Error::Setup(_))));
}

#[tokio::test]
async fn a_login_that_may_not_take_the_role() {
    let db = Cluster::shared().await.database().await;
    let make = "do $$ begin create role stranger login; exception when duplicate_object or unique_violation then null; end $$";
    sqlx::raw_sql(make).execute(&mut db.root().await).await.unwrap();
    let stranger = Config::new(db.root_url().replace("//postgres@", "//stranger@"), Role::Archiver);
    let refused = Store::connect(stranger).await;
    assert!(matches!(refused, Err(Error::Setup(_))), "{refused:?}");
}
