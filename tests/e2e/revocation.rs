//! Who was cut off stays out: everywhere, at once, and over restarts.

use std::time::Duration;

use serde_json::{Value, json};
use slipstream_access::mint::{Grant, inspect};
use slipstream_event::Tenant;
use slipstream_tests::{Answer, Http, Node, Stack, TOKEN_SECRET, eventually, ticket};
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::event;

const REVOCATIONS: &str = "/api/admin/revocations";
/// What is promised from the acknowledgement to the refusal everywhere.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Two gateways and a node of domain routes.
async fn nodes(stack: &Stack) -> [Node; 3] {
    let (a, b, api) = tokio::join!(stack.node("gateway,relay,archiver"), stack.node("gateway"), stack.node("api"));
    [a, b, api]
}

fn grant(user: &str, tenant: &str) -> Grant {
    Grant { session_id: Some(format!("session-of-{user}")), ..Grant::new(user, Some(Tenant::new(tenant).unwrap()), &["admin", "writer"]) }
}

fn sign(stack: &Stack, grant: &Grant) -> String {
    stack.sign(grant, TOKEN_SECRET, Duration::from_secs(3_600))
}

/// An admin who is not the victim.
fn admin(stack: &Stack, node: &Node, tenant: &str) -> Http {
    Http::new(node.url(), Some(stack.token_of("the-admin", tenant, &["admin"])))
}

fn root(stack: &Stack, node: &Node, user: &str) -> Http {
    Http::new(node.url(), Some(sign(stack, &Grant { super_admin: true, ..Grant::new(user, None, &[]) })))
}

fn token_id(token: &str) -> String {
    inspect(token).unwrap().1["jti"].as_str().unwrap().to_owned()
}

/// A request of the kind that a node serves.
async fn call(node: &Node, token: &str) -> Answer {
    let http = Http::new(node.url(), Some(token.to_owned()));
    if node.roles().contains("gateway") { http.post("/api/events", &event("o1")).await } else { http.get("/api/events/history").await }
}

async fn is_refused(node: &Node, token: &str, reason: &str) -> Result<(), Answer> {
    let answer = call(node, token).await;
    if answer.status != 401 {
        return Err(answer);
    }
    let problem = answer.problem(401, "token_revoked");
    assert_eq!(problem["reason"], reason);
    assert!(answer.headers.contains_key("www-authenticate"));
    Ok(())
}

/// Refused on every node, and on the last within what is promised.
async fn is_refused_at_once(nodes: &[Node], token: &str, reason: &str) {
    let since = Instant::now();
    for node in nodes {
        eventually("the token is refused", async || is_refused(node, token, reason).await).await;
    }
    assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
}

async fn is_taken(nodes: &[Node], token: &str) {
    for node in nodes {
        let answer = call(node, token).await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    }
}

#[tokio::test]
async fn a_token_a_session_and_a_user_are_refused_everywhere_and_nobody_else() {
    let stack = Stack::start().await;
    let nodes = nodes(&stack).await;
    let admin = admin(&stack, &nodes[0], "acme");
    let (victim, same_session) = (sign(&stack, &grant("u1", "acme")), sign(&stack, &grant("u1", "acme")));
    let other_session = sign(&stack, &Grant { session_id: Some("another".to_owned()), ..grant("u1", "acme") });
    let (colleague, namesake) = (sign(&stack, &grant("u2", "acme")), sign(&stack, &grant("u1", "other")));
    is_taken(&nodes, &victim).await;

    admin.post(REVOCATIONS, &json!({"tokenId": token_id(&victim)})).await.expect(201);
    is_refused_at_once(&nodes, &victim, "access_revoked").await;
    is_taken(&nodes, &same_session).await;

    admin.post(REVOCATIONS, &json!({"sessionId": "session-of-u1", "reason": "permissions_changed"})).await.expect(201);
    is_refused_at_once(&nodes, &same_session, "permissions_changed").await;
    is_taken(&nodes, &other_session).await;

    let entry = admin.post(REVOCATIONS, &json!({"userId": "u1", "note": "lost phone"})).await.expect(201);
    is_refused_at_once(&nodes, &other_session, "access_revoked").await;
    assert_eq!((&entry["tenantId"], &entry["userId"], &entry["reason"]), (&json!("acme"), &json!("u1"), &json!("access_revoked")));
    assert_eq!((&entry["revokedBy"]["userId"], &entry["note"]), (&json!("the-admin"), &json!("lost phone")));
    // The stream and the product's routes go the same way.
    let gone = Http::new(nodes[1].url(), Some(other_session.clone()));
    gone.stream("", None).await.unwrap_err().problem(401, "token_revoked");
    let product = Http::new(nodes[2].url(), Some(other_session));
    product.get("/copilot/support-tickets/").await.problem(403, "token_revoked");
    product.post("/copilot/support-tickets/", &ticket("x")).await.problem(403, "token_revoked");
    is_taken(&nodes, &colleague).await;
    is_taken(&nodes, &namesake).await;
    assert_eq!(stack.sql("select count(*) from copilot.support_tickets").await, "0");
}

#[tokio::test]
async fn a_new_login_works_unless_the_user_is_disabled() {
    let stack = Stack::start().await;
    let nodes = nodes(&stack).await;
    let admin = admin(&stack, &nodes[1], "acme");
    let revoked = admin.post(REVOCATIONS, &json!({"userId": "u1"})).await.expect(201);
    // Issued a second later by a clock that may be ahead: still in doubt, so refused.
    let in_doubt = grant("u1", "acme")
        .sign(&slipstream_access::Secret::new(TOKEN_SECRET), OffsetDateTime::now_utc() + Duration::from_secs(1), time::Duration::HOUR)
        .unwrap();
    is_refused_at_once(&nodes, &in_doubt, "access_revoked").await;
    let fresh = eventually("a new login is taken", async || {
        let token = sign(&stack, &grant("u1", "acme"));
        let answer = call(&nodes[0], &token).await;
        if answer.status == 202 { Ok(token) } else { Err(answer) }
    })
    .await;
    is_taken(&nodes, &fresh).await;

    let disabled = admin.post(REVOCATIONS, &json!({"userId": "u1", "reason": "user_disabled"})).await.expect(201);
    is_refused_at_once(&nodes, &fresh, "user_disabled").await;
    let list = admin.get(REVOCATIONS).await.expect(200);
    let ids: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!((ids, &list["next"]), (vec![&disabled["id"], &revoked["id"]], &Value::Null), "newest first");
    let page = admin.get(&format!("{REVOCATIONS}?limit=1")).await.expect(200);
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&disabled["id"], &disabled["id"]));
    let second = admin.get(&format!("{REVOCATIONS}?limit=1&before={}", page["next"].as_str().unwrap())).await.expect(200);
    assert_eq!((&second["items"][0]["id"], &second["next"]), (&revoked["id"], &Value::Null));

    let path = format!("{REVOCATIONS}/{}", disabled["id"].as_str().unwrap());
    assert_eq!(admin.send("DELETE", &path, &[], "").await.unwrap().status, 204);
    for node in &nodes {
        eventually("the user is let in again", async || match call(node, &fresh).await {
            answer if answer.status == 401 => Err(answer),
            answer => Ok(answer),
        })
        .await;
    }
    admin.send("DELETE", &path, &[], "").await.unwrap().problem(404, "not_found");
    is_refused_at_once(&nodes, &in_doubt, "access_revoked").await;
}

#[tokio::test]
async fn who_is_cut_off_stays_out_over_every_restart() {
    let stack = Stack::start().await;
    let nodes = nodes(&stack).await;
    let (victim, colleague) = (sign(&stack, &grant("u1", "acme")), sign(&stack, &grant("u2", "acme")));
    admin(&stack, &nodes[0], "acme").post(REVOCATIONS, &json!({"userId": "u1", "reason": "user_disabled"})).await.expect(201);
    is_refused_at_once(&nodes, &victim, "user_disabled").await;
    // The broker dies without a word, and every process of ours too.
    stack.nats.kill().await;
    for node in &nodes {
        is_refused(node, &victim, "user_disabled").await.unwrap();
        node.kill().await;
    }
    stack.nats.restart().await.unwrap();
    for node in &nodes {
        node.restart().await;
        is_refused(node, &victim, "user_disabled").await.unwrap();
    }
    is_taken(&nodes, &colleague).await;
}

#[tokio::test]
async fn without_the_broker_nothing_changes_and_a_starting_process_lets_nobody_in() {
    let stack = Stack::start().await;
    let nodes = nodes(&stack).await;
    let (admin, victim) = (admin(&stack, &nodes[0], "acme"), sign(&stack, &grant("u1", "acme")));
    let entry = admin.post(REVOCATIONS, &json!({"userId": "u9"})).await.expect(201);
    stack.nats.kill().await;
    let path = format!("{REVOCATIONS}/{}", entry["id"].as_str().unwrap());
    let cut = json!({"userId": "u1"});
    let (posted, deleted) = tokio::join!(admin.post(REVOCATIONS, &cut), admin.send("DELETE", &path, &[], ""));
    for answer in [posted, deleted.unwrap()] {
        answer.problem(503, "broker_unavailable");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }
    is_taken(&nodes[2..], &victim).await;

    nodes[2].restart().await;
    let answer = call(&nodes[2], &victim).await;
    answer.problem(503, "revocations_unavailable");
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    Http::new(nodes[2].url(), Some(victim.clone())).get("/copilot/support-tickets/").await.problem(503, "revocations_unavailable");
    call(&nodes[2], "nonsense").await.problem(401, "auth_invalid");
    let ready = Http::new(nodes[2].url(), None).get("/readyz").await.expect(503);
    assert_eq!(ready["checks"]["revocations"], "down");

    stack.nats.restart().await.unwrap();
    eventually("it lets callers in again", async || match call(&nodes[2], &victim).await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    let list = eventually("the gateway has a broker again", async || match admin.get(REVOCATIONS).await {
        answer if answer.status == 200 => Ok(answer.json()),
        answer => Err(answer),
    })
    .await;
    assert_eq!((list["items"].as_array().unwrap().len(), &list["items"][0]["id"]), (1, &entry["id"]), "what was refused has changed nothing");
}

#[tokio::test]
async fn nobody_reaches_beyond_their_tenant() {
    let (stack, node) = Stack::with_node().await;
    let (ours, theirs) = (admin(&stack, &node, "acme"), admin(&stack, &node, "other"));
    let victim = sign(&stack, &grant("u1", "acme"));
    // The same ids in another tenant are another user, session and token.
    for target in [json!({"userId": "u1"}), json!({"sessionId": "session-of-u1"}), json!({"tokenId": token_id(&victim)})] {
        theirs.post(REVOCATIONS, &target).await.expect(201);
    }
    theirs.post(&format!("{REVOCATIONS}?account_id=acme"), &json!({"userId": "u1"})).await.problem(403, "account_mismatch");
    theirs.post(&format!("{REVOCATIONS}?account_id=platform"), &json!({"userId": "root"})).await.problem(403, "account_mismatch");
    let entry = ours.post(REVOCATIONS, &json!({"userId": "u5", "note": "canary"})).await.expect(201);
    let path = format!("{REVOCATIONS}/{}", entry["id"].as_str().unwrap());
    theirs.send("DELETE", &path, &[], "").await.unwrap().problem(404, "not_found");
    let shown = theirs.get(REVOCATIONS).await;
    assert!(shown.expect(200)["items"].as_array().unwrap().len() == 3 && !shown.text.contains("canary"));
    assert_eq!(ours.get(REVOCATIONS).await.expect(200)["items"], json!([entry]));
    is_taken(std::slice::from_ref(&node), &victim).await;
    // Whoever may not administer may not look either.
    let reader = Http::new(node.url(), Some(stack.token_of("u2", "acme", &["writer"])));
    reader.post(REVOCATIONS, &json!({"userId": "u1"})).await.problem(403, "role_forbidden");
    reader.get(REVOCATIONS).await.problem(403, "role_forbidden");
}

#[tokio::test]
async fn super_admins_cut_anyone_and_only_they_cut_super_admins() {
    let (stack, node) = Stack::with_node().await;
    let (root, other_root) = (root(&stack, &node, "root"), root(&stack, &node, "root-2"));
    let victim = sign(&stack, &grant("u1", "acme"));
    root.post(REVOCATIONS, &json!({"userId": "u1"})).await.problem(400, "account_required");
    root.post(&format!("{REVOCATIONS}?account_id=acme"), &json!({"userId": "u1"})).await.expect(201);
    is_refused(&node, &victim, "access_revoked").await.unwrap();
    admin(&stack, &node, "acme").post(REVOCATIONS, &json!({"userId": "root-2", "reason": "user_disabled"})).await.expect(201);
    other_root.get(&format!("{REVOCATIONS}?account_id=acme")).await.expect(200);
    root.post(&format!("{REVOCATIONS}?account_id=platform"), &json!({"userId": "root-2", "reason": "user_disabled"})).await.expect(201);
    other_root.get(&format!("{REVOCATIONS}?account_id=acme")).await.problem(401, "token_revoked");
    let listed = root.get(&format!("{REVOCATIONS}?account_id=platform")).await.expect(200);
    assert_eq!(listed["items"][0]["userId"], "root-2");
}

#[tokio::test]
async fn bad_input_is_named_and_nobody_locks_himself_out() {
    let (stack, node) = Stack::with_node().await;
    let admin = admin(&stack, &node, "acme");
    let long = "x".repeat(501);
    for (body, field) in [
        (json!({}), "userId"),
        (json!({"userId": "a", "tokenId": "b"}), "userId"),
        (json!({"userId": ""}), "userId"),
        (json!({"userId": 7}), "userId"),
        (json!({"sessionId": "a\u{0}"}), "sessionId"),
        (json!({"tokenId": long}), "tokenId"),
        (json!({"userId": "a", "reason": "token_expired"}), "reason"),
        (json!({"userId": "a", "until": "yesterday"}), "until"),
        (json!({"userId": "a", "until": "2020-01-01T00:00:00Z"}), "until"),
        (json!({"userId": "a", "note": long}), "note"),
        (json!({"userId": "a", "tenantId": "other"}), "tenantId"),
        (json!({"userId": "the-admin", "reason": "user_disabled"}), "userId"),
    ] {
        let answer = admin.post(REVOCATIONS, &body).await;
        assert_eq!(answer.expect(422)["fields"][0]["field"], field, "{body}");
    }
    for query in ["limit=0", "limit=1001", "limit=x", "before=x"] {
        assert_eq!(admin.get(&format!("{REVOCATIONS}?{query}")).await.status, 422, "{query}");
    }
    admin.send("DELETE", &format!("{REVOCATIONS}/x"), &[], "").await.unwrap().problem(404, "not_found");
    assert_eq!(admin.get(REVOCATIONS).await.expect(200)["items"], json!([]), "nothing has changed");
    // Signing out everywhere is one's own right.
    admin.post(REVOCATIONS, &json!({"userId": "the-admin"})).await.expect(201);
    admin.get(REVOCATIONS).await.problem(401, "token_revoked");
}

#[tokio::test]
async fn an_entry_ends_at_its_time() {
    let (stack, node) = Stack::with_node().await;
    let (admin, victim) = (admin(&stack, &node, "acme"), sign(&stack, &grant("u1", "acme")));
    let until = slipstream_event::Timestamp::from(OffsetDateTime::now_utc() + Duration::from_secs(2));
    admin.post(REVOCATIONS, &json!({"userId": "u1", "reason": "user_disabled", "until": until})).await.expect(201);
    is_refused(&node, &victim, "user_disabled").await.unwrap();
    eventually("it has lost its force", async || match call(&node, &victim).await {
        answer if answer.status == 202 => Ok(()),
        answer => Err(answer),
    })
    .await;
    assert!(OffsetDateTime::now_utc() >= until.datetime());
    assert_eq!(admin.get(REVOCATIONS).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn an_open_stream_ends_within_a_second_of_a_revocation() {
    let stack = Stack::start().await;
    let nodes = nodes(&stack).await;
    let admin = admin(&stack, &nodes[0], "acme");
    let by_token = |token: &str, node: &Node| Http::new(node.url(), Some(token.to_owned()));
    for (reason, reconnect) in [("permissions_changed", true), ("access_revoked", false), ("user_disabled", false)] {
        // Another user for each, so that nobody was cut off before.
        let user = format!("user-of-{reason}");
        let token = sign(&stack, &grant(&user, "acme"));
        let ticket = by_token(&token, &nodes[0]).post("/api/events/ticket", &json!({})).await.expect(201)["ticket"].as_str().unwrap().to_owned();
        let mut cut = vec![
            by_token(&token, &nodes[0]).stream("", None).await.unwrap(),
            by_token(&token, &nodes[1]).stream("", None).await.unwrap(),
            Http::new(nodes[1].url(), None).stream(&format!("?ticket={ticket}"), None).await.unwrap(),
        ];
        let others = [grant("u2", "acme"), grant(&user, "other")];
        let mut stay = Vec::new();
        for other in &others {
            stay.push(by_token(&sign(&stack, other), &nodes[1]).stream("", None).await.unwrap());
        }
        for stream in cut.iter_mut().chain(&mut stay) {
            stream.until_control("ready").await;
        }
        let since = Instant::now();
        admin.post(REVOCATIONS, &json!({"userId": user, "reason": reason})).await.expect(201);
        for stream in &mut cut {
            let close = stream.until_control("close").await;
            assert_eq!((&close["reason"], &close["reconnect"]), (&json!(reason), &json!(reconnect)));
            stream.to_end(AT_ONCE).await;
            assert_eq!(stream.blocks.last().unwrap().event.as_deref(), Some("close"), "it says why, and ends");
        }
        assert!(since.elapsed() < AT_ONCE, "{:?}", since.elapsed());
        let next = event("next");
        admin_writer(&stack, &nodes[0]).publish(&next).await;
        stay[0].until_event(next["id"].as_str().unwrap()).await;
        stay[1].until_control("heartbeat").await;
    }
}

/// Somebody of the tenant who writes.
fn admin_writer(stack: &Stack, node: &Node) -> Http {
    Http::new(node.url(), Some(stack.token_of("the-writer", "acme", &["writer"])))
}
