//! HTTP/2 without TLS, as balancers speak it to what stands behind them.

use std::time::Duration;

use reqwest::{Client, Version};
use serde_json::Value;
use slipstream_tests::{Node, Setup, Sse, Stack, eventually};

use crate::{event, ids, large, shown};

const STREAMS: usize = 50;

/// A client that keeps to one connection.
struct Caller {
    client: Client,
    base: String,
    token: String,
}

impl Caller {
    fn new(stack: &Stack, node: &Node) -> Self {
        let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
        Self { client, base: node.url(), token: stack.token("acme") }
    }

    async fn stream(&self, last_event_id: Option<&str>) -> Sse {
        let request = self.client.get(format!("{}/api/events", self.base)).bearer_auth(&self.token);
        Sse::of(request.header("last-event-id", last_event_id.unwrap_or_default())).await.unwrap().unwrap()
    }

    async fn publish(&self, event: &Value) {
        let answer = self.client.post(format!("{}/api/events", self.base)).bearer_auth(&self.token).json(event).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (202, Version::HTTP_2));
    }
}

#[tokio::test]
async fn one_connection_carries_many_streams_and_ordinary_requests() {
    let stack = Setup::default().env("SLIPSTREAM_STREAMS_USER_MAX", "100").start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let (caller, outside) = (Caller::new(&stack, &node), stack.http(&node, "acme"));
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = caller.stream(None).await;
        stream.until_control("ready").await;
        streams.push(stream);
    }
    eventually("all is on one connection, and the other asks for this", async || match outside.metric("slipstream_gateway_connections").await {
        2.0 => Ok(()),
        other => Err(other),
    })
    .await;
    let mut sent: Vec<Value> = (0..10).map(|n| event(&format!("o{n}"))).collect();
    for event in &sent {
        caller.publish(event).await;
    }
    for stream in &mut streams {
        assert_eq!(ids(&stream.events(sent.len()).await), ids(&sent));
        stream.until_control("heartbeat").await;
    }

    let place = streams.pop().unwrap().last_id;
    let missed = event("missed");
    caller.publish(&missed).await;
    sent.push(missed);
    shown(&outside, place.as_deref().unwrap(), sent.last().unwrap()["id"].as_str().unwrap()).await;
    let mut resumed = caller.stream(place.as_deref()).await;
    assert_eq!(resumed.until_control("ready").await["replayed"], 1);
    assert_eq!(ids(&resumed.all_events()), ids(&sent[10..]));
    streams.push(resumed);

    let told = async {
        for stream in &mut streams {
            let close = stream.until_control("close").await;
            assert_eq!((close["reason"].as_str(), close["reconnect"].as_bool()), (Some("server_shutdown"), Some(true)));
            stream.to_end(Duration::from_secs(10)).await;
        }
    };
    let (status, ()) = tokio::join!(node.stop(), told);
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_no_other_on_its_connection() {
    let (stack, node) = Stack::with_node().await;
    let caller = Caller::new(&stack, &node);
    let (mut read, mut unread) = (caller.stream(None).await, caller.stream(None).await);
    read.until_control("ready").await;
    unread.until_control("ready").await;
    let mut sent = Vec::new();
    // More than one stream may send ahead of its reader.
    for n in 0..15 {
        let batch: Vec<Value> = (0..100).map(|i| large(&format!("{n}-{i}"), 4_000)).collect();
        caller.publish(&Value::Array(batch.clone())).await;
        assert_eq!(ids(&read.events(batch.len()).await), ids(&batch));
        sent.extend(batch);
    }
    assert_eq!(ids(&unread.events(sent.len()).await), ids(&sent));
}

#[tokio::test]
async fn a_stream_that_is_dropped_leaves_its_connection_to_the_others() {
    let (stack, node) = Stack::with_node().await;
    let (caller, outside) = (Caller::new(&stack, &node), stack.http(&node, "acme"));
    let (mut stays, goes) = (caller.stream(None).await, caller.stream(None).await);
    stays.until_control("ready").await;
    drop(goes);
    eventually("one stream is left", async || match outside.metric("slipstream_gateway_streams").await {
        1.0 => Ok(()),
        other => Err(other),
    })
    .await;
    let sent = event("o1");
    caller.publish(&sent).await;
    stays.until_event(sent["id"].as_str().unwrap()).await;
}
