//! A socket that comes back misses nothing: after a drop, after a kill, after it was too slow.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack, Ws, eventually, id};
use tokio::net::TcpSocket;

use super::{PATH, hello, live};
use crate::{event, ids, shown};

const BATCHES: usize = 6;
const BATCH: usize = 500;

/// Publishes so many events; their ids and cursors.
async fn publish(http: &Http, count: usize) -> (Vec<String>, Vec<String>) {
    let (mut sent, mut cursors) = (Vec::new(), Vec::new());
    for n in 0..count {
        let ack = http.publish(&event(&format!("o{n}"))).await;
        sent.push(ack["id"].as_str().unwrap().to_owned());
        cursors.push(ack["cursor"].as_str().unwrap().to_owned());
    }
    (sent, cursors)
}

/// Publishes more than every buffer on the way holds; the ids.
async fn publish_large(http: &Http) -> Vec<String> {
    let mut sent = Vec::new();
    for n in 0..BATCHES {
        let mut batch: Vec<Value> = (0..BATCH).map(|i| event(&format!("{n}-{i}"))).collect();
        batch.iter_mut().for_each(|event| event["metadata"] = json!({"filling": "x".repeat(700)}));
        http.post("/api/events", &json!(batch)).await.expect(202);
        sent.extend(ids(&batch));
    }
    sent
}

#[tokio::test]
async fn a_socket_resumes_exactly_wherever_its_place_stands() {
    let (stack, node) = Stack::with_node().await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    let mut first = live(&stack, &node, "acme", "").await;
    let primed = first.last_id.clone().unwrap();
    let (sent, cursors) = publish(&http, 8).await;
    assert_eq!(ids(&first.events(3).await), sent[..3]);
    let dropped_at = first.last_id.clone().unwrap();
    drop(first);
    shown(&http, &primed, &sent[7]).await;
    let from_query = Ws::with_token(&node.url(), &format!("{PATH}?lastEventId={dropped_at}"), &token).await;
    let from_message = hello(&node, &json!({"type": "auth", "token": token, "lastEventId": cursors[5]})).await;
    let by_event_id = hello(&node, &json!({"type": "auth", "token": token, "last_event_id": sent[0]})).await;
    let mut both = Ws::open(&node.url(), &format!("{PATH}?lastEventId={}", cursors[0]), &[]).await;
    both.say(json!({"type": "auth", "token": token, "lastEventId": cursors[6]})).await.unwrap();
    let before_any = hello(&node, &json!({"type": "auth", "token": token, "lastEventId": primed})).await;
    for (mut ws, want) in [(from_query, &sent[3..]), (from_message, &sent[6..]), (by_event_id, &sent[1..]), (both, &sent[7..]), (before_any, &sent[..])] {
        let ready = ws.until("ready").await;
        assert_eq!((ids(&ws.all_events()), ready["replayed"].as_u64()), (want.to_vec(), Some(want.len() as u64)));
        assert_eq!(ready["cursor"].as_str(), cursors.last().map(String::as_str));
    }
}

#[tokio::test]
async fn an_unknown_place_is_a_reset() {
    let (stack, node) = Stack::with_node().await;
    let (http, other) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let (_, foreign) = publish(&other, 1).await;
    for (place, code) in [("nonsense", "cursor_invalid"), (foreign[0].as_str(), "cursor_unknown"), (id().as_str(), "cursor_unknown")] {
        let mut ws = hello(&node, &json!({"type": "auth", "token": stack.token("acme"), "lastEventId": place})).await;
        let reset = ws.until("reset").await;
        assert_eq!((reset["code"].as_str(), reset["lastEventId"].as_str()), (Some(code), Some(place)), "{reset}");
        assert_eq!(ws.messages[0]["cursor"], Value::Null, "a client cut off before the reset would never hear of it");
        ws.until("ready").await;
        let live = http.publish(&event("live")).await;
        ws.until_event(live["id"].as_str().unwrap()).await;
        assert_eq!(ws.all_events().len(), 1, "{place}");
    }
}

#[tokio::test]
async fn a_killed_gateway_costs_a_socket_nothing() {
    let stack = Stack::start().await;
    let (one, other) = tokio::join!(stack.node("gateway"), stack.node("gateway"));
    let mut ws = live(&stack, &one, "acme", "").await;
    let (mut sent, _) = publish(&stack.http(&one, "acme"), 10).await;
    let mut got = ids(&ws.events(4).await);
    one.kill().await;
    sent.extend(publish(&stack.http(&other, "acme"), 10).await.0);
    // What was on its way still comes; then the socket breaks without a word.
    ws.rest().await;
    assert_eq!(ws.closed, None);
    got.extend(ids(&ws.all_events()[got.len()..]));
    let mut again = live(&stack, &other, "acme", &format!("?lastEventId={}", ws.last_id.unwrap())).await;
    got.extend(ids(&again.all_events()));
    let missing = sent.len() - got.len();
    got.extend(ids(&again.events(missing).await));
    assert_eq!(got, sent);
    let after = stack.http(&other, "acme").publish(&event("after")).await;
    again.until_event(after["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_socket_that_is_not_read_is_cut_and_resumes_where_it_was() {
    let stack = Stack::start().await;
    let node = stack.node_with("api,gateway,relay,archiver", &[("SLIPSTREAM_STREAM_STALL_SECONDS", "1")]).await;
    let http = stack.http(&node, "acme");
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let socket = socket.connect(node.url().trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let mut slow = Ws::over(socket, &node.url(), PATH, &[("authorization", &format!("Bearer {}", stack.token("acme")))]).await;
    slow.until("ready").await;
    let mut quick = live(&stack, &node, "acme", "").await;
    // Read while it is written, by one who would be cut as well.
    let (sent, seen) = tokio::join!(publish_large(&http), quick.events(BATCHES * BATCH));
    assert_eq!(ids(&seen), sent, "the slow one slows nobody");
    eventually("the slow one is cut", async || {
        let metrics = http.get("/metrics").await.text;
        let evicted = |line: &&str| line.starts_with("slipstream_gateway_evicted_streams_total 1");
        if metrics.lines().any(|line| evicted(&line)) { Ok(()) } else { Err("not yet") }
    })
    .await;
    slow.rest().await;
    let mut got = ids(&slow.all_events());
    assert!(got.len() < sent.len(), "it did not stall");
    let mut again = live(&stack, &node, "acme", &format!("?lastEventId={}", slow.last_id.unwrap())).await;
    got.extend(ids(&again.all_events()));
    let missing = sent.len() - got.len();
    got.extend(ids(&again.events(missing).await));
    assert_eq!(got, sent);
}
