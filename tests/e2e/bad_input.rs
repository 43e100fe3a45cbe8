//! Bad input gets a clear error that names the field or the line, and changes nothing.

use serde_json::{Value, json};
use slipstream_tests::{Answer, Http, Node, Stack};

use crate::{event, lines};

const JSON: &str = "application/json";
const NDJSON: &str = "application/x-ndjson";

async fn send(http: &Http, media_type: &str, body: &str) -> Answer {
    http.send("POST", "/api/events", &[("content-type", media_type)], body).await.unwrap()
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["fields"].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(|fault| fault["field"].as_str().unwrap()).collect()
}

async fn nothing_is_stored(stack: &Stack, node: &Node) {
    assert_eq!(stack.broker().await.stream_state(0).await.unwrap().last_seq, 0, "nothing is stored");
    assert_eq!(stack.http(node, "acme").history("").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_faulty_event_is_refused_by_field() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let with = |field: &str, value: Value| {
        let mut event = event("o1");
        event[field] = value;
        event.to_string()
    };
    let future = (time::OffsetDateTime::now_utc() + time::Duration::minutes(10)).format(&time::format_description::well_known::Rfc3339).unwrap();
    let cases = [
        (with("type", json!("copilot.nonsense.created")), 422, "type_unknown", "type"),
        (with("type", json!("archive.retention.completed")), 422, "type_reserved", "type"),
        (with("type", json!("Shop.Order")), 422, "type_invalid", "type"),
        (with("type", json!("shop.order.*")), 422, "type_invalid", "type"),
        (with("timestamp", json!(future)), 422, "timestamp_in_future", "timestamp"),
        (with("timestamp", json!("yesterday")), 422, "timestamp_invalid", "timestamp"),
        (with("entityId", json!("")), 422, "empty", "entityId"),
        (with("entityId", json!("x".repeat(300))), 422, "too_long", "entityId"),
        (with("entityId", json!("a\u{0}b")), 422, "control_character", "entityId"),
        (with("entityId", json!(5)), 422, "field_invalid", "entityId"),
        (with("tenantId", json!("other")), 422, "tenant_mismatch", "tenantId"),
        (with("severity", json!("high")), 422, "field_invalid", "severity"),
        (with("visibility", json!("everybody")), 422, "visibility_invalid", "visibility"),
        (with("id", json!("")), 422, "empty", "id"),
        (with("nonsense", json!(1)), 422, "field_invalid", "nonsense"),
        (with("metadata", json!([])), 422, "field_invalid", "metadata"),
        (with("metadata", (0..40).fold(json!(1), |inner, _| json!({"a": inner}))), 422, "too_deep", "metadata"),
        (json!({"type": "copilot.support_ticket.created", "entityId": "t1", "metadata": {"status": 1}}).to_string(), 422, "field_invalid", "metadata.status"),
        (with("metadata", json!({"x": "y".repeat(70_000)})), 413, "payload_too_large", ""),
        (r#"{"type":"shop.order.created","#.to_owned(), 400, "json_invalid", ""),
        (r#"{"type":"shop.order.created","entityId":"1"} and more"#.to_owned(), 400, "json_invalid", ""),
        (String::new(), 400, "json_invalid", ""),
        ("[]".to_owned(), 400, "empty", ""),
        ("5".to_owned(), 422, "field_invalid", ""),
    ];
    for (body, status, code, field) in cases {
        let problem = send(&http, JSON, &body).await.problem(status, code);
        assert!(fields(&problem).contains(&field), "{problem} for {}", &body[..body.len().min(200)]);
    }
    nothing_is_stored(&stack, &node).await;
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let (stack, node) = Stack::with_node().await;
    let body = r#"{"type":"A","entityId":"","timestamp":"no","visibility":"all"}"#;
    let problem = send(&stack.http(&node, "acme"), JSON, body).await.expect(422);
    assert_eq!(fields(&problem), ["type", "timestamp", "visibility", "entityId"]);
}

#[tokio::test]
async fn one_faulty_line_refuses_the_whole_batch_and_is_named() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let good: Vec<Value> = (0..60).map(|n| event(&format!("o{n}"))).collect();
    let with_line = |line: usize, text: &str| {
        let mut all: Vec<String> = lines(&good).lines().map(str::to_owned).collect();
        text.clone_into(&mut all[line - 1]);
        all.join("\n")
    };
    let problem = send(&http, NDJSON, &with_line(37, "{\"type\":")).await.problem(400, "json_invalid");
    assert_eq!(fields(&problem), ["line 37"]);
    assert!(problem["detail"].as_str().unwrap().contains("line 37"), "{problem}");
    let problem = send(&http, NDJSON, &with_line(37, r#"{"type":"shop.order","entityId":"x"}"#)).await.problem(422, "type_invalid");
    assert_eq!(fields(&problem), ["line 37.type"]);
    let faulty = json!([event("o1"), event("o2"), {"type": "shop.order.created"}]).to_string();
    let problem = send(&http, JSON, &faulty).await.problem(422, "empty");
    assert_eq!(fields(&problem), ["[2].entityId"]);
    nothing_is_stored(&stack, &node).await;
}

#[tokio::test]
async fn a_request_over_a_limit_is_refused_whole() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let many: Vec<Value> = (0..1_001).map(|n| event(&format!("o{n}"))).collect();
    send(&http, NDJSON, &lines(&many)).await.problem(413, "too_many_events");
    send(&http, JSON, &" ".repeat(4 * 1024 * 1024 + 1)).await.problem(413, "payload_too_large");
    send(&http, "text/plain", "hello").await.problem(415, "media_type_unsupported");
    let key = [("content-type", JSON), ("idempotency-key", "")];
    http.send("POST", "/api/events", &key, &event("o1").to_string()).await.unwrap().problem(422, "empty");
    nothing_is_stored(&stack, &node).await;
}

#[tokio::test]
async fn faulty_parameters_are_refused_by_name() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    for (query, field) in
        [("severity=high", "severity"), ("names=x", "names"), ("format=xml", "format"), ("actor=a%00", "actor"), ("names=type&format=cloudevents", "names")]
    {
        let problem = http.stream(&format!("?{query}"), None).await.unwrap_err().problem(422, "validation");
        assert_eq!(fields(&problem), [field], "{query}");
        assert!(problem["detail"].is_array(), "existing clients read a list: {problem}");
    }
    for (query, field) in [("limit=0", "limit"), ("limit=501", "limit"), ("timeStart=yesterday", "timeStart"), ("severity=high", "severity")] {
        let problem = http.get(&format!("/api/events/history?{query}")).await.problem(422, "validation");
        assert_eq!(fields(&problem), [field], "{query}");
    }
    let problem = http.get("/api/events/history?cursor=nonsense").await.problem(400, "cursor_invalid");
    assert_eq!(fields(&problem), ["cursor"]);
    http.get("/api/nothing").await.problem(404, "not_found");
    http.send("DELETE", "/api/events", &[], "").await.unwrap().problem(405, "method_not_allowed");
}

/// It would narrow nothing, and look as if it did: an export of everything, a log cleared without the reason that was given.
#[tokio::test]
async fn a_mistyped_parameter_is_named_and_nothing_is_done() {
    let (stack, node) = Stack::with_node().await;
    let admin = Http::new(node.url(), Some(stack.token_of("ada", "acme", &["admin"])));
    let requests = [
        ("GET", "/api/events/history?severty=error", "severty"),
        ("GET", "/api/events/export?format=csv&entityld=o1", "entityld"),
        ("GET", "/api/entities/shop.order/o1/evidence-pack?from=2026-01-01", "from"),
        ("POST", "/api/exports?entityId=o1", "entityId"),
        ("GET", "/audit-events?entity=o1", "entity"),
        ("GET", "/audit-events?offset=100", "offset"),
        ("GET", "/api/v1/activity-log?category=auth", "category"),
        ("GET", "/api/v1/activity-log/export?category=auth", "category"),
        ("DELETE", "/api/v1/activity-log?because=tidy", "because"),
        ("GET", "/api/ledger/completeness?start=1", "start"),
        ("GET", "/api/analytics/summary?bucket=day", "bucket"),
    ];
    for (method, path, field) in requests {
        let answer = admin.send(method, path, &[("content-type", JSON)], r#"{"format":"csv"}"#).await.unwrap();
        let problem = answer.problem(422, "validation");
        assert_eq!(fields(&problem), [field], "{method} {path}");
    }
    admin.get("/audit-events?offset=0").await.expect(200);
    assert_eq!(stack.sql("select string_agg(type, ',') from slipstream.outbox").await, "audit.log.read", "nothing else is done or told of");
}

#[tokio::test]
async fn a_faulty_domain_write_changes_nothing() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let path = "/copilot/support-tickets/";
    http.post(path, &json!({"description": "x"})).await.problem(422, "validation");
    http.post(path, &json!({"subject": " ", "description": "x"})).await.problem(400, "field_empty");
    http.post(path, &json!({"subject": "x", "description": "x", "status": "open"})).await.problem(422, "validation");
    http.send("POST", path, &[("content-type", JSON)], "{").await.unwrap().problem(422, "validation");
    http.get(&format!("{path}not-a-uuid")).await.problem(404, "not_found");
    http.post(&format!("{path}bulk-update"), &json!({"ticket_ids": [], "status": "OPEN"})).await.expect(400);
    assert_eq!(stack.sql("select count(*) from copilot.support_tickets").await, "0");
    assert_eq!(stack.sql("select count(*) from slipstream.outbox").await, "0");
    nothing_is_stored(&stack, &node).await;
}
