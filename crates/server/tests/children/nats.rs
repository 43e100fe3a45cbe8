//! `children::Nats`.

use slipstream_server::children::{Error, Nats, NatsUser};

use crate::nats_line::Line;
use crate::places::{eventually, nats_config, runs, scratch};

const STREAM: &str = r#"{"name":"EVENTS","subjects":["events.>"],"storage":"file"}"#;

#[tokio::test]
async fn acknowledged_messages_survive_kill_9_and_the_address_stays() {
    let dir = scratch();
    let nats = Nats::start(nats_config(dir.path()).await).await.unwrap();
    let url = nats.url(NatsUser::Admin);
    let mut admin = Line::connect(&nats, NatsUser::Admin).await;
    admin.request("$JS.API.STREAM.CREATE.EVENTS", STREAM).await;
    let ack = admin.request("events.acme.a.b.c", "{}").await;
    assert!(ack.contains(r#""seq":1"#), "{ack}");

    let killed = nats.pid();
    nats.kill().await;
    assert!(!nats.is_running());
    assert!(!runs(killed));
    nats.restart().await.unwrap();

    assert_eq!(nats.url(NatsUser::Admin), url);
    assert_ne!(nats.pid(), killed);
    let mut admin = Line::connect(&nats, NatsUser::Admin).await;
    let info = admin.request("$JS.API.STREAM.INFO.EVENTS", "").await;
    assert!(info.contains(r#""messages":1"#), "{info}");
}

#[tokio::test]
async fn each_user_may_do_its_work_and_no_more() {
    let dir = scratch();
    let nats = Nats::start(nats_config(dir.path()).await).await.unwrap();
    let mut admin = Line::connect(&nats, NatsUser::Admin).await;
    admin.request("$JS.API.STREAM.CREATE.EVENTS", STREAM).await;
    for user in NatsUser::ALL.into_iter().filter(|user| *user != NatsUser::Api) {
        let mut line = Line::connect(&nats, user).await;
        assert_eq!(line.ping().await, "PONG", "{user:?}");
        assert!(line.request("$JS.API.STREAM.INFO.EVENTS", "").await.contains(r#""config""#), "{user:?}");
    }
    for (user, subject) in [
        (NatsUser::Gateway, "live.acme.a.b.c"),
        (NatsUser::Gateway, "$JS.API.STREAM.INFO.DEAD_LETTERS"),
        (NatsUser::Gateway, "$JS.API.DIRECT.GET.DEAD_LETTERS"),
        (NatsUser::Gateway, "$JS.API.CONSUMER.CREATE.DEAD_LETTERS.x"),
        (NatsUser::Gateway, "$JS.API.CONSUMER.MSG.NEXT.DEAD_LETTERS.x"),
        (NatsUser::Gateway, "$JS.API.STREAM.MSG.GET.DEAD_LETTERS"),
        (NatsUser::Gateway, "kv.revocations.acme.x"),
        (NatsUser::Api, "events.acme.a.b.c"),
        (NatsUser::Api, "$KV.revocations.acme.x"),
        (NatsUser::Api, "$JS.API.STREAM.INFO.EVENTS"),
        (NatsUser::Api, "$JS.API.STREAM.INFO.KV_tickets"),
        (NatsUser::Relay, "$KV.revocations.acme.x"),
        (NatsUser::Relay, "$JS.API.STREAM.INFO.KV_revocations"),
        (NatsUser::Archiver, "$JS.API.STREAM.UPDATE.KV_revocations"),
        (NatsUser::Archiver, "$JS.API.CONSUMER.CREATE.KV_revocations.x"),
        (NatsUser::Consumers, "$JS.API.STREAM.MSG.GET.KV_tickets"),
        (NatsUser::Consumers, "$JS.API.DIRECT.GET.KV_revocations.$KV.revocations.acme.x"),
        (NatsUser::Relay, "$JS.API.CONSUMER.CREATE.EVENTS"),
        (NatsUser::Archiver, "events.acme.a.b.c"),
        (NatsUser::Consumers, "events.acme.a.b.c"),
        (NatsUser::Admin, "live.acme.a.b.c"),
        (NatsUser::Admin, "$JS.API.STREAM.DELETE.EVENTS"),
        (NatsUser::Admin, "$JS.API.STREAM.PURGE.EVENTS"),
        (NatsUser::Admin, "$JS.API.STREAM.MSG.DELETE.EVENTS"),
    ] {
        let answer = Line::connect(&nats, user).await.publish(subject).await;
        assert!(answer.starts_with("-ERR 'Permissions Violation for Publish"), "{user:?} {subject}: {answer}");
    }
    let answer = Line::connect(&nats, NatsUser::Relay).await.subscribe("_INBOX_gateway.>").await;
    assert!(answer.starts_with("-ERR 'Permissions Violation for Subscription"), "{answer}");
}

#[tokio::test]
async fn a_wrong_password_does_not_get_in() {
    let dir = scratch();
    let nats = Nats::start(nats_config(dir.path()).await).await.unwrap();
    let answer = Line::connect_as(&nats, "admin", "guess").await.ping().await;
    assert!(answer.contains("Authorization Violation"), "{answer}");
}

#[tokio::test]
async fn two_servers_never_share_a_directory() {
    let dir = scratch();
    let first = Nats::start(nats_config(dir.path()).await).await.unwrap();
    let refusal = Nats::start(nats_config(dir.path()).await).await.unwrap_err();
    assert!(matches!(refusal, Error::InUse { .. }), "{refusal}");
    assert!(first.is_running());
    let password = first.password(NatsUser::Gateway).to_owned();
    drop(first);
    let second = Nats::start(nats_config(dir.path()).await).await.unwrap();
    assert_eq!(second.password(NatsUser::Gateway), password);
}

#[tokio::test]
async fn a_port_that_is_taken_is_a_clear_failure() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = scratch();
    let mut config = nats_config(dir.path()).await;
    config.port = Some(taken.local_addr().unwrap().port());
    let failure = Nats::start(config).await.unwrap_err().to_string();
    assert!(failure.contains("address already in use"), "{failure}");
}

#[tokio::test]
async fn a_hung_server_is_stopped_all_the_same() {
    let dir = scratch();
    let nats = Nats::start(nats_config(dir.path()).await).await.unwrap();
    nats.pause();
    let pid = nats.pid();
    let stopped = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") T ");
    eventually("the server is hung", stopped).await;
    assert!(nats.is_running());
    nats.stop().await;
    assert!(!nats.is_running());
    assert!(nats.log_tail().contains("Server Exiting"), "{}", nats.log_tail());
}
