//! Events of one tenant as fast as they go, through the gateway and by a bare writer that writes each event to each socket: deliveries a second.

use std::time::Duration;

use super::edge::{Edge, TENANT};
use super::paced::open_writer;
use super::{per_event_us, rate};
use crate::args::Args;
use crate::machine::{Cpu, now_ns};
use crate::publisher::Pace;
use crate::readers::Read;
use crate::report::{Section, progress};
use crate::stats::median;

/// Events of a request.
const BATCH: usize = 50;

/// A round of one side.
struct Done {
    read: Read,
    took: Duration,
    /// Processor seconds of the server.
    seconds: f64,
    /// Events that were acknowledged in a second.
    acked: Option<f64>,
}

/// Both sides in turn.
pub(super) async fn run(args: &Args) -> Section {
    let (streams, pace) = (args.edge.fanout_streams as usize, Pace::fast(args.edge.burst_events as usize, BATCH));
    let events = pace.events();
    let title = format!("fan-out, as fast as it goes: {events} events in batches of {BATCH} to {streams} streams of one tenant");
    let mut section = Section::new("fanout_burst", title, &["deliveries/s", "of floor", "seconds", "µs/delivery", "of floor's", "B/delivery", "acked/s"]);
    let edge = Edge::start(args).await;
    let mut rounds = Vec::new();
    for round in 1..=args.edge.rounds {
        progress(format_args!("round {round} of {}", args.edge.rounds));
        let gateway = through_gateway(&edge, streams, pace).await;
        let floor = by_writer(streams, events, gateway.read.bytes_each()).await;
        section.row(format!("{round}: gateway"), gateway.row(Some(&floor)));
        section.row(format!("{round}: bare writer"), floor.row(None));
        rounds.push([&gateway, &floor].map(|done| [rate(done.read.deliveries as usize, done.took), done.cost_us()]));
    }
    let middle = |side: usize, value: usize| median(rounds.iter().map(|round| round[side][value]));
    let [speed, cost] = [0, 1].map(|value| (middle(0, value), middle(1, value)));
    section.row("median: gateway", [Some(speed.0), Some(speed.0 / speed.1), None, Some(cost.0), Some(cost.0 / cost.1)]);
    section.row("median: bare writer", [Some(speed.1), None, None, Some(cost.1)]);
    section.note(
        "from the first request, or write, until every stream has shown every event: each once, those of a connection in order, and all streams in one order",
    );
    section
}

impl Done {
    fn cost_us(&self) -> f64 {
        per_event_us(self.seconds, self.read.deliveries as usize)
    }

    fn row(&self, floor: Option<&Self>) -> [Option<f64>; 7] {
        let speed = |done: &Self| rate(done.read.deliveries as usize, done.took);
        let (of_speed, of_cost) = (floor.map(|floor| speed(self) / speed(floor)), floor.map(|floor| self.cost_us() / floor.cost_us()));
        [Some(speed(self)), of_speed, Some(self.took.as_secs_f64()), Some(self.cost_us()), of_cost, Some(self.read.bytes_each()), self.acked]
    }
}

async fn through_gateway(edge: &Edge, streams: usize, pace: Pace) -> Done {
    let mut readers = edge.open(edge.asks(TENANT, streams, pace.expect()), false).await;
    let (cpu, begun_ns) = (Cpu::of([edge.pid]), now_ns());
    let times = edge.publish(TENANT, pace).await;
    readers.complete().await;
    let seconds = cpu.seconds()[0];
    let read = readers.stop().await;
    assert!(read.orders.iter().all(|order| *order == read.orders[0]), "streams of one tenant showed the events in different orders");
    Done { took: since(begun_ns, &read), read, seconds, acked: Some(rate(pace.events(), times.took())) }
}

async fn by_writer(streams: usize, events: usize, bytes: f64) -> Done {
    let (mut writer, readers) = open_writer(streams, events, 0, bytes, false).await;
    let (cpu, begun_ns) = (Cpu::of([writer.pid()]), now_ns());
    writer.begin().await;
    let read = readers.finish().await;
    let seconds = cpu.seconds()[0];
    writer.finish().await;
    Done { took: since(begun_ns, &read), read, seconds, acked: None }
}

fn since(begun_ns: u64, read: &Read) -> Duration {
    Duration::from_nanos(read.last_ns() - begun_ns)
}
