//! From the publisher to the byte on a stream's socket.
//!
//! Events go through HTTP ingest at a steady rate; every stream is one of the same tenant, and every stream's every event is a sample.

use std::sync::Arc;
use std::time::Duration;

use slipstream_tests::{Node, Stack};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{per_event_us, stack};
use crate::args::Args;
use crate::floor::writer::{Running, Writer};
use crate::machine::{Cpu, child, now_ns};
use crate::report::Section;
use crate::stats::Samples;
use crate::streams::{Read, Readers};
use crate::{http, load};

/// The tenant.
const TENANT: &str = "acme";
/// Connections of the publisher, each taking its turn: one slow answer does not hold up the next event.
const PUBLISHERS: usize = 4;
/// How long after the last event a stream is still read.
const LATE: Duration = Duration::from_secs(5);
/// The time from now to the first event.
const LEAD: Duration = Duration::from_millis(200);

/// A run: so many streams, so many events, one every so often.
#[derive(Clone, Copy)]
struct Plan {
    streams: usize,
    events: usize,
    period: Duration,
}

/// When an event was sent, and when it was acknowledged.
struct Sent {
    serial: usize,
    at_ns: u64,
    acked_ns: u64,
}

/// Runs it for each number of streams, beside a bare writer.
pub(crate) async fn run(args: &Args) -> Section {
    let title = format!("latency: {} events a second for {} s, streams of one tenant", args.rate, args.seconds);
    let mut section = Section::new("latency", title, &["p50 ms", "p90 ms", "p99 ms", "max ms", "missing", "µs/delivery", "of floor"]);
    let stack = stack().await;
    let gateway = stack.node("gateway").await;
    let events = (args.rate * args.seconds) as usize;
    for streams in &args.streams {
        let plan = Plan { streams: *streams as usize, events, period: Duration::from_secs(1) / args.rate };
        let (frame_bytes, cost) = through_gateway(&stack, &gateway, plan, &mut section).await;
        bare(plan, frame_bytes, cost, &mut section).await;
    }
    section.note(
        "µs/delivery: processor time of the gateway, ingest of the events included, for each event on each stream; of floor: its ratio to the bare writer's",
    );
    section.note("the readers run on the same cores: with many streams, what they take is part of the time, for the bare writer as well");
    section
}

/// Size of an event on the wire, and processor time for each delivery.
async fn through_gateway(stack: &Stack, gateway: &Node, plan: Plan, section: &mut Section) -> (usize, f64) {
    let url = gateway.url();
    let requests = (0..plan.streams).map(|number| http::stream(&stack.token_of(&format!("reader-{number}"), TENANT, &["reader"]))).collect();
    let readers = Readers::start(http::address(&url).to_owned(), requests, b"event: ready", plan.events - 1, plan.within()).await;
    let cpu = Cpu::of([child("--role gateway")]);
    let sent = publish(stack, http::address(&url), plan).await;
    let read = readers.finish().await;
    let cost = per_event_us(cpu.seconds()[0], plan.deliveries());
    let (mut begun, mut acked) = (vec![0; plan.events], vec![0; plan.events]);
    for Sent { serial, at_ns, acked_ns } in sent {
        begun[serial] = at_ns;
        acked[serial] = acked_ns;
    }
    let label = |from: &str| format!("{} streams: from {from}", plan.streams);
    section.row(label("request"), values(&read, &begun, plan).into_iter().chain([Some(cost)]));
    section.row(label("ack"), values(&read, &acked, plan));
    (usize::try_from(read.bytes).unwrap() / plan.deliveries(), cost)
}

async fn bare(plan: Plan, bytes: usize, cost: f64, section: &mut Section) {
    let period_us = u64::try_from(plan.period.as_micros()).unwrap();
    let mut writer = Running::start(Writer { streams: plan.streams, events: plan.events, period_us, bytes }).await;
    let requests = vec![b"GET / HTTP/1.1\r\n\r\n".to_vec(); plan.streams];
    let readers = Readers::start(writer.address.clone(), requests, b"\r\n\r\n", plan.events - 1, plan.within()).await;
    let cpu = Cpu::of([writer.pid()]);
    writer.begin().await;
    let read = readers.finish().await;
    let floor = per_event_us(cpu.seconds()[0], plan.deliveries());
    let begun = writer.finish().await;
    section.row(format!("{} streams: bare writer", plan.streams), values(&read, &begun, plan).into_iter().chain([Some(floor), Some(cost / floor)]));
}

/// Quantiles of the time from `since` of an event to the event on a stream, and how many are missing.
fn values(read: &Read, since: &[u64], plan: Plan) -> Vec<Option<f64>> {
    // A stream can be faster than the answer to the publisher.
    let samples: Samples = read.seen.iter().map(|seen| seen.at_ns.saturating_sub(since[seen.serial])).collect();
    let missing = plan.deliveries() as f64 - read.seen.len() as f64;
    samples.quantiles().into_iter().chain([Some(missing)]).collect()
}

async fn publish(stack: &Stack, address: &str, plan: Plan) -> Vec<Sent> {
    let token = Arc::new(stack.token_of(load::USER, TENANT, &["writer"]));
    let begin = Instant::now() + LEAD;
    let mut publishers = JoinSet::new();
    for turn in 0..PUBLISHERS {
        let (token, mut connection) = (token.clone(), http::Connection::open(address).await);
        publishers.spawn(async move {
            let mut sent = Vec::new();
            for serial in (turn..plan.events).step_by(PUBLISHERS) {
                let request = http::post("/api/events", &token, &load::tick(serial));
                sleep_until(begin + plan.period * u32::try_from(serial).unwrap()).await;
                let at_ns = now_ns();
                connection.accepted(&request).await;
                sent.push(Sent { serial, at_ns, acked_ns: now_ns() });
            }
            sent
        });
    }
    publishers.join_all().await.into_iter().flatten().collect()
}

impl Plan {
    fn deliveries(self) -> usize {
        self.streams * self.events
    }

    /// Longest time that the streams are read.
    fn within(self) -> Duration {
        LEAD + self.period * u32::try_from(self.events).unwrap() + LATE
    }
}
