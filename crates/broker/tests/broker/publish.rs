use std::collections::HashSet;

use slipstream_broker::{Ack, Broker, Provision, PublishError};
use slipstream_event::{id, subject};

use crate::events::{numbered, outgoing, payloads, tenant, with_id};
use crate::server::Server;

async fn stored(broker: &Broker, name: &str) -> Vec<String> {
    let tenant = tenant(name);
    let last = broker.stream_state(broker.shard_of(&tenant)).await.unwrap().last_seq;
    payloads(&broker.replay(&tenant, 0, last, 1_000, 1 << 20).await.unwrap().messages)
}

fn seqs(acks: &[Ack]) -> Vec<u64> {
    acks.iter().map(|ack| ack.position.seq).collect()
}

#[tokio::test]
async fn every_tenant_goes_to_its_shard_under_the_same_subject() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        let mut hit = HashSet::new();
        for name in ["acme", "ec2", "platform", "a", "b"] {
            let ack = broker.publish(outgoing(name, name)).await.unwrap();
            assert_eq!(ack.position.shard, subject::shard_of(&tenant(name), shards));
            hit.insert(ack.position.shard);
            let page = broker.replay(&tenant(name), ack.position.seq - 1, ack.position.seq, 10, 1_000).await.unwrap();
            assert_eq!(page.messages[0].subject, format!("events.{name}.fleet.aircraft.created"));
            assert_eq!(page.messages[0].position(), ack.position);
        }
        assert_eq!(hit.len(), usize::from(shards));
    }
}

#[tokio::test]
async fn the_same_id_is_stored_once_and_tells_its_first_place() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        let message = outgoing("a", "x");
        let first = broker.publish(message.clone()).await.unwrap();
        broker.publish(outgoing("a", "y")).await.unwrap();
        let second = broker.publish(message.clone()).await.unwrap();
        assert!(!first.duplicate && second.duplicate && first.position == second.position, "{first:?} {second:?}");
        // The same event id of another tenant is another event.
        let id = message.msg_id.split(':').next_back().unwrap().parse().unwrap();
        assert!(!broker.publish(with_id("b", id, "z")).await.unwrap().duplicate);
        assert_eq!(stored(&broker, "a").await, ["x", "y"]);
    }
}

#[tokio::test]
async fn many_keep_their_order_and_their_answers() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let acks = broker.publish_all(numbered("a", 3_000)).await;
    let seqs: Vec<u64> = acks.into_iter().map(|ack| ack.unwrap().position.seq).collect();
    assert!(seqs == (1..=3_000).collect::<Vec<u64>>(), "out of order");
    // Too small for an atomic batch, and with ids seen before: side by side.
    let mut few = numbered("a", 31);
    few[5] = few[4].clone();
    let acks: Vec<_> = broker.publish_all(few.clone()).await.into_iter().map(Result::unwrap).collect();
    assert!(acks[5].duplicate && acks[5].position == acks[4].position && acks.last().unwrap().position.seq == 3_030);
    few.extend(numbered("a", 600));
    let acks: Vec<_> = broker.publish_all(few).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(acks.iter().filter(|ack| ack.duplicate).count(), 31);
    assert_eq!(acks[31..].iter().map(|ack| ack.position.seq).collect::<Vec<_>>(), (3_031..=3_630).collect::<Vec<_>>());
}

#[tokio::test]
async fn answers_belong_to_their_messages_across_shards() {
    let server = Server::start();
    let broker = server.broker(3).await;
    let messages: Vec<_> = (0..200).flat_map(|n| ["acme", "ec2", "platform"].map(|name| outgoing(name, format!("{name}-{n}")))).collect();
    let acks = broker.publish_all(messages.clone()).await;
    let mut fills = Vec::new();
    for shard in 0..3 {
        fills.push(broker.fill(shard, 1, 200).await.unwrap().messages);
    }
    for (message, ack) in messages.iter().zip(acks) {
        let position = ack.unwrap().position;
        assert_eq!(fills[usize::from(position.shard)][usize::try_from(position.seq).unwrap() - 1].payload, message.payload);
    }
}

#[tokio::test]
async fn a_message_that_is_too_large_is_told_and_does_not_hold_up_the_others() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let large = outgoing("a", "x".repeat(2 << 20));
    assert!(matches!(broker.publish(large.clone()).await, Err(PublishError::TooLarge { bytes: 2_097_152, bytes_max: 1_048_576 })));
    let results = broker.publish_all(vec![outgoing("a", "1"), large.clone(), outgoing("a", "2")]).await;
    assert!(results[0].is_ok() && matches!(results[1], Err(PublishError::TooLarge { .. })) && results[2].is_ok());
    let error = broker.publish_batch(&[outgoing("a", "3"), large]).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { .. }) && !error.retriable());
    assert_eq!(stored(&broker, "a").await, ["1", "2"]);
    // Just at the limit the headers make it too large.
    let error = broker.publish(outgoing("a", "x".repeat(1 << 20))).await.unwrap_err();
    assert!(matches!(error, PublishError::Rejected { code: 0, .. }), "{error}");
}

#[tokio::test]
async fn a_process_that_counts_shards_otherwise_stores_nothing() {
    let server = Server::start();
    server.broker(1).await;
    let other = server.connect(1).await;
    server.connect(3).await.provision(&Provision::default()).await.unwrap();
    assert!(other.publish(outgoing("a", "1")).await.is_ok());
    // Its stream takes what it sends, but is not the one it expects.
    server
        .change("EVENTS", |config| {
            config.subjects = vec!["unused".to_owned()];
            config.republish = None;
        })
        .await;
    server.change("EVENTS_0", |config| config.subjects.push("events.>".to_owned())).await;
    let error = other.publish(outgoing("a", "2")).await.unwrap_err();
    assert!(matches!(error, PublishError::Rejected { code: 10_060, .. }), "{error}");
}

#[tokio::test]
async fn a_batch_is_contiguous() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        assert_eq!(broker.publish_batch(&[]).await.unwrap(), []);
        let acks = broker.publish_batch(&numbered("a", 2_500)).await.unwrap();
        assert_eq!(seqs(&acks), (1..=2_500).collect::<Vec<u64>>());
        assert!(acks.iter().all(|ack| !ack.duplicate));
        let one = broker.publish_batch(&numbered("a", 1)).await.unwrap();
        assert_eq!(seqs(&one), [2_501]);
        assert_eq!(stored(&broker, "a").await[..3], ["a-0", "a-1", "a-2"]);
    }
}

#[tokio::test]
async fn a_batch_with_seen_ids_stores_the_rest_in_order() {
    let server = Server::start();
    let broker = server.broker(3).await;
    for (name, count) in [("acme", 5), ("ec2", 60)] {
        let batch = numbered(name, count);
        broker.publish(batch[0].clone()).await.unwrap();
        broker.publish(batch[1].clone()).await.unwrap();
        let acks = broker.publish_batch(&batch).await.unwrap();
        assert!(acks.iter().enumerate().all(|(n, ack)| ack.duplicate == (n < 2)));
        assert_eq!(seqs(&acks), (1..=count as u64).collect::<Vec<_>>());
        // The whole batch once more, as after a lost ack.
        let again = broker.publish_batch(&batch).await.unwrap();
        assert!(again.iter().all(|ack| ack.duplicate) && seqs(&again) == seqs(&acks));
        assert_eq!(stored(&broker, name).await, (0..count).map(|n| format!("{name}-{n}")).collect::<Vec<_>>());
    }
    // The same id twice within one batch.
    let mut batch = numbered("platform", 40);
    batch[39] = batch[7].clone();
    let acks = broker.publish_batch(&batch).await.unwrap();
    assert_eq!((acks[7].duplicate, acks[39].duplicate, acks[39].position), (false, true, acks[7].position));
    assert_eq!(stored(&broker, "platform").await.len(), 39);
}

#[tokio::test]
async fn a_stream_without_atomic_batches_takes_them_one_by_one() {
    let server = Server::start();
    let broker = server.broker(1).await;
    server.change("EVENTS", |config| config.allow_atomic_publish = false).await;
    // What was known of the stream is out of date: the server's refusal leads to the same.
    broker.stream_state(0).await.unwrap();
    let acks = broker.publish_batch(&numbered("a", 50)).await.unwrap();
    assert_eq!(seqs(&acks), (1..=50).collect::<Vec<u64>>());
    let drift = broker.drift(&Provision::default()).await.unwrap();
    assert_eq!(drift.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(), ["allow_atomic"]);
}

#[tokio::test]
async fn batches_side_by_side_do_not_mix() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let batches: Vec<_> = (0..30).map(|n| numbered(&format!("t{n}"), 40)).collect();
    let acks = futures_util::future::join_all(batches.iter().map(|batch| broker.publish_batch(batch))).await;
    for acks in acks {
        let seqs = seqs(&acks.unwrap());
        assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seqs:?}");
    }
    assert_eq!(broker.stream_state(0).await.unwrap().last_seq, 1_200);
}

#[tokio::test]
async fn a_batch_of_two_shards_is_refused() {
    let server = Server::start();
    let broker = server.broker(3).await;
    let error = broker.publish_batch(&[outgoing("acme", "1"), outgoing("ec2", "2")]).await.unwrap_err();
    assert!(matches!(error, PublishError::Rejected { code: 0, .. }));
}

#[tokio::test]
async fn carries_the_trace_context() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let mut message = with_id("a", id::new(), "x");
    message.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
    broker.publish(message.clone()).await.unwrap();
    let page = broker.replay(&tenant("a"), 0, 1, 1, 1_000).await.unwrap();
    assert_eq!(page.messages[0].traceparent, message.traceparent);
    assert!(page.messages[0].stored_at.is_some());
}
