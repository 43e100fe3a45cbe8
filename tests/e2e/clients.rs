//! Real clients, as others use them: each receives, is cut off, resumes with exactly what it missed, and lives through a reset.

mod driver;
mod sse_stream;

use serde_json::Value;
use slipstream_tests::{Http, Node, Proxy, Stack};

use crate::{event, ids};
pub(crate) use driver::{Client, Shown};

/// Which client, and how it is started.
#[derive(Clone, Copy)]
enum Kind {
    /// A program of `tests/clients`.
    Program(&'static str),
    /// The crate `sse-stream` over `reqwest`, in this process.
    SseStream,
}

impl Kind {
    /// Opens a stream through the proxy, at this cursor.
    async fn open(self, proxy: &Proxy, token: &str, cursor: &str) -> Client {
        match self {
            Self::Program(name) => Client::program(name, &[&proxy.url(), token, cursor]).await,
            Self::SseStream => {
                let place = Some(cursor.to_owned()).filter(|cursor| !cursor.is_empty());
                Client::task(|lines| sse_stream::run(proxy.url(), token.to_owned(), place, lines))
            }
        }
    }
}

#[tokio::test]
async fn chromiums_event_source_receives_resumes_and_is_reset() {
    lives_through_everything(Kind::Program("chromium.mjs")).await;
}

#[tokio::test]
async fn the_cockpits_client_package_receives_resumes_and_is_reset() {
    lives_through_everything(Kind::Program("cockpit-client.mjs")).await;
}

#[tokio::test]
async fn npm_eventsource_receives_resumes_and_is_reset() {
    lives_through_everything(Kind::Program("eventsource.mjs")).await;
}

#[tokio::test]
async fn pythons_httpx_sse_receives_resumes_and_is_reset() {
    lives_through_everything(Kind::Program("httpx_sse_client.py")).await;
}

#[tokio::test]
async fn rusts_sse_stream_receives_resumes_and_is_reset() {
    lives_through_everything(Kind::SseStream).await;
}

async fn lives_through_everything(kind: Kind) {
    let (stack, node) = Stack::with_node().await;
    tokio::join!(resumes(kind, &stack, &node), is_reset(kind, &stack, &node));
}

/// Publishes between, during and after cuts, one of them within a block.
async fn resumes(kind: Kind, stack: &Stack, node: &Node) {
    let (http, proxy) = (stack.http(node, "acme"), Proxy::before(&node.url()).await);
    let mut client = kind.open(&proxy, &stack.token("acme"), "").await;
    client.until("ready", 1).await;
    let mut sent = publish(&http, 3).await;
    client.until_events(sent.len()).await;

    proxy.refuse().await;
    proxy.cut();
    sent.extend(publish(&http, 5).await);
    proxy.accept();
    client.until_events(sent.len()).await;
    client.until("ready", 2).await;

    proxy.cut_after(1_234);
    sent.extend(publish(&http, 40).await);
    client.until("ready", 3).await;

    sent.extend(publish(&http, 1).await);
    client.until_events(sent.len()).await;
    // What comes too often would come before this.
    client.until("heartbeat", client.count("heartbeat") + 1).await;
    assert_eq!(ids(&client.events()), sent);
    assert_eq!((client.count("reset"), client.count("ready")), (0, 3), "{:?}", client.shown);
    client.end().await;
}

/// A cursor that is none and one of another tenant: the client is told once, and goes on from there, over a cut too.
async fn is_reset(kind: Kind, stack: &Stack, node: &Node) {
    let (http, proxy) = (stack.http(node, "beta"), Proxy::before(&node.url()).await);
    let foreign = stack.http(node, "other").publish(&event("theirs")).await["cursor"].as_str().unwrap().to_owned();
    let token = stack.token("beta");
    let (garbled, astray) = tokio::join!(kind.open(&proxy, &token, "garbage"), kind.open(&proxy, &token, &foreign));
    let mut clients = [("cursor_invalid", garbled), ("cursor_unknown", astray)];
    for (code, client) in &mut clients {
        let reset: Value = serde_json::from_str(&client.until("reset", 1).await.data).unwrap();
        assert_eq!(reset["code"], *code, "{reset}");
        client.until("ready", 1).await;
    }
    let mut sent = publish(&http, 2).await;
    for (_, client) in &mut clients {
        client.until_events(sent.len()).await;
    }
    proxy.cut();
    sent.extend(publish(&http, 3).await);
    for (code, mut client) in clients {
        client.until("ready", 2).await;
        assert_eq!(ids(&client.events()), sent, "{code}");
        assert_eq!(client.count("reset"), 1, "{:?}", client.shown);
        client.end().await;
    }
}

async fn publish(http: &Http, count: usize) -> Vec<String> {
    let batch: Vec<Value> = (0..count).map(|n| event(&format!("o{n}"))).collect();
    http.post("/api/events", &Value::Array(batch.clone())).await.expect(202);
    ids(&batch)
}
