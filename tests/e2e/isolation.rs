//! Every route, walked: without a credential, with a forged one, below its class, and by another tenant with our ids. A route without a case
//! fails the build.

use serde_json::json;
use slipstream_access::{Class, Route};
use slipstream_tests::{Answer, Http, Node, Stack, Ws, eventually, ticket};

use crate::event;

/// What a caller of another tenant must get.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Foreign {
    /// Nothing is there for it.
    NotFound,
    /// An answer of its own, in which nothing is ours.
    Own(u16),
    /// Nothing: it is for super-admins, who belong to no tenant.
    Denied,
    /// The stream: open, without a byte of ours.
    Stream,
    /// The stream over WebSocket: the same, and every refusal is a close code.
    Socket,
    /// The route is for everybody.
    Public,
}

/// One route's case: its method and path pattern, a body, and what a foreign caller gets.
type Case = (&'static str, &'static str, &'static str, Foreign);

const CASES: &[Case] = &[
    ("GET", "/livez", "", Foreign::Public),
    ("GET", "/readyz", "", Foreign::Public),
    ("GET", "/metrics", "", Foreign::Public),
    ("POST", "/api/events", r#"{"type":"shop.order.created","entityId":"theirs"}"#, Foreign::Own(202)),
    ("GET", "/api/events", "", Foreign::Stream),
    ("POST", "/api/events/ticket", "", Foreign::Own(201)),
    ("POST", "/api/admin/revocations", r#"{"userId":"u1-of-theirs"}"#, Foreign::Own(201)),
    ("GET", "/api/admin/revocations", "", Foreign::Own(200)),
    ("DELETE", "/api/admin/revocations/{id}", "", Foreign::NotFound),
    ("GET", "/api/events/ws", "", Foreign::Socket),
    ("GET", "/api/v1/events/ws", "", Foreign::Socket),
    ("GET", "/api/events/history", "", Foreign::Own(200)),
    ("GET", "/api/analytics/series", "", Foreign::Own(200)),
    ("GET", "/api/analytics/top", "", Foreign::Own(200)),
    ("GET", "/api/analytics/summary", "", Foreign::Own(200)),
    ("GET", "/api/analytics/heatmap", "", Foreign::Own(200)),
    ("GET", "/api/admin/analytics/series", "", Foreign::Denied),
    ("GET", "/api/admin/analytics/top", "", Foreign::Denied),
    ("GET", "/api/admin/analytics/summary", "", Foreign::Denied),
    ("GET", "/api/admin/analytics/heatmap", "", Foreign::Denied),
    ("GET", "/api/ledger", "", Foreign::Own(200)),
    ("GET", "/api/ledger/export", "", Foreign::Own(200)),
    ("GET", "/api/ledger/checkpoints", "", Foreign::Own(200)),
    ("GET", "/api/ledger/consistency", "", Foreign::Own(422)),
    ("GET", "/api/ledger/completeness", "", Foreign::Own(200)),
    ("GET", "/api/events/{id}/proof", "", Foreign::NotFound),
    ("GET", "/api/archive/retention", "", Foreign::Own(200)),
    ("PUT", "/api/archive/retention", r#"{"rules":[{"category":null,"maxDays":1}]}"#, Foreign::Own(200)),
    ("POST", "/api/archive/retention/preview", r#"{"rules":[{"category":null,"maxDays":1}]}"#, Foreign::Own(200)),
    ("GET", "/api/v1/activity-log", "", Foreign::Own(200)),
    ("DELETE", "/api/v1/activity-log", "", Foreign::Own(204)),
    ("GET", "/api/v1/activity-log/export", "", Foreign::Own(200)),
    ("GET", "/api/v1/activity-log/settings", "", Foreign::Own(200)),
    ("PUT", "/api/v1/activity-log/settings", r#"{"enabled":false,"max_days":1,"max_entries":100}"#, Foreign::Own(200)),
    ("GET", "/api/events/export", "", Foreign::Own(200)),
    ("POST", "/api/exports", r#"{"format":"csv"}"#, Foreign::Own(202)),
    ("GET", "/api/exports", "", Foreign::Own(200)),
    ("GET", "/api/exports/{id}", "", Foreign::NotFound),
    ("GET", "/api/exports/{id}/file", "", Foreign::NotFound),
    ("GET", "/api/exports/{id}/manifest", "", Foreign::NotFound),
    ("DELETE", "/api/exports/{id}", "", Foreign::NotFound),
    ("GET", "/api/entities/{entityType}/{entityId}/evidence-pack", "", Foreign::NotFound),
    ("GET", "/api/entities/{entityType}/{entityId}/timeline", "", Foreign::Own(200)),
    ("GET", "/audit-events", "", Foreign::Own(200)),
    ("GET", "/audit/", "", Foreign::Own(200)),
    ("POST", "/audit/", r#"{"entity_type":"work_order","entity_id":"theirs","action":"done"}"#, Foreign::Own(201)),
    ("GET", "/api/saved-views", "", Foreign::Own(200)),
    ("POST", "/api/saved-views", r#"{"name":"theirs","query":{},"shared":true}"#, Foreign::Own(201)),
    ("GET", "/api/saved-views/{id}", "", Foreign::NotFound),
    ("PUT", "/api/saved-views/{id}", r#"{"name":"theirs","query":{}}"#, Foreign::NotFound),
    ("DELETE", "/api/saved-views/{id}", "", Foreign::NotFound),
    ("GET", "/api/archive/holds", "", Foreign::Own(200)),
    ("POST", "/api/archive/holds", r#"{"name":"theirs","reason":"theirs"}"#, Foreign::Own(201)),
    ("POST", "/api/archive/holds/{id}/release", "{}", Foreign::NotFound),
    ("GET", "/api/archive/redactions", "", Foreign::Own(200)),
    ("POST", "/api/archive/redactions", r#"{"ids":["{event}"],"fields":["message","metadata.total"],"reason":"theirs"}"#, Foreign::Own(202)),
    ("GET", "/api/archive/redactions/{id}", "", Foreign::NotFound),
    ("GET", "/api/archive/redaction-rules", "", Foreign::Own(200)),
    ("POST", "/api/archive/redaction-rules", r#"{"name":"theirs","fields":["message"],"afterDays":0}"#, Foreign::Own(201)),
    ("PUT", "/api/archive/redaction-rules/{id}", r#"{"name":"theirs","fields":["message"],"afterDays":0}"#, Foreign::NotFound),
    ("DELETE", "/api/archive/redaction-rules/{id}", "", Foreign::NotFound),
    ("GET", "/copilot/support-tickets", "", Foreign::Own(200)),
    ("GET", "/copilot/support-tickets/", "", Foreign::Own(200)),
    ("GET", "/copilot/support-tickets/summary", "", Foreign::Own(200)),
    ("GET", "/copilot/support-tickets/{id}", "", Foreign::NotFound),
    ("POST", "/copilot/support-tickets", r#"{"subject":"theirs","description":"d"}"#, Foreign::Own(200)),
    ("POST", "/copilot/support-tickets/", r#"{"subject":"theirs","description":"d"}"#, Foreign::Own(200)),
    ("POST", "/copilot/support-tickets/bulk-update", r#"{"ticket_ids":["{id}"],"status":"CLOSED"}"#, Foreign::Own(200)),
    ("PUT", "/copilot/support-tickets/{id}", r#"{"status":"CLOSED"}"#, Foreign::NotFound),
    ("DELETE", "/copilot/support-tickets/{id}", "", Foreign::NotFound),
];

/// What stands in everything of ours.
const CANARY: &str = "canary-of-the-victim";

/// The ids of what is ours.
struct Ours {
    event: String,
    ticket: String,
    revocation: String,
    export: String,
    view: String,
    hold: String,
    redaction: String,
    rule: String,
}

fn routes() -> Vec<Route> {
    slipstream_api::ROUTES
        .iter()
        .copied()
        .chain(slipstream_gateway::ROUTES.iter().copied())
        .chain(slipstream_server::http::ops::ROUTES.iter().copied())
        .collect()
}

fn class_of(method: &str, path: &str) -> Class {
    routes().iter().find(|route| (route.method, route.path) == (method, path)).unwrap().class
}

#[test]
fn every_route_has_a_case() {
    let routes = routes();
    let without: Vec<String> = routes
        .iter()
        .filter(|route| !CASES.iter().any(|case| (case.0, case.1) == (route.method, route.path)))
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert!(without.is_empty(), "add to CASES what another tenant gets from: {}", without.join(", "));
    let gone: Vec<String> = CASES
        .iter()
        .filter(|case| !routes.iter().any(|route| (route.method, route.path) == (case.0, case.1)))
        .map(|case| format!("{} {}", case.0, case.1))
        .collect();
    assert!(gone.is_empty(), "no such route any more: {}", gone.join(", "));
    for (method, path, _, foreign) in CASES {
        assert_eq!(*foreign == Foreign::Public, class_of(method, path) == Class::Public, "{method} {path}");
    }
}

#[tokio::test]
async fn no_route_answers_without_a_credential_or_below_its_class() {
    let (stack, node) = Stack::with_node().await;
    let own = victim(&stack, &node).await;
    let forged = stack.sign(
        &slipstream_access::mint::Grant::new("u1", Some(slipstream_event::Tenant::new("acme").unwrap()), &["admin"]),
        "forged",
        time::Duration::HOUR,
    );
    for (method, path, body, foreign) in CASES {
        let as_caller = async |token: Option<String>| call(&Http::new(node.url(), token), method, path, body, &own).await;
        if *foreign == Foreign::Public {
            let answer = as_caller(None).await;
            assert!(answer.status == 200 && !answer.text.contains(CANARY) && !answer.text.contains("acme"), "{method} {path}: {answer:?}");
            continue;
        }
        if *foreign == Foreign::Socket {
            for (token, code) in [(None, 4401), (Some(forged.clone()), 4401), (Some(String::new()), 4401), (Some(stack.token_of("u9", "acme", &[])), 4403)] {
                shut(&node, path, token, code).await;
            }
            continue;
        }
        for token in [None, Some(forged.clone()), Some(String::new())] {
            let answer = as_caller(token).await;
            assert!(matches!(answer.status, 401 | 403), "{method} {path}: {answer:?}");
        }
        let below = match class_of(method, path) {
            Class::User | Class::Reader => &[][..],
            Class::Writer | Class::Admin => &["reader"],
            Class::SuperAdmin => &["admin", "writer", "quality"],
            class => panic!("{method} {path}: say who is just below {class:?}"),
        };
        let answer = as_caller(Some(stack.token_of("u9", "acme", below))).await;
        answer.problem(403, if *foreign == Foreign::Denied { "super_admin_required" } else { "role_forbidden" });
    }
    unharmed(&stack, &node, &own).await;
}

#[tokio::test]
async fn no_route_shows_or_changes_anything_of_another_tenant() {
    let (stack, node) = Stack::with_node().await;
    let own = victim(&stack, &node).await;
    let foreign_http = stack.http(&node, "other");
    for (method, path, body, foreign) in CASES {
        // Naming our tenant gives nothing either.
        for naming in ["", "account_id=acme"] {
            let path_named = if naming.is_empty() { (*path).to_owned() } else { format!("{path}?{naming}") };
            if *foreign == Foreign::Stream && naming.is_empty() {
                let mut stream = foreign_http.stream("", None).await.unwrap();
                stack.http(&node, "acme").publish(&event(CANARY)).await;
                stream.until_control("heartbeat").await;
                assert!(!format!("{:?}", stream.blocks).contains(CANARY));
                continue;
            }
            if *foreign == Foreign::Socket {
                assert!(!foreign_socket(&stack, &node, &path_named).await.contains(CANARY), "{path_named}");
                continue;
            }
            let answer = call(&foreign_http, method, &path_named, body, &own).await;
            assert!(!answer.text.contains(CANARY), "{method} {path_named}: {answer:?}");
            match foreign {
                // Platform routes refuse the name, product routes ignore it.
                Foreign::NotFound if !naming.is_empty() && answer.status == 403 => drop(answer.problem(403, "account_mismatch")),
                Foreign::NotFound => drop(answer.problem(404, "not_found")),
                Foreign::Own(status) => assert!(answer.status == *status || (!naming.is_empty() && answer.status == 403), "{method} {path_named}: {answer:?}"),
                Foreign::Denied => drop(answer.problem(403, "super_admin_required")),
                Foreign::Stream => drop(answer.problem(403, "account_mismatch")),
                Foreign::Public | Foreign::Socket => {}
            }
        }
    }
    unharmed(&stack, &node, &own).await;
}

/// Our tenant with an event, a ticket and a revocation that carry the canary; their ids.
async fn victim(stack: &Stack, node: &Node) -> Ours {
    let ours = stack.http(node, "acme");
    let published = event(CANARY);
    ours.publish(&published).await;
    let row = ours.post("/copilot/support-tickets/", &ticket(CANARY)).await.expect(200);
    eventually("both are archived", async || match ours.history("").await.len() {
        2 => Ok(()),
        other => Err(other),
    })
    .await;
    let entry = ours.post("/api/admin/revocations", &json!({"userId": "gone", "note": CANARY})).await.expect(201);
    let text = |id: &serde_json::Value| id.as_str().unwrap().to_owned();
    let job = ours.post("/api/exports", &json!({"format": "csv", "filters": {"q": CANARY}})).await.expect(202);
    let job = eventually("there is a file of ours", async || match ours.get(&format!("/api/exports/{}", text(&job["id"]))).await.expect(200) {
        job if job["state"] == "ready" => Ok(job),
        job => Err(job),
    })
    .await;
    let view = ours.post("/api/saved-views", &json!({"name": CANARY, "query": {"q": CANARY}, "shared": true})).await.expect(201);
    let hold = ours.post("/api/archive/holds", &json!({"name": CANARY, "reason": "case", "entityId": CANARY})).await.expect(201);
    let dry = json!({"entityId": CANARY, "fields": ["message"], "reason": CANARY, "dryRun": true});
    let redaction = ours.post("/api/archive/redactions", &dry).await.expect(202);
    let rule = json!({"name": CANARY, "types": ["nothing"], "fields": ["message"], "afterDays": 1});
    let rule = ours.post("/api/archive/redaction-rules", &rule).await.expect(201);
    Ours {
        redaction: text(&redaction["id"]),
        rule: text(&rule["id"]),
        event: text(&published["id"]),
        ticket: text(&row["data"]["id"]),
        revocation: text(&entry["id"]),
        export: text(&job["id"]),
        view: text(&view["id"]),
        hold: text(&hold["id"]),
    }
}

/// A socket with this credential, in the handshake and in the first message, ends with this code before anything was said.
async fn shut(node: &Node, path: &str, token: Option<String>, code: u16) {
    let mut by_message = Ws::open(&node.url(), path, &[]).await;
    by_message.say(json!({"type": "auth", "token": token})).await.unwrap();
    let mut sockets = vec![by_message];
    if let Some(token) = &token {
        sockets.push(Ws::with_token(&node.url(), path, token).await);
    }
    for mut ws in sockets {
        assert_eq!(ws.end().await.0, code, "{path} with {token:?}");
        assert!(ws.messages.is_empty(), "{path}: {:?}", ws.messages);
    }
}

/// All that a socket of another tenant is told: live, from our cursor on, and when it names our tenant.
async fn foreign_socket(stack: &Stack, node: &Node, path: &str) -> String {
    let ours = stack.http(node, "acme");
    let cursor = ours.publish(&event(CANARY)).await["cursor"].as_str().unwrap().to_owned();
    let separator = if path.contains('?') { '&' } else { '?' };
    let mut ws = Ws::with_token(&node.url(), &format!("{path}{separator}lastEventId={cursor}"), &stack.token("other")).await;
    if separator == '&' {
        assert_eq!(ws.end().await, (4403, "account_mismatch".to_owned()));
        return format!("{:?}", ws.messages);
    }
    assert_eq!(ws.until("reset").await["code"], "cursor_unknown");
    ws.until("ready").await;
    ours.publish(&event(CANARY)).await;
    ws.until("heartbeat").await;
    format!("{:?}", ws.messages)
}

async fn unharmed(stack: &Stack, node: &Node, own: &Ours) {
    let ours = stack.http(node, "acme");
    let listed = ours.get("/api/admin/revocations").await.expect(200);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &json!(own.revocation)));
    let view = ours.get(&format!("/api/saved-views/{}", own.view)).await.expect(200);
    assert_eq!((&view["name"], &view["version"]), (&json!(CANARY), &json!(1)));
    let holds = ours.get("/api/archive/holds").await.expect(200)["items"].clone();
    assert_eq!((holds.as_array().unwrap().len(), &holds[0]["name"], &holds[0]["releasedAt"]), (1, &json!(CANARY), &json!(null)));
    let rules = ours.get("/api/archive/redaction-rules").await.expect(200)["items"].clone();
    assert_eq!((rules.as_array().unwrap().len(), &rules[0]["name"], &rules[0]["id"]), (1, &json!(CANARY), &json!(own.rule)));
    assert_eq!(ours.get("/api/archive/redactions").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert!(!ours.history("").await.iter().any(|event| event.to_string().contains("[redacted]")), "nothing of ours was redacted");
    let row = ours.get(&format!("/copilot/support-tickets/{}", own.ticket)).await.expect(200)["data"].clone();
    assert_eq!((&row["subject"], &row["status"]), (&json!(CANARY), &json!("OPEN")));
    assert_eq!(ours.get("/copilot/support-tickets/").await.expect(200)["total"], 1);
    let log = ours.get("/api/v1/activity-log").await.expect(200);
    // What is told beside it: who was refused.
    let is_ours =
        |entry: &serde_json::Value| entry.to_string().contains(CANARY) || entry["type"].as_str().is_some_and(|word| word.starts_with("audit.access."));
    assert!(log["total"].as_u64().unwrap() >= 2 && log["entries"].as_array().unwrap().iter().all(is_ours), "{log}");
    let settings = ours.get("/api/v1/activity-log/settings").await.expect(200);
    assert_eq!((&settings["enabled"], &settings["max_days"], &settings["max_entries"]), (&json!(true), &json!(90), &json!(100_000)));
    let retention = ours.get("/api/archive/retention").await.expect(200);
    assert!(retention["rules"] == json!([]) && retention["stored"]["events"].as_u64().unwrap() >= 2, "{retention}");
    assert_eq!(ours.get(&format!("/api/exports/{}", own.export)).await.expect(200)["state"], "ready");
    assert!(ours.get(&format!("/api/exports/{}/file", own.export)).await.text.contains(CANARY));
    assert!(ours.history("").await.iter().all(is_ours));
}

async fn call(http: &Http, method: &str, path: &str, body: &str, own: &Ours) -> Answer {
    let id = match path {
        path if path.starts_with("/api/admin/revocations") => &own.revocation,
        path if path.starts_with("/api/events") => &own.event,
        path if path.starts_with("/api/exports") => &own.export,
        path if path.starts_with("/api/saved-views") => &own.view,
        path if path.starts_with("/api/archive/holds") => &own.hold,
        path if path.starts_with("/api/archive/redactions") => &own.redaction,
        path if path.starts_with("/api/archive/redaction-rules") => &own.rule,
        _ => &own.ticket,
    };
    let (path, body) = (path.replace("{id}", id), body.replace("{id}", id).replace("{event}", &own.event));
    let path = path.replace("{entityType}", "shop.order").replace("{entityId}", CANARY);
    let needs_format = path.starts_with("/api/events/export");
    let path = if needs_format { format!("{path}{}format=ndjson", if path.contains('?') { '&' } else { '?' }) } else { path };
    let needs_of = path.contains("/analytics/top");
    let path = if needs_of { format!("{path}{}of=entities", if path.contains('?') { '&' } else { '?' }) } else { path };
    let headers: &[(&str, &str)] = if body.is_empty() { &[] } else { &[("content-type", "application/json")] };
    http.send(method, &path, headers, &body).await.unwrap()
}
