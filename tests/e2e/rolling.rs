//! Two gateways behind a balancer, restarted one after the other under load: every reader comes back, and misses and repeats nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use slipstream_tests::{Balancer, Http, Node, Setup, Wire, WireStream, eventually, id};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Between two events.
const PACE: Duration = Duration::from_millis(100);
/// Streams that are opened at once, at the start.
const OPENING: usize = 50;
/// Slots in which readers that come back are counted; and the most of them in one.
const SLOT: Duration = Duration::from_millis(100);
const SLOT_SHARE_MAX: f64 = 0.3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_readers_live_through_a_rolling_restart() {
    let (seen, ends) = restart_both(2_000, End::Drained).await;
    // The hints are what spreads readers; when they come back depends on the machine too.
    let hints: Vec<Duration> = seen.iter().flat_map(|reader| &reader.hints).copied().collect();
    let share = largest_share(hints);
    assert!(share < SLOT_SHARE_MAX, "{share} of the hints are in one slot");
    let begun = ends[0];
    let returns: Vec<Duration> = seen.iter().flat_map(|reader| &reader.returns).map(|at| *at - begun).collect();
    let (after_one, after_other): (Vec<_>, Vec<_>) = returns.into_iter().partition(|at| *at < ends[1] - begun);
    // Half of all were on the first gateway; some of them may already be back there when the other ends.
    for (returns, least) in [(after_one, 900), (after_other, 900)] {
        assert!(returns.len() >= least, "{} came back", returns.len());
        let share = largest_share(returns);
        assert!(share < SLOT_SHARE_MAX, "{share} of the readers came back in one slot");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_live_through_gateways_that_are_killed() {
    restart_both(300, End::Killed).await;
}

/// How a gateway ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Drained,
    Killed,
}

/// What one reader has seen.
#[derive(Default)]
struct Seen {
    /// The number of the next event.
    next: usize,
    last_id: Option<String>,
    faults: Vec<String>,
    /// How long it was told to wait, each time it came to a server.
    hints: Vec<Duration>,
    /// When it came back after its stream had ended.
    returns: Vec<Instant>,
}

/// What readers and test know of each other.
struct Shared {
    url: String,
    token: String,
    opening: Semaphore,
    /// Open streams.
    open: AtomicUsize,
}

/// What the readers saw, and when the gateways ended.
async fn restart_both(readers: usize, end: End) -> (Vec<Seen>, Vec<Instant>) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let setup = Setup::default()
        .env("SLIPSTREAM_STREAMS_USER_MAX", "5000")
        .env("SLIPSTREAM_STREAM_OPENS_USER_PER_MINUTE", "100000")
        .env("SLIPSTREAM_DRAIN_WAIT_MS", "500")
        .env("SLIPSTREAM_HEARTBEAT_MS", "10000");
    let stack = setup.env("SLIPSTREAM_LOG", "info").start().await;
    let nodes = [stack.node("gateway").await, stack.node("gateway").await];
    let balancer = Balancer::before(&nodes.each_ref().map(Node::url)).await;
    let shared = Shared { url: balancer.url(), token: stack.token("acme"), opening: Semaphore::new(OPENING), open: AtomicUsize::new(0) };
    let shared = Arc::new(shared);
    let mut tasks = JoinSet::new();
    for number in 0..readers {
        tasks.spawn(read(shared.clone(), number));
    }
    all_open(&shared, readers).await;
    let stop = AtomicBool::new(false);
    let restarts = async {
        let mut ends = Vec::new();
        for (number, node) in nodes.iter().enumerate() {
            ends.push(Instant::now());
            match end {
                End::Drained => assert_eq!(node.stop().await.code(), Some(0)),
                End::Killed => node.kill().await,
            }
            node.restart().await;
            balancer.aim(number, &node.url());
            eventually("the balancer takes it back", async || balancer.is_ready(number).then_some(()).ok_or(())).await;
            all_open(&shared, readers).await;
        }
        stop.store(true, Ordering::SeqCst);
        ends
    };
    let http = Http::new(balancer.url(), Some(stack.token("acme")));
    let (sent, ends) = tokio::join!(publish(&http, &stop), restarts);
    let seen = tasks.join_all().await;
    for (number, reader) in seen.iter().enumerate() {
        assert_eq!((reader.next, &reader.faults), (sent, &Vec::new()), "reader {number}");
    }
    (seen, ends)
}

async fn all_open(shared: &Shared, readers: usize) {
    eventually("all streams are open", async || match shared.open.load(Ordering::SeqCst) {
        open if open == readers => Ok(()),
        open => Err(open),
    })
    .await;
}

/// Publishes at a steady pace, each event again until it is acknowledged, and one more that ends it; how many.
async fn publish(http: &Http, stop: &AtomicBool) -> usize {
    let mut sent = 0;
    loop {
        let is_last = stop.load(Ordering::SeqCst);
        let event = json!({"id": id(), "type": "shop.order.created", "entityId": format!("{}-{sent:06}", if is_last { "last" } else { "n" })});
        while !http.try_post("/api/events", &event).await.is_ok_and(|answer| answer.status == 202) {
            sleep(Duration::from_millis(50)).await;
        }
        sent += 1;
        if is_last {
            return sent;
        }
        sleep(PACE).await;
    }
}

/// Reads to the last event, over as many connections as it takes; comes back after the time that it was told.
async fn read(shared: Arc<Shared>, number: usize) -> Seen {
    let mut seen = Seen::default();
    let mut first = Some(shared.opening.acquire().await.unwrap());
    let mut wait = Duration::from_millis(500);
    loop {
        if let Some(mut stream) = open(&shared, number, &seen).await {
            let is_over = follow(&mut stream, &mut seen, &mut wait, || {
                first.take();
                shared.open.fetch_add(1, Ordering::SeqCst);
            })
            .await;
            shared.open.fetch_sub(1, Ordering::SeqCst);
            if is_over {
                return seen;
            }
            sleep(wait).await;
            seen.returns.push(Instant::now());
        } else {
            sleep(wait).await;
        }
    }
}

/// Every other reader speaks HTTP/1.0.
async fn open(shared: &Shared, number: usize, seen: &Seen) -> Option<WireStream> {
    let version = if number.is_multiple_of(2) { "1.1" } else { "1.0" };
    let (head, stream) = Wire::connect(&shared.url).await.ok()?.open(version, "", &shared.token, seen.last_id.as_deref()).await.ok()?;
    (head.status == 200).then_some(stream)
}

/// Follows one stream to its end; whether the last event came.
async fn follow(stream: &mut WireStream, seen: &mut Seen, wait: &mut Duration, opened: impl FnOnce()) -> bool {
    let mut opened = Some(opened);
    while let Some(block) = stream.next().await {
        if let Some(retry) = block.retry {
            *wait = Duration::from_millis(retry);
            seen.hints.push(*wait);
            opened.take().map(|opened| opened()).unwrap_or_default();
        }
        seen.last_id = block.id.or(seen.last_id.take());
        match (block.event.as_deref(), block.data.as_deref()) {
            (None, Some(data)) => {
                let (kind, number) = entity(data);
                if number != seen.next {
                    seen.faults.push(format!("{number} in place of {}", seen.next));
                }
                seen.next = number + 1;
                if kind == "last" {
                    return true;
                }
            }
            (Some("reset"), data) => seen.faults.push(format!("reset: {data:?}")),
            _ => {}
        }
    }
    false
}

/// The two parts of an event's entity id, without a parse of all of it: there are very many.
fn entity(data: &str) -> (&str, usize) {
    let from = data.split_once("\"entityId\":\"").unwrap().1;
    let (kind, number) = from.split_once('"').unwrap().0.split_once('-').unwrap();
    (kind, number.parse().unwrap())
}

/// The largest share of these times that lies in one slot, wherever it begins.
fn largest_share(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let within = |first: &Duration| times.partition_point(|time| *time < *first + SLOT) - times.partition_point(|time| time < first);
    times.iter().map(within).max().unwrap_or_default() as f64 / times.len() as f64
}

#[test]
fn shares_are_counted_wherever_a_slot_begins() {
    let times = |millis: &[u64]| millis.iter().map(|&ms| Duration::from_millis(ms)).collect();
    assert!((largest_share(times(&[0, 90, 110, 180, 900])) - 0.6).abs() < 1e-9);
    assert!((largest_share(times(&[5, 5, 5, 5])) - 1.0).abs() < 1e-9);
}
