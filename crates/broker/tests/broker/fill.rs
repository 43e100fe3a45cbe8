use std::time::Duration;

use slipstream_broker::{Provision, limits};

use crate::events::{eventually, numbered, outgoing, seqs};
use crate::server::Server;

#[tokio::test]
async fn reads_a_stretch_exactly() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        let messages: Vec<_> = (0..50).flat_map(|_| ["acme", "ec2", "platform", "d"]).enumerate().map(|(n, t)| outgoing(t, n.to_string())).collect();
        broker.publish_all(messages).await;
        for shard in 0..shards {
            let state = broker.stream_state(shard).await.unwrap();
            for (from, to) in [(1, state.last_seq), (3, 7), (state.last_seq, state.last_seq), (0, 2)] {
                let fill = broker.fill(shard, from, to).await.unwrap();
                assert_eq!(seqs(&fill.messages), (from.max(1)..=to).collect::<Vec<_>>());
                assert_eq!((fill.through_seq, fill.holes), (to, vec![]));
                assert!(fill.messages.iter().all(|m| m.shard == shard && m.epoch == state.epoch));
            }
            assert_eq!(broker.fill(shard, 5, 4).await.unwrap().messages, []);
        }
    }
}

#[tokio::test]
async fn reads_large_stretches_in_bounded_pieces() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let total = limits::FILL_MESSAGES_MAX as u64 + 5_000;
    for acks in futures_util::future::join_all((0..25).map(|_| async { broker.publish_batch(&numbered("a", 1_000)).await })).await {
        acks.unwrap();
    }
    let first = broker.fill(0, 1, total).await.unwrap();
    assert_eq!((first.messages.len(), first.through_seq), (limits::FILL_MESSAGES_MAX, limits::FILL_MESSAGES_MAX as u64));
    let rest = broker.fill(0, first.through_seq + 1, total).await.unwrap();
    assert_eq!((rest.messages.len(), rest.through_seq), (5_000, total));
}

#[tokio::test]
async fn tells_what_has_expired_as_holes() {
    let server = Server::start();
    let broker = server.connect(1).await;
    let short = Provision { max_age: Some(Duration::from_millis(300)), duplicate_window: Some(Duration::from_millis(200)), ..Provision::default() };
    broker.provision(&short).await.unwrap();
    broker.publish_all(numbered("a", 10)).await;
    eventually("expiry", async || (broker.stream_state(0).await.unwrap().messages == 0).then_some(())).await;
    let state = broker.stream_state(0).await.unwrap();
    assert_eq!((state.first_seq, state.last_seq), (11, 10));
    broker.provision(&Provision::default()).await.unwrap();
    broker.publish_all(numbered("a", 5)).await;
    let fill = broker.fill(0, 4, 12).await.unwrap();
    assert_eq!((seqs(&fill.messages), fill.through_seq, fill.holes), (vec![11, 12], 12, vec![(4, 10)]));
    let fill = broker.fill(0, 4, 9).await.unwrap();
    assert_eq!((seqs(&fill.messages), fill.through_seq, fill.holes), (vec![], 9, vec![(4, 9)]));
}

#[tokio::test]
async fn leaves_no_consumer_behind() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish_all(numbered("a", 10)).await;
    broker.fill(0, 1, 10).await.unwrap();
    let raw = server.raw().await;
    eventually("no consumer", async || (raw.get_stream("EVENTS").await.unwrap().cached_info().state.consumer_count == 0).then_some(())).await;
}
