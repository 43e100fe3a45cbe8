//! Events of one tenant at a steady rate, through the gateway and by a bare writer: processor time for each delivery, and latency.

use super::edge::{Edge, TENANT};
use super::per_event_us;
use crate::floor::writer::{Running, Writer};
use crate::machine::Cpu;
use crate::publisher::{Pace, Times};
use crate::readers::{Ask, Opening, Read, Readers, Task};
use crate::report::Section;
use crate::serial::Expect;

/// The columns of [`compare`].
pub(super) const COLUMNS: &[&str] = &["p50 ms", "p90 ms", "p99 ms", "max ms", "µs/delivery", "of floor", "net µs", "net/floor", "B/delivery"];
/// What the columns of [`compare`] mean.
pub(super) const NOTES: [&str; 2] = [
    "µs/delivery: processor time of the gateway for each event on each stream, ingest of the events included; net: without what the same events take with one stream",
    "every stream showed every event once and in order; the reader is one thread on the same cores, the same for gateway and writer",
];

/// So many streams, and such events.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) streams: usize,
    pub(super) pace: Pace,
}

/// What the gateway did.
pub(super) struct Done {
    pub(super) read: Read,
    pub(super) times: Times,
    /// Processor seconds of the gateway.
    pub(super) seconds: f64,
}

impl Plan {
    /// Events on all streams.
    pub(super) fn deliveries(self) -> usize {
        self.streams * self.pace.events()
    }
}

impl Done {
    /// Processor time of a delivery.
    pub(super) fn cost_us(&self, plan: Plan) -> f64 {
        per_event_us(self.seconds, plan.deliveries())
    }

    /// The same without what `alone` took, with one stream.
    pub(super) fn net_us(&self, plan: Plan, alone: &Self) -> f64 {
        per_event_us((self.seconds - alone.seconds).max(0.0), plan.deliveries() - plan.pace.events())
    }
}

/// Runs it through the gateway and by a bare writer, as three rows. With one stream first, when there is more than one.
pub(super) async fn compare(edge: &Edge, plan: Plan, section: &mut Section) {
    let alone = if plan.streams > 1 { Some(through_gateway(edge, Plan { streams: 1, ..plan }).await) } else { None };
    let done = through_gateway(edge, plan).await;
    let (bytes, cost, net) = (done.read.bytes_each(), done.cost_us(plan), alone.map(|alone| done.net_us(plan, &alone)));
    let (floor_read, floor_times, floor) = by_writer(plan, bytes).await;
    let label = |what: &str| format!("{} streams: {what}", plan.streams);
    let costs = [Some(cost), Some(cost / floor), net, net.map(|net| net / floor), Some(bytes)];
    section.row(label("gateway, from the request"), done.times.since_request(&done.read).quantiles());
    section.row(label("gateway, from the ack"), done.times.since_ack(&done.read).quantiles().into_iter().chain(costs));
    let since = |at: usize| floor_times[at];
    let samples: crate::stats::Samples = floor_read.seen.iter().map(|seen| seen.at_ns.saturating_sub(since(seen.serial.number as usize))).collect();
    section.row(label("bare writer"), samples.quantiles().into_iter().chain([Some(floor), None, None, None, Some(floor_read.bytes_each())]));
}

/// Through the gateway.
pub(super) async fn through_gateway(edge: &Edge, plan: Plan) -> Done {
    let readers = edge.open(edge.asks(TENANT, plan.streams, plan.pace.expect()), true).await;
    measured(edge, readers, plan.pace).await.0
}

/// The same with streams that are open; they stay open as long as what is returned.
pub(super) async fn measured(edge: &Edge, mut readers: Readers, pace: Pace) -> (Done, f64) {
    let cpu = Cpu::of([edge.pid]);
    let times = edge.publish(TENANT, pace).await;
    readers.complete().await;
    let seconds = cpu.seconds()[0];
    let resident = crate::machine::resident_kib(edge.pid);
    (Done { read: readers.stop().await, times, seconds }, resident)
}

/// By the bare writer: what was read, when each event was begun to be written, and the processor time of a delivery.
pub(super) async fn by_writer(plan: Plan, bytes: f64) -> (Read, Vec<u64>, f64) {
    let (events, period_us) = (plan.pace.events(), plan.pace.period.as_micros() as u64 / plan.pace.batch as u64);
    let (mut writer, readers) = open_writer(plan.streams, events, period_us, bytes, true).await;
    let cpu = Cpu::of([writer.pid()]);
    writer.begin().await;
    let read = readers.finish().await;
    let seconds = cpu.seconds()[0];
    (read, writer.finish().await, per_event_us(seconds, plan.deliveries()))
}

/// A writer with streams that are open.
pub(super) async fn open_writer(streams: usize, events: usize, period_us: u64, bytes: f64, keep_times: bool) -> (Running, Readers) {
    let writer = Running::start(Writer { streams, events, period_us, bytes: bytes.round() as usize }).await;
    let asks = vec![Ask::once(b"GET / HTTP/1.1\r\n\r\n".to_vec(), Expect::all(events)); streams];
    let task = Task { address: writer.address.clone(), asks, opened: b"\r\n\r\n", opening: Opening::CALM, keep_times, gives_way: false };
    let readers = Readers::open(task).await;
    (writer, readers)
}
