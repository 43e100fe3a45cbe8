//! Remote key sets, from a real server that changes its keys, fails, and is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use slipstream_access::config::Jwks;
use slipstream_access::{Access, Config, Denied, Issuer, Keys, Preset, Revocations};
use tokio_util::sync::CancellationToken;

use crate::keys::{Signer, hs256, soon};

/// A key server on a port of its own.
#[derive(Clone, Default)]
struct Server {
    answer: Arc<std::sync::Mutex<Option<String>>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Starts it, and gives an issuer whose keys come from it.
    async fn start(&self, ttl_seconds: u64, interval_seconds_min: u64) -> Access {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", axum::routing::get(answer)).with_state(self.clone());
        #[expect(clippy::disallowed_methods, reason = "the test's own server ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        let keys = Keys::Jwks(Jwks { url, ttl_seconds, interval_seconds_min });
        let issuer = Issuer { issuer: Some("https://idp".into()), audience: vec!["slipstream".into()], ..Issuer::new("idp", Preset::Slipstream, keys) };
        Access::new(&Config { issuers: vec![issuer], query_token: false }, Revocations::none()).unwrap()
    }

    fn publish(&self, keys: &[Value]) {
        *self.answer.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    fn say(&self, answer: Option<&str>) {
        *self.answer.lock().unwrap() = answer.map(str::to_owned);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn answer(State(server): State<Server>) -> axum::response::Response {
    server.asked.fetch_add(1, Ordering::SeqCst);
    let answer = server.answer.lock().unwrap().clone();
    answer.map_or_else(|| axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response(), IntoResponse::into_response)
}

fn token(signer: &Signer, kid: &str) -> String {
    signer.sign(Some(kid), &json!({"sub": "u1", "tenant": "acme", "iss": "https://idp", "aud": "slipstream", "exp": soon(60)}))
}

/// Tries until `done`, and fails after ten seconds.
async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn follows_a_rotation_and_forgets_the_old_key() {
    let (server, old, new) = (Server::default(), Signer::rsa(), Signer::ec());
    server.publish(&[old.jwk_as("old")]);
    let access = server.start(1, 0).await;
    assert!(access.verify(&token(&old, "old")).await.is_ok());
    assert!(access.verify(&token(&old, "old")).await.is_ok());
    assert_eq!(server.asked(), 1, "a fresh key set is not fetched again");
    server.publish(&[old.jwk_as("old"), new.jwk_as("new")]);
    assert!(access.verify(&token(&new, "new")).await.is_ok(), "an unknown key id is looked up at once");
    assert!(access.verify(&token(&old, "old")).await.is_ok(), "the old key still counts");
    server.publish(&[new.jwk_as("new")]);
    eventually("the removed key ends with the time to live", async || access.verify(&token(&old, "old")).await.is_err()).await;
    assert!(access.verify(&token(&new, "new")).await.is_ok());
}

#[tokio::test]
async fn unknown_keys_do_not_become_a_flood_of_fetches() {
    let (server, known, stranger) = (Server::default(), Signer::ec(), Signer::ec());
    server.publish(&[known.jwk_as("known")]);
    let access = server.start(300, 30).await;
    assert!(access.verify(&token(&known, "known")).await.is_ok());
    for i in 0..50 {
        assert_eq!(access.verify(&token(&stranger, &format!("kid-{i}"))).await.unwrap_err(), Denied::Unrecognised);
    }
    assert_eq!(access.verify(&token(&stranger, "known")).await.unwrap_err(), Denied::Unrecognised);
    assert_eq!(access.verify(&hs256(b"x", &json!({"iss": "https://idp"}))).await.unwrap_err(), Denied::Unrecognised);
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn many_at_once_fetch_once() {
    let (server, signer) = (Server::default(), Signer::ec());
    server.publish(&[signer.jwk_as("k")]);
    let access = server.start(300, 30).await;
    let token = token(&signer, "k");
    let (a, b, c, d) = tokio::join!(access.verify(&token), access.verify(&token), access.verify(&token), access.verify(&token));
    assert!(a.is_ok() && b.is_ok() && c.is_ok() && d.is_ok());
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn keeps_the_last_good_keys_through_failures() {
    let (server, signer) = (Server::default(), Signer::ed());
    server.publish(&[signer.jwk_as("k")]);
    let access = server.start(1, 0).await;
    assert!(access.verify(&token(&signer, "k")).await.is_ok());
    let huge = format!("{{\"keys\":[\"{}\"]}}", "x".repeat(300 * 1024));
    for bad in [None, Some("not json"), Some("{}"), Some(r#"{"keys":[]}"#), Some(huge.as_str())] {
        server.say(bad);
        let before = server.asked();
        eventually("a fetch is tried", async || {
            assert!(access.verify(&token(&signer, "k")).await.is_ok());
            server.asked() > before
        })
        .await;
    }
}

#[tokio::test]
async fn no_keys_at_all_is_worth_a_retry() {
    let (server, signer) = (Server::default(), Signer::ec());
    let access = server.start(300, 0).await;
    assert_eq!(access.verify(&token(&signer, "k")).await.unwrap_err(), Denied::KeysUnavailable);
    server.publish(&[signer.jwk_as("k")]);
    assert!(access.verify(&token(&signer, "k")).await.is_ok());
}

#[tokio::test]
async fn keys_are_kept_fresh_without_a_request() {
    let (server, signer) = (Server::default(), Signer::ec());
    server.publish(&[signer.jwk_as("k")]);
    let access = server.start(300, 0).await;
    let shutdown = CancellationToken::new();
    let (token, stop) = (token(&signer, "k"), shutdown.clone());
    let watch = async {
        eventually("the keys are fetched", async || server.asked() == 1).await;
        assert!(access.verify(&token).await.is_ok());
        stop.cancel();
    };
    tokio::join!(access.clone().keep_keys_fresh(shutdown), watch);
    assert_eq!(server.asked(), 1);
}
