//! Retention from outside: what tenants no longer keep goes, is told of, and stays known; what they keep does not.

use std::time::Duration;

use serde_json::{Value, json};
use slipstream_broker::Provision;
use slipstream_event::ledger::Signer;
use slipstream_tests::{Answer, Http, Node, Setup, Stack, eventually};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{NoContext, Uuid};

use crate::{event, ids, lines, printed};

const PATH: &str = "/api/archive/retention";
const ROLES: &str = "api,gateway,relay,archiver";

/// Rules are applied every second, to what was archived a moment ago; ledgers are signed as often.
fn at_once() -> Setup {
    let signer = Signer::generate("ledger-1").unwrap();
    Setup::default()
        .env("SLIPSTREAM_RETENTION_SECONDS", "1")
        .env("SLIPSTREAM_RETENTION_KEEP_HOURS", "0")
        .env("SLIPSTREAM_LEDGER_CHECKPOINT_SECONDS", "1")
        .env("SLIPSTREAM_LEDGER_KEY", &signer.to_secret())
}

/// An event of so many days ago, with an id of that time.
fn old(entity: &str, days: i64) -> Value {
    let at = OffsetDateTime::now_utc() - time::Duration::days(days);
    let mut event = event(entity);
    event["id"] = json!(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, at.unix_timestamp().unsigned_abs(), 0)));
    event["timestamp"] = json!(at.format(&Rfc3339).unwrap());
    event
}

fn of_category(category: &str, mut event: Value) -> Value {
    event["category"] = json!(category);
    event
}

async fn publish(http: &Http, events: &[Value]) -> Value {
    http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(events)).await.unwrap().expect(202)
}

async fn put(http: &Http, path: &str, body: &Value) -> Answer {
    http.send("PUT", path, &[("content-type", "application/json")], &body.to_string()).await.unwrap()
}

/// Turns the activity log off, so that only rules count, and sets them.
async fn set(http: &Http, rules: Value) {
    put(http, "/api/v1/activity-log/settings", &json!({"enabled": false, "max_days": 90, "max_entries": 100_000})).await.expect(200);
    put(http, PATH, &json!({"rules": rules})).await.expect(200);
}

async fn archived(http: &Http, events: &[Value]) {
    let last = ids(events).pop().unwrap();
    eventually("they are archived", async || match http.get(&format!("/api/events/{last}/proof")).await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.text),
    })
    .await;
}

/// Waits until so many events were removed, and all that tells of it is archived.
async fn removed(stack: &Stack, http: &Http, count: u64) {
    eventually("they are removed, and told of", async || {
        let state = http.get(PATH).await.expect(200);
        let waiting = stack.sql("select count(*) from slipstream.outbox where published_at is null").await;
        let told = "select coalesce(sum((payload::json->'metadata'->>'removed')::bigint), 0) from slipstream.event where type = 'archive.retention.completed'";
        let told: u64 = stack.sql(told).await.parse().unwrap();
        if state["stored"]["removed"] == count && waiting == "0" && told == count { Ok(()) } else { Err((state, waiting, told)) }
    })
    .await;
}

async fn verify(stack: &Stack, node: &Node) -> (Option<i32>, Value) {
    let token = stack.token("acme");
    let output = stack.run(&["verify", "--json"], &[("SLIPSTREAM_URL", &node.url()), ("SLIPSTREAM_TOKEN", &token)]).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr))))
}

/// How many events were removed so far.
async fn went(http: &Http) -> u64 {
    http.get(PATH).await.expect(200)["stored"]["removed"].as_u64().unwrap()
}

#[tokio::test]
async fn what_is_too_old_goes_is_told_and_never_comes_back() {
    let stack = at_once().start().await;
    let node = stack.node(&format!("{ROLES},retention")).await;
    let (http, other) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let mut stream = http.stream("?types=archive.retention", None).await.unwrap();
    stream.until_control("ready").await;
    let (past, new): (Vec<Value>, Vec<Value>) = ((0..20).map(|n| old(&format!("p{n}"), 100)).collect(), (0..5).map(|n| event(&format!("n{n}"))).collect());
    for events in [&past, &new] {
        publish(&http, events).await;
        archived(&http, events).await;
    }
    publish(&other, &[old("theirs", 100)]).await;
    set(&http, json!([{"category": null, "maxDays": 30}])).await;
    removed(&stack, &http, 20).await;

    let told = stream.events(2).await;
    assert_eq!((&told[0]["type"], &told[0]["metadata"]["after"][0]["maxDays"]), (&json!("archive.retention.updated"), &json!(30)));
    assert_eq!((&told[1]["type"], &told[1]["metadata"]["removed"]), (&json!("archive.retention.completed"), &json!(20)));
    assert_eq!(told[1]["metadata"]["report"]["numbers"], json!([[1, 20]]));
    let left = http.history("&type=shop.order").await;
    assert_eq!(left.len(), 5, "{left:?}");
    assert_eq!(other.history("").await.len(), 1);
    let state = eventually("the run has ended", async || match http.get(PATH).await.expect(200) {
        state if state["runs"][0].is_object() => Ok(state),
        state => Err(state),
    })
    .await;
    assert_eq!((&state["runs"][0]["removed"], &state["runs"][0]["categories"]), (&json!(20), &json!({"entity": 20})));

    let (code, report) = verify(&stack, &node).await;
    assert_eq!((code, &report["removed"], &report["findings"]), (Some(0), &json!(20), &json!([])), "{report}");
    let gone = http.get(&format!("/api/events/{}/proof", past[3]["id"].as_str().unwrap())).await.problem(410, "event_removed");
    assert_eq!(gone["number"], 4);
    other.get(&format!("/api/events/{}/proof", past[3]["id"].as_str().unwrap())).await.problem(404, "not_found");

    // The same again changes nothing.
    let again = publish(&http, &past).await;
    assert!(again["events"].as_array().is_none_or(|acks| acks.iter().all(|ack| ack["duplicate"] == json!(true))), "{again}");
    let marker = event("marker");
    publish(&http, std::slice::from_ref(&marker)).await;
    archived(&http, &[marker]).await;
    assert_eq!((went(&http).await, http.history("&type=shop.order").await.len()), (20, 6), "nothing was archived again, nor removed again");

    stack.sql("delete from slipstream.event where tenant_id = 'acme' and tenant_seq = 22").await;
    let (code, report) = verify(&stack, &node).await;
    assert_eq!((code, &report["findings"][0]["kind"], &report["findings"][0]["number"]), (Some(2), &json!("removed"), &json!(22)), "{report}");
}

#[tokio::test]
async fn what_the_broker_lost_and_retention_removed_is_not_archived_again() {
    let stack = at_once().start().await;
    let node = stack.node(&format!("{ROLES},retention")).await;
    let http = stack.http(&node, "acme");
    for n in 0..6 {
        http.post("/copilot/support-tickets/", &slipstream_tests::ticket(&format!("t{n}"))).await.expect(200);
    }
    eventually("they are archived", async || match http.history("&type=copilot.support_ticket").await.len() {
        6 => Ok(()),
        other => Err(other),
    })
    .await;
    set(&http, json!([{"category": "entity", "maxEntries": 2}])).await;
    removed(&stack, &http, 4).await;
    stack.lose_broker().await;
    // As if the relay had never heard that they were taken.
    stack.sql("update slipstream.outbox set published_at = null, shard = null, epoch = null, seq = null where type like 'copilot.%'").await;
    eventually("they are known to be published", async || {
        let open = stack.sql("select count(*) from slipstream.outbox where published_at is null or seq is null").await;
        if open == "0" { Ok(()) } else { Err(open) }
    })
    .await;
    let marker = of_category("device", event("marker"));
    eventually("the broker takes events again", async || {
        let answer = http.post("/api/events", &marker).await;
        if answer.status == 202 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    archived(&http, &[marker]).await;
    assert_eq!((went(&http).await, http.history("&type=copilot.support_ticket").await.len()), (4, 2), "nothing was archived again, nor removed again");
    let (code, report) = verify(&stack, &node).await;
    assert_eq!((code, &report["removed"]), (Some(0), &json!(4)), "{report}");
}

#[tokio::test]
async fn a_kill_in_the_middle_removes_nothing_twice_and_nothing_untold_while_events_come_in() {
    let stack = at_once().start().await;
    let node = stack.node(ROLES).await;
    let http = stack.http(&node, "acme");
    let past: Vec<Value> = (0..5_000).map(|n| old(&format!("p{n}"), 100 + n / 100)).collect();
    for part in past.chunks(1_000) {
        publish(&http, part).await;
    }
    // They keep the months, so that all goes in turns.
    publish(&stack.http(&node, "other"), &(0..6).map(|n| old("theirs", 100 + 10 * n)).collect::<Vec<_>>()).await;
    archived(&http, &past).await;
    set(&http, json!([{"category": null, "maxDays": 30}])).await;
    let removing = stack.node_with("retention", &[("SLIPSTREAM_FAIL_POINTS", "retention.removed@2")]).await;
    let live = async {
        let mut sent = Vec::new();
        for n in 0..50 {
            let event = event(&format!("live{n}"));
            publish(&http, std::slice::from_ref(&event)).await;
            sent.push(event);
        }
        sent
    };
    let (sent, _) = tokio::join!(live, removing.exited());
    assert_eq!(went(&http).await, 2_000, "what was not committed did not happen");
    let after = stack.node_with("retention", &[("SLIPSTREAM_FAIL_POINTS", "retention.committed@1")]).await;
    after.exited().await;
    assert_eq!(went(&http).await, 4_000);
    let _last = stack.node("retention").await;
    removed(&stack, &http, 5_000).await;
    let (code, report) = verify(&stack, &node).await;
    assert_eq!((code, &report["removed"], &report["findings"]), (Some(0), &json!(5_000), &json!([])), "{report}");
    archived(&http, &sent).await;
    assert_eq!(http.history("&type=shop.order").await.len(), 50);
    let twice = "select count(*) from (select unnest(numbers) as n from slipstream.ledger_removed group by n having count(*) > 1) as twice";
    assert_eq!(stack.sql(twice).await, "0");
}

#[tokio::test]
async fn a_dry_run_tells_what_a_run_then_does_and_whole_months_go_at_once() {
    let stack = at_once().start().await;
    let node = stack.node(ROLES).await;
    let http = stack.http(&node, "acme");
    let month: Vec<Value> = (0..1_500).map(|n| old(&format!("p{n}"), 300)).collect();
    let device: Vec<Value> = (0..30).map(|n| of_category("device", old(&format!("d{n}"), 40))).collect();
    let held: Vec<Value> = (0..3).map(|n| of_category("auth", old(&format!("h{n}"), 200))).collect();
    for events in month.chunks(1_000).chain([&device[..], &held[..]]) {
        publish(&http, events).await;
        archived(&http, events).await;
    }
    http.post("/api/archive/holds", &json!({"name": "Case 12", "reason": "investigation", "entityId": "h1"})).await.expect(201);
    set(&http, json!([{"category": "device", "maxEntries": 10}, {"category": null, "maxDays": 90}])).await;
    let preview = http.post("/api/archive/retention/preview", &json!({})).await.expect(200);
    let dry = stack.run(&["retention", "run", "--dry-run", "--json"], &[]).await;
    let dry: Value = serde_json::from_str(&printed(&dry)).unwrap();
    assert_eq!(dry["categories"], preview["categories"]);
    assert_eq!((&preview["events"], &preview["held"]), (&json!(1_500 + 20 + 2), &json!(1)));
    assert_eq!(went(&http).await, 0, "nothing was removed");
    let other = http.post("/api/archive/retention/preview", &json!({"rules": [{"category": "auth", "maxDays": 365}]})).await.expect(200);
    assert_eq!((&other["events"], &other["categories"]), (&json!(0), &json!([])), "other rules can be tried");

    let partition = "select count(*) from pg_inherits where inhparent = 'slipstream.event'::regclass";
    let partitions: u64 = stack.sql(partition).await.parse().unwrap();
    let done = stack.run(&["retention", "run", "--json"], &[]).await;
    let done: Vec<Value> = printed(&done).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(done.iter().any(|line| line["removed"] == 1_500 && line.get("month").is_some()), "{done:?}");
    let last = done.last().unwrap();
    assert_eq!((&last["removed"], &last["held"], &last["categories"]), (&json!(22), &json!(1), &json!({"auth": 2, "device": 20})));
    assert_eq!(stack.sql(partition).await.parse::<u64>().unwrap(), partitions - 1);
    removed(&stack, &http, 1_522).await;
    let (code, report) = verify(&stack, &node).await;
    assert_eq!((code, &report["removed"], &report["findings"]), (Some(0), &json!(1_522), &json!([])), "{report}");
    assert_eq!(http.post("/api/archive/retention/preview", &json!({})).await.expect(200)["events"], 0);
    // The month is made again for what comes late, and what went with it is known.
    publish(&http, &month[..10]).await;
    let late = old("late", 300);
    publish(&http, std::slice::from_ref(&late)).await;
    archived(&http, &[late]).await;
    assert_eq!(http.history("&type=shop.order").await.len(), 10 + 1 + 1, "devices, what is held, and the late one");
}

#[tokio::test]
async fn a_client_whose_place_lies_before_what_was_removed_is_told() {
    let retention = Duration::from_secs(3);
    let provision = Provision { max_age: Some(retention), duplicate_window: Some(retention), ..Provision::default() };
    let stack = at_once().provision(provision).start().await;
    let node = stack.node(ROLES).await;
    let http = stack.http(&node, "acme");
    let mut cursors = Vec::new();
    for n in 0..20 {
        let event = if n < 10 { old(&format!("o{n}"), 100) } else { event(&format!("o{n}")) };
        cursors.push(http.publish(&event).await["cursor"].as_str().unwrap().to_owned());
    }
    set(&http, json!([{"category": null, "maxDays": 30}])).await;
    let broker = stack.broker().await;
    eventually("the broker has let them go", async || match broker.stream_state(0).await.unwrap() {
        state if state.first_seq > 20 => Ok(()),
        state => Err(state),
    })
    .await;
    printed(&stack.run(&["retention", "run"], &[]).await);
    node.restart().await;
    let http = stack.http(&node, "acme");
    let reset = http.stream("", Some(&cursors[4])).await.unwrap().until_control("reset").await;
    assert_eq!(reset["code"], "cursor_expired", "{reset}");
    let mut whole = http.stream("?types=shop.order", Some(&cursors[9])).await.unwrap();
    assert_eq!(whole.events(10).await.len(), 10, "after what was removed nothing is missing");
}

#[tokio::test]
async fn rules_are_checked_whole_told_and_for_admins() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let none = http.get(PATH).await.expect(200);
    assert_eq!((&none["rules"], &none["defaultMaxDays"], &none["keptHoursMin"], &none["lastRun"]), (&json!([]), &Value::Null, &json!(24), &Value::Null));
    let bad = json!({"rules": [{"category": "zoo", "maxDays": 30}, {"category": "auth", "maxDays": "x", "typo": 1}], "reason": 1});
    let problem = put(&http, PATH, &bad).await.problem(422, "validation");
    let fields: Vec<&str> = problem["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["rules.0.category", "rules.1.maxDays", "rules.1.typo", "reason"]);
    http.post("/api/archive/retention/preview", &json!({"rules": 1})).await.problem(422, "validation");
    assert_eq!(http.get(PATH).await.expect(200)["rules"], json!([]), "nothing changed");

    let rules = json!({"rules": [{"category": "device", "maxDays": 10}, {"category": null, "enabled": false}]});
    let keyed = async |body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k1")];
        http.send("PUT", PATH, &headers, &body.to_string()).await.unwrap()
    };
    let made = keyed(&rules).await.expect(200);
    assert_eq!((&made["rules"][1]["maxDays"], &made["rules"][1]["effectiveMaxDays"]), (&json!(10), &json!(90)), "the activity log shows 90 days: {made}");
    assert_eq!(keyed(&rules).await.expect(200), made);
    keyed(&json!({"rules": []})).await.problem(422, "idempotency_key_reused");
    put(&http, PATH, &rules).await.expect(200);
    let told = eventually("it is told", async || match http.history("&type=archive.retention").await {
        told if told.is_empty() => Err(()),
        told => Ok(told),
    })
    .await;
    assert_eq!((told.len(), &told[0]["metadata"]["before"], &told[0]["actor"]["userId"]), (1, &json!([]), &json!("u1")), "the same again is no change");
    Http::new(node.url(), Some(stack.token_of("u9", "acme", &["reader"]))).get(PATH).await.problem(403, "role_forbidden");
}
