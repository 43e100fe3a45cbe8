use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use slipstream_broker::{Broker, Bucket, Config, Message, Provision, Update};

use crate::events::{eventually, numbered, payloads, seqs, tenant};
use crate::server::{Server, free_port};

/// Three servers that know each other, with streams in three copies.
async fn cluster() -> (Vec<Server>, Broker) {
    let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
    let routes = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
    let config = |n: usize| {
        format!(
            "server_name: n{n}\ncluster {{ name: test, listen: \"127.0.0.1:{}\", routes: [{routes}], no_advertise: true, ping_interval: \"1s\", ping_max: 2 }}",
            ports[n]
        )
    };
    let servers: Vec<_> = (0..3).map(|n| Server::with(&config(n))).collect();
    let broker = Broker::connect(Config { urls: servers.iter().map(Server::url).collect(), ..servers[0].config(1) }).await.unwrap();
    let three = Provision { replicas: Some(3), ..Provision::default() };
    eventually("three copies", async || broker.provision(&three).await.ok()).await;
    (servers, broker)
}

async fn leader(servers: &[Server], asked: usize) -> usize {
    let raw = servers[asked].raw().await;
    eventually("a leader", async || {
        let name = raw.get_stream("EVENTS").await.ok()?.cached_info().cluster.clone()?.leader?;
        name.strip_prefix('n')?.parse().ok()
    })
    .await
}

async fn publish(broker: &Broker, name: &str, count: usize) {
    let batch = numbered(name, count);
    eventually("a batch is stored", async || broker.publish_batch(&batch).await.ok()).await;
}

async fn replayed(broker: &Broker, name: &str, mut after: u64, up_to: u64) -> Vec<Message> {
    let mut messages = Vec::new();
    while after < up_to {
        let (page, took) = eventually("a page", async || {
            let asked_at = Instant::now();
            let page = broker.replay(&tenant(name), after, up_to, 100, 1 << 20).await.ok()?;
            Some((page, asked_at.elapsed()))
        })
        .await;
        assert!(took < Duration::from_secs(4), "a page took {took:?}");
        after = page.through_seq;
        messages.extend(page.messages);
    }
    messages
}

/// A copy of the stream may lag behind the ack, so the end of a page is proven by the leader: what a replay from a follower says it has read is whole.
#[tokio::test]
async fn a_replay_from_a_follower_right_after_the_ack_is_whole() {
    let (servers, _) = cluster().await;
    let leader = leader(&servers, 0).await;
    let writer = Broker::connect(servers[leader].config(1)).await.unwrap();
    let reader = Broker::connect(servers[(leader + 1) % 3].config(1)).await.unwrap();
    for round in 0..30_u64 {
        publish(&writer, "a", 5).await;
        assert_eq!(replayed(&reader, "a", round * 8, round * 8 + 5).await.len(), 5);
        publish(&writer, "b", 3).await;
        assert_eq!(seqs(&replayed(&reader, "a", round * 8, round * 8 + 8).await), (round * 8 + 1..=round * 8 + 5).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn everything_goes_on_when_the_leader_is_killed() {
    let (mut servers, broker) = cluster().await;
    publish(&broker, "a", 200).await;
    let mut log = broker.consume(0, 1).await.unwrap();
    let leader = leader(&servers, 0).await;
    servers[leader].kill();
    publish(&broker, "b", 200).await;
    let mut read: Vec<Message> = Vec::new();
    while read.len() < 400 {
        match log.next_batch(1_000, 1 << 20, Duration::from_millis(50)).await {
            Ok(messages) => read.extend(messages),
            Err(_) => log = eventually("another reader", async || broker.consume(0, read.last().map_or(1, |m| m.seq + 1)).await.ok()).await,
        }
    }
    assert_eq!(seqs(&read), (1..=400).collect::<Vec<u64>>());
    assert_eq!(payloads(&replayed(&broker, "b", 0, 400).await).len(), 200);
    assert_eq!(broker.fill(0, 1, 400).await.unwrap().messages.len(), 400);
    servers[leader].start_again();
}

/// A reader whose consumer dies with its server, while leader and connection live: nobody tells it, so it has to notice the silence.
#[tokio::test]
async fn a_reader_notices_that_its_consumer_died() {
    let (mut servers, broker) = cluster().await;
    publish(&broker, "a", 10).await;
    let leader = leader(&servers, 0).await;
    let broker = Broker::connect(servers[leader].config(1)).await.unwrap();
    let stream = servers[leader].raw().await.get_stream("EVENTS").await.unwrap();
    // Consumers are placed on any server: make readers until one is elsewhere.
    let (mut log, host) = eventually("a reader that is hosted elsewhere", async || {
        let mut log = broker.consume(0, 1).await.ok()?;
        assert_eq!(log.next_batch(10, 1 << 20, Duration::from_millis(200)).await.ok()?.len(), 10);
        let hosts: Vec<_> = stream.consumers().filter_map(async |info| info.ok()?.cluster?.leader).collect().await;
        if hosts == [format!("n{leader}")] {
            log.close().await;
            return None;
        }
        Some((log, hosts[0][1..].parse::<usize>().ok()?))
    })
    .await;
    servers[host].kill();
    let killed_at = Instant::now();
    let error = loop {
        match log.next_batch(10, 1 << 20, Duration::from_millis(50)).await {
            Ok(messages) => assert_eq!(messages, []),
            Err(error) => break error,
        }
    };
    assert!(error.retriable() && killed_at.elapsed() < Duration::from_secs(5), "{error} after {:?}", killed_at.elapsed());
    publish(&broker, "a", 10).await;
    let mut log = eventually("another reader", async || broker.consume(0, 11).await.ok()).await;
    assert_eq!(seqs(&log.next_batch(10, 1 << 20, Duration::from_millis(200)).await.unwrap()), (11..=20).collect::<Vec<_>>());
}

/// What is acknowledged is seen on every other server within a second, also while the bucket's leader dies.
#[tokio::test]
async fn a_watch_sees_within_a_second_what_is_acknowledged_although_the_leader_died() {
    let (mut servers, broker) = cluster().await;
    let raw = servers[0].raw().await;
    let name = raw.get_stream("KV_revocations").await.unwrap().cached_info().cluster.clone().unwrap().leader.unwrap();
    let leader: usize = name[1..].parse().unwrap();
    let reader = Broker::connect(servers[(leader + 1) % 3].config(1)).await.unwrap();
    let writer = Broker::connect(servers[(leader + 2) % 3].config(1)).await.unwrap();
    drop((broker, raw));
    let mut watch = reader.kv_watch(Bucket::Revocations);
    eventually("the whole", async || watch.next().await.ok()).await;
    for round in 0..6_u64 {
        if round == 2 {
            servers[leader].kill();
        }
        let key = format!("acme.{round}");
        // Watched all the time, as in a process that serves.
        let seen = async {
            loop {
                match watch.next().await {
                    Ok(Update::Whole(entries) | Update::Changes(entries)) if entries.iter().any(|entry| entry.key == key) => return Instant::now(),
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        };
        let acked = async {
            eventually("it is acknowledged", async || writer.kv_put(Bucket::Revocations, &key, "x".into(), None).await.ok()).await;
            Instant::now()
        };
        let (seen_at, acked_at) = tokio::join!(seen, acked);
        let late = seen_at.saturating_duration_since(acked_at);
        assert!(late < Duration::from_secs(1), "round {round}: {late:?}");
    }
}

/// Direct gets go to any copy, so also to one that hangs: the second way has to answer.
#[tokio::test]
async fn replays_and_fills_work_beside_a_server_that_hangs() {
    let (servers, broker) = cluster().await;
    publish(&broker, "a", 300).await;
    let leader = leader(&servers, 0).await;
    // Connected to the leader, so that neither the connection nor the leader is what hangs.
    let broker = Broker::connect(servers[leader].config(1)).await.unwrap();
    broker.stream_state(0).await.unwrap();
    servers[(leader + 1) % 3].signal("-STOP");
    for _ in 0..6 {
        assert_eq!(replayed(&broker, "a", 0, 300).await.len(), 300);
        let asked_at = Instant::now();
        let fill = broker.fill(0, 1, 300).await.unwrap();
        assert_eq!(fill.messages.iter().map(|m| m.seq).collect::<HashSet<_>>().len(), 300);
        assert!(asked_at.elapsed() < Duration::from_secs(4), "{:?}", asked_at.elapsed());
    }
    servers[(leader + 1) % 3].signal("-CONT");
}
