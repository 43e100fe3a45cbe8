//! A long gap, read from the broker through the gateway, beside batched direct gets alone.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use slipstream_event::{Tenant, subject};

use super::edge::{Edge, TENANT};
use super::{per_event_us, rate};
use crate::args::Args;
use crate::floor::direct_get;
use crate::machine::{Cpu, resident_kib, resident_kib_max};
use crate::nats;
use crate::probe::Probe;
use crate::publisher::direct;
use crate::readers::{Ask, Opening, Readers};
use crate::report::{Section, progress};
use crate::serial::Expect;
use crate::stats::median;

/// Clients that read at the same time.
const TOGETHER: usize = 10;
/// What a tenant's replays may use: all there is. The budget is for those who read again and again.
const UNBOUNDED: &[(&str, &str)] =
    &[("SLIPSTREAM_REPLAY_TENANT_READ_BYTES_PER_SECOND", "1000000000000"), ("SLIPSTREAM_REPLAY_TENANT_SHOWN_BYTES_PER_SECOND", "1000000000000")];
const COLUMNS: &[&str] = &["events/s", "of floor", "seconds", "gateway µs", "nats µs", "reader µs"];

/// A gap: the events from one to another, by their numbers.
type Gap = std::ops::Range<usize>;

/// Floor and product in turn, and then several clients at once.
pub(crate) async fn run(args: &Args) -> Section {
    let events = args.edge.replay_events as usize;
    let mut section = Section::new("replay", format!("replay: {events} events of one tenant, which only the broker has"), COLUMNS);
    let mut edge = Edge::with(args, UNBOUNDED).await;
    progress("events and cursors");
    let cursors = history(&mut edge, events).await;
    let (whole, mut rates) = (0..events, Vec::new());
    for round in 1..=args.edge.rounds {
        progress(format_args!("round {round} of {}", args.edge.rounds));
        rates.push(both(&edge, &cursors, std::slice::from_ref(&whole), &format!("{round}: one reader"), &mut section).await);
    }
    let [floor, gateway] = [0, 1].map(|side| median(rates.iter().map(|round| round[side])));
    section.row("median: one reader, direct get", [Some(floor)]);
    section.row("median: one reader, gateway", [Some(gateway), Some(gateway / floor)]);
    progress("several at once");
    let (same, part) = (vec![whole; TOGETHER], events / TOGETHER);
    both(&edge, &cursors, &same, &format!("{TOGETHER} readers, all of it each"), &mut section).await;
    let parts: Vec<Gap> = (0..TOGETHER).map(|number| number * part..(number + 1) * part).collect();
    both(&edge, &cursors, &parts, &format!("{TOGETHER} readers, another tenth each"), &mut section).await;
    section.note(format!("gateway: {:.0} MiB resident at the end, {:.0} MiB at most", resident_kib(edge.pid) / 1_024.0, resident_kib_max(edge.pid) / 1_024.0));
    section.note("events/s: of all clients together, from the first connection to the last event; every event came once and in order; µs: processor time for each of them");
    section.note("without a budget for the tenant's replays: by default it has 64 MiB of reads and 256 MiB of shows at once, and refills within 16 s");
    section.note("direct get: messages that are counted and not looked at, in requests of 1,000, one after the other");
    section
}

/// Events that a stream has shown once, for their cursors; then a gateway that has not seen them.
async fn history(edge: &mut Edge, events: usize) -> Vec<String> {
    let probe = Probe::open(&edge.address(), &edge.stack.token_of("probe", TENANT, &["reader"])).await;
    let broker = nats::client(&edge.stack.nats).await;
    direct::fast(&broker, &[Tenant::new(TENANT).unwrap()], events).await;
    let cursors = probe.cursors(events).await;
    edge.restart().await;
    cursors
}

/// A reader for each gap, all at once: direct gets, and then streams of the gateway. Events a second of each.
async fn both(edge: &Edge, cursors: &[String], gaps: &[Gap], label: &str, section: &mut Section) -> [f64; 2] {
    let events: usize = gaps.iter().map(Gap::len).sum();
    let mut row = |side: &str, took: Duration, floor: Option<f64>, cpu: &Cpu| {
        let (rate, costs) = (rate(events, took), cpu.seconds().into_iter().map(|seconds| Some(per_event_us(seconds, events))));
        section.row(format!("{label}, {side}"), [Some(rate), floor.map(|floor| rate / floor), Some(took.as_secs_f64())].into_iter().chain(costs));
        rate
    };
    let cpu = || Cpu::of([edge.pid, edge.stack.nats.pid(), std::process::id()]);
    let client = nats::client(&edge.stack.nats).await;
    let (of, begun) = (cpu(), Instant::now());
    let filter = subject::stored_of(&Tenant::new(TENANT).unwrap());
    // Nothing else is in the log: the first event has sequence 1.
    join_all(gaps.iter().map(|gap| direct_get::read(&client, &filter, gap.start as u64 + 1, gap.len()))).await;
    let floor = row("direct get", begun.elapsed(), None, &of);

    let ask = |(number, gap): (usize, &Gap)| {
        let request = edge.request(TENANT, number, Some(&cursors[gap.start]));
        Ask::once(request, Expect::after(gap.start, gap.len())).leaving()
    };
    let task = edge.task(gaps.iter().enumerate().map(ask).collect(), Opening::STORM, false);
    let of = cpu();
    let read = Readers::start(task).finish().await;
    [floor, row("gateway", read.took(), Some(floor), &of)]
}
