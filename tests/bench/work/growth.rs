//! How the cost of a delivery, the latency and the memory of a stream grow with streams and tenants.

use std::time::Duration;

use slipstream_event::Tenant;
use tokio::time::sleep;

use super::edge::{Edge, TENANT};
use super::paced::{Plan, by_writer, measured, through_gateway};
use super::per_event_us;
use crate::args::Args;
use crate::machine::{Cpu, resident_kib};
use crate::nats;
use crate::publisher::{Pace, Sent, direct};
use crate::readers::{Ask, Read};
use crate::report::{Section, progress};
use crate::serial::Expect;
use crate::stats::Samples;

/// What the process may still do after the last stream was opened.
const SETTLE: Duration = Duration::from_secs(1);
/// Events a second of the steps of tenants, over all tenants: each step sends the same number, to ever fewer streams each.
const TENANTS_RATE: u32 = 200;

/// Streams of one tenant. Fewer events for more streams: the deliveries a second stay the same. A gateway with nothing in memory for each step.
pub(super) async fn of_streams(args: &Args) -> Section {
    let (deliveries, length) = (args.edge.grow_rate, Duration::from_secs(u64::from(args.edge.grow_seconds)));
    let title = format!("fan-out, growth by streams of one tenant: {deliveries} deliveries a second for {} s", args.edge.grow_seconds);
    let columns = &["events/s", "µs/delivery", "of floor", "net µs", "net/floor", "p50 ms", "p99 ms", "KiB/stream", "floor µs", "floor p99"];
    let mut section = Section::new("fanout_streams", title, columns);
    let mut edge = Edge::start(args).await;
    for streams in args.edge.grow_streams.iter().map(|streams| *streams as usize) {
        progress(format_args!("{streams} streams"));
        let plan = Plan { streams, pace: Pace::steady(f64::from(deliveries) / streams as f64, length) };
        edge.restart().await;
        let alone = through_gateway(&edge, Plan { streams: 1, ..plan }).await;
        let before = resident_kib(edge.pid);
        let readers = edge.open(edge.asks(TENANT, streams, plan.pace.expect()), true).await;
        sleep(SETTLE).await;
        let (done, resident) = measured(&edge, readers, plan.pace).await;
        let (floor_read, floor_times, floor) = by_writer(plan, done.read.bytes_each()).await;
        let [p50, _, p99, _] = done.times.since_ack(&done.read).quantiles();
        let floor_samples: Samples = floor_read.seen.iter().map(|seen| seen.at_ns.saturating_sub(floor_times[seen.serial.number as usize])).collect();
        let (cost, net, memory) = (done.cost_us(plan), done.net_us(plan, &alone), (resident - before) / streams as f64);
        let own = [1.0 / plan.pace.period.as_secs_f64(), cost, cost / floor, net, net / floor].map(Some);
        section.row(format!("{streams} streams"), own.into_iter().chain([p50, p99, Some(memory), Some(floor), floor_samples.quantiles()[2]]));
    }
    section.note(
        "p50, p99: from the ack; net: without what the same events take with one stream; KiB/stream: growth of resident memory, streams open and events sent",
    );
    section
}

/// Tenants of the same streams. Events go to the broker itself: what the gateway does is feed and fan-out alone.
pub(super) async fn of_tenants(args: &Args) -> Section {
    let streams = args.edge.tenant_streams as usize;
    let title = format!(
        "fan-out, growth by tenants: {streams} streams in all, {TENANTS_RATE} events a second in all, published to the broker, one tenant after the other"
    );
    let mut section =
        Section::new("fanout_tenants", title, &["deliveries", "gateway s", "feed s", "µs/event", "µs/delivery", "p50 ms", "p99 ms", "KiB/stream"]);
    let mut edge = Edge::start(args).await;
    for tenants in args.edge.grow_tenants.iter().map(|tenants| *tenants as usize) {
        progress(format_args!("{tenants} tenants"));
        tenants_step(&mut edge, streams, tenants, args.edge.grow_seconds as usize, &mut section).await;
    }
    section.note("feed: what the same events take the gateway when nobody reads them; µs/event: that for each event; µs/delivery: the rest for each event on each stream");
    section
}

async fn tenants_step(edge: &mut Edge, streams: usize, tenants: usize, seconds: usize, section: &mut Section) {
    let events = (TENANTS_RATE as usize * seconds).div_ceil(tenants);
    let period = Duration::from_secs(1) / TENANTS_RATE;
    let broker = nats::client(&edge.stack.nats).await;
    edge.restart().await;
    // Other tenants, so that these have no history yet.
    let cpu = Cpu::of([edge.pid]);
    direct::steady(&broker, &names("unread", tenants), events, period).await;
    let feed = cpu.seconds()[0];

    let before = resident_kib(edge.pid);
    let names = names(&format!("of-{tenants}"), tenants);
    let ask = |number: usize| Ask::once(edge.request(names[number % tenants].as_str(), number, None), Expect::all(events));
    let mut readers = edge.open((0..streams).map(ask).collect(), true).await;
    sleep(SETTLE).await;
    let cpu = Cpu::of([edge.pid]);
    let times = direct::steady(&broker, &names, events, period).await;
    readers.complete().await;
    let (all, resident) = (cpu.seconds()[0], resident_kib(edge.pid));
    let read = readers.stop().await;
    let [p50, _, p99, _] = latencies(&read, &times).quantiles();
    let (deliveries, published) = (read.deliveries as usize, events * tenants);
    let costs = [deliveries as f64, all, feed, per_event_us(feed, published), per_event_us((all - feed).max(0.0), deliveries)].map(Some);
    section.row(format!("{tenants} tenants"), costs.into_iter().chain([p50, p99, Some((resident - before) / streams as f64)]));
}

fn latencies(read: &Read, times: &[Vec<Sent>]) -> Samples {
    let sent = |stream: u32, number: u32| times[stream as usize % times.len()][number as usize];
    read.seen.iter().map(|seen| seen.at_ns.saturating_sub(sent(seen.stream, seen.serial.number).acked_ns)).collect()
}

fn names(prefix: &str, tenants: usize) -> Vec<Tenant> {
    (0..tenants).map(|number| Tenant::new(&format!("{prefix}-{number:04}")).unwrap()).collect()
}
