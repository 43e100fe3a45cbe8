//! The stream over WebSocket: who comes in, what comes out, and how it ends.

mod ends;
mod handshake;
mod resume;

use serde_json::{Value, json};
use slipstream_tests::{Node, Stack, Ws};

use crate::{event, shown};

const PATH: &str = "/api/events/ws";

/// A live socket of a person with all rights in the tenant.
async fn live(stack: &Stack, node: &Node, tenant: &str, query: &str) -> Ws {
    let mut ws = Ws::with_token(&node.url(), &format!("{PATH}{query}"), &stack.token(tenant)).await;
    ws.until("ready").await;
    ws
}

/// A socket whose first message is this.
async fn hello(node: &Node, message: &Value) -> Ws {
    let mut ws = Ws::open(&node.url(), PATH, &[]).await;
    ws.say(message).await.unwrap();
    ws
}

#[tokio::test]
async fn the_credential_comes_in_the_handshake_or_in_the_first_message() {
    let (stack, node) = Stack::with_node().await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    http.publish(&event("before")).await;
    let mut sockets = Vec::new();
    for path in [PATH, "/api/v1/events/ws"] {
        sockets.push(Ws::with_token(&node.url(), path, &token).await);
        let mut ws = Ws::open(&node.url(), path, &[]).await;
        ws.say(json!({"type": "auth", "token": token})).await.unwrap();
        sockets.push(ws);
    }
    for ws in &mut sockets {
        let ready = ws.until("ready").await;
        let open = &ws.messages[0];
        assert!(open["type"] == "open" && (2_000..=3_000).contains(&open["retry"].as_u64().unwrap()), "{open}");
        assert_eq!(ready, json!({"type": "ready", "cursor": open["cursor"], "replayed": 0}));
    }
    let mut other = http.stream("", None).await.unwrap();
    other.until_control("ready").await;
    let mut sent = Vec::new();
    for n in 0..20 {
        sent.push(http.publish(&event(&format!("o{n}"))).await);
    }
    let shown = other.events(sent.len()).await;
    for ws in &mut sockets {
        let got = ws.events(sent.len()).await;
        let cursors: Vec<&Value> = ws.messages.iter().filter(|message| message["type"] == "event").map(|message| &message["cursor"]).collect();
        for ((ack, event), cursor) in sent.iter().zip(&got).zip(cursors) {
            assert_eq!((&ack["id"], &ack["cursor"]), (&event["id"], cursor));
        }
        assert_eq!(got, shown, "both kinds of streams show the same");
    }
}

#[tokio::test]
async fn a_socket_says_that_it_lives_and_answers_pings() {
    let (stack, node) = Stack::with_node().await;
    let mut ws = live(&stack, &node, "acme", "").await;
    ws.say(r#"{"type":"ping"}"#).await.unwrap();
    assert_eq!(ws.until("pong").await, json!({"type": "pong"}));
    ws.ping("are you there").await;
    ws.say("whatever else").await.unwrap();
    ws.say_binary(vec![0, 255]).await.unwrap();
    let beat = ws.until("heartbeat").await;
    assert!(beat["ts"].as_f64().unwrap() > 1.7e9 && beat["cursor"] == ws.messages[0]["cursor"], "{beat}");
    let ack = stack.http(&node, "acme").publish(&event("after")).await;
    ws.until_event(ack["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn filters_and_forms_are_those_of_the_other_streams() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let token = stack.token("acme");
    let start = live(&stack, &node, "acme", "").await.last_id.unwrap();
    let sent = [
        json!({"type": "shop.order.created", "entityId": "1", "severity": "info"}),
        json!({"type": "shop.order.paid", "entityId": "2", "severity": "error"}),
        json!({"type": "fleet.aircraft.created", "entityId": "3", "severity": "critical"}),
    ];
    let acks = http.post("/api/events", &json!(sent)).await.expect(202);
    shown(&http, &start, acks["results"][2]["id"].as_str().unwrap()).await;
    let cases = [
        (json!({}), vec!["1", "2", "3"]),
        (json!({"types": "shop.order"}), vec!["1", "2"]),
        (json!({"types": ["shop.order.paid", "fleet"]}), vec!["2", "3"]),
        (json!({"module": "shop", "severity": ["error", "critical"]}), vec!["2"]),
        (json!({"entityId": ["1", "3"], "account_id": "acme"}), vec!["1", "3"]),
        (json!({"actor": "nobody", "entityType": "shop.order"}), vec![]),
    ];
    for (parameters, want) in cases {
        let mut message = parameters.clone();
        message["type"] = json!("auth");
        message["token"] = json!(token);
        message["lastEventId"] = json!(start);
        let mut ws = hello(&node, &message).await;
        assert_eq!(ws.until("ready").await["replayed"], want.len(), "{parameters}");
        assert_eq!(crate::texts(&ws.all_events(), "entityId"), want, "{parameters}");
    }
    let mut by_query = Ws::with_token(&node.url(), &format!("{PATH}?module=fleet&format=cloudevents&lastEventId={start}"), &token).await;
    let got = by_query.events(1).await;
    assert_eq!((got[0]["specversion"].as_str(), got[0]["type"].as_str()), (Some("1.0"), Some("fleet.aircraft.created")), "{got:?}");
}

#[tokio::test]
async fn a_socket_shows_only_what_is_for_its_reader_and_nothing_of_another_tenant() {
    let (stack, node) = Stack::with_node().await;
    let (acme, other) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let member = stack.token_of("u2", "acme", &["reader"]);
    let to_admin = live(&stack, &node, "acme", "").await;
    let mut to_member = Ws::with_token(&node.url(), PATH, &member).await;
    let to_other = live(&stack, &node, "other", "").await;
    to_member.until("ready").await;
    let (start, start_of_other) = (to_admin.last_id.clone().unwrap(), to_other.last_id.clone().unwrap());
    for class in ["tenant", "quality", "admin", "platform"] {
        acme.publish(&json!({"type": "shop.order.created", "entityId": format!("acme {class}"), "visibility": class})).await;
        other.publish(&event("other")).await;
    }
    let (last, last_of_other) = (acme.publish(&event("acme last")).await, other.publish(&event("other last")).await);
    let (for_admin, for_member) = (&["acme tenant", "acme quality", "acme admin", "acme last"][..], &["acme tenant", "acme last"][..]);
    let for_other = &["other", "other", "other", "other", "other last"][..];
    let (id, id_of_other) = (last["id"].as_str().unwrap(), last_of_other["id"].as_str().unwrap());
    for (mut ws, id, want) in [(to_admin, id, for_admin), (to_member, id, for_member), (to_other, id_of_other, for_other)] {
        ws.until_event(id).await;
        assert_eq!(crate::texts(&ws.all_events(), "entityId"), want);
    }
    let replays = [(stack.token("acme"), &start, for_admin), (member, &start, for_member), (stack.token("other"), &start_of_other, for_other)];
    for (token, place, want) in replays {
        let mut ws = Ws::with_token(&node.url(), &format!("{PATH}?lastEventId={place}"), &token).await;
        ws.until("ready").await;
        assert_eq!(crate::texts(&ws.all_events(), "entityId"), want);
    }
}
