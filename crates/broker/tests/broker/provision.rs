use std::time::Duration;

use slipstream_broker::{Drift, Outcome, Provision};

use crate::events::outgoing;
use crate::server::Server;

fn outcomes(report: &slipstream_broker::Report) -> Vec<(&str, Outcome)> {
    report.streams.iter().map(|s| (s.stream.as_str(), s.outcome)).collect()
}

#[tokio::test]
async fn makes_what_is_missing_and_leaves_what_is_right() {
    for (shards, names) in [
        (1, &["EVENTS", "DEAD_LETTERS", "KV_revocations", "KV_tickets"][..]),
        (3, &["EVENTS_0", "EVENTS_1", "EVENTS_2", "DEAD_LETTERS", "KV_revocations", "KV_tickets"]),
    ] {
        let server = Server::start();
        let broker = server.connect(shards).await;
        let absent = broker.drift(&Provision::default()).await.unwrap();
        assert_eq!(
            absent.iter().map(|d| (d.stream.as_str(), d.field.as_str(), d.have.as_str())).collect::<Vec<_>>(),
            names.iter().map(|n| (*n, "stream", "absent")).collect::<Vec<_>>()
        );
        let made = broker.provision(&Provision::default()).await.unwrap();
        assert_eq!(outcomes(&made), names.iter().map(|n| (*n, Outcome::Created)).collect::<Vec<_>>());
        assert!(made.streams.iter().take(usize::from(shards)).all(|s| s.atomic && s.epoch.is_some()));
        assert_eq!(broker.drift(&Provision::default()).await.unwrap(), []);
        let again = broker.provision(&Provision::default()).await.unwrap();
        assert_eq!(outcomes(&again), names.iter().map(|n| (*n, Outcome::Unchanged)).collect::<Vec<_>>());
        assert_eq!(made.streams.iter().map(|s| s.epoch).collect::<Vec<_>>(), again.streams.iter().map(|s| s.epoch).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn names_drift_and_repairs_it() {
    let server = Server::start();
    let broker = server.broker(1).await;
    let other = Provision {
        max_age: Some(Duration::from_secs(3_600)),
        duplicate_window: Some(Duration::from_secs(5)),
        bytes_max: Some(1 << 30),
        ..Provision::default()
    };
    let before = broker.stream_state(0).await.unwrap();
    let drift = broker.drift(&other).await.unwrap();
    let field =
        |field: &str, want: &str, have: &str| Drift { stream: "EVENTS".to_owned(), field: field.to_owned(), want: want.to_owned(), have: have.to_owned() };
    let want =
        [field("max_age", "3600000000000", "604800000000000"), field("max_bytes", "1073741824", "-1"), field("duplicate_window", "5000000000", "600000000000")];
    assert_eq!(drift, want);
    let report = broker.provision(&other).await.unwrap();
    assert_eq!(
        outcomes(&report),
        [("EVENTS", Outcome::Updated), ("DEAD_LETTERS", Outcome::Unchanged), ("KV_revocations", Outcome::Unchanged), ("KV_tickets", Outcome::Unchanged)]
    );
    assert_eq!(broker.drift(&other).await.unwrap(), []);
    assert_eq!(broker.stream_state(0).await.unwrap(), before);
    // Streams of another number of shards are told, not touched.
    server.connect(2).await.provision(&Provision::default()).await.unwrap();
    let others: Vec<_> = broker.drift(&other).await.unwrap().into_iter().map(|d| (d.stream, d.have)).collect();
    assert_eq!(others, [("EVENTS_0".to_owned(), "present".to_owned()), ("EVENTS_1".to_owned(), "present".to_owned())]);
}

#[tokio::test]
async fn several_at_once_agree_on_one_epoch() {
    let server = Server::start();
    let (a, b, c) = (server.connect(3).await, server.connect(3).await, server.connect(3).await);
    let provision = Provision::default();
    let (a, b, c) = tokio::join!(a.provision(&provision), b.provision(&provision), c.provision(&provision));
    let epochs = |report: slipstream_broker::Report| report.streams.iter().map(|s| s.epoch).collect::<Vec<_>>();
    let (a, b, c) = (epochs(a.unwrap()), epochs(b.unwrap()), epochs(c.unwrap()));
    assert!(a == b && b == c, "{a:?} {b:?} {c:?}");
}

#[tokio::test]
async fn the_epoch_survives_restarts_and_updates_and_changes_with_the_stream() {
    let mut server = Server::start();
    let broker = server.broker(1).await;
    broker.publish(outgoing("a", "1")).await.unwrap();
    let first = broker.stream_state(0).await.unwrap();
    assert_eq!((first.first_seq, first.last_seq, first.messages), (1, 1, 1));
    server.kill();
    server.start_again();
    assert_eq!(broker.stream_state(0).await.unwrap().epoch, first.epoch);

    let bumped = broker.bump_epoch(0).await.unwrap();
    assert!(bumped > first.epoch);
    let state = broker.stream_state(0).await.unwrap();
    assert_eq!((state.epoch, state.last_seq), (bumped, 1));
    assert_eq!(broker.drift(&Provision::default()).await.unwrap(), []);
    assert_eq!(broker.publish(outgoing("a", "2")).await.unwrap().position.epoch, bumped);

    server.raw().await.delete_stream("EVENTS").await.unwrap();
    broker.provision(&Provision::default()).await.unwrap();
    // A publisher that knew the old stream notices by the sequence that went back.
    let ack = broker.publish(outgoing("a", "3")).await.unwrap();
    assert!(ack.position.epoch > bumped && ack.position.seq == 1, "{ack:?}");
}

#[tokio::test]
async fn nobody_can_delete_or_purge_events() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.publish(outgoing("a", "1")).await.unwrap();
    let mut stream = server.raw().await.get_stream("EVENTS").await.unwrap();
    assert!(stream.delete_message(1).await.is_err());
    assert!(stream.purge().await.is_err());
    let mut config = stream.info().await.unwrap().config.clone();
    config.deny_delete = false;
    assert!(server.raw().await.update_stream(config).await.is_err());
    assert_eq!(broker.stream_state(0).await.unwrap().messages, 1);
}
