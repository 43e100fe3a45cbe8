//! Tickets for streams: one use, on any gateway, within a minute, with the rights of their caller. And how often streams may be opened.

use std::time::Duration;

use serde_json::json;
use slipstream_access::mint::Grant;
use slipstream_event::{Tenant, Timestamp};
use slipstream_tests::{Answer, Http, Node, Setup, Sse, Stack, TOKEN_SECRET, eventually};

use crate::event;

const TICKET: &str = "/api/events/ticket";

async fn gateways(stack: &Stack) -> (Node, Node) {
    tokio::join!(stack.node("gateway"), stack.node("gateway"))
}

/// A new ticket of this client.
async fn ticket(http: &Http) -> String {
    let answer = http.post(TICKET, &json!({})).await;
    assert_eq!(answer.headers.get("referrer-policy").unwrap(), "no-referrer");
    assert_eq!(answer.headers.get("cache-control").unwrap(), "no-store");
    answer.expect(201)["ticket"].as_str().unwrap().to_owned()
}

/// Opens the stream of whoever made the ticket, without any other credential.
async fn open(node: &Node, ticket: &str) -> Result<Sse, Answer> {
    Http::new(node.url(), None).stream(&format!("?ticket={ticket}"), None).await
}

#[tokio::test]
async fn a_ticket_opens_one_stream_on_any_gateway() {
    let stack = Stack::start().await;
    let (a, b) = gateways(&stack).await;
    let ours = stack.http(&a, "acme");
    let first = ticket(&ours).await;
    assert!(first.len() == 43 && first != ticket(&ours).await, "256 random bits");
    let mut stream = open(&b, &first).await.unwrap();
    stream.until_control("ready").await;
    let (own, foreign) = (event("own"), event("foreign"));
    stack.http(&a, "other").publish(&foreign).await;
    ours.publish(&own).await;
    assert_eq!(stream.events(1).await[0]["id"], own["id"], "its caller's tenant, and no other");
    for node in [&a, &b] {
        open(node, &first).await.unwrap_err().problem(401, "ticket_invalid");
    }
    for unknown in ["x", &"A".repeat(43), &stack.token("acme"), "%00", "a.b.c"] {
        open(&a, unknown).await.unwrap_err().problem(401, "ticket_invalid");
    }
}

#[tokio::test]
async fn of_twenty_that_try_at_once_one_wins() {
    let stack = Stack::start().await;
    let (a, b) = gateways(&stack).await;
    for _ in 0..5 {
        let ticket = ticket(&stack.http(&b, "acme")).await;
        let tries = (0..20).map(|n| open(if n % 2 == 0 { &a } else { &b }, &ticket));
        let (mut won, mut lost) = (0, 0);
        for outcome in futures_util::future::join_all(tries).await {
            match outcome {
                Ok(_) => won += 1,
                Err(answer) => {
                    answer.problem(401, "ticket_invalid");
                    lost += 1;
                }
            }
        }
        assert_eq!((won, lost), (1, 19));
    }
}

#[tokio::test]
async fn a_ticket_lives_a_minute_and_never_longer_than_its_credential() {
    let stack = Stack::start().await;
    let (a, b) = gateways(&stack).await;
    let issued = stack.http(&a, "acme").post(TICKET, &json!({})).await.expect(201);
    let left = Timestamp::parse(issued["expiresAt"].as_str().unwrap()).unwrap().datetime() - Timestamp::now().datetime();
    assert!(left > time::Duration::seconds(50) && left <= time::Duration::seconds(60), "{left}");

    let grant = Grant::new("u1", Some(Tenant::new("acme").unwrap()), &["reader"]);
    let short = Http::new(a.url(), Some(stack.sign(&grant, TOKEN_SECRET, Duration::from_secs(3))));
    let (kept, used) = (short.post(TICKET, &json!({})).await.expect(201), ticket(&short).await);
    let mut stream = open(&b, &used).await.unwrap();
    let close = stream.until_control("close").await;
    assert_eq!((&close["reason"], &close["reconnect"]), (&json!("token_expired"), &json!(true)), "the stream ends with the credential");
    let end = Timestamp::parse(kept["expiresAt"].as_str().unwrap()).unwrap();
    eventually("the credential's time is over", async || if Timestamp::now() >= end { Ok(()) } else { Err("not yet") }).await;
    open(&b, kept["ticket"].as_str().unwrap()).await.unwrap_err().problem(401, "ticket_invalid");
}

#[tokio::test]
async fn a_ticket_has_the_rights_of_its_caller_and_no_more() {
    let (stack, node) = Stack::with_node().await;
    let anonymous = Http::new(node.url(), None);
    Http::new(node.url(), Some(stack.token_of("u1", "acme", &[]))).post(TICKET, &json!({})).await.problem(403, "role_forbidden");
    anonymous.post(TICKET, &json!({})).await.problem(401, "auth_required");
    // Another tenant's name opens nothing, and uses the ticket up.
    let ours = ticket(&stack.http(&node, "acme")).await;
    anonymous.stream(&format!("?ticket={ours}&account_id=other"), None).await.unwrap_err().problem(403, "account_mismatch");
    open(&node, &ours).await.unwrap_err().problem(401, "ticket_invalid");
    // A reader sees as a reader, an admin as an admin.
    let (reader, admin) = (Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"]))), stack.http(&node, "acme"));
    let (mut as_reader, mut as_admin) = (open(&node, &ticket(&reader).await).await.unwrap(), open(&node, &ticket(&admin).await).await.unwrap());
    as_reader.until_control("ready").await;
    as_admin.until_control("ready").await;
    let (mut hidden, shown) = (event("hidden"), event("shown"));
    hidden["visibility"] = json!("admin");
    for event in [&hidden, &shown] {
        admin.publish(event).await;
    }
    assert_eq!(as_reader.events(1).await[0]["id"], shown["id"]);
    assert_eq!(as_admin.events(1).await[0]["id"], hidden["id"]);
    // A super-admin's named tenant is fixed.
    let root = Grant { super_admin: true, ..Grant::new("root", None, &[]) };
    let root = Http::new(node.url(), Some(stack.sign(&root, TOKEN_SECRET, Duration::from_secs(600))));
    root.post(TICKET, &json!({})).await.problem(400, "account_required");
    let named = async || root.post(&format!("{TICKET}?account_id=acme"), &json!({})).await.expect(201)["ticket"].as_str().unwrap().to_owned();
    let mut stream = open(&node, &named().await).await.unwrap();
    stream.until_control("ready").await;
    let own = event("own");
    admin.publish(&own).await;
    stream.until_event(own["id"].as_str().unwrap()).await;
    anonymous.stream(&format!("?ticket={}&account_id=other", named().await), None).await.unwrap_err().problem(403, "account_mismatch");
}

#[tokio::test]
async fn a_ticket_of_somebody_who_is_cut_off_meanwhile_opens_nothing() {
    let stack = Stack::start().await;
    let (a, b) = gateways(&stack).await;
    let ticket = ticket(&Http::new(a.url(), Some(stack.token_of("u2", "acme", &["reader"])))).await;
    stack.http(&b, "acme").post("/api/admin/revocations", &json!({"userId": "u2", "reason": "user_disabled"})).await.expect(201);
    assert_eq!(open(&b, &ticket).await.unwrap_err().problem(401, "token_revoked")["reason"], "user_disabled");
}

#[tokio::test]
async fn the_header_comes_first_then_the_ticket_then_the_token_and_never_a_cookie() {
    let (stack, node) = Stack::with_node().await;
    let (ours, theirs) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let (good, token) = (ticket(&ours).await, stack.token("acme"));
    let nonsense = Http::new(node.url(), Some("nonsense".to_owned()));
    nonsense.stream(&format!("?ticket={good}"), None).await.unwrap_err().problem(401, "auth_invalid");
    let mut by_header = theirs.stream(&format!("?ticket={good}"), None).await.unwrap();
    by_header.until_control("ready").await;
    let anonymous = Http::new(node.url(), None);
    anonymous.stream(&format!("?token={token}&ticket=used"), None).await.unwrap_err().problem(401, "ticket_invalid");
    let cookies = format!("token={token}; ticket={good}; session={token}");
    for (method, path) in [("GET", "/api/events"), ("POST", TICKET), ("GET", "/api/events/history"), ("POST", "/api/admin/revocations")] {
        anonymous.send(method, path, &[("cookie", &cookies)], "").await.unwrap().problem(401, "auth_required");
    }
    anonymous.get(&format!("/api/events/history?ticket={good}")).await.problem(401, "auth_required");
    // Nothing of that has used it.
    let mut stream = open(&node, &good).await.unwrap();
    stream.until_control("ready").await;
    let (own, foreign) = (event("own"), event("foreign"));
    ours.publish(&own).await;
    theirs.publish(&foreign).await;
    assert_eq!((&stream.events(1).await[0]["id"], &by_header.events(1).await[0]["id"]), (&own["id"], &foreign["id"]));
}

#[tokio::test]
async fn without_the_broker_there_are_no_tickets() {
    let stack = Stack::start().await;
    let node = stack.node_with("gateway", &[("SLIPSTREAM_QUERY_TOKEN", "false")]).await;
    let ours = stack.http(&node, "acme");
    let kept = ticket(&ours).await;
    let token = stack.token("acme");
    Http::new(node.url(), None).stream(&format!("?token={token}"), None).await.unwrap_err().problem(401, "auth_required");
    stack.nats.kill().await;
    let body = json!({});
    let (issued, opened) = tokio::join!(ours.post(TICKET, &body), open(&node, &kept));
    for answer in [issued, opened.unwrap_err()] {
        answer.problem(503, "tickets_unavailable");
        assert!(answer.headers.contains_key("retry-after"));
    }
    stack.nats.restart().await.unwrap();
    // It was not taken, and is there again.
    eventually("the ticket opens a stream", async || open(&node, &kept).await.map(drop)).await;
}

#[tokio::test]
async fn who_opens_streams_too_often_is_told_when_to_come_again() {
    let stack = Setup::default().env("SLIPSTREAM_STREAM_OPENS_USER_PER_MINUTE", "20").env("SLIPSTREAM_STREAM_OPENS_TENANT_PER_SECOND", "1000").start().await;
    let node = stack.node("gateway").await;
    let (busy, calm) = (stack.http(&node, "acme"), Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"]))));
    let mut refused: Option<Answer> = None;
    for n in 0..40 {
        match busy.stream("", None).await {
            Ok(_) => assert!(n < 30, "nobody is refused"),
            Err(answer) => {
                assert!(n >= 20, "{answer:?}");
                refused = Some(answer);
                break;
            }
        }
    }
    let refused = refused.unwrap();
    refused.problem(429, "too_many_opens");
    let after: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=4).contains(&after), "one in three seconds: {after}");
    calm.stream("", None).await.unwrap().until_control("ready").await;
    stack.http(&node, "other").stream("", None).await.unwrap().until_control("ready").await;
    for _ in 0..20 {
        ticket(&busy).await;
    }
    let tickets = eventually("tickets have a measure of their own", async || match busy.post(TICKET, &json!({})).await {
        answer if answer.status == 429 => Ok(answer),
        answer => Err(answer),
    })
    .await;
    tickets.problem(429, "too_many_opens");
    eventually("there is room again", async || busy.stream("", None).await.map(drop)).await;
    let metrics = Http::new(node.url(), None).get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line.starts_with("slipstream_gateway_opens_refused_total{of=\"user\"}")), "{metrics}");
}

/// What must be found nowhere: the telling parts of what was sent.
struct Secrets {
    told: Vec<String>,
    answers: Vec<String>,
}

impl Secrets {
    fn took(&mut self, answer: &Answer) {
        self.answers.push(format!("{answer:?}"));
    }

    /// Sends a secret by every way that a client may think of.
    async fn send(&mut self, node: &Node, secret: &str) {
        let part = secret.rsplit('.').next().unwrap();
        self.told.push(part.chars().take(20).collect());
        let encoded: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.told.push(encoded.chars().take(40).collect());
        let bare = Http::new(node.url(), None);
        for value in [secret, &encoded, &format!("{secret}x"), &format!("{secret}%00"), &secret.repeat(9)] {
            for name in ["ticket", "token", "access_token", "lastEventId", "account_id"] {
                for path in ["/api/events", "/api/events/history", "/api/admin/revocations", "/copilot/support-tickets/", "/nowhere"] {
                    // A stream that opens has an endless body; what it writes is looked at elsewhere.
                    if path == "/api/events" {
                        if let Err(answer) = bare.stream(&format!("?{name}={value}"), None).await {
                            self.took(&answer);
                        }
                    } else {
                        self.took(&bare.get(&format!("{path}?{name}={value}")).await);
                    }
                }
            }
        }
        let bearer = format!("Bearer {secret}x");
        for (name, value) in
            [("authorization", bearer.as_str()), ("authorization", secret), ("cookie", &format!("token={secret}")), ("x-litellm-api-key", &bearer)]
        {
            for (method, path) in [("GET", "/api/events/history"), ("POST", "/api/events"), ("POST", TICKET), ("POST", "/copilot/support-tickets/")] {
                self.took(&bare.send(method, path, &[(name, value), ("content-type", "application/json")], "{").await.unwrap());
            }
        }
        self.took(&bare.get(&format!("/api/events/{secret}")).await);
    }

    fn are_not_in(&self, place: &str, text: &str) {
        for secret in &self.told {
            assert!(
                !text.contains(secret.as_str()),
                "{place} tells {secret}: {}",
                text.lines().find(|line| line.contains(secret.as_str())).unwrap_or_default()
            );
        }
    }
}

#[tokio::test]
async fn no_token_and_no_ticket_is_in_any_log_error_or_metric() {
    let stack = Setup::default().env("SLIPSTREAM_LOG", "debug").env("SLIPSTREAM_STREAM_OPENS_USER_PER_MINUTE", "10000").start().await;
    let (a, b) = tokio::join!(stack.node("gateway,api,relay,archiver"), stack.node("gateway,api"));
    let ours = stack.http(&a, "acme");
    let (good, used) = (ticket(&ours).await, ticket(&ours).await);
    drop(open(&b, &used).await.unwrap());
    let expired = stack.sign(&Grant::new("u1", Some(Tenant::new("acme").unwrap()), &["admin"]), TOKEN_SECRET, time::Duration::seconds(-120));
    let mut secrets = Secrets { told: Vec::new(), answers: Vec::new() };
    for secret in [&stack.token("acme"), &expired, &good, &used] {
        for node in [&a, &b] {
            secrets.send(node, secret).await;
        }
    }
    assert!(secrets.answers.iter().any(|answer| answer.contains("ticket_invalid")) && secrets.answers.iter().any(|answer| answer.contains("auth_invalid")));
    for answer in &secrets.answers {
        secrets.are_not_in("an answer", answer);
    }
    for node in [&a, &b] {
        let (log, metrics) = (node.log_text(), Http::new(node.url(), None).get("/metrics").await.text);
        assert!(log.contains("DEBUG") && log.contains("a credential was refused") && metrics.contains("ticket_invalid"), "{log}");
        secrets.are_not_in("a log", &log);
        secrets.are_not_in("a metric", &metrics);
    }
    secrets.are_not_in("the broker's log", &std::fs::read_to_string(stack.nats.log_path()).unwrap());
    // Nor does the broker hold a ticket: only its hash.
    let mut files = vec![stack.dir().join("nats/store")];
    let mut kept = Vec::new();
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            kept.extend(std::fs::read(&path).unwrap());
        }
    }
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("KV_tickets"));
    secrets.are_not_in("the broker's store", &kept);
}
