//! The broker alone: the same messages to the same stream, from one client in one process.

use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use async_nats::jetstream::{self, context::ContextBuilder};
use futures_util::{StreamExt, stream};

use crate::load::{Batch, Message};
use crate::machine::Cpu;
use crate::nats::Server;

/// Publishes that wait for their ack at the same time.
pub(crate) const IN_FLIGHT: usize = 1_000;
/// Longest time that is measured; the rate is that of what was acknowledged then.
const WITHIN: Duration = Duration::from_secs(60);
/// The stream.
pub(crate) const STREAM: &str = "EVENTS";

/// What was done in which time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Acknowledged events.
    pub(crate) events: usize,
    /// From the first to the last.
    pub(crate) took: Duration,
    /// Processor seconds of the broker.
    pub(crate) broker_seconds: f64,
    /// Processor seconds of the publisher.
    pub(crate) publisher_seconds: f64,
}

/// One message, one ack; many under way.
pub(crate) async fn asynchronous(batches: &[Batch]) -> Done {
    let server = Server::start().await;
    let jetstream = ContextBuilder::new().max_ack_inflight(IN_FLIGHT).build(server.client().await);
    let messages: Vec<Message> = batches.iter().flat_map(Batch::messages).collect();
    measure(&server, async |begun| {
        let acks = stream::iter(messages).take_while(|_| std::future::ready(begun.elapsed() < WITHIN)).map(|message| publish(&jetstream, message));
        acks.buffered(IN_FLIGHT).count().await
    })
    .await
}

async fn publish(jetstream: &jetstream::Context, message: Message) {
    let publish = jetstream::message::PublishMessage::build().payload(message.payload.into()).message_id(&message.id).expected_stream(STREAM);
    let ack = jetstream.send_publish(message.subject, publish).await.unwrap().await.unwrap();
    assert!(!ack.duplicate, "an event was published twice");
}

/// A request's events as one atomic batch, as many under way as ingest has connections.
pub(crate) async fn atomic(batches: &[Batch], in_flight: usize) -> Done {
    let server = Server::start().await;
    let client = server.client().await;
    let batches: Vec<Vec<Message>> = batches.iter().map(Batch::messages).collect();
    measure(&server, async |begun| {
        let acks = stream::iter(batches).take_while(|_| std::future::ready(begun.elapsed() < WITHIN)).map(|batch| publish_batch(&client, batch));
        acks.buffered(in_flight).fold(0, |all, events| std::future::ready(all + events)).await
    })
    .await
}

/// Publishes an atomic batch and waits for its ack; how many events it has.
pub(crate) async fn publish_batch(client: &async_nats::Client, batch: Vec<Message>) -> usize {
    let (id, count) = (uuid::Uuid::now_v7().simple().to_string(), batch.len());
    for (index, message) in batch.into_iter().enumerate() {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, message.id.as_str());
        headers.insert(NATS_EXPECTED_STREAM, STREAM);
        headers.insert(NATS_BATCH_ID, id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
        if index + 1 < count {
            client.publish_with_headers(message.subject, headers, message.payload.into()).await.unwrap();
            continue;
        }
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        let answer = client.request_with_headers(message.subject, headers, message.payload.into()).await.unwrap();
        let ack: serde_json::Value = serde_json::from_slice(&answer.payload).unwrap();
        assert_eq!(ack["count"], count, "{ack}");
    }
    count
}

async fn measure(server: &Server, work: impl AsyncFnOnce(Instant) -> usize) -> Done {
    let cpu = Cpu::of([server.pid(), std::process::id()]);
    let begun = Instant::now();
    let events = work(begun).await;
    let took = begun.elapsed();
    let seconds = cpu.seconds();
    Done { events, took, broker_seconds: seconds[0], publisher_seconds: seconds[1] }
}
