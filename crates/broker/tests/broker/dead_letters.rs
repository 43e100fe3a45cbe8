use slipstream_broker::{DeadLetter, Error, PublishError};
use slipstream_event::Position;

use crate::events::{outgoing, payloads, tenant};
use crate::server::Server;

fn letter(consumer: &str, seq: u64) -> DeadLetter {
    DeadLetter {
        reason: "it\r\nwas bad".to_owned(),
        consumer: consumer.to_owned(),
        subject: "events.acme.fleet.aircraft.created".to_owned(),
        position: Position::new(0, 7, seq),
        payload: format!("{consumer}-{seq}").into(),
        traceparent: Some("00-a-b-01".to_owned()),
    }
}

#[tokio::test]
async fn are_kept_once_per_consumer_and_message() {
    let server = Server::start();
    let broker = server.broker(1).await;
    for (consumer, seq) in [("alerts", 1), ("webhooks", 1), ("alerts", 2), ("alerts", 1)] {
        broker.reject(letter(consumer, seq)).await.unwrap();
    }
    let all = broker.list_dead_letters(None, 0, 100).await.unwrap();
    let what: Vec<_> = all.iter().map(|l| (l.letter.consumer.as_str(), l.letter.position.seq)).collect();
    assert_eq!(what, [("webhooks", 1), ("alerts", 2), ("alerts", 1)]);
    assert_eq!(all[0].letter, DeadLetter { reason: "it  was bad".to_owned(), ..letter("webhooks", 1) });
    let alerts = broker.list_dead_letters(Some("alerts"), 0, 1).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].letter.position.seq), (1, 2));
    assert_eq!(broker.list_dead_letters(Some("alerts"), alerts[0].seq, 10).await.unwrap().len(), 1);
    assert!(matches!(broker.list_dead_letters(Some("a.>"), 0, 1).await, Err(Error::Invalid(_))));
    assert!(matches!(broker.reject(letter("a.b", 1)).await, Err(PublishError::Rejected { .. })));
}

#[tokio::test]
async fn go_back_to_their_stream_once() {
    for shards in [1, 3] {
        let server = Server::start();
        let broker = server.broker(shards).await;
        let ack = broker.publish(outgoing("acme", "poison")).await.unwrap();
        let page = broker.replay(&tenant("acme"), 0, ack.position.seq, 10, 1_000).await.unwrap();
        assert_eq!(page.messages[0].redriven, None);
        broker.reject(DeadLetter::of(&page.messages[0], "alerts", "bad")).await.unwrap();
        let listed = broker.list_dead_letters(None, 0, 10).await.unwrap();
        assert_eq!(listed[0].letter.position, ack.position);
        let back = broker.redrive(listed[0].seq).await.unwrap().unwrap();
        assert_eq!((back.position.shard, back.position.seq, back.duplicate), (ack.position.shard, ack.position.seq + 1, false));
        let page = broker.replay(&tenant("acme"), 0, back.position.seq, 10, 1_000).await.unwrap();
        assert_eq!(payloads(&page.messages), ["poison", "poison"]);
        assert_eq!(page.messages[1].redriven.as_deref(), Some("alerts"));
        assert_eq!(page.messages[1].subject, page.messages[0].subject);
        assert_eq!(broker.list_dead_letters(None, 0, 10).await.unwrap(), []);
        assert_eq!(broker.redrive(listed[0].seq).await.unwrap(), None);
        assert_eq!(broker.redrive(999).await.unwrap(), None);
    }
}

#[tokio::test]
async fn that_are_no_events_stay() {
    let server = Server::start();
    let broker = server.broker(1).await;
    broker.reject(DeadLetter { subject: "events.acme".to_owned(), ..letter("archiver", 1) }).await.unwrap();
    let seq = broker.list_dead_letters(None, 0, 10).await.unwrap()[0].seq;
    assert!(matches!(broker.redrive(seq).await, Err(Error::Invalid(_))));
    assert_eq!(broker.list_dead_letters(None, 0, 10).await.unwrap().len(), 1);
}
