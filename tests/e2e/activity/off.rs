//! The live view while the log is off, and after it was cleared: what it shows is what the list shows.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use slipstream_broker::Provision;
use slipstream_tests::{Block, Http, Setup, Sse, Stack, Ws, eventually};
use tokio::time::{Instant, sleep};

use super::{JSON, LOG, list, shows};
use crate::{event, texts};

const VIEW: &str = "?view=activity";
const ALL: &str = "api,gateway,relay,archiver";

async fn turn(http: &Http, enabled: bool) {
    let body = json!({"enabled": enabled, "max_days": 90, "max_entries": 100_000}).to_string();
    http.send("PUT", "/api/v1/activity-log/settings", &[JSON], &body).await.unwrap().expect(200);
}

fn entry(block: &Block) -> Option<Value> {
    if block.event.as_deref() != Some("activity_logged") {
        return None;
    }
    let data: Value = serde_json::from_str(block.data.as_deref()?).unwrap();
    Some(data["entry"].clone())
}

/// Ids of the entries that a stream showed.
fn ids(stream: &Sse) -> Vec<String> {
    texts(&stream.blocks.iter().filter_map(entry).collect::<Vec<_>>(), "event_id")
}

async fn until_entity(stream: &mut Sse, entity: &str) {
    stream.until(entity, |block| entry(block).is_some_and(|entry| entry["entity_id"] == entity)).await;
}

/// Ids of all entries of the list, the oldest first.
async fn listed(http: &Http) -> Vec<String> {
    let page = list(http, "after_seq=0&limit=200").await;
    assert_eq!(page["has_more"], false);
    texts(page["entries"].as_array().unwrap(), "event_id")
}

/// Waits until the list shows what a stream showed.
async fn agree(http: &Http, shown: &[String]) {
    eventually("list and stream agree", async || match listed(http).await {
        listed if listed == shown => Ok(()),
        listed => Err((listed, shown.to_vec())),
    })
    .await;
}

/// What a stream replays that resumes here.
async fn replayed(http: &Http, cursor: &str) -> Vec<String> {
    let mut stream = http.stream(VIEW, Some(cursor)).await.unwrap();
    stream.until_control("ready").await;
    ids(&stream)
}

#[tokio::test]
async fn what_comes_while_the_log_is_off_is_in_no_live_view() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (mut live, mut events) = (http.stream(VIEW, None).await.unwrap(), http.stream("", None).await.unwrap());
    let start = live.until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    events.until_control("ready").await;
    let mut socket = Ws::with_token(&node.url(), &format!("/api/events/ws{VIEW}"), &stack.token("acme")).await;
    socket.until("ready").await;
    for round in 0..3 {
        http.publish(&event(&format!("on{round}"))).await;
        turn(&http, false).await;
        // The answer came when the log told of it, so nothing that is published from here on is shown.
        http.publish(&event(&format!("off{round}"))).await;
        let mut opened = http.stream(VIEW, None).await.unwrap();
        opened.until_control("ready").await;
        http.publish(&event(&format!("off{round} too"))).await;
        turn(&http, true).await;
        http.publish(&event(&format!("on{round} again"))).await;
        until_entity(&mut opened, &format!("on{round} again")).await;
        let shown: Vec<Value> = opened.blocks.iter().filter_map(entry).collect();
        assert_eq!(texts(&shown, "type"), ["activity.log.enabled", "activity.settings.updated", "shop.order.created"], "of one that was opened meanwhile");
    }
    until_entity(&mut live, "on2 again").await;
    let shown = ids(&live);
    assert_eq!(shown.len(), 3 * 6);
    agree(&http, &shown).await;
    assert_eq!(replayed(&http, &start).await, shown, "from the windows");
    let said: Vec<Value> = entries_of(&mut socket, shown.len()).await;
    assert_eq!(texts(&said, "event_id"), shown);
    events.until("all events", |block| block.data.as_deref().is_some_and(|data| data.contains("on2 again"))).await;
    assert_eq!(events.blocks.iter().filter(|block| block.event.is_none() && block.data.is_some()).count(), 3 * 8, "the events themselves go on");
}

/// The first entries that a socket said.
async fn entries_of(socket: &mut Ws, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let entries: Vec<Value> =
            socket.messages.iter().filter(|message| message["type"] == "activity_logged").map(|message| message["entry"].clone()).collect();
        if entries.len() >= count {
            return entries;
        }
        assert!(socket.next(deadline).await.is_some(), "{entries:?}");
    }
}

#[tokio::test]
async fn what_came_while_the_log_was_off_is_in_no_replay_from_broker_or_archive() {
    let retention = Duration::from_secs(3);
    let provision = Provision { max_age: Some(retention), duplicate_window: Some(retention), ..Provision::default() };
    let stack = Setup::default().provision(provision).start().await;
    let node = stack.node(ALL).await;
    let http = stack.http(&node, "acme");
    let start = http.stream(VIEW, None).await.unwrap().until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    http.publish(&event("on")).await;
    turn(&http, false).await;
    http.publish(&event("off")).await;
    let broker = stack.broker().await;
    eventually("the broker has let it go that the log was turned off", async || match broker.stream_state(0).await.unwrap() {
        state if state.first_seq > state.last_seq => Ok(()),
        state => Err(state),
    })
    .await;
    http.publish(&event("off too")).await;
    // What it shows is from the archive and from the broker, and so is that the log is off.
    node.restart().await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, Some(&start)).await.unwrap();
    live.until_control("ready").await;
    http.publish(&event("off as well")).await;
    turn(&http, true).await;
    http.publish(&event("on again")).await;
    until_entity(&mut live, "on again").await;
    let entities = texts(&live.blocks.iter().filter_map(entry).collect::<Vec<_>>(), "entity_id");
    assert_eq!(entities, ["on", "activity-log", "activity-log", "activity-log", "activity-log", "on again"]);
    agree(&http, &ids(&live)).await;
}

#[tokio::test]
async fn list_and_live_view_agree_while_the_log_is_turned_off_and_on_under_load() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, None).await.unwrap();
    let start = live.until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    let (is_over, busy) = (AtomicBool::new(false), stack.http(&node, "acme"));
    let publish = async {
        let mut number = 0;
        while !is_over.load(Ordering::Relaxed) {
            busy.publish(&event(&format!("e{number}"))).await;
            number += 1;
            sleep(Duration::from_millis(10)).await;
        }
    };
    let toggle = async {
        for round in 0..8 {
            sleep(Duration::from_millis(40)).await;
            turn(&http, round % 2 == 1).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(publish, toggle);
    http.publish(&event("last")).await;
    until_entity(&mut live, "last").await;
    let shown = ids(&live);
    agree(&http, &shown).await;
    assert_eq!(replayed(&http, &start).await, shown);
}

#[tokio::test]
async fn what_was_cleared_is_not_replayed() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, None).await.unwrap();
    let start = live.until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    for n in 0..3 {
        http.publish(&event(&format!("o{n}"))).await;
    }
    until_entity(&mut live, "o2").await;
    shows(&http, &["o2", "o1", "o0"]).await;
    http.send("DELETE", LOG, &[], "").await.unwrap();
    // At once, whether or not the log tells of it yet.
    let entities = async |http: &Http| {
        let mut stream = http.stream(VIEW, Some(&start)).await.unwrap();
        stream.until_control("ready").await;
        texts(&stream.blocks.iter().filter_map(entry).collect::<Vec<_>>(), "entity_id")
    };
    let first = entities(&http).await;
    assert!(first.iter().all(|entity| entity == "activity-log"), "{first:?}");
    until_entity(&mut live, "activity-log").await;
    http.publish(&event("after")).await;
    until_entity(&mut live, "after").await;
    shows(&http, &["after", "activity-log"]).await;
    assert_eq!(entities(&http).await, ["activity-log", "after"]);
    let fresh = stack.node(ALL).await;
    assert_eq!(entities(&stack.http(&fresh, "acme")).await, ["activity-log", "after"]);
}

#[tokio::test]
async fn what_is_too_old_for_the_list_is_too_old_for_the_live_view() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, None).await.unwrap();
    live.until_control("ready").await;
    let days = async |days: u32| {
        let body = json!({"enabled": true, "max_days": days, "max_entries": 100_000}).to_string();
        http.send("PUT", "/api/v1/activity-log/settings", &[JSON], &body).await.unwrap().expect(200);
    };
    let of_years_ago = |entity: &str| json!({"type": "shop.order.created", "entityId": entity, "timestamp": "2020-01-02T03:04:05Z"});
    http.publish(&of_years_ago("old")).await;
    days(3_650).await;
    http.publish(&of_years_ago("old enough")).await;
    days(30).await;
    http.publish(&of_years_ago("too old")).await;
    http.publish(&event("new")).await;
    until_entity(&mut live, "new").await;
    let shown: Vec<Value> = live.blocks.iter().filter_map(entry).collect();
    assert_eq!(texts(&shown, "entity_id"), ["activity-log", "old enough", "activity-log", "new"]);
    shows(&http, &["new", "activity-log", "activity-log"]).await;
}

#[tokio::test]
async fn nobody_silences_the_log_from_outside() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    http.post("/api/events", &json!({"type": "activity.log.disabled", "entityId": "activity-log"})).await.problem(422, "type_reserved");
}

#[tokio::test]
async fn without_a_database_the_live_view_goes_on_and_what_a_process_knows_counts() {
    let stack = Setup::default().own_postgres().start().await;
    let node = stack.node(ALL).await;
    let http = stack.http(&node, "acme");
    let mut live = http.stream(VIEW, None).await.unwrap();
    let start = live.until_control("ready").await["cursor"].as_str().unwrap().to_owned();
    http.publish(&event("on")).await;
    turn(&http, false).await;
    http.publish(&event("off")).await;
    until_entity(&mut live, "activity-log").await;
    stack.cluster.server.kill().await;
    http.publish(&event("off too")).await;
    let mut resumed = http.stream(VIEW, Some(&start)).await.unwrap();
    resumed.until_control("ready").await;
    let entities = |stream: &Sse| texts(&stream.blocks.iter().filter_map(entry).collect::<Vec<_>>(), "entity_id");
    assert_eq!(entities(&resumed), ["on", "activity-log", "activity-log"]);
    // Of a tenant of which it knows nothing it shows nothing: the stream ends, and its client comes back.
    let mut unknown = stack.http(&node, "other").stream(VIEW, None).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while unknown.next(deadline).await.is_some() {}
    assert!(Instant::now() < deadline && unknown.blocks.iter().all(|block| block.event.as_deref() != Some("ready")), "{:?}", unknown.blocks);
    stack.cluster.server.restart().await.unwrap();
    eventually("its client is shown something again", async || {
        let mut stream = stack.http(&node, "other").stream(VIEW, None).await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Some(block) = stream.next(deadline).await {
            if block.event.as_deref() == Some("ready") {
                return Ok(());
            }
        }
        Err(stream.blocks)
    })
    .await;
    turn(&http, true).await;
    http.publish(&event("on again")).await;
    until_entity(&mut live, "on again").await;
    let shown = ids(&live);
    agree(&http, &shown).await;
}
