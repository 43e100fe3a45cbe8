//! Who may open a socket, and how a refusal is told.

use std::time::Duration;

use serde_json::json;
use slipstream_access::mint::Grant;
use slipstream_event::Tenant;
use slipstream_tests::{Http, Stack, TOKEN_SECRET, Ws};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{PATH, hello};

/// Refused as this, without a message before.
async fn refused(mut ws: Ws, code: u16, reason: &str, case: &str) {
    assert_eq!(ws.end().await, (code, reason.to_owned()), "{case}");
    assert!(ws.messages.is_empty(), "{case}: {:?}", ws.messages);
}

#[tokio::test]
async fn without_a_good_credential_a_socket_closes_with_4401() {
    let (stack, node) = Stack::with_node().await;
    let grant = Grant::new("u1", Some(Tenant::new("acme").unwrap()), &["admin"]);
    let expired = stack.sign(&grant, TOKEN_SECRET, time::Duration::seconds(-120));
    let forged = stack.sign(&grant, "another secret", Duration::from_secs(60));
    let messages = [
        (json!("hello"), "auth_invalid"),
        (json!([]), "auth_invalid"),
        (json!({"type": "ping"}), "auth_invalid"),
        (json!({"token": stack.token("acme")}), "auth_invalid"),
        (json!({"type": "auth"}), "auth_required"),
        (json!({"type": "auth", "token": 5}), "auth_invalid"),
        (json!({"type": "auth", "token": "nonsense"}), "auth_invalid"),
        (json!({"type": "auth", "token": expired}), "token_expired"),
        (json!({"type": "auth", "token": forged}), "auth_invalid"),
        (json!({"type": "auth", "token": "x".repeat(9_000)}), "auth_invalid"),
    ];
    for (message, reason) in messages {
        refused(hello(&node, &message).await, 4401, reason, &message.to_string()).await;
    }
    let mut binary = Ws::open(&node.url(), PATH, &[]).await;
    binary.say_binary(json!({"type": "auth", "token": stack.token("acme")}).to_string().into_bytes()).await.unwrap();
    refused(binary, 4401, "auth_invalid", "binary").await;
    for header in ["Bearer", "Basic x", &format!("Bearer {forged}")] {
        refused(Ws::open(&node.url(), PATH, &[("authorization", header)]).await, 4401, "auth_invalid", header).await;
    }
    refused(Ws::with_token(&node.url(), PATH, &expired).await, 4401, "token_expired", "expired").await;
    // What a browser sends by itself is no credential here.
    let mut cookie = Ws::open(&node.url(), PATH, &[("cookie", &format!("token={}", stack.token("acme")))]).await;
    cookie.say(json!({"type": "auth"})).await.unwrap();
    refused(cookie, 4401, "auth_required", "cookie").await;
    let log = node.log_text();
    assert!(!log.contains(forged.rsplit('.').next().unwrap()), "no credential is logged");
}

#[tokio::test]
async fn a_known_caller_without_the_right_gets_4403_and_a_faulty_wish_4400() {
    let (stack, node) = Stack::with_node().await;
    let auth = |token: &str| json!({"type": "auth", "token": token});
    let nobody = stack.token_of("u3", "acme", &[]);
    refused(hello(&node, &auth(&nobody)).await, 4403, "role_forbidden", "no role").await;
    let mut foreign = auth(&stack.token("acme"));
    foreign["account_id"] = json!("other");
    refused(hello(&node, &foreign).await, 4403, "account_mismatch", "in the message").await;
    refused(Ws::with_token(&node.url(), &format!("{PATH}?account_id=other"), &stack.token("acme")).await, 4403, "account_mismatch", "in the query").await;
    let mut two = Ws::open(&node.url(), &format!("{PATH}?account_id=acme"), &[]).await;
    two.say(&foreign).await.unwrap();
    refused(two, 4400, "account_ambiguous", "two accounts").await;
    let root = stack.sign(&Grant { super_admin: true, ..Grant::new("root", None, &[]) }, TOKEN_SECRET, Duration::from_secs(60));
    refused(hello(&node, &auth(&root)).await, 4400, "account_required", "super-admin").await;
    let mut named = auth(&root);
    named["account_id"] = json!("acme");
    hello(&node, &named).await.until("ready").await;
    for (name, value) in [("severity", json!("high")), ("format", json!("xml")), ("types", json!(5))] {
        let mut faulty = auth(&stack.token("acme"));
        faulty[name] = value;
        refused(hello(&node, &faulty).await, 4400, "field_invalid", name).await;
    }
}

#[tokio::test]
async fn pages_of_other_origins_get_4403() {
    let stack = Stack::start().await;
    let listed = [("SLIPSTREAM_WS_ORIGINS", "https://app.example.com, http://localhost:3000")];
    let (own, listing) = tokio::join!(stack.node("gateway"), stack.node_with("gateway", &listed));
    let authorization = format!("Bearer {}", stack.token("acme"));
    let cases = [
        (&own, own.url(), true),
        (&own, "https://app.example.com".to_owned(), false),
        (&own, "null".to_owned(), false),
        (&listing, "https://app.example.com".to_owned(), true),
        (&listing, "http://localhost:3000".to_owned(), true),
        (&listing, "http://app.example.com".to_owned(), false),
        (&listing, listing.url(), false),
    ];
    for (node, origin, may) in cases {
        let mut ws = Ws::open(&node.url(), PATH, &[("authorization", &authorization), ("origin", &origin)]).await;
        if may {
            ws.until("ready").await;
        } else {
            refused(ws, 4403, "origin_forbidden", &origin).await;
        }
    }
}

#[tokio::test]
async fn what_is_no_handshake_gets_a_clear_answer() {
    let (stack, node) = Stack::with_node().await;
    let http = Http::new(node.url(), Some(stack.token("acme")));
    let send = async |path: &str, headers: &[(&str, &str)]| http.send("GET", path, headers, "").await.unwrap();
    let good = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
    let plain = send(PATH, &[]).await;
    let problem = plain.problem(426, "upgrade_required");
    assert!(problem["detail"].as_str().unwrap().contains("/api/events"), "{problem}");
    assert_eq!((plain.headers["sec-websocket-version"].as_bytes(), plain.headers["upgrade"].as_bytes()), (&b"13"[..], &b"websocket"[..]));
    send("/api/v1/events/ws", &[]).await.problem(426, "upgrade_required");
    let old = send(PATH, &[good[0], good[1], ("sec-websocket-version", "8"), good[3]]).await;
    old.problem(426, "websocket_version_unsupported");
    assert_eq!(old.headers["sec-websocket-version"], "13");
    send(PATH, &[good[0], good[1], good[2], ("sec-websocket-key", "short")]).await.problem(400, "websocket_key_invalid");
    let faulty = send(&format!("{PATH}?severity=high"), &good).await.problem(422, "validation");
    assert_eq!(faulty["fields"][0]["field"], "severity");
    http.send("POST", PATH, &[], "").await.unwrap().problem(405, "method_not_allowed");
}

#[tokio::test]
async fn a_client_need_not_wait_for_the_answer_before_its_first_message() {
    let (stack, node) = Stack::with_node().await;
    let address = node.url().trim_start_matches("http://").to_owned();
    let hello = json!({"type": "auth", "token": stack.token("acme")}).to_string();
    let mut bytes = format!(
        "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes();
    // One masked text frame (RFC 6455 §5.2) under the key of zeros.
    bytes.extend([0x81, 0x80 | 126]);
    bytes.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(hello.as_bytes());
    let mut socket = TcpStream::connect(&address).await.unwrap();
    socket.write_all(&bytes).await.unwrap();
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).contains(r#""type":"ready""#) {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(slipstream_tests::PATIENCE, socket.read(&mut buffer)).await.unwrap().unwrap();
        assert_ne!(read, 0, "{}", String::from_utf8_lossy(&got));
        got.extend(&buffer[..read]);
    }
    assert!(String::from_utf8_lossy(&got).contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "the accept key of the RFC's own example");
}
