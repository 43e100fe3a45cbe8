//! A long gap, read from the broker through the gateway, beside batched direct gets alone.

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
const COLUMNS: &[&str] = &["events/s", "of floor", "seconds", "gateway µs", "nats µs", "reader µs"];

/// A gap: the events from one to another, by their numbers.
type Gap = std::ops::Range<usize>;

/// Floor and product in turn, and then several clients at once.
pub(crate) async fn run(args: &Args) -> Section {
    let events = args.edge.replay_events as usize;
    let mut section = Section::new("replay", format!("replay: {events} events of one tenant, which only the broker has"), COLUMNS);
    let mut edge = Edge::start(args).await;
    progress("events and cursors");
    let cursors = history(&mut edge, events).await;
    let mut rates = Vec::new();
    for round in 1..=args.edge.rounds {
        progress(format_args!("round {round} of {}", args.edge.rounds));
        let floor = floor(&edge, events, round, &mut section).await;
        let one = read(&edge, &cursors, &[0..events], Some(floor), &format!("{round}: one client"), &mut section).await;
        rates.push([floor, one]);
    }
    let [floor, one] = [0, 1].map(|side| median(rates.iter().map(|round| round[side])));
    section.row("median: direct get", [Some(floor)]);
    section.row("median: one client", [Some(one), Some(one / floor)]);
    progress("clients together");
    let (same, part) = (vec![0..events; TOGETHER], events / TOGETHER);
    read(&edge, &cursors, &same, Some(floor), &format!("{TOGETHER} clients, all of it each"), &mut section).await;
    let parts: Vec<Gap> = (0..TOGETHER).map(|number| number * part..(number + 1) * part).collect();
    read(&edge, &cursors, &parts, Some(floor), &format!("{TOGETHER} clients, another tenth each"), &mut section).await;
    section.note(format!("gateway: {:.0} MiB resident at the end, {:.0} MiB at most", resident_kib(edge.pid) / 1_024.0, resident_kib_max(edge.pid) / 1_024.0));
    section.note("events/s: of all clients together, from the first connection to the last event; every event came once and in order; µs: processor time for each of them");
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

async fn floor(edge: &Edge, events: usize, round: u32, section: &mut Section) -> f64 {
    let client = nats::client(&edge.stack.nats).await;
    let cpu = Cpu::of([edge.stack.nats.pid(), std::process::id()]);
    let took = direct_get::read(&client, &subject::stored_of(&Tenant::new(TENANT).unwrap()), 1, events).await;
    let [nats, own] = [0, 1].map(|of| Some(per_event_us(cpu.seconds()[of], events)));
    let rate = rate(events, took);
    section.row(format!("{round}: direct get"), [Some(rate), None, Some(took.as_secs_f64()), None, nats, own]);
    rate
}

/// A client for each gap, all at once; events a second.
async fn read(edge: &Edge, cursors: &[String], gaps: &[Gap], floor: Option<f64>, label: &str, section: &mut Section) -> f64 {
    let ask = |(number, gap): (usize, &Gap)| {
        let request = edge.request(TENANT, number, Some(&cursors[gap.start]));
        Ask::once(request, Expect::after(gap.start, gap.len())).leaving()
    };
    let cpu = Cpu::of([edge.pid, edge.stack.nats.pid(), std::process::id()]);
    let read = Readers::start(edge.task(gaps.iter().enumerate().map(ask).collect(), Opening::STORM, false)).finish().await;
    let events: usize = gaps.iter().map(Gap::len).sum();
    let costs = cpu.seconds().into_iter().map(|seconds| Some(per_event_us(seconds, events)));
    let rate = rate(events, read.took());
    section.row(label, [Some(rate), floor.map(|floor| rate / floor), Some(read.took().as_secs_f64())].into_iter().chain(costs));
    rate
}
