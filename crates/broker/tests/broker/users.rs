//! The rights of the shipped server configuration: each role can do its work, and not what is not its work.

use std::time::Duration;

use slipstream_broker::{Broker, Config, DeadLetter, Delivery, Error, Provision, PublishError, Start, Verdict, WorkConfig};
use tokio_util::sync::CancellationToken;

use crate::events::{eventually, numbered, outgoing, tenant};
use crate::server::Server;

async fn user(server: &Server, shards: u16, name: &str) -> Broker {
    let login = Config { user: Some(name.to_owned()), password: Some("secret".to_owned()), request_timeout: Duration::from_secs(2), ..server.config(shards) };
    Broker::connect(login).await.unwrap()
}

fn denied<T: std::fmt::Debug>(result: Result<T, impl Into<Error>>) {
    let error = result.unwrap_err().into();
    assert!(matches!(&error, Error::Unavailable(why) if why.to_lowercase().contains("permissions violation")), "{error}");
}

#[tokio::test]
async fn every_role_can_do_its_work() {
    for shards in [1, 3] {
        let server = Server::shipped();
        let admin = user(&server, shards, "admin").await;
        admin.provision(&Provision::default()).await.unwrap();
        assert_eq!(admin.drift(&Provision::default()).await.unwrap(), []);

        let gateway = user(&server, shards, "gateway").await;
        let mut live = gateway.live().await.unwrap();
        let ack = gateway.publish(outgoing("acme", "1")).await.unwrap();
        assert!(gateway.publish_all(numbered("acme", 100)).await.iter().all(Result::is_ok));
        assert_eq!(futures_util::StreamExt::next(&mut live).await.unwrap().position(), ack.position);
        assert_eq!(gateway.replay(&tenant("acme"), 0, 101, 1_000, 1 << 20).await.unwrap().messages.len(), 101);
        let shard = ack.position.shard;
        assert_eq!(gateway.fill(shard, 1, 101).await.unwrap().messages.len(), 101);

        let relay = user(&server, shards, "relay").await;
        relay.publish_batch(&numbered("acme", 50)).await.unwrap();
        relay.stream_state(shard).await.unwrap();
        // It may make no consumer; a fill has a second way.
        assert_eq!(relay.fill(shard, 1, 151).await.unwrap().messages.len(), 151);

        let archiver = user(&server, shards, "archiver").await;
        let mut log = archiver.consume(shard, 1).await.unwrap();
        let messages = log.next_batch(1_000, 1 << 20, Duration::from_millis(50)).await.unwrap();
        archiver.reject(DeadLetter::of(&messages[0], "archiver", "bad")).await.unwrap();
        log.close().await;
        archiver.bump_epoch(shard).await.unwrap();

        let consumers = user(&server, shards, "consumers").await;
        let config = WorkConfig {
            name: "alerts".to_owned(),
            filter: "events.*.fleet.>".to_owned(),
            start: Start::All,
            ack_wait: Duration::from_secs(5),
            max_deliver: 3,
            max_in_flight: 8,
        };
        let (consumer, shutdown) = (consumers.work(config).await.unwrap(), CancellationToken::new());
        let reject = |delivery: Delivery| async move { if delivery.message.payload == "1" { Verdict::Reject("no".to_owned()) } else { Verdict::Ack } };
        let stop = async {
            eventually("two letters", async || (admin.list_dead_letters(None, 0, 10).await.unwrap().len() == 2).then_some(())).await;
            shutdown.cancel();
        };
        let (ended, ()) = tokio::join!(consumer.run(reject, shutdown.clone()), stop);
        ended.unwrap();
        let letters = admin.list_dead_letters(None, 0, 10).await.unwrap();
        assert!(admin.redrive(letters[0].seq).await.unwrap().is_some());
        assert_eq!(admin.list_dead_letters(None, 0, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn no_role_can_do_what_is_not_its_work() {
    let server = Server::shipped();
    let admin = user(&server, 1, "admin").await;
    admin.provision(&Provision::default()).await.unwrap();
    for name in ["archiver", "consumers"] {
        denied::<_>(user(&server, 1, name).await.publish(outgoing("a", "x")).await.map_err(Error::from));
    }
    for name in ["gateway", "relay"] {
        let letter = DeadLetter {
            reason: "x".to_owned(),
            consumer: "x".to_owned(),
            subject: "events.a.b.c.d".to_owned(),
            position: slipstream_event::Position::new(0, 1, 1),
            payload: "x".into(),
            traceparent: None,
        };
        let broker = user(&server, 1, name).await;
        denied(broker.reject(letter).await);
        denied(broker.bump_epoch(0).await);
    }
    denied(user(&server, 1, "relay").await.consume(0, 1).await);
    assert!(matches!(user(&server, 1, "gateway").await.publish(outgoing("a", "x")).await, Ok(_) | Err(PublishError::Unavailable(_))));
}
