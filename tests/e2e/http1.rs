//! HTTP/1 as not everybody speaks it: old, sparing of connections, impatient, slow, or hostile.

use std::time::{Duration, Instant};

use slipstream_tests::{Http, Node, Stack, Wire, WireStream, eventually};
use tokio::time::timeout;

use crate::event;

/// The limit for a request's head is 10 s; somewhat more.
const HEAD_LIMIT: Duration = Duration::from_secs(15);

async fn connect(node: &Node) -> Wire {
    Wire::connect(&node.url()).await.unwrap()
}

/// The head of a request for the stream, without the line that ends it.
fn stream_head(stack: &Stack, method: &str) -> String {
    format!("{method} /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", stack.token("acme"))
}

/// Waits until so many streams are open.
async fn streams(http: &Http, count: u32) {
    eventually(&format!("{count} streams"), async || match http.metric("slipstream_gateway_streams").await {
        found if found == f64::from(count) => Ok(()),
        found => Err(found),
    })
    .await;
}

async fn is_told(stream: &mut WireStream, http: &Http) {
    let sent = http.publish(&event("o")).await["id"].as_str().unwrap().to_owned();
    stream.until("the event", |block| block.data.as_deref().is_some_and(|data| data.contains(&sent))).await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_an_unframed_body_that_ends_with_the_connection() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (head, mut stream) = connect(&node).await.open("1.0", "", &stack.token("acme"), None).await.unwrap();
    assert_eq!((head.status, head.header("transfer-encoding"), head.header("content-length")), (200, None, None), "{head:?}");
    is_told(&mut stream, &http).await;
    stream.until_control("heartbeat").await;
    let (_, closed) = tokio::join!(node.stop(), async {
        stream.until_control("close").await;
        stream.next().await
    });
    assert_eq!(closed, None);
}

#[tokio::test]
async fn head_of_the_stream_has_no_body_and_leaves_no_stream_behind() {
    let (stack, node) = Stack::with_node().await;
    let mut wire = connect(&node).await;
    wire.send(stream_head(&stack, "HEAD") + "\r\n").await.unwrap();
    let head = wire.head().await.unwrap();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream; charset=utf-8")));
    streams(&stack.http(&node, "acme"), 0).await;
    // The server may close after it, but what it says must be an answer.
    drop(wire.send("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await);
    let rest = wire.to_end().await;
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 200"), "{rest}");
}

#[tokio::test]
async fn a_stream_may_follow_other_requests_and_bytes_behind_it_do_no_harm() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let ordinary = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut wire = connect(&node).await;
    wire.send(ordinary).await.unwrap();
    let head = wire.head().await.unwrap();
    wire.body(&head).await.unwrap();
    // An ordinary request, the stream and one that nobody will answer, at once.
    wire.send(format!("{ordinary}{}\r\n{ordinary}", stream_head(&stack, "GET"))).await.unwrap();
    let head = wire.head().await.unwrap();
    wire.body(&head).await.unwrap();
    let head = wire.head().await.unwrap();
    assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")), "{head:?}");
    let mut stream = wire.into_stream(&head);
    stream.until_control("ready").await;
    is_told(&mut stream, &http).await;
    stream.send(ordinary).await.unwrap();
    is_told(&mut stream, &http).await;
    stream.until_control("heartbeat").await;
    streams(&http, 1).await;
    drop(stream);
    streams(&http, 0).await;
}

#[tokio::test]
async fn a_head_may_come_byte_by_byte() {
    let (stack, node) = Stack::with_node().await;
    let mut wire = connect(&node).await;
    for byte in (stream_head(&stack, "GET") + "\r\n").into_bytes() {
        wire.send([byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let head = wire.head().await.unwrap();
    assert_eq!(head.status, 200);
    let mut stream = wire.into_stream(&head);
    stream.until_control("ready").await;
    is_told(&mut stream, &stack.http(&node, "acme")).await;
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let (stack, node) = Stack::with_node().await;
    let started = stream_head(&stack, "GET");
    let silent = async {
        let mut wire = connect(&node).await;
        wire.send(&started).await.unwrap();
        wire.to_end().await
    };
    let dripping = async {
        let mut wire = connect(&node).await;
        wire.send(format!("{started}x: ")).await.unwrap();
        let begun = Instant::now();
        // Every byte is progress, and yet the head does not end.
        while wire.send("x").await.is_ok() && begun.elapsed() < HEAD_LIMIT {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        begun.elapsed()
    };
    let (silent, dripped) = tokio::join!(timeout(HEAD_LIMIT, silent), dripping);
    let silent = silent.expect("a head without an end is given up");
    assert!(silent.is_empty() || silent.starts_with("HTTP/1.1 408"), "{silent}");
    assert!(dripped < HEAD_LIMIT, "{dripped:?}");
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_given_up() {
    let (_stack, node) = Stack::with_node().await;
    // Nothing at all, and the beginning of HTTP/2's first words.
    let given_up = ["", "PRI * HTTP/2.0\r\n\r\nSM"].map(|words| {
        let node = &node;
        async move {
            let mut wire = connect(node).await;
            wire.send(words).await.unwrap();
            let said = timeout(HEAD_LIMIT, wire.to_end()).await;
            assert!(said.is_ok(), "{words:?} still holds its connection after {HEAD_LIMIT:?}");
        }
    });
    let [nothing, preface] = given_up;
    tokio::join!(nothing, preface);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let (stack, node) = Stack::with_node().await;
    let mut wire = connect(&node).await;
    // The server may refuse before it has taken all.
    drop(wire.send(format!("{}x-filling: {}\r\n\r\n", stream_head(&stack, "GET"), "x".repeat(20_000))).await);
    assert_eq!(wire.head().await.unwrap().status, 431);
    assert_eq!(stack.http(&node, "acme").get("/livez").await.status, 200);
}
