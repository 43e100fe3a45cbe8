//! Events that go to the broker itself, so that what is measured of the gateway is its streams alone.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::{self, context::ContextBuilder, message::PublishMessage};
use futures_util::{StreamExt, stream};
use slipstream_event::Tenant;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::Sent;
use crate::floor::publish::{STREAM, publish_batch};
use crate::load::{self, Batch};
use crate::machine::now_ns;
use crate::serial::Serial;

/// Publishes that wait for their ack at the same time.
const IN_FLIGHT: usize = 1_000;
/// Batches that wait for their ack at the same time. Of one tenant only one does, for the order of its events.
const BATCHES_IN_FLIGHT: usize = 4;
/// Events of a batch.
const BATCH: usize = 500;

/// Sends `events` to each tenant, one after the other, one event every `period`. When each was sent: tenant by tenant, event by event.
pub(crate) async fn steady(client: &async_nats::Client, tenants: &[Tenant], events: usize, period: Duration) -> Vec<Vec<Sent>> {
    let jetstream = Arc::new(ContextBuilder::new().max_ack_inflight(IN_FLIGHT).build(client.clone()));
    let turns: Vec<(usize, usize)> = (0..events).flat_map(|number| (0..tenants.len()).map(move |tenant| (tenant, number))).collect();
    let begin = Instant::now() + super::LEAD;
    let (mut acks, mut times) = (JoinSet::new(), vec![vec![Sent::default(); events]; tenants.len()]);
    for (turn, (tenant, number)) in turns.into_iter().enumerate() {
        let message = messages(&tenants[tenant], number..number + 1).swap_remove(0);
        sleep_until(begin + period.mul_f64(turn as f64)).await;
        let at_ns = now_ns();
        // Sent here, for the order; acknowledged elsewhere.
        let publish = PublishMessage::build().payload(message.payload.into()).message_id(&message.id).expected_stream(STREAM);
        let ack = send(&jetstream, message.subject, publish).await;
        acks.spawn(async move {
            ack.await.unwrap();
            (tenant, number, Sent { at_ns, acked_ns: now_ns() })
        });
    }
    while let Some(sent) = acks.join_next().await {
        let (tenant, number, sent) = sent.unwrap();
        times[tenant][number] = sent;
    }
    times
}

async fn send(jetstream: &jetstream::Context, subject: String, publish: PublishMessage) -> jetstream::context::PublishAckFuture {
    jetstream.send_publish(subject, publish).await.unwrap()
}

/// Sends `events` to each tenant as fast as it goes.
pub(crate) async fn fast(client: &async_nats::Client, tenants: &[Tenant], events: usize) {
    let each = stream::iter(tenants).map(async |tenant| {
        for from in (0..events).step_by(BATCH) {
            let batch = messages(tenant, from..events.min(from + BATCH));
            publish_batch(client, batch).await;
        }
    });
    each.buffer_unordered(BATCHES_IN_FLIGHT).collect::<()>().await;
}

fn messages(tenant: &Tenant, numbers: std::ops::Range<usize>) -> Vec<load::Message> {
    Batch { tenant: tenant.clone(), drafts: numbers.map(|number| load::tick(Serial::first_lane(number))).collect() }.messages()
}
