use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use slipstream_broker::{Live, Message, Provision};

use crate::events::{numbered, outgoing};
use crate::server::Server;

async fn next(live: &mut Live) -> Message {
    tokio::time::timeout(Duration::from_secs(10), live.next()).await.expect("a message in time").expect("an open tail")
}

#[tokio::test]
async fn sees_every_message_of_every_shard_in_order() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        broker.publish(outgoing("before", "x")).await.unwrap();
        let mut states = Vec::new();
        for shard in 0..shards {
            states.push(broker.stream_state(shard).await.unwrap());
        }
        let mut live = broker.live().await.unwrap();
        let messages: Vec<_> = (0..20).flat_map(|t| numbered(&format!("t{t}"), 100)).collect();
        let publish = broker.publish_all(messages);
        let watch = async {
            let mut last: HashMap<u16, u64> = states.iter().map(|s| (s.shard, s.last_seq)).collect();
            let mut tenants: HashMap<String, usize> = HashMap::new();
            for _ in 0..2_000 {
                let message = next(&mut live).await;
                let seq = last.get_mut(&message.shard).unwrap();
                assert_eq!(message.seq, *seq + 1, "a jump in shard {}", message.shard);
                *seq = message.seq;
                assert_eq!(message.epoch, states[usize::from(message.shard)].epoch);
                let (tenant, event_type) = message.tenant_and_type().unwrap();
                assert_eq!((broker.shard_of(&tenant), event_type.as_str()), (message.shard, "fleet.aircraft.created"));
                let n = tenants.entry(tenant.to_string()).or_default();
                assert_eq!(message.payload, format!("{tenant}-{n}").into_bytes());
                *n += 1;
            }
        };
        let (acks, ()) = tokio::join!(publish, watch);
        assert!(acks.iter().all(Result::is_ok));
    }
}

#[tokio::test]
async fn sees_atomic_batches_in_order() {
    let server = Server::start();
    let broker = server.broker(3).await;
    let mut live = broker.live().await.unwrap();
    broker.publish_batch(&numbered("a", 300)).await.unwrap();
    for seq in 1..=300 {
        assert_eq!(next(&mut live).await.seq, seq);
    }
}

#[tokio::test]
async fn goes_on_after_a_restart_and_shows_what_is_missing_as_a_jump() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    let mut live = broker.live().await.unwrap();
    broker.publish(outgoing("a", "1")).await.unwrap();
    assert_eq!(next(&mut live).await.seq, 1);
    server.kill();
    server.start_again();
    crate::events::eventually("a message after the restart", async || {
        broker.publish(outgoing("a", "2")).await.ok()?;
        tokio::time::timeout(Duration::from_millis(200), live.next()).await.ok()
    })
    .await;
}

#[tokio::test]
async fn passes_over_what_others_republish() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let mut live = broker.live().await.unwrap();
    server.connect(2).await.provision(&Provision::default()).await.unwrap();
    server.connect(2).await.publish(outgoing("a", "of another number of shards")).await.unwrap();
    server.raw().await.client().publish("live.a.b.c.d", "without place".into()).await.unwrap();
    broker.publish(outgoing("a", "ours")).await.unwrap();
    assert_eq!(next(&mut live).await.payload, "ours");
}
