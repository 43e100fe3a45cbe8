use std::time::{Duration, Instant};

use slipstream_broker::{Error, LogConsumer, Message, Provision};

use crate::events::{eventually, numbered, outgoing, seqs};
use crate::server::Server;

const WAIT: Duration = Duration::from_millis(50);

async fn read(log: &mut LogConsumer, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    while messages.len() < count {
        messages.extend(log.next_batch(300, 1 << 20, WAIT).await.unwrap());
    }
    messages
}

#[tokio::test]
async fn reads_a_whole_shard_in_order_and_goes_on() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        let shard = shards - 1;
        let names: Vec<_> = (0..40).map(|n| format!("t{n}")).collect();
        let publish = async || broker.publish_all(names.iter().flat_map(|name| numbered(name, 100)).collect()).await;
        publish().await;
        let state = broker.stream_state(shard).await.unwrap();
        let mut log = broker.consume(shard, 1).await.unwrap();
        assert_eq!((log.shard(), log.epoch()), (shard, state.epoch));
        let count = usize::try_from(state.last_seq).unwrap();
        assert_eq!(seqs(&read(&mut log, count).await), (1..=state.last_seq).collect::<Vec<_>>());
        let (_, more) = tokio::join!(publish(), read(&mut log, count));
        assert_eq!(seqs(&more), (state.last_seq + 1..=2 * state.last_seq).collect::<Vec<_>>());
        let mut middle = broker.consume(shard, 500).await.unwrap();
        assert_eq!(seqs(&middle.next_batch(3, 1 << 20, WAIT).await.unwrap()), [500, 501, 502]);
        middle.close().await;
    }
}

#[tokio::test]
async fn keeps_its_bounds() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish_all((0..10).map(|_| outgoing("a", "x".repeat(1_000))).collect()).await;
    let mut log = broker.consume(0, 1).await.unwrap();
    assert_eq!(log.next_batch(4, 1 << 20, WAIT).await.unwrap().len(), 4);
    assert_eq!(log.next_batch(100, 2_500, WAIT).await.unwrap().len(), 2);
    assert_eq!(log.next_batch(100, 1, WAIT).await.unwrap().len(), 1);
    assert_eq!(seqs(&log.next_batch(100, 1 << 20, WAIT).await.unwrap()), [8, 9, 10]);
    let started_at = Instant::now();
    assert_eq!(log.next_batch(100, 1 << 20, WAIT).await.unwrap(), []);
    assert!(started_at.elapsed() >= slipstream_broker::limits::FIRST_WAIT);
    // A quiet reader stays alive for longer than a pull request does.
    let quiet = slipstream_broker::limits::PULL_EXPIRES + Duration::from_secs(2);
    while started_at.elapsed() < quiet {
        assert_eq!(log.next_batch(100, 1 << 20, WAIT).await.unwrap(), []);
    }
    broker.publish(outgoing("a", "y")).await.unwrap();
    assert_eq!(seqs(&log.next_batch(100, 1 << 20, WAIT).await.unwrap()), [11]);
}

#[tokio::test]
async fn loses_nothing_when_a_call_is_dropped() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let publish = broker.publish_all(numbered("a", 3_000));
    let consume = async {
        let mut log = broker.consume(0, 1).await.unwrap();
        let (mut all, mut dropped) = (Vec::new(), 0);
        while all.len() < 3_000 {
            match tokio::time::timeout(Duration::from_micros(300), log.next_batch(50, 1 << 20, WAIT)).await {
                Ok(batch) => all.extend(batch.unwrap()),
                Err(_) => dropped += 1,
            }
        }
        (all, dropped)
    };
    let (_, (all, dropped)) = tokio::join!(publish, consume);
    assert_eq!(seqs(&all), (1..=3_000).collect::<Vec<u64>>());
    assert!(dropped > 0);
}

#[tokio::test]
async fn does_not_begin_where_nothing_is() {
    let server = Server::start();
    let broker = server.connect(1).await;
    let short = Provision { max_age: Some(Duration::from_millis(300)), duplicate_window: Some(Duration::from_millis(200)), ..Provision::default() };
    broker.provision(&short).await.unwrap();
    assert_eq!(broker.consume(0, 2).await.unwrap_err(), Error::Beyond { last_seq: 0 });
    broker.publish_all(numbered("a", 5)).await;
    eventually("expiry", async || (broker.stream_state(0).await.unwrap().messages == 0).then_some(())).await;
    assert_eq!(broker.consume(0, 5).await.unwrap_err(), Error::Expired { first_seq: 6 });
    assert_eq!(broker.consume(0, 7).await.unwrap_err(), Error::Beyond { last_seq: 5 });
    broker.provision(&Provision::default()).await.unwrap();
    let mut log = broker.consume(0, 6).await.unwrap();
    broker.publish(outgoing("a", "x")).await.unwrap();
    assert_eq!(seqs(&log.next_batch(10, 1_000, WAIT).await.unwrap()), [6]);
}

#[tokio::test]
async fn says_when_it_is_lost_and_another_goes_on() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    broker.publish_all(numbered("a", 10)).await;
    let mut log = broker.consume(0, 1).await.unwrap();
    assert_eq!(read(&mut log, 10).await.len(), 10);
    // The consumer is deleted under it.
    let raw = server.raw().await;
    let stream = raw.get_stream("EVENTS").await.unwrap();
    let name: String = futures_util::TryStreamExt::try_next(&mut stream.consumer_names()).await.unwrap().unwrap();
    stream.delete_consumer(&name).await.unwrap();
    let error = lost(&mut log).await;
    assert!(matches!(&error, Error::Lost(_)) && error.retriable(), "{error}");
    // The server dies under it.
    let mut log = broker.consume(0, 11).await.unwrap();
    server.kill();
    let started_at = Instant::now();
    let error = lost(&mut log).await;
    assert!(error.retriable() && started_at.elapsed() < Duration::from_secs(3), "{error}");
    server.start_again();
    let mut log = eventually("a reader after the restart", async || broker.consume(0, 6).await.ok()).await;
    assert_eq!(seqs(&read(&mut log, 5).await), [6, 7, 8, 9, 10]);
}

async fn lost(log: &mut LogConsumer) -> Error {
    loop {
        match log.next_batch(100, 1 << 20, WAIT).await {
            Ok(messages) => assert_eq!(messages, []),
            Err(error) => return error,
        }
    }
}
