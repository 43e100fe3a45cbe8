//! The stream's form: head, first frames, control events, projections, filters.

use serde_json::json;
use slipstream_tests::{Http, Stack};

use crate::{event, texts};

#[tokio::test]
async fn a_stream_primes_its_client_and_says_when_it_is_live() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    http.publish(&event("before")).await;
    let mut stream = http.stream("", None).await.unwrap();
    let ready = stream.until_control("ready").await;
    let first = stream.blocks[0].clone();
    assert!(first.id.is_some() && first.data.is_none() && first.event.is_none(), "the first frame only primes the client: {first:?}");
    assert!((2_000..=3_000).contains(&first.retry.unwrap()), "{first:?}");
    assert_eq!(ready, json!({"type": "ready", "cursor": first.id, "replayed": 0}));
    assert_eq!(stream.blocks.len(), 2, "what happened before is not shown");
}

#[tokio::test]
async fn nothing_between_server_and_browser_may_hold_a_stream_back() {
    let (stack, node) = Stack::with_node().await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{}/api/events", node.url())).bearer_auth(stack.token("acme")).header("accept-encoding", "gzip, br");
    let head = request.send().await.unwrap().headers().clone();
    let value = |name: &str| head.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default().to_owned();
    assert!(value("cache-control").contains("no-store") && value("cache-control").contains("no-transform"), "{head:?}");
    assert_eq!(
        (value("x-accel-buffering"), value("content-encoding"), value("content-type")),
        ("no".into(), String::new(), "text/event-stream; charset=utf-8".into())
    );
}

#[tokio::test]
async fn a_silent_stream_says_that_it_lives_and_where_it_is() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", None).await.unwrap();
    // Whatever other tenants do.
    let other = stack.http(&node, "other");
    for n in 0..20 {
        other.publish(&event(&format!("o{n}"))).await;
    }
    let beat = stream.until_control("heartbeat").await;
    assert!(beat["ts"].as_f64().unwrap() > 1.7e9, "{beat}");
    let missed = http.publish(&event("missed")).await;
    stream.until_event(missed["id"].as_str().unwrap()).await;
    let mut resumed = http.stream("", beat["cursor"].as_str()).await.unwrap();
    assert_eq!(texts(&resumed.events(1).await, "entityId"), ["missed"]);
    assert_eq!(resumed.until_control("ready").await["replayed"], 1);
}

#[tokio::test]
async fn events_are_named_only_for_those_who_ask() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (mut plain, mut named) = (http.stream("", None).await.unwrap(), http.stream("?names=type", None).await.unwrap());
    plain.until_control("ready").await;
    named.until_control("ready").await;
    http.publish(&event("o1")).await;
    let is_event = |block: &slipstream_tests::Block| block.id.is_some() && block.data.is_some();
    assert_eq!(plain.until("the event", is_event).await.event, None);
    assert_eq!(named.until("the event", is_event).await.event.as_deref(), Some("shop.order.created"));
}

#[tokio::test]
async fn filters_narrow_the_stream_and_history_alike() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let sent = [
        json!({"type": "shop.order.created", "entityId": "1", "severity": "info"}),
        json!({"type": "shop.order.paid", "entityId": "2", "severity": "error"}),
        json!({"type": "shop.orders.merged", "entityId": "3", "severity": "info"}),
        json!({"type": "fleet.aircraft.created", "entityId": "4", "severity": "critical"}),
    ];
    let cases = [
        ("types=shop.order", vec!["1", "2"]),
        ("types=shop.order.paid,fleet", vec!["2", "4"]),
        ("module=fleet", vec!["4"]),
        ("module=shop&severity=error,critical", vec!["2"]),
        ("entityType=shop.orders", vec!["3"]),
        ("entityId=1&entityId=4", vec!["1", "4"]),
        ("actor=nobody", vec![]),
    ];
    let mut live = http.stream("", None).await.unwrap();
    let start = live.until_control("ready").await["cursor"].clone();
    http.post("/api/events", &json!(sent)).await.expect(202);
    live.events(4).await;
    slipstream_tests::eventually("all are archived", async || match http.history("").await.len() {
        4 => Ok(()),
        other => Err(other),
    })
    .await;
    for (query, want) in cases {
        let mut stream = http.stream(&format!("?{query}"), start.as_str()).await.unwrap();
        assert_eq!(stream.until_control("ready").await["replayed"], want.len(), "{query}");
        assert_eq!(texts(&stream.all_events(), "entityId"), want, "{query}");
        let mut archived = texts(&http.history(&format!("&{query}")).await, "entityId");
        archived.sort();
        assert_eq!(archived, want, "{query}");
    }
}

#[tokio::test]
async fn readers_see_only_what_is_for_them() {
    let (stack, node) = Stack::with_node().await;
    let (admin, member) = (stack.http(&node, "acme"), Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"]))));
    let classes = ["tenant", "department:line", "quality", "admin", "platform"];
    let sent: Vec<_> = classes.iter().map(|class| json!({"type": "shop.order.created", "entityId": class, "visibility": class})).collect();
    let (mut to_admin, mut to_member) = (admin.stream("", None).await.unwrap(), member.stream("", None).await.unwrap());
    let start = to_admin.until_control("ready").await["cursor"].clone();
    to_member.until_control("ready").await;
    admin.post("/api/events", &json!(sent)).await.expect(202);
    admin.publish(&event("last")).await;
    let (for_admin, for_member) = (["tenant", "department:line", "quality", "admin", "last"], ["tenant", "last"]);
    for (http, mut live, want) in [(&admin, to_admin, &for_admin[..]), (&member, to_member, &for_member[..])] {
        live.until("the last event", |block| block.data.as_deref().is_some_and(|data| data.contains("\"last\""))).await;
        assert_eq!(texts(&live.all_events(), "entityId"), want);
        let mut replayed = http.stream("", start.as_str()).await.unwrap();
        replayed.until_control("ready").await;
        assert_eq!(texts(&replayed.all_events(), "entityId"), want);
        let archived = slipstream_tests::eventually("all are archived", async || {
            let items = texts(&http.history("").await, "entityId");
            if items.contains(&"last".to_owned()) { Ok(items) } else { Err(items) }
        })
        .await;
        assert_eq!(archived.len(), want.len(), "{archived:?}");
    }
}
