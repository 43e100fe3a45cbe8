//! How a socket ends: its token's time, a stop, a cap, and a client that goes beyond a limit.

use std::time::Duration;

use serde_json::json;
use slipstream_access::mint::Grant;
use slipstream_event::Tenant;
use slipstream_tests::{Setup, Stack, TOKEN_SECRET, Ws, eventually};

use super::{PATH, hello, live};
use crate::event;

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let (stack, node) = Stack::with_node().await;
    let grant = Grant::new("u1", Some(Tenant::new("acme").unwrap()), &["reader"]);
    let token = stack.sign(&grant, TOKEN_SECRET, Duration::from_secs(4));
    let mut ws = hello(&node, &json!({"type": "auth", "token": token})).await;
    let expiring = ws.until("expiring").await;
    assert!(expiring["seconds"].as_u64().unwrap() <= 4, "{expiring}");
    assert_eq!(ws.until("close").await, json!({"type": "close", "reason": "token_expired", "reconnect": true}));
    assert_eq!(ws.end().await, (4401, "token_expired".to_owned()));
    assert_eq!(ws.messages.last().unwrap()["type"], "close", "nothing follows it");
}

#[tokio::test]
async fn a_stop_tells_every_socket_and_ends_well() {
    let (stack, node) = Stack::with_node().await;
    let mut sockets = vec![live(&stack, &node, "acme", "").await, live(&stack, &node, "other", "").await];
    let mut unknown = Ws::open(&node.url(), PATH, &[]).await;
    let last = stack.http(&node, "acme").publish(&event("last")).await;
    sockets[0].until_event(last["id"].as_str().unwrap()).await;
    let told = async {
        for ws in &mut sockets {
            assert_eq!(ws.until("close").await, json!({"type": "close", "reason": "server_shutdown", "reconnect": true}));
            assert_eq!(ws.end().await, (1001, "server_shutdown".to_owned()));
        }
        assert_eq!(unknown.end().await, (1012, "draining".to_owned()), "who has not said who it is need not wait");
    };
    let (status, ()) = tokio::join!(node.stop(), told);
    assert_eq!(status.code(), Some(0));
    let place = sockets[0].last_id.clone().unwrap();
    node.restart().await;
    let missed = stack.http(&node, "acme").publish(&event("missed")).await;
    let mut again = Ws::with_token(&node.url(), &format!("{PATH}?lastEventId={place}"), &stack.token("acme")).await;
    assert_eq!(again.events(1).await[0]["id"], missed["id"]);
}

#[tokio::test]
async fn sockets_and_other_streams_stand_under_the_same_caps() {
    let stack = Setup::default().env("SLIPSTREAM_STREAMS_USER_MAX", "2").start().await;
    let node = stack.node("gateway").await;
    let http = stack.http(&node, "acme");
    let (ws, sse) = (live(&stack, &node, "acme", "").await, http.stream("", None).await.unwrap());
    let mut refused = hello(&node, &json!({"type": "auth", "token": stack.token("acme")})).await;
    assert_eq!(refused.end().await, (4429, "too_many_streams".to_owned()));
    assert!(refused.messages.is_empty());
    http.stream("", None).await.unwrap_err().problem(429, "too_many_streams");
    drop((ws, sse));
    eventually("there is room again", async || http.stream("", None).await.map(drop)).await;
}

#[tokio::test]
async fn a_client_beyond_a_limit_is_closed_and_delays_nobody() {
    let (stack, node) = Stack::with_node().await;
    let mut bystander = live(&stack, &node, "acme", "").await;
    let large = "x".repeat(17 * 1024);
    let mut before = Ws::open(&node.url(), PATH, &[]).await;
    let mut after = live(&stack, &node, "acme", "").await;
    for ws in [&mut before, &mut after] {
        ws.say(&large).await.unwrap();
        assert_eq!(ws.end().await, (1009, "message_too_large".to_owned()));
    }
    for text in [r#"{"type":"ping"}"#, "chatter"] {
        let mut flood = live(&stack, &node, "acme", "").await;
        for _ in 0..1_000 {
            // The server may have closed it already.
            drop(flood.say(text).await);
        }
        assert_eq!(flood.end().await, (1008, "too_many_messages".to_owned()));
        assert!(flood.messages.iter().filter(|message| message["type"] == "pong").count() < 200, "pongs are bounded too");
    }
    let ack = stack.http(&node, "acme").publish(&event("after")).await;
    bystander.until_event(ack["id"].as_str().unwrap()).await;
}
