//! Redaction: what was taken away is gone from everything that the archive serves, and the ledger still proves it; holds stop it, and a kill repeats nothing.

use std::time::Duration;

use serde_json::{Value, json};
use slipstream_broker::Provision;
use slipstream_event::Tenant;
use slipstream_event::ledger::{Hash, proof};
use slipstream_tests::{Http, Setup, Stack, eventually};

use crate::ledger::{Signed, hashes, report};
use crate::{event, ids, lines};

/// The word that must be gone.
const WORD: &str = "Zanzibar";
const FIELDS: [&str; 6] = ["metadata.email", "metadata.who.name", "message", "entityName", "changes.city", "actor"];

/// An event that says the word wherever it can.
fn telling(entity: &str) -> Value {
    let mut event = event(entity);
    event["metadata"] = json!({"email": format!("ada@{WORD}.example"), "who": {"name": WORD, "age": 1.50}, "kept": "plain"});
    event["message"] = json!(format!("Sent to {WORD}"));
    event["entityName"] = json!(WORD);
    event["changes"] = json!({"city": {"before": null, "after": WORD}});
    event
}

async fn publish(http: &Http, stack: &Stack, events: &[Value]) -> Vec<String> {
    for batch in events.chunks(100) {
        http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(batch)).await.unwrap().expect(202);
    }
    eventually("all are archived", async || match stack.sql("select count(*) from slipstream.event where type like 'shop.%'").await {
        found if found.parse::<usize>().unwrap() >= events.len() => Ok(()),
        found => Err(found),
    })
    .await;
    ids(events)
}

/// Asks for a redaction and waits until it is done.
async fn redact(http: &Http, events: &Value) -> Value {
    let mut body = events.clone();
    body["reason"] = json!("request 17");
    if body["fields"].is_null() {
        body["fields"] = json!(FIELDS);
    }
    let asked = http.post("/api/archive/redactions", &body).await.expect(202);
    done(http, &asked["id"]).await
}

async fn done(http: &Http, id: &Value) -> Value {
    let path = format!("/api/archive/redactions/{}", id.as_str().unwrap());
    let job = eventually("it is done", async || match http.get(&path).await.expect(200) {
        job if job["state"] == "done" || job["state"] == "failed" => Ok(job),
        job => Err(job),
    })
    .await;
    assert_eq!(job["state"], "done", "{job}");
    job
}

fn counts(job: &Value) -> [u64; 5] {
    ["redacted", "unchanged", "held", "exempt", "missing"].map(|name| job[name].as_u64().unwrap())
}

#[tokio::test]
async fn the_words_are_gone_from_everything() {
    let signed = Signed::start().await;
    let (http, stack) = (&signed.http, &signed.stack);
    let sent = publish(http, stack, &(0..6).map(|n| telling(&format!("o{n}"))).collect::<Vec<_>>()).await;
    let file = http.post("/api/exports", &json!({"format": "ndjson"})).await.expect(202)["id"].as_str().unwrap().to_owned();
    let file = format!("/api/exports/{file}");
    eventually("the file is ready", async || match http.get(&file).await.expect(200) {
        job if job["state"] == "ready" => Ok(()),
        job => Err(job),
    })
    .await;
    assert!(http.get(&format!("{file}/file")).await.text.contains(WORD) && http.history(&format!("&q={WORD}")).await.len() >= 6);
    let page = http.get("/api/events/history?types=shop").await;
    let tag = page.headers["etag"].to_str().unwrap().to_owned();

    assert_eq!(counts(&redact(http, &json!({"ids": [sent[0], sent[1], sent[0], slipstream_tests::id()]})).await), [2, 0, 0, 0, 1]);
    // Events of other types are there by now, without the older names by which an entity type is looked for too: they are no fault, and not chosen.
    assert_eq!(counts(&redact(http, &json!({"entityType": "shop.order"})).await), [4, 2, 0, 0, 0]);
    let again = http.send("GET", "/api/events/history?types=shop", &[("if-none-match", &tag)], "").await.unwrap();
    assert_eq!(again.status, 200, "a page that readers keep is not the same any more");

    let history = http.history("&types=shop&include=diff").await;
    assert_eq!(history.len(), 6);
    let first = history.iter().find(|event| event["id"] == json!(sent[0])).unwrap();
    assert_eq!((&first["message"], &first["entityName"], &first["actor"]["userId"]), (&json!("[redacted]"), &json!("[redacted]"), &json!("[redacted]")));
    assert_eq!((&first["metadata"]["who"], &first["metadata"]["kept"]), (&json!({"name": "[redacted]", "age": 1.5}), &json!("plain")));
    assert!(first["timestamp"].is_string() && first["entityId"] == "o0");
    for path in [
        "/api/events/history?types=shop&include=diff".to_owned(),
        format!("/api/events/history?types=shop&q={WORD}"),
        "/api/events/history?types=shop&q=redacted".to_owned(),
        "/api/entities/shop.order/o1/timeline".to_owned(),
        "/audit-events?entity_type=shop.order".to_owned(),
        "/api/v1/activity-log?entity_type=shop.order".to_owned(),
        format!("/api/events/{}/proof", sent[0]),
        "/api/ledger/export".to_owned(),
        "/api/events/export?format=csv&include=diff&types=shop".to_owned(),
        "/api/events/export?format=json&include=diff&types=shop".to_owned(),
        "/api/events/export?format=ndjson&include=diff&types=shop".to_owned(),
        "/api/events/export?format=cloudevents&include=diff&types=shop".to_owned(),
        "/api/events/export?format=ocsf&include=diff&types=shop".to_owned(),
    ] {
        let answer = http.get(&path).await;
        assert!(answer.status == 200 && !answer.text.contains(WORD), "{path}: {answer:?}");
    }
    assert_eq!(http.history(&format!("&types=shop&q={WORD}")).await.len(), 0);
    assert_eq!(http.history("&types=shop&q=redacted").await.len(), 6);
    http.get(&format!("{file}/file")).await.problem(410, "export_expired");
    assert_eq!(stack.sql(&format!("select count(*) from slipstream.event as e where e::text ilike '%{WORD}%' and type like 'shop.%'")).await, "0");
    assert_eq!(stack.sql("select count(*) from slipstream.export_chunk").await, "0");
}

#[tokio::test]
async fn proofs_hold_and_who_changes_what_is_left_is_named() {
    let signed = Signed::start().await;
    let (http, stack) = (&signed.http, &signed.stack);
    let sent = publish(http, stack, &(0..6).map(|n| telling(&format!("o{n}"))).collect::<Vec<_>>()).await;
    assert_eq!(counts(&redact(http, &json!({"types": ["shop"]})).await), [6, 0, 0, 0, 0]);
    signed.signed().await;
    let tenant = Tenant::new("acme").unwrap();
    let proven = http.get(&format!("/api/events/{}/proof", sent[0])).await.expect(200);
    let leaf: Hash = serde_json::from_value(proven["leaf"].clone()).unwrap();
    let checkpoint = signed.trusted().open_of(&tenant, proven["checkpoint"].as_str().unwrap()).unwrap();
    let (number, size) = (proven["number"].as_u64().unwrap(), proven["size"].as_u64().unwrap());
    proof::verify_inclusion(leaf, number - 1, size, &hashes(&proven["path"]), checkpoint.root).unwrap();

    let key = signed.signer.verifier().to_string();
    let whole = signed.verify(&["--key", &key]).await;
    let told = report(&whole);
    assert!(whole.status.success() && told["findings"] == json!([]), "{told}");
    assert_eq!(told["redacted"], 6, "{told}");
    let shop = format!("type = 'shop.order.created' and tenant_seq = {number}");
    for tampering in ["payload = replace(payload, 'plain', 'other')", "payload = replace(payload, '[redacted]', 'anything')"] {
        let before = stack.sql(&format!("select payload from slipstream.event where {shop}")).await;
        stack.sql(&format!("update slipstream.event set {tampering} where {shop}")).await;
        let found = report(&signed.verify(&["--key", &key]).await);
        let named = found["findings"].as_array().unwrap().iter().any(|finding| finding["kind"] == "changed" && finding["number"] == number);
        assert!(named, "{tampering}: {found}");
        stack.sql(&format!("update slipstream.event set payload = '{before}' where {shop}")).await;
    }

    // Once more, of another field: the newest event tells what is left.
    assert_eq!(counts(&redact(http, &json!({"entityId": "o0", "fields": ["metadata.kept"]})).await), [1, 0, 0, 0, 0]);
    signed.signed().await;
    let told = report(&signed.verify(&["--key", &key]).await);
    assert_eq!((&told["findings"], &told["redacted"]), (&json!([]), &json!(6)));
}

#[tokio::test]
async fn a_place_older_than_the_broker_shows_what_is_left() {
    let retention = Duration::from_secs(3);
    let provision = Provision { max_age: Some(retention), duplicate_window: Some(retention), ..Provision::default() };
    let stack = Setup::default().provision(provision).start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    let cursor = http.publish(&event("before")).await["cursor"].as_str().unwrap().to_owned();
    let sent = publish(&http, &stack, &[telling("o1"), telling("o2")]).await;
    assert_eq!(counts(&redact(&http, &json!({"actorUserId": "u1", "types": ["shop"]})).await)[0], 3);
    let broker = stack.broker().await;
    eventually("the broker has let them go", async || match broker.stream_state(0).await.unwrap() {
        state if state.first_seq > 3 => Ok(()),
        state => Err(state),
    })
    .await;
    node.restart().await;
    let http = stack.http(&node, "acme");
    let mut stream = http.stream("", Some(&cursor)).await.unwrap();
    stream.until_control("notice").await;
    let replayed = stream.events(2).await;
    assert_eq!(ids(&replayed), sent);
    assert!(!json!(replayed).to_string().contains(WORD) && replayed[0]["message"] == "[redacted]", "{replayed:?}");
}

/// The broker's own copy is not rewritten: until its retention lets it go, a replay from there shows what was published.
#[tokio::test]
async fn the_brokers_copy_stays_as_it_was_published() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let cursor = http.publish(&event("before")).await["cursor"].as_str().unwrap().to_owned();
    let sent = publish(&http, &stack, &[telling("o1")]).await;
    redact(&http, &json!({"ids": sent})).await;
    node.restart().await;
    let mut stream = stack.http(&node, "acme").stream("", Some(&cursor)).await.unwrap();
    let shown = stream.until_event(&sent[0]).await;
    assert!(shown.to_string().contains(WORD));
    assert!(!json!(stack.http(&node, "acme").history("").await).to_string().contains(WORD));
}

#[tokio::test]
async fn holds_stop_it_until_they_are_released() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish(&http, &stack, &[telling("o1"), telling("o2"), telling("o3")]).await;
    let hold = http.post("/api/archive/holds", &json!({"name": "Case 12", "reason": "investigation", "entityId": "o2"})).await.expect(201);
    let all = json!({"types": ["shop"]});
    let mut dry = all.clone();
    dry["dryRun"] = json!(true);
    assert_eq!(counts(&redact(&http, &dry).await), [2, 0, 1, 0, 0]);
    assert_eq!(http.history(&format!("&types=shop&q={WORD}")).await.len(), 3, "a dry run changes nothing");
    let rule = json!({"name": "all", "types": ["shop"], "fields": FIELDS, "afterDays": 0});
    http.post("/api/archive/redaction-rules", &rule).await.expect(201);
    eventually("the rule has done the others", async || match http.history(&format!("&types=shop&q={WORD}")).await {
        left if crate::texts(&left, "entityId") == ["o2"] => Ok(()),
        left => Err(left),
    })
    .await;
    assert_eq!(counts(&redact(&http, &all).await), [0, 2, 1, 0, 0]);
    http.post(&format!("/api/archive/holds/{}/release", hold["id"].as_str().unwrap()), &json!({"reason": "closed"})).await.expect(200);
    eventually("the rule has come back for it", async || match http.history(&format!("&types=shop&q={WORD}")).await {
        left if left.is_empty() => Ok(()),
        left => Err(left),
    })
    .await;
    assert!(http.get("/metrics").await.text.contains("slipstream_redaction_events_total{outcome=\"redacted\"} 3"));
    let told = eventually("all is told of", async || match http.history("&types=archive").await {
        told if told.len() == 5 => Ok(told),
        told => Err(told),
    })
    .await;
    let by_rule: Vec<&Value> = told.iter().filter(|event| event["type"] == "archive.redaction.applied").collect();
    assert!(by_rule.len() == 2 && by_rule.iter().all(|event| event["metadata"]["rule"] == "all" && event["actor"]["userId"] == "system"), "{told:?}");
}

#[tokio::test]
async fn a_killed_worker_is_followed_by_one_that_repeats_nothing() {
    let stack = Stack::start().await;
    let node = stack.node("api,gateway,relay").await;
    let http = stack.http(&node, "acme");
    let worker = stack.node_with("archiver", &[("SLIPSTREAM_FAIL_POINTS", "redaction.committed@2")]).await;
    publish(&http, &stack, &(0..1_300).map(|n| telling(&format!("o{n}"))).collect::<Vec<_>>()).await;
    let asked = http.post("/api/archive/redactions", &json!({"types": ["shop"], "fields": FIELDS, "reason": "r"})).await.expect(202);
    eventually("two transactions are committed", async || match stack.sql("select redacted from slipstream.redaction_job").await {
        redacted if redacted == "1000" => Ok(()),
        other => Err(other),
    })
    .await;
    drop(worker);
    let _worker = stack.node("archiver").await;
    assert_eq!(counts(&done(&http, &asked["id"]).await), [1_300, 0, 0, 0, 0]);
    let told = eventually("all is told of", async || match http.history("&types=archive").await {
        told if told.len() == 3 => Ok(told),
        told => Err(told.len()),
    })
    .await;
    let numbers = told.iter().flat_map(|event| event["metadata"]["events"].as_array().unwrap()).map(|pair| pair[0].as_u64().unwrap());
    let numbers: std::collections::BTreeSet<u64> = numbers.collect();
    assert_eq!((numbers.len(), told.iter().map(|event| event["metadata"]["count"].as_u64().unwrap()).sum::<u64>()), (1_300, 1_300));
    assert_eq!(stack.sql(&format!("select count(*) from slipstream.event where payload ilike '%{WORD}%'")).await, "0");
}
