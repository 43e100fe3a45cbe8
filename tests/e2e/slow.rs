//! A slow client slows nobody, and misses nothing; and there is a limit on streams.

use std::time::{Duration, Instant};

use serde_json::Value;
use slipstream_fuzz::sse::{Block, Parser};
use slipstream_tests::{Http, Node, PATIENCE, Proxy, Setup, Sse, Stack, Wire, WireStream, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::{ids, large};

const BATCHES: usize = 12;
const BATCH: usize = 500;

/// A stream whose client does not read: its own buffer and the server's are small.
async fn stalled(stack: &Stack, node: &Node) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut stream = socket.connect(node.url().trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let head = format!("GET /api/events HTTP/1.0\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", stack.token("acme"));
    stream.write_all(head.as_bytes()).await.unwrap();
    // Until it is open: nothing may be published before.
    let mut first = [0; 16];
    stream.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&first));
    stream
}

#[tokio::test]
async fn a_slow_client_slows_nobody_and_misses_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut slow = stalled(&stack, &node).await;
    let mut quick = http.stream("", None).await.unwrap();
    quick.until_control("ready").await;
    // More than every window and buffer on the way holds.
    let mut sent = Vec::new();
    let begun = Instant::now();
    for n in 0..BATCHES {
        let batch: Vec<Value> = (0..BATCH).map(|i| large(&format!("{n}-{i}"), 700)).collect();
        http.post("/api/events", &Value::Array(batch.clone())).await.expect(202);
        sent.extend(ids(&batch));
    }
    assert_eq!(ids(&quick.events(sent.len()).await), sent);
    assert!(begun.elapsed() < Duration::from_secs(15), "the quick one took {:?}", begun.elapsed());

    let mut parser = Parser::default();
    let mut got: Vec<String> = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while got.len() < sent.len() {
        let read = tokio::time::timeout(Duration::from_secs(10), slow.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(read, 0, "the slow one was cut off after {} events", got.len());
        let is_event = |block: &Block| block.id.is_some() && block.data.is_some();
        let events = parser.feed(&buffer[..read]).into_iter().filter(is_event);
        got.extend(events.map(|block| serde_json::from_str::<Value>(&block.data.unwrap()).unwrap()["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(got, sent);
}

/// Clients that do not read while events of 4 KiB come. One reads on later, another is cut off and resumes; the rest only cost.
const SILENT: usize = 8;
/// Batches of them, before and between two looks at the memory.
const FEW: usize = 20;
const MANY: usize = 60;
const LARGE_BATCH: usize = 100;
/// What the windows, buffers and allocator may take beyond what they had; far less than what came meanwhile.
const GROWTH_KIB_MAX: f64 = 12.0 * 1024.0;
/// From the acknowledgement of a batch until another client has all of it.
const DELAY_MAX: Duration = Duration::from_secs(3);

/// Publishes batches of large events and sees each arrive; their ids.
async fn publish_large(http: &Http, quick: &mut Sse, batches: usize) -> Vec<String> {
    let mut sent = Vec::new();
    for n in 0..batches {
        let batch: Vec<Value> = (0..LARGE_BATCH).map(|i| large(&format!("{n}-{i}"), 4_000)).collect();
        http.post("/api/events", &Value::Array(batch.clone())).await.expect(202);
        let acknowledged = Instant::now();
        assert_eq!(ids(&quick.events(LARGE_BATCH).await), ids(&batch));
        assert!(acknowledged.elapsed() < DELAY_MAX, "batch {n} took {:?}", acknowledged.elapsed());
        sent.extend(ids(&batch));
    }
    sent
}

/// Reads until so many events came, and resumes when the stream ends before; their ids.
async fn read_on(mut stream: WireStream, mut last_id: Option<String>, count: usize, node: &Node, token: &str) -> Vec<String> {
    let mut got = Vec::new();
    while got.len() < count {
        match timeout(PATIENCE, stream.next()).await.unwrap() {
            Some(block) => {
                assert_ne!(block.event.as_deref(), Some("reset"), "{block:?}");
                last_id = block.id.or(last_id);
                if let (None, Some(data)) = (block.event, block.data) {
                    got.push(serde_json::from_str::<Value>(&data).unwrap()["id"].as_str().unwrap().to_owned());
                }
            }
            None => stream = Wire::connect(&node.url()).await.unwrap().open("1.1", "", token, last_id.as_deref()).await.unwrap().1,
        }
    }
    got
}

#[tokio::test]
async fn clients_that_never_read_cost_no_memory_that_grows() {
    let stack = Stack::start().await;
    let node = stack.node("gateway").await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let (_, mut stream) = Wire::connect_narrow(&node.url(), 8 * 1024).await.open("1.1", "", &token, None).await.unwrap();
        let primed = stream.until("its first place", |block| block.id.is_some()).await.id;
        stream.until_control("ready").await;
        silent.push((stream, primed));
    }
    let mut quick = http.stream("", None).await.unwrap();
    quick.until_control("ready").await;
    let mut sent = publish_large(&http, &mut quick, FEW).await;
    let before = resident_kib(&node).await;
    sent.extend(publish_large(&http, &mut quick, MANY).await);
    let grown = resident_kib(&node).await - before;
    assert!(grown < GROWTH_KIB_MAX, "it grew by {grown} KiB while {} KiB came", MANY * LARGE_BATCH * 4);

    let (reads_on, primed) = silent.pop().unwrap();
    let (cut, from) = silent.pop().unwrap();
    drop((silent, cut));
    let resumed = Wire::connect(&node.url()).await.unwrap().open("1.1", "", &token, from.as_deref()).await.unwrap().1;
    let (late, again) = tokio::join!(read_on(reads_on, primed, sent.len(), &node, &token), read_on(resumed, from, sent.len(), &node, &token));
    assert!(late == sent, "the one that read late got {} of {}", late.len(), sent.len());
    assert!(again == sent, "the one that resumed got {} of {}", again.len(), sent.len());
}

/// Resident memory of a node.
async fn resident_kib(node: &Node) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", node.pid().await)).unwrap();
    rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap()
}

#[tokio::test]
async fn a_line_that_stalls_gives_everything_once_it_flows() {
    let (stack, node) = Stack::with_node().await;
    let (http, proxy) = (stack.http(&node, "acme"), Proxy::before(&node.url()).await);
    let mut behind = Http::new(proxy.url(), Some(stack.token("acme"))).stream("", None).await.unwrap();
    behind.until_control("ready").await;
    proxy.stall();
    let mut quick = http.stream("", None).await.unwrap();
    quick.until_control("ready").await;
    let sent = publish_large(&http, &mut quick, FEW).await;
    proxy.flow();
    assert_eq!(ids(&behind.events(sent.len()).await), sent);
    assert_eq!(proxy.open(), 1, "on the same connection");
}

/// The time after which a socket that takes nothing is closed, in this test; and somewhat more, for a busy machine.
const STALL_SECONDS: &str = "2";
const STALL_MAX: Duration = Duration::from_secs(8);

#[tokio::test]
async fn a_socket_that_takes_no_byte_is_closed_at_its_deadline_and_resumes() {
    let stack = Setup::default().env("SLIPSTREAM_STREAM_STALL_SECONDS", STALL_SECONDS).start().await;
    let node = stack.node("gateway").await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    let (_, mut stalled) = Wire::connect_narrow(&node.url(), 8 * 1024).await.open("1.1", "", &token, None).await.unwrap();
    let primed = stalled.until("its first place", |block| block.id.is_some()).await.id;
    let (_, mut slow) = Wire::connect_narrow(&node.url(), 8 * 1024).await.open("1.1", "", &token, None).await.unwrap();
    let mut quick = http.stream("", None).await.unwrap();
    quick.until_control("ready").await;
    let sent = publish_large(&http, &mut quick, 4).await;
    let begun = Instant::now();
    let (got, closed) = tokio::join!(read_slowly(&mut slow, sent.len()), async {
        eventually("two streams are left", async || match http.metric("slipstream_gateway_streams").await {
            2.0 => Ok(()),
            other => Err(other),
        })
        .await;
        begun.elapsed()
    });
    assert!(closed < STALL_MAX, "it was closed after {closed:?}");
    assert!(got == sent, "the one that takes little at a time is not stalled; it got {} of {}", got.len(), sent.len());
    let late = read_on(stalled, primed, sent.len(), &node, &token).await;
    assert!(late == sent, "the one that stalled got {} of {}", late.len(), sent.len());
}

/// Reads for longer than the deadline, a little at a time, without ever coming back; the ids of the events.
async fn read_slowly(stream: &mut WireStream, count: usize) -> Vec<String> {
    let mut got = Vec::new();
    while got.len() < count {
        let Some(block) = timeout(PATIENCE, stream.next()).await.unwrap() else { return got };
        if let (None, Some(data)) = (block.event, block.data) {
            got.push(serde_json::from_str::<Value>(&data).unwrap()["id"].as_str().unwrap().to_owned());
            // The reader's own slowness, not a wait for anything.
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }
    got
}

#[tokio::test]
async fn there_is_a_limit_on_streams_and_a_closed_one_makes_room() {
    let stack = Setup::default().env("SLIPSTREAM_STREAMS_USER_MAX", "2").env("SLIPSTREAM_STREAMS_TENANT_MAX", "3").start().await;
    let node = stack.node("gateway").await;
    let (one, two) = (stack.http(&node, "acme"), slipstream_tests::Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"]))));
    let mut open = vec![one.stream("", None).await.unwrap(), one.stream("", None).await.unwrap()];
    let refused = one.stream("", None).await.unwrap_err();
    refused.problem(429, "too_many_streams");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    open.push(two.stream("", None).await.unwrap());
    two.stream("", None).await.unwrap_err().problem(429, "too_many_streams");
    stack.http(&node, "other").stream("", None).await.unwrap();
    drop(open);
    eventually("there is room again", async || one.stream("", None).await.map(drop)).await;
}

/// As many of one tenant's replays as were once read at a time waited for its budget, and no other tenant's replay was asked for meanwhile.
#[tokio::test]
async fn a_tenant_over_its_budget_for_replays_holds_up_no_other() {
    // All that the greedy tenant's streams want takes minutes; what the calm one's wants may be taken at once.
    let stack = budget("SLIPSTREAM_REPLAY_TENANT_READ_BYTES_PER_SECOND", "65536").env("SLIPSTREAM_STREAMS_USER_MAX", "200").start().await;
    let node = stack.node("gateway").await;
    let (greedy, calm) = (stack.http(&node, "greedy"), stack.http(&node, "calm"));
    let start = fill(&greedy, 8, 600).await;
    let (from, wanted) = (fill(&calm, 5, 1).await, 5 * BATCH - 1);
    let mut waiting = Vec::new();
    for _ in 0..100 {
        waiting.push(greedy.stream("", Some(&start)).await.unwrap());
    }
    let mut stream = calm.stream("", Some(&from)).await.unwrap();
    timeout(Duration::from_secs(10), stream.events(wanted)).await.expect("the calm tenant's replay waits for the other's budget");
    // The others do wait: they have not been shown everything by now.
    for stream in &mut waiting {
        assert!(stream.all_events().len() < 8 * BATCH - 1);
    }
}

/// A stream that asked anew with every heartbeat would lose its turn each time, and never come to its end.
#[tokio::test]
async fn replays_that_wait_longer_than_a_heartbeat_come_to_their_end() {
    let stack = budget("SLIPSTREAM_REPLAY_TENANT_SHOWN_BYTES_PER_SECOND", "262144").env("SLIPSTREAM_HEARTBEAT_MS", "100").start().await;
    let node = stack.node("gateway").await;
    let http = stack.http(&node, "acme");
    let start = fill(&http, 5, 1).await;
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(http.stream("", Some(&start)).await.unwrap());
        let request = http2.get(format!("{}/api/events", node.url())).bearer_auth(stack.token("acme")).header("last-event-id", &start);
        waiting.push(Sse::of(request).await.unwrap().unwrap());
    }
    let (begun, streams) = (Instant::now(), waiting.len());
    let mut read = JoinSet::new();
    for mut stream in waiting {
        read.spawn(async move {
            stream.until_control("ready").await;
            let beats = stream.blocks.iter().filter(|block| block.event.as_deref() == Some("heartbeat")).count();
            (stream.all_events().len(), beats)
        });
    }
    let read = read.join_all().await;
    assert!(read.iter().all(|(events, _)| *events == 5 * BATCH - 1), "{read:?}");
    // Six replays of one megabyte, with sixteen seconds' worth at once.
    assert!(begun.elapsed() > Duration::from_secs(3), "the budget held nobody back: {:?}", begun.elapsed());
    let beats: usize = read.iter().map(|(_, beats)| beats).sum();
    assert!(beats >= streams, "{beats} heartbeats");
    // A live stream waits for no budget, and neither does who has nothing to catch up with.
    let mut late = timeout(Duration::from_secs(5), http.stream("", None)).await.unwrap().unwrap();
    late.until_control("ready").await;
}

fn budget(name: &str, bytes_per_second: &str) -> Setup {
    Setup::default().env(name, bytes_per_second)
}

/// Publishes more than a window holds; the first event's cursor.
async fn fill(http: &Http, batches: usize, bytes: usize) -> String {
    let mut first = None;
    for _ in 0..batches {
        let events: Vec<Value> = (0..BATCH).map(|n| large(&format!("o{n}"), bytes)).collect();
        let acks = http.post("/api/events", &Value::Array(events)).await.expect(202);
        first.get_or_insert_with(|| acks["results"][0]["cursor"].clone());
    }
    first.unwrap().as_str().unwrap().to_owned()
}
