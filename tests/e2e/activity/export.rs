//! The activity log as a file.

use serde_json::{Value, json};
use slipstream_tests::Stack;

use super::{LOG, member, publish_classes, shows};
use crate::{event, lines};

#[tokio::test]
async fn a_file_holds_what_the_list_shows_and_nothing_a_spreadsheet_would_run() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let formula = json!({"type": "shop.order.created", "entityId": "=cmd()", "entityName": "＝SUM(A1)", "message": "a \"quoted\", long one"});
    http.publish(&formula).await;
    let events: Vec<Value> = (0..30).map(|n| event(&format!("e{n}"))).collect();
    http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(&events)).await.unwrap().expect(202);
    let want: Vec<String> = (0..30).rev().map(|n| format!("e{n}")).chain(["=cmd()".to_owned()]).collect();
    shows(&http, &want.iter().map(String::as_str).collect::<Vec<_>>()).await;

    let json = http.get(&format!("{LOG}/export?format=json")).await;
    assert_eq!((json.status, json.headers["content-type"].to_str().unwrap()), (200, "application/json"));
    assert!(json.headers["content-disposition"].to_str().unwrap().contains("activity-log_acme_"), "{:?}", json.headers);
    let entries: Vec<Value> = serde_json::from_str(&json.text).unwrap();
    assert_eq!(crate::texts(&entries, "entity_id"), want);

    let ndjson = http.get(&format!("{LOG}/export?format=ndjson&end=1&entity_id=e7")).await.text;
    let read: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((read.len(), &read[0]["entity_id"], &read[1]), (2, &json!("e7"), &json!({"_end": true, "count": 1})));

    let csv = http.get(&format!("{LOG}/export?entity_id=%3Dcmd()")).await.text;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let heads: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(heads.join(","), "seq,id,ts,category,action,severity,actor,entity_type,entity_id,entity_name,message,metadata");
    let row: Vec<String> = reader.records().next().unwrap().unwrap().iter().map(str::to_owned).collect();
    assert_eq!((row[0].as_str(), row[8].as_str(), row[9].as_str(), row[10].as_str()), ("1", "'=cmd()", "'＝SUM(A1)", "a \"quoted\", long one"));

    let recorded = stack.sql("select count(*) from slipstream.outbox where type = 'audit.export.created'").await;
    assert_eq!(recorded, "3", "each export is recorded");
    let refused = http.get(&format!("{LOG}/export?format=xml&since=x")).await.problem(422, "validation");
    assert_eq!(refused["fields"].as_array().unwrap().len(), 2, "{refused}");
    assert_eq!(stack.sql("select count(*) from slipstream.outbox where type = 'audit.export.created'").await, "3", "a refusal is none");
}

#[tokio::test]
async fn a_file_is_for_admins_and_holds_no_more_than_they_see() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish_classes(&http, &["tenant", "admin"]).await;
    shows(&http, &["admin", "tenant"]).await;
    member(&stack, &node).get(&format!("{LOG}/export")).await.problem(403, "role_forbidden");
    stack.sql("update slipstream.event set visibility = 'platform' where entity_id = 'admin'").await;
    let text = http.get(&format!("{LOG}/export?format=ndjson")).await.text;
    assert!(text.contains("\"tenant\"") && !text.contains("\"entity_id\":\"admin\""), "{text}");
}
