use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use slipstream_broker::{Broker, Delivery, Error, Start, Verdict, WorkConfig};
use tokio_util::sync::CancellationToken;

use crate::events::{eventually, numbered, outgoing};
use crate::server::Server;

fn config(name: &str) -> WorkConfig {
    WorkConfig { name: name.to_owned(), filter: "events.>".to_owned(), start: Start::All, ack_wait: Duration::from_secs(5), max_deliver: 3, max_in_flight: 16 }
}

/// Runs a consumer until `done`, and waits for its orderly end.
async fn run_until(broker: &Broker, config: WorkConfig, verdict: impl Fn(&Delivery) -> Verdict + Sync, done: impl AsyncFnMut() -> Option<()>) {
    let shutdown = CancellationToken::new();
    let consumer = broker.work(config).await.unwrap();
    let handler = |delivery: Delivery| {
        let verdict = verdict(&delivery);
        async move { verdict }
    };
    let stop = async {
        eventually("the work is done", done).await;
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(consumer.run(handler, shutdown.clone()), stop);
    ended.unwrap();
}

#[tokio::test]
async fn handles_every_message_of_every_shard_once() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        broker.publish_all((0..20).flat_map(|t| numbered(&format!("t{t}"), 25)).collect()).await;
        let seen = Mutex::new(HashMap::<_, usize>::new());
        let handle = |delivery: &Delivery| {
            assert_eq!(delivery.attempt, 1);
            *seen.lock().unwrap().entry(delivery.message.position()).or_default() += 1;
            Verdict::Ack
        };
        run_until(&broker, config("c"), handle, async || (seen.lock().unwrap().len() == 500).then_some(())).await;
        assert!(seen.lock().unwrap().values().all(|times| *times == 1));
        // Taken up again, it goes on where it was.
        broker.publish(outgoing("t1", "new")).await.unwrap();
        let count = AtomicUsize::new(0);
        let handle = |delivery: &Delivery| {
            assert_eq!(delivery.message.payload, "new");
            count.fetch_add(1, Ordering::Relaxed);
            Verdict::Ack
        };
        run_until(&broker, WorkConfig { max_in_flight: 4, ..config("c") }, handle, async || (count.load(Ordering::Relaxed) == 1).then_some(())).await;
    }
}

#[tokio::test]
async fn tries_again_and_gives_up() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish_all(vec![outgoing("a", "second time"), outgoing("a", "never"), outgoing("a", "at once no")]).await;
    let attempts = Mutex::new(Vec::new());
    let handle = |delivery: &Delivery| {
        let what = String::from_utf8(delivery.message.payload.to_vec()).unwrap();
        attempts.lock().unwrap().push((what.clone(), delivery.attempt));
        match what.as_str() {
            "second time" if delivery.attempt == 2 => Verdict::Ack,
            "at once no" => Verdict::Reject("cannot be".to_owned()),
            _ => Verdict::Retry(Duration::from_millis(20)),
        }
    };
    run_until(&broker, config("c"), handle, async || (broker.list_dead_letters(None, 0, 10).await.unwrap().len() == 2).then_some(())).await;
    let mut attempts = attempts.into_inner().unwrap();
    attempts.sort();
    let attempts: Vec<_> = attempts.iter().map(|(what, n)| (what.as_str(), *n)).collect();
    assert_eq!(attempts, [("at once no", 1), ("never", 1), ("never", 2), ("never", 3), ("second time", 1), ("second time", 2)]);
    let mut letters: Vec<_> = broker.list_dead_letters(Some("c"), 0, 10).await.unwrap().into_iter().map(|l| l.letter.reason).collect();
    letters.sort();
    assert_eq!(letters, ["cannot be", "not handled in 3 attempts"]);
}

#[tokio::test]
async fn cancels_what_takes_too_long() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish(outgoing("a", "slow")).await.unwrap();
    let shutdown = CancellationToken::new();
    let finished = AtomicUsize::new(0);
    let consumer = broker.work(WorkConfig { ack_wait: Duration::from_millis(100), max_deliver: 2, ..config("c") }).await.unwrap();
    let handler = |_: Delivery| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        finished.fetch_add(1, Ordering::Relaxed);
        Verdict::Ack
    };
    let stop = async {
        eventually("it is given up", async || (broker.list_dead_letters(None, 0, 10).await.unwrap().len() == 1).then_some(())).await;
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(consumer.run(handler, shutdown.clone()), stop);
    ended.unwrap();
    assert_eq!(finished.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_redriven_letter_comes_to_its_consumer_alone() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish(outgoing("a", "x")).await.unwrap();
    let reject = |_: &Delivery| Verdict::Reject("not yet".to_owned());
    run_until(&broker, config("mine"), reject, async || (broker.list_dead_letters(None, 0, 10).await.unwrap().len() == 1).then_some(())).await;
    let count = AtomicUsize::new(0);
    let counting = |_: &Delivery| {
        count.fetch_add(1, Ordering::Relaxed);
        Verdict::Ack
    };
    run_until(&broker, config("other"), counting, async || (count.load(Ordering::Relaxed) == 1).then_some(())).await;
    let seq = broker.list_dead_letters(None, 0, 10).await.unwrap()[0].seq;
    broker.redrive(seq).await.unwrap().unwrap();
    broker.publish(outgoing("a", "end")).await.unwrap();
    // The first copy, the redriven copy and the end; then, for the other, the first copy and the end.
    run_until(&broker, config("mine"), counting, async || (count.load(Ordering::Relaxed) == 3).then_some(())).await;
    run_until(&broker, config("other"), counting, async || (count.load(Ordering::Relaxed) == 4).then_some(())).await;
    assert_eq!(broker.list_dead_letters(None, 0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn keeps_to_its_filter_and_starts_where_it_is_told() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish(outgoing("a", "before")).await.unwrap();
    let filtered = WorkConfig { filter: "events.a.>".to_owned(), start: Start::New, ..config("c") };
    broker.work(filtered.clone()).await.unwrap();
    broker.publish_all(vec![outgoing("b", "foreign"), outgoing("a", "mine")]).await;
    let seen = Mutex::new(Vec::new());
    let handle = |delivery: &Delivery| {
        seen.lock().unwrap().push(delivery.message.payload.clone());
        Verdict::Ack
    };
    run_until(&broker, filtered, handle, async || (!seen.lock().unwrap().is_empty()).then_some(())).await;
    assert_eq!(*seen.lock().unwrap(), ["mine"]);
    for bad in
        [WorkConfig { name: "a.b".to_owned(), ..config("c") }, WorkConfig { max_deliver: 0, ..config("c") }, WorkConfig { max_in_flight: 0, ..config("c") }]
    {
        assert!(matches!(broker.work(bad).await, Err(Error::Invalid(_))));
    }
}

#[tokio::test]
async fn rides_out_a_restart_of_the_server() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    let first = broker.publish_all(numbered("a", 50)).await;
    assert!(first.iter().all(Result::is_ok));
    let seen = Mutex::new(HashMap::<u64, usize>::new());
    let handle = |delivery: &Delivery| {
        *seen.lock().unwrap().entry(delivery.message.seq).or_default() += 1;
        Verdict::Ack
    };
    let shutdown = CancellationToken::new();
    let consumer = broker.work(config("c")).await.unwrap();
    let handler = |delivery: Delivery| {
        let verdict = handle(&delivery);
        async move { verdict }
    };
    let drive = async {
        eventually("the first are handled", async || (seen.lock().unwrap().len() == 50).then_some(())).await;
        server.kill();
        server.start_again();
        eventually("a publish after the restart", async || broker.publish(outgoing("a", "after")).await.ok()).await;
        eventually("it is handled", async || (seen.lock().unwrap().len() >= 51).then_some(())).await;
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(consumer.run(handler, shutdown.clone()), drive);
    ended.unwrap();
    assert!(seen.lock().unwrap().contains_key(&51));
}
