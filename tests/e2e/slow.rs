//! A slow client slows nobody, and misses nothing; and there is a limit on streams.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipstream_fuzz::sse::{Block, Parser};
use slipstream_tests::{Node, Setup, Stack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::{event, ids};

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
        let batch: Vec<Value> = (0..BATCH)
            .map(|i| {
                let mut event = event(&format!("{n}-{i}"));
                event["metadata"] = json!({"filling": "x".repeat(700)});
                event
            })
            .collect();
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
    slipstream_tests::eventually("there is room again", async || one.stream("", None).await.map(drop)).await;
}
