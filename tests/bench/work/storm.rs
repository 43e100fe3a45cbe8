//! The gateway is killed and comes back, and all its clients at once, each with its cursor.

mod costs;

use std::time::{Duration, Instant};

use slipstream_event::Tenant;

use super::edge::Edge;
use crate::args::Args;
use crate::machine::{Cpu, dropped_connections, resident_kib, resident_kib_max};
use crate::nats;
use crate::probe::Probe;
use crate::publisher::direct;
use crate::readers::{Ask, Opening, Read, Readers};
use crate::report::{Section, progress};
use crate::serial::Expect;
use crate::stats::Samples;
use costs::{Consumers, Reads};

const COLUMNS: &[&str] =
    &["start s", "all s", "p50 ms", "p99 ms", "max ms", "dropped", "events", "pg commits", "pg rows", "consumers", "pages", "CPU s", "RSS MiB", "peak MiB"];

/// Restarts the gateway, first without clients, so that what its start costs is known.
pub(crate) async fn run(args: &Args) -> Section {
    let (clients, tenants, missed) = (args.edge.clients as usize, args.edge.tenants as usize, args.edge.missed as usize);
    let title = format!("storm: {clients} clients of {tenants} tenants come back at once, each 1 to {missed} events behind");
    let mut section = Section::new("storm", title, COLUMNS);
    let mut edge = Edge::start(args).await;
    progress("events, cursors and tokens");
    let cursors = cursors(&edge, tenants, missed).await;
    let mut reads = Reads::open(&edge.stack).await;
    let mut consumers = Consumers::watch(&edge.stack).await;

    progress("the gateway starts again, without clients");
    let row = restart(&mut edge, Vec::new(), Opening::STORM, &mut reads, &mut consumers).await;
    section.row("no client", row);
    progress("the gateway starts again, with all clients");
    let opening = args.edge.at_once.map_or(Opening::STORM, |at_once| Opening { at_once: at_once as usize, ..Opening::STORM });
    let asks = (0..clients).map(|client| ask(&edge, &cursors, client, missed)).collect();
    let row = restart(&mut edge, asks, opening, &mut reads, &mut consumers).await;
    section.row(format!("{clients} clients"), row);
    section.note("start: from the kill until the gateway serves; all: from the first connection until each client has `ready` and every event it missed, once and in order");
    section
        .note("p50 to max: the same for each client; pg: commits, and rows given or scanned, of the database until 12 s after; consumers: made on the broker");
    section.note("pages: read from the broker for replays; CPU: of the gateway, from the first connection until all have everything");
    section
}

/// For each tenant: the cursor before its events, and the one after each.
async fn cursors(edge: &Edge, tenants: usize, missed: usize) -> Vec<Vec<String>> {
    let mut probes = Vec::with_capacity(tenants);
    for number in 0..tenants {
        let token = edge.stack.token_of("probe", tenant(number).as_str(), &["reader"]);
        probes.push(Probe::open(&edge.address(), &token).await);
    }
    let broker = nats::client(&edge.stack.nats).await;
    let tenants: Vec<Tenant> = (0..tenants).map(tenant).collect();
    direct::fast(&broker, &tenants, missed).await;
    futures_util::future::join_all(probes.into_iter().map(|probe| probe.cursors(missed))).await
}

/// A client, with the cursor of one of its tenant's events.
fn ask(edge: &Edge, cursors: &[Vec<String>], client: usize, missed: usize) -> Ask {
    let (of, turn) = (client % cursors.len(), client / cursors.len());
    let seen = turn % missed;
    let request = edge.request(tenant(of).as_str(), client, Some(&cursors[of][seen]));
    Ask::once(request, Expect::after(seen, missed - seen))
}

async fn restart(edge: &mut Edge, asks: Vec<Ask>, opening: Opening, reads: &mut Reads, consumers: &mut Consumers) -> Vec<Option<f64>> {
    let killed = Instant::now();
    edge.kill().await;
    reads.begin().await;
    consumers.begin().await;
    edge.restart().await;
    let start = killed.elapsed();
    let (before, dropped, cpu, clients) = (resident_kib(edge.pid), dropped_connections(), Cpu::of([edge.pid]), asks.len());
    let read = if clients == 0 { Read::default() } else { Readers::start(edge.task(asks, opening, false)).finish().await };
    let dropped = dropped_connections() - dropped;
    let cpu = cpu.seconds()[0];
    let waits: Samples = read.complete_ns.iter().map(|at_ns| at_ns - read.begun_ns).collect();
    let [p50, _, p99, max] = waits.quantiles();
    let came = |value: f64| (clients > 0).then_some(value);
    let pages = costs::pages(&edge.gateway).await;
    let (commits, rows) = reads.since_begin().await;
    let costs = [commits, rows, consumers.since_begin().await, pages].map(Some);
    let memory = [came(cpu), Some(before / 1_024.0), Some(resident_kib_max(edge.pid) / 1_024.0)];
    let times = [Some(secs(start)), came(secs(read.took())), p50, p99, max, came(dropped), came(read.deliveries as f64)];
    times.into_iter().chain(costs).chain(memory).collect()
}

fn secs(time: Duration) -> f64 {
    time.as_secs_f64()
}

fn tenant(number: usize) -> Tenant {
    Tenant::new(&format!("storm-{number:04}")).unwrap()
}
