use std::time::{Duration, Instant};

use slipstream_broker::{Broker, Bucket, Entry, Error, Provision, PublishError, Update, Watch};

use crate::server::Server;

async fn put(broker: &Broker, key: &str, value: &str) -> u64 {
    broker.kv_put(Bucket::Revocations, key, value.to_owned().into(), None).await.unwrap()
}

fn texts(entries: Vec<Entry>) -> Vec<(String, String)> {
    entries.into_iter().map(|e| (e.key, e.value.map_or("-".to_owned(), |v| String::from_utf8(v.to_vec()).unwrap()))).collect()
}

/// The next update that says something; errors are passed over, as callers do.
async fn next(watch: &mut Watch) -> Update {
    let told = async {
        loop {
            match watch.next().await {
                Ok(Update::Same) => {}
                Ok(update) => return update,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

#[tokio::test]
async fn a_value_is_taken_once() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let bucket = Bucket::Tickets;
    assert_eq!(broker.kv_get(bucket, "t").await.unwrap(), None);
    let revision = broker.kv_put(bucket, "t", "v".into(), None).await.unwrap();
    let entry = broker.kv_get(bucket, "t").await.unwrap().unwrap();
    assert_eq!((entry.revision, entry.value.as_deref()), (revision, Some(&b"v"[..])));
    let others: Vec<Broker> = vec![server.connect(1).await, server.connect(1).await];
    let takes = (0..20).map(|n| {
        let broker = others[n % 2].clone();
        async move { broker.kv_take(bucket, "t", revision).await.unwrap() }
    });
    let won = futures_util::future::join_all(takes).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
    assert_eq!(broker.kv_get(bucket, "t").await.unwrap().unwrap().value, None);
    assert!(matches!(broker.kv_put(bucket, "t", "".into(), None).await, Err(PublishError::Rejected { .. })));
    assert!(matches!(broker.kv_get(bucket, "a b").await, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn a_value_with_a_life_of_its_own_goes_by_itself_and_the_watch_tells() {
    let server = Server::start();
    let broker = server.broker(1).await;
    put(&broker, "acme.stays", "1").await;
    broker.kv_put(Bucket::Revocations, "acme.goes", "2".into(), Some(Duration::from_secs(1))).await.unwrap();
    let mut watch = broker.kv_watch(Bucket::Revocations);
    assert!(matches!(next(&mut watch).await, Update::Whole(entries) if entries.len() == 2));
    assert_eq!(next(&mut watch).await, Update::Whole(vec![broker.kv_get(Bucket::Revocations, "acme.stays").await.unwrap().unwrap()]));
}

#[tokio::test]
async fn a_watch_tells_everything_and_then_each_change_at_once() {
    let server = Server::start();
    let (broker, writer) = (server.broker(1).await, server.connect(1).await);
    for n in 0..1_500 {
        put(&writer, &format!("acme.{n}"), "x").await;
    }
    let mut watch = broker.kv_watch(Bucket::Revocations);
    let Update::Whole(all) = watch.next().await.unwrap() else { panic!("not the whole") };
    assert_eq!(all.len(), 1_500, "more than a page");
    for n in 0..5 {
        let began = Instant::now();
        let revision = put(&writer, "acme.new", &n.to_string()).await;
        assert_eq!(
            texts(match next(&mut watch).await {
                Update::Changes(entries) => entries,
                other => panic!("{other:?}"),
            }),
            pairs(&[("acme.new", &n.to_string())])
        );
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        if n == 4 {
            assert!(writer.kv_take(Bucket::Revocations, "acme.new", revision).await.unwrap());
        }
    }
    assert!(matches!(next(&mut watch).await, Update::Changes(entries) if texts(entries.clone()) == pairs(&[("acme.new", "-")])));
}

#[tokio::test]
async fn a_watch_does_not_hang_on_its_hints() {
    let server = Server::start();
    let broker = server.broker(1).await;
    server.change("KV_revocations", |config| config.republish = None).await;
    let mut watch = broker.kv_watch(Bucket::Revocations);
    assert_eq!(watch.next().await.unwrap(), Update::Whole(Vec::new()));
    let began = Instant::now();
    put(&broker, "acme.a", "1").await;
    assert!(matches!(next(&mut watch).await, Update::Changes(_)));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_watch_survives_the_brokers_death_and_reads_everything_anew() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    put(&broker, "acme.a", "1").await;
    let mut watch = broker.kv_watch(Bucket::Revocations);
    assert!(matches!(watch.next().await.unwrap(), Update::Whole(entries) if entries.len() == 1));
    server.kill();
    let failed = tokio::time::timeout(Duration::from_secs(20), async { while watch.next().await.is_ok() {} }).await;
    assert!(failed.is_ok(), "a watch without a broker says so");
    server.start_again();
    assert!(matches!(next(&mut watch).await, Update::Whole(entries) if texts(entries.clone()) == pairs(&[("acme.a", "1")])), "what was acknowledged is there");

    server.raw().await.delete_stream("KV_revocations").await.unwrap();
    broker.provision(&Provision::default()).await.unwrap();
    put(&broker, "acme.b", "2").await;
    let all = loop {
        match next(&mut watch).await {
            Update::Whole(entries) if !entries.is_empty() => break texts(entries),
            Update::Changes(entries) => break texts(entries),
            _ => {}
        }
    };
    assert_eq!(all, pairs(&[("acme.b", "2")]), "a bucket that was made anew is read anew");
}
