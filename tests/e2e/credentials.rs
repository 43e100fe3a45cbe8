//! Who comes in, and who does not.

use std::time::Duration;

use slipstream_access::mint::Grant;
use slipstream_event::Tenant;
use slipstream_tests::{Http, Stack, TOKEN_SECRET, ticket};

use crate::event;

fn admin(tenant: &str) -> Grant {
    Grant::new("u1", Some(Tenant::new(tenant).unwrap()), &["admin", "writer"])
}

/// Credentials that must not open anything, by name.
fn refused(stack: &Stack) -> Vec<(&'static str, Option<String>, &'static str)> {
    let good = stack.token("acme");
    let parts: Vec<&str> = good.split('.').collect();
    let (head, claims, signature) = (parts[0], parts[1], parts[2]);
    // {"alg":"none"}, {"alg":"HS512","typ":"JWT"} and the claims of a super-admin, in base64url.
    let (none, hs512, super_admin) =
        ("eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9", "eyJzdWIiOiJ1MSIsInN1cGVyX2FkbWluIjp0cnVlLCJleHAiOjQxMDI0NDQ4MDB9");
    let changed = format!("{}{}", if signature.starts_with('A') { 'B' } else { 'A' }, &signature[1..]);
    let issuer = Grant { issuer: Some("https://elsewhere.example".to_owned()), ..admin("acme") };
    let nobody = Grant::new("u1", None, &["admin"]);
    vec![
        ("none", None, "auth_required"),
        ("nonsense", Some("nonsense".to_owned()), "auth_invalid"),
        ("expired", Some(stack.sign(&admin("acme"), TOKEN_SECRET, time::Duration::seconds(-120))), "token_expired"),
        ("signed by somebody else", Some(stack.sign(&admin("acme"), "another secret", Duration::from_secs(60))), "auth_invalid"),
        ("signed with nothing", Some(format!("{none}.{claims}.")), "auth_invalid"),
        ("of another algorithm", Some(format!("{hs512}.{claims}.{signature}")), "auth_invalid"),
        ("with other claims", Some(format!("{head}.{super_admin}.{signature}")), "auth_invalid"),
        ("with another signature", Some(format!("{head}.{claims}.{changed}")), "auth_invalid"),
        (
            "for another audience",
            Some(stack.sign(&Grant { audience: Some("elsewhere".to_owned()), ..admin("acme") }, TOKEN_SECRET, Duration::from_secs(60))),
            "auth_invalid",
        ),
        ("of the platform's tenant", Some(stack.sign(&admin(Tenant::PLATFORM), TOKEN_SECRET, Duration::from_secs(60))), "auth_invalid"),
        ("of no tenant", Some(stack.sign(&nobody, TOKEN_SECRET, Duration::from_secs(60))), ""),
        ("of another issuer", Some(stack.sign(&issuer, "another secret", Duration::from_secs(60))), "auth_invalid"),
    ]
}

#[tokio::test]
async fn expired_foreign_and_forged_tokens_open_nothing() {
    let (stack, node) = Stack::with_node().await;
    for (name, token, code) in refused(&stack) {
        let http = Http::new(node.url(), token);
        let platform = [http.post("/api/events", &event("o1")).await, http.get("/api/events/history").await, http.stream("", None).await.unwrap_err()];
        for answer in platform {
            let status = if code.is_empty() { 403 } else { 401 };
            let problem = answer.problem(status, if code.is_empty() { "tenant_context_missing" } else { code });
            assert_eq!(answer.headers.contains_key("www-authenticate"), status == 401, "{name}: {problem}");
        }
        for answer in [http.get("/copilot/support-tickets/").await, http.post("/copilot/support-tickets/", &ticket("x")).await] {
            let product = if matches!(code, "" | "auth_required") { "auth_required" } else { "auth_invalid" };
            assert_eq!((answer.status, answer.json()["code"].as_str()), (403, Some(product)), "{name}");
        }
    }
    assert_eq!(stack.broker().await.stream_state(0).await.unwrap().last_seq, 0, "nothing is stored");
    assert_eq!(stack.sql("select count(*) from copilot.support_tickets").await, "0");
}

#[tokio::test]
async fn a_role_opens_what_is_its_own() {
    let (stack, node) = Stack::with_node().await;
    let reader = Http::new(node.url(), Some(stack.token_of("u2", "acme", &["reader"])));
    reader.post("/api/events", &event("o1")).await.problem(403, "role_forbidden");
    reader.post("/copilot/support-tickets/", &ticket("x")).await.problem(403, "role_forbidden");
    reader.get("/api/events/history").await.expect(200);
    reader.get("/copilot/support-tickets/").await.expect(200);
    let nobody = Http::new(node.url(), Some(stack.token_of("u3", "acme", &[])));
    nobody.get("/api/events/history").await.problem(403, "role_forbidden");
    nobody.stream("", None).await.unwrap_err().problem(403, "role_forbidden");
}

#[tokio::test]
async fn a_super_admin_acts_on_a_tenant_only_by_naming_it() {
    let (stack, node) = Stack::with_node().await;
    let grant = Grant { super_admin: true, ..Grant::new("root", None, &[]) };
    let root = Http::new(node.url(), Some(stack.sign(&grant, TOKEN_SECRET, Duration::from_secs(60))));
    root.post("/api/events", &event("o1")).await.problem(400, "account_required");
    root.get("/api/events/history").await.problem(400, "account_required");
    root.post("/copilot/support-tickets/", &ticket("x")).await.problem(400, "account_required");
    root.post("/api/events?account_id=acme", &event("o1")).await.expect(202);
    let acme = stack.http(&node, "acme");
    slipstream_tests::eventually("it is archived for the tenant", async || acme.history("").await.pop().ok_or("nothing")).await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token() {
    let (stack, node) = Stack::with_node().await;
    let http = Http::new(node.url(), Some(stack.sign(&admin("acme"), TOKEN_SECRET, Duration::from_secs(4))));
    let mut stream = http.stream("", None).await.unwrap();
    let expiring = stream.until_control("expiring").await;
    assert!(expiring["seconds"].as_u64().unwrap() <= 4, "{expiring}");
    let close = stream.until_control("close").await;
    assert_eq!((close["reason"].as_str(), close["reconnect"].as_bool()), (Some("token_expired"), Some(true)));
    stream.to_end(Duration::from_secs(2)).await;
    assert_eq!(stream.blocks.last().unwrap().event.as_deref(), Some("close"));
}

#[tokio::test]
async fn a_token_in_the_query_works_for_old_clients_and_is_never_logged() {
    let (stack, node) = Stack::with_node().await;
    let token = stack.token("acme");
    let anonymous = Http::new(node.url(), None);
    anonymous.stream(&format!("?token={token}"), None).await.unwrap().until_control("ready").await;
    anonymous.post(&format!("/api/events?token={token}"), &event("o1")).await.problem(401, "auth_required");
    stack.http(&node, "acme").publish(&event("canary-payload")).await;
    let log = node.log_text();
    assert!(log.contains("/api/events"), "the log tells of requests:\n{log}");
    let signature = token.rsplit('.').next().unwrap();
    assert!(!log.contains(signature) && !log.contains("canary-payload"), "{log}");

    let closed = stack.node_with("gateway", &[("SLIPSTREAM_QUERY_TOKEN", "false")]).await;
    let answer = Http::new(closed.url(), None).stream(&format!("?token={token}"), None).await.unwrap_err();
    answer.problem(401, "auth_required");
}
