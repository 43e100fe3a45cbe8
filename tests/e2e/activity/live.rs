//! The live view: the same entries as frames of a stream and as messages of a socket.

use serde_json::{Value, json};
use slipstream_tests::{Stack, Ws};

use super::{LOG, entities, list, member, publish_classes, shows};
use crate::event;

const VIEW: &str = "?view=activity";

/// The entries of these blocks.
fn entries(blocks: &[slipstream_tests::Block]) -> Vec<Value> {
    blocks.iter().filter(|block| block.event.as_deref() == Some("activity_logged")).map(|block| data(block)["entry"].clone()).collect()
}

fn data(block: &slipstream_tests::Block) -> Value {
    serde_json::from_str(block.data.as_deref().unwrap()).unwrap()
}

/// Reads on until the entry of this entity came.
async fn until_entry(stream: &mut slipstream_tests::Sse, entity: &str) {
    stream.until(entity, |block| block.event.as_deref() == Some("activity_logged") && data(block)["entry"]["entity_id"] == entity).await;
}

#[tokio::test]
async fn entries_come_live_and_after_a_pause_as_they_are_listed() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, None).await.unwrap();
    live.until_control("ready").await;
    for n in 0..5 {
        http.publish(&event(&format!("o{n}"))).await;
    }
    until_entry(&mut live, "o4").await;
    let frames: Vec<_> = live.blocks.iter().filter(|block| block.event.as_deref() == Some("activity_logged")).cloned().collect();
    assert!(frames.iter().all(|frame| frame.id.is_some() && data(frame)["type"] == "activity_logged"), "{frames:?}");
    let beat = live.until_control("heartbeat").await;
    assert!(beat["cursor"].is_string());
    // From the second on.
    let mut resumed = http.stream(VIEW, frames[1].id.as_deref()).await.unwrap();
    assert_eq!(resumed.until_control("ready").await["replayed"], 3);
    assert_eq!(entries(&resumed.blocks), entries(&live.blocks)[2..]);
    shows(&http, &["o4", "o3", "o2", "o1", "o0"]).await;
    let listed = list(&http, "").await;
    for (shown, listed) in entries(&live.blocks).iter().rev().zip(listed["entries"].as_array().unwrap()) {
        let mut numbered = shown.clone();
        assert_eq!(shown["seq"], Value::Null, "not known before it is archived");
        numbered["seq"] = listed["seq"].clone();
        assert_eq!(&numbered, listed);
    }
}

#[tokio::test]
async fn a_socket_says_the_same() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut ws = Ws::open(&node.url(), "/api/events/ws", &[]).await;
    ws.say(json!({"type": "auth", "token": stack.token("acme"), "view": "activity", "severities": ["error"], "categories": "entity,auth"})).await.unwrap();
    ws.until("ready").await;
    http.publish(&json!({"type": "shop.order.created", "entityId": "fine"})).await;
    let ack = http.publish(&json!({"type": "shop.order.failed", "entityId": "bad", "severity": "critical"})).await;
    let message = ws.until("activity_logged").await;
    assert_eq!((&message["cursor"], &message["entry"]["event_id"], &message["entry"]["severity"]), (&ack["cursor"], &ack["id"], &json!("error")));
    let mut resumed =
        Ws::with_token(&node.url(), &format!("/api/v1/events/ws{VIEW}&lastEventId={}", ws.messages[0]["cursor"].as_str().unwrap()), &stack.token("acme")).await;
    assert_eq!(resumed.until("ready").await["replayed"], 2);
}

#[tokio::test]
async fn the_view_shows_only_what_its_reader_may_see_and_asked_for() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), member(&stack, &node));
    let (mut to_admin, mut to_member) = (admin.stream(VIEW, None).await.unwrap(), member.stream(VIEW, None).await.unwrap());
    let mut errors = admin.stream("?view=activity&severities=error&categories=entity&module=shop", None).await.unwrap();
    let start = to_admin.until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    to_member.until_control("ready").await;
    errors.until_control("ready").await;
    publish_classes(&admin, &["tenant", "quality", "admin", "platform"]).await;
    for (entity, event_type, category) in
        [("device", "shop.scanner.lost", "device"), ("fleet", "fleet.aircraft.lost", "entity"), ("last", "shop.order.lost", "entity")]
    {
        admin.publish(&json!({"type": event_type, "entityId": entity, "severity": "error", "category": category})).await;
    }
    let of = |blocks: &[slipstream_tests::Block]| crate::texts(&entries(blocks), "entity_id");
    for stream in [&mut to_admin, &mut to_member, &mut errors] {
        until_entry(stream, "last").await;
    }
    assert_eq!(of(&to_admin.blocks), ["tenant", "quality", "admin", "device", "fleet", "last"]);
    assert_eq!(of(&to_member.blocks), ["tenant", "device", "fleet", "last"]);
    assert_eq!(of(&errors.blocks), ["last"]);
    let mut resumed = member.stream("?view=activity&categories=entity", Some(&start)).await.unwrap();
    resumed.until_control("ready").await;
    assert_eq!(of(&resumed.blocks), ["tenant", "fleet", "last"]);
    let wanted = "severities=error&categories=entity";
    slipstream_tests::eventually("the list agrees", async || match entities(&list(&admin, wanted).await) {
        got if got == ["last", "fleet"] => Ok(()),
        got => Err(got),
    })
    .await;
}

#[tokio::test]
async fn parameters_that_do_not_go_together_are_named() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let cases = [
        ("?view=log", "view"),
        ("?view=activity&format=cloudevents", "format"),
        ("?view=activity&names=type", "names"),
        ("?view=activity&categories=zoo", "categories"),
        ("?severities=error", "severities"),
    ];
    for (query, field) in cases {
        let problem = http.stream(query, None).await.unwrap_err().problem(422, "validation");
        assert_eq!(problem["fields"][0]["field"], field, "{query}");
    }
    let problem = http.get(&format!("{LOG}?view=activity")).await.problem(422, "validation");
    assert_eq!(problem["fields"][0]["field"], "view", "the list has no view");
}
