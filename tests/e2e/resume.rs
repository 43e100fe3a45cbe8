//! Resume: exactly what came after, whatever the client shows as its place.

use serde_json::Value;
use slipstream_fuzz::sse::Block;
use slipstream_tests::{Http, Sse, Stack, id};

use crate::{event, ids};

/// Publishes so many events and waits until this gateway shows them; their ids and cursors.
async fn publish(http: &Http, count: usize) -> (Vec<String>, Vec<String>) {
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    let (mut sent, mut cursors) = (Vec::new(), Vec::new());
    for n in 0..count {
        let ack = http.publish(&event(&format!("o{n}"))).await;
        sent.push(ack["id"].as_str().unwrap().to_owned());
        cursors.push(ack["cursor"].as_str().unwrap().to_owned());
    }
    assert_eq!(ids(&stream.events(count).await), sent);
    (sent, cursors)
}

/// What a stream replays, and what it says of it.
async fn replayed(mut stream: Sse) -> (Vec<String>, Value) {
    let ready = stream.until_control("ready").await;
    (ids(&stream.all_events()), ready)
}

#[tokio::test]
async fn a_stream_resumes_exactly_after_each_place() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (sent, cursors) = publish(&http, 12).await;
    for (n, cursor) in cursors.iter().enumerate() {
        let (got, ready) = replayed(http.stream("", Some(cursor)).await.unwrap()).await;
        assert_eq!(got, sent[n + 1..], "after {n}");
        assert_eq!(ready["replayed"], got.len());
        assert_eq!(ready["cursor"].as_str(), cursors.last().map(String::as_str));
    }
}

#[tokio::test]
async fn the_place_may_stand_in_the_header_or_in_the_query() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (sent, cursors) = publish(&http, 4).await;
    for name in ["lastEventId", "last_event_id", "lastEventID"] {
        let (got, _) = replayed(http.stream(&format!("?{name}={}", cursors[1]), None).await.unwrap()).await;
        assert_eq!(got, sent[2..], "{name}");
    }
    let (got, _) = replayed(http.stream(&format!("?lastEventId={}", cursors[0]), Some(&cursors[2])).await.unwrap()).await;
    assert_eq!(got, sent[3..], "the header wins: browsers send it when they come back to the same address");
    let (got, _) = replayed(http.stream("", Some(&sent[0])).await.unwrap()).await;
    assert_eq!(got, sent[1..], "older clients keep the event's id");
}

#[tokio::test]
async fn a_client_that_drops_before_its_first_event_misses_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until("the first frame", |_| true).await;
    let primed = stream.last_id.clone();
    drop(stream);
    let (sent, _) = publish(&http, 3).await;
    assert_eq!(replayed(http.stream("", primed.as_deref()).await.unwrap()).await.0, sent);
}

#[tokio::test]
async fn a_client_that_comes_and_goes_sees_each_event_once_in_order() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    let mut place = stream.last_id.clone();
    drop(stream);
    let writer = async {
        let mut sent = Vec::new();
        for n in 0..25 {
            let batch: Vec<Value> = (0..8).map(|i| event(&format!("{n}-{i}"))).collect();
            http.post("/api/events", &Value::Array(batch.clone())).await.expect(202);
            sent.extend(ids(&batch));
        }
        sent
    };
    let reader = async {
        let mut got = Vec::new();
        while got.len() < 200 {
            let mut stream = http.stream("", place.as_deref()).await.unwrap();
            let take = 1 + got.len() % 13;
            got.extend(ids(&stream.events(take.min(200 - got.len())).await));
            place = stream.last_id.clone();
        }
        got
    };
    let (sent, got) = tokio::join!(writer, reader);
    assert_eq!(got, sent);
}

#[tokio::test]
async fn a_stream_resumes_on_another_gateway() {
    let stack = Stack::start().await;
    let (one, other) = tokio::join!(stack.node("gateway"), stack.node("gateway"));
    let (on_one, on_other) = (stack.http(&one, "acme"), stack.http(&other, "acme"));
    let (sent, cursors) = publish(&on_one, 6).await;
    // At once: the other gateway may not have seen them yet, and is no reset away.
    assert_eq!(replayed(on_other.stream("", Some(&cursors[5])).await.unwrap()).await.0, Vec::<String>::new());
    assert_eq!(ids(&on_other.stream("", Some(&cursors[1])).await.unwrap().events(4).await), sent[2..]);
}

#[tokio::test]
async fn an_unknown_place_is_a_reset_and_never_a_silent_wait() {
    let (stack, node) = Stack::with_node().await;
    let (http, other) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let (_, cursors) = publish(&http, 2).await;
    let (foreign_ids, foreign) = publish(&other, 1).await;
    let unknown = id();
    let forged = format!("{}{}", if cursors[0].starts_with('A') { 'B' } else { 'A' }, &cursors[0][1..]);
    let cases = [
        ("nonsense", "cursor_invalid"),
        (foreign[0].as_str(), "cursor_unknown"),
        (forged.as_str(), "cursor_unknown"),
        (unknown.as_str(), "cursor_unknown"),
        (foreign_ids[0].as_str(), "cursor_unknown"),
    ];
    for (place, code) in cases {
        let mut stream = http.stream("", Some(place)).await.unwrap();
        let reset = stream.until_control("reset").await;
        assert_eq!(
            (reset["code"].as_str(), reset["reason"].as_str(), reset["lastEventId"].as_str()),
            (Some(code), Some("last_event_id_out_of_window"), Some(place)),
            "{reset}"
        );
        stream.until_control("ready").await;
        // A client that is cut off before the reset must not have its new place: it would come back with it, and never hear of the reset.
        let at = |holds: fn(&Block) -> bool| stream.blocks.iter().position(holds).unwrap();
        assert!(at(|block| block.event.as_deref() == Some("reset")) < at(|block| block.id.is_some()), "{:#?}", stream.blocks);
        let live = http.publish(&event("live")).await;
        stream.until_event(live["id"].as_str().unwrap()).await;
        assert_eq!(stream.all_events().len(), 1, "{place}");
        let (from_there, _) = replayed(http.stream("", reset["cursor"].as_str()).await.unwrap()).await;
        assert_eq!(from_there, [live["id"].as_str().unwrap()], "a reset says where it goes on");
    }
}
