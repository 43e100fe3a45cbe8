use std::time::{Duration, Instant};

use slipstream_broker::{Broker, Config, Error, Provision, PublishError};

use crate::events::{eventually, outgoing};
use crate::server::Server;

#[tokio::test]
async fn says_why_there_is_no_connection() {
    let config = Config { connect_timeout: Duration::from_millis(300), ..Config::new("nats://127.0.0.1:1", "test") };
    let started_at = Instant::now();
    let error = Broker::connect(config).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable(why) if why.contains("no connection")), "{error}");
    assert!(error.retriable() && started_at.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn refuses_settings_that_cannot_work() {
    for config in [
        Config { urls: vec![], ..Config::new("", "test") },
        Config::new("nats://a b", "test"),
        Config { shards: 0, ..Config::new("nats://127.0.0.1:1", "test") },
        Config { shards: 65, ..Config::new("nats://127.0.0.1:1", "test") },
    ] {
        assert!(matches!(Broker::open(config).await.unwrap_err(), Error::Invalid(_)));
    }
}

#[tokio::test]
async fn connects_in_the_background_when_the_server_comes() {
    let mut server = Server::start();
    server.kill();
    let broker = Broker::open(server.config(1)).await.unwrap();
    assert!(!broker.connected());
    server.start_again();
    eventually("a connection", async || broker.connected().then_some(())).await;
    broker.provision(&Provision::default()).await.unwrap();
    broker.flush().await.unwrap();
}

#[tokio::test]
async fn a_missing_stream_is_named() {
    let server = Server::start();
    let broker = server.connect(1).await;
    assert_eq!(broker.stream_state(0).await.unwrap_err(), Error::NotProvisioned("EVENTS".to_owned()));
    assert!(matches!(broker.stream_state(1).await.unwrap_err(), Error::Invalid(_)));
    assert!(matches!(broker.publish(outgoing("a", "x")).await.unwrap_err(), PublishError::Unavailable(_)));
    assert_eq!(broker.live().await.unwrap_err(), Error::NotProvisioned("EVENTS".to_owned()));
}

/// A missing right shows as silence on the wire; the reason must not be lost.
#[tokio::test]
async fn tells_a_missing_right() {
    let server = Server::with(
        r#"authorization { users: [
            { user: admin, password: a }
            { user: gateway, password: g, permissions { publish: ["$JS.API.STREAM.INFO.*"], subscribe: ["_INBOX_gateway.>"] } }
        ] }"#,
    );
    let user = |user: &str, password: &str| Config {
        user: Some(user.to_owned()),
        password: Some(password.to_owned()),
        request_timeout: Duration::from_millis(500),
        connect_timeout: Duration::from_millis(500),
        ..server.config(1)
    };
    let admin = Broker::connect(Config { request_timeout: Duration::from_secs(3), ..user("admin", "a") }).await.unwrap();
    admin.provision(&Provision::default()).await.unwrap();
    let gateway = Broker::connect(user("gateway", "g")).await.unwrap();
    gateway.stream_state(0).await.unwrap();
    let error = gateway.publish(outgoing("a", "x")).await.unwrap_err();
    assert!(matches!(&error, PublishError::Unavailable(why) if why.to_lowercase().contains("permissions violation")), "{error}");
    let error = Broker::connect(user("gateway", "wrong")).await.unwrap_err();
    assert!(matches!(&error, Error::Unavailable(why) if why.contains("authorization")), "{error}");
}
