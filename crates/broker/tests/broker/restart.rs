use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use slipstream_broker::{Config, Outgoing, PublishError};

use crate::events::{eventually, numbered, outgoing};
use crate::server::Server;

#[tokio::test]
async fn a_broker_that_is_down_answers_in_time_and_works_again_by_itself() {
    let mut server = Server::start();
    let broker = slipstream_broker::Broker::connect(Config { request_timeout: Duration::from_millis(700), ..server.config(1) }).await.unwrap();
    broker.provision(&slipstream_broker::Provision::default()).await.unwrap();
    broker.publish(outgoing("a", "1")).await.unwrap();
    server.kill();
    for n in 0..3 {
        let started_at = Instant::now();
        let error = if n == 2 { broker.publish_batch(&numbered("a", 10)).await.unwrap_err() } else { broker.publish(outgoing("a", "2")).await.unwrap_err() };
        assert!(matches!(error, PublishError::Unavailable(_)) && error.retriable(), "{error}");
        assert!(started_at.elapsed() < Duration::from_millis(1_200), "{:?}", started_at.elapsed());
    }
    assert!(broker.stream_state(0).await.unwrap_err().retriable());
    assert!(broker.fill(0, 1, 1).await.unwrap_err().retriable());
    assert!(broker.replay(&crate::events::tenant("a"), 0, 1, 1, 1).await.unwrap_err().retriable());
    server.start_again();
    eventually("a publish after the restart", async || broker.publish(outgoing("a", "3")).await.ok()).await;
}

/// kill -9 while messages are in flight: whatever was acked is there, once, and the rest can be published again under the same ids.
#[tokio::test]
async fn nothing_acked_is_lost_when_the_server_is_killed_while_publishing() {
    for (shards, atomic) in [(1, false), (1, true), (3, true)] {
        let mut server = Server::start();
        let broker = server.broker(shards).await;
        if !atomic {
            server.change("EVENTS", |config| config.allow_atomic_publish = false).await;
        }
        let messages: Vec<_> = (0..30).flat_map(|t| numbered(&format!("t{t}"), 300)).collect();
        let publish = broker.publish_all(messages.clone());
        let kill = async {
            eventually("some are stored", async || (broker.stream_state(0).await.ok()?.last_seq > 200).then_some(())).await;
            server.kill();
            server.start_again();
        };
        let (first, ()) = tokio::join!(publish, kill);
        let acked = first.iter().filter(|result| result.is_ok()).count();
        assert!(acked > 200, "only {acked} acked");
        let mut places = HashMap::new();
        let mut left: Vec<Outgoing> = Vec::new();
        for (message, result) in messages.iter().zip(first) {
            match result {
                Ok(ack) => drop(places.insert(message.msg_id.clone(), ack.position)),
                Err(error) if error.retriable() => left.push(message.clone()),
                Err(error) => panic!("{error}"),
            }
        }
        while !left.is_empty() {
            let results = broker.publish_all(left.clone()).await;
            left = left
                .into_iter()
                .zip(results)
                .filter_map(|(message, result)| {
                    if let Ok(ack) = result {
                        places.insert(message.msg_id, ack.position);
                        None
                    } else {
                        Some(message)
                    }
                })
                .collect();
        }
        assert_eq!(places.values().collect::<HashSet<_>>().len(), messages.len());
        let mut stored = HashMap::new();
        for shard in 0..shards {
            let last = broker.stream_state(shard).await.unwrap().last_seq;
            let fill = broker.fill(shard, 1, last).await.unwrap();
            assert_eq!((fill.through_seq, fill.holes), (last, vec![]));
            stored.extend(fill.messages.into_iter().map(|message| (message.position(), message.payload)));
        }
        assert_eq!(stored.len(), messages.len());
        for message in &messages {
            assert_eq!(stored.get(&places[&message.msg_id]), Some(&message.payload));
        }
    }
}

/// The same with ordered batches: in the stream each tenant's messages stand in order, without gap or repetition.
#[tokio::test]
async fn batches_keep_their_order_through_a_kill() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    let batches: Vec<_> = (0..40)
        .map(|_| 0)
        .scan(0, |n, _| {
            Some((*n, {
                *n += 50;
                *n
            }))
        })
        .map(|(from, to)| (from..to).map(|n| outgoing("a", n.to_string())).collect::<Vec<_>>())
        .collect();
    let publish = async {
        for batch in &batches {
            eventually("the batch is stored", async || broker.publish_batch(batch).await.ok()).await;
        }
    };
    let kill = async {
        for seq in [300, 900, 1_500] {
            eventually("some are stored", async || (broker.stream_state(0).await.ok()?.last_seq >= seq).then_some(())).await;
            server.kill();
            server.start_again();
        }
    };
    tokio::join!(publish, kill);
    let fill = broker.fill(0, 1, 2_000).await.unwrap();
    let payloads = crate::events::payloads(&fill.messages);
    assert_eq!(payloads, (0..2_000).map(|n| n.to_string()).collect::<Vec<_>>());
}
