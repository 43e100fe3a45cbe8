//! Generated events through HTTP ingest, to the archive.
//!
//! Three phases on one deployment: ingest without an archiver (against the broker alone), the archiver over what has piled up (against the database
//! alone), and both at once.

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use slipstream_tests::{Node, Stack};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Watermark, end, per_event_us, rate, stack};
use crate::args::Args;
use crate::floor::{copy, publish};
use crate::load::{self, Batch};
use crate::machine::{Cpu, child};
use crate::report::Section;
use crate::{http, nats};

/// Longest time that the archive may need for the events of a phase.
const WITHIN: Duration = Duration::from_secs(300);
/// Processor time is for each event.
const COLUMNS: &[&str] = &["events/s", "of floor", "seconds", "gateway µs", "archiver µs", "nats µs", "postgres µs", "load µs"];

/// The requests of a phase.
struct Load {
    requests: Vec<Vec<u8>>,
    events: usize,
    connections: usize,
}

/// The processes of a phase, for their time.
struct Meter {
    cpu: Cpu,
    has_gateway: bool,
    has_archiver: bool,
}

/// Runs it, and once more with a relaxed broker when that is asked for.
pub(crate) async fn run(args: &Args) -> Vec<Section> {
    let mut sections = vec![measure(args).await];
    if args.ingest.relaxed {
        sections.push(relaxed(args).await);
    }
    sections
}

async fn measure(args: &Args) -> Section {
    let (events, connections) = (args.ingest.events as usize, usize::from(args.ingest.connections));
    let mut section = Section::new("ingest", title(events, connections), COLUMNS);
    let stack = stack(args, &[]).await;
    let gateway = stack.node("gateway").await;
    let mut watermark = Watermark::open(&stack).await;

    let acked = ingest_alone(&stack, &gateway, events, connections, &mut section).await;
    if !args.ingest.no_floors {
        broker_floors(events, connections, acked, &mut section).await;
    }
    let (archiver, drained) = archive_alone(&stack, &mut watermark, &mut section).await;
    if !args.ingest.no_floors {
        database_floor(&stack, drained, &mut section).await;
        section.note(
            "floors, in the same run: nats-server alone with one asynchronous publisher, and with the same batches as atomic ones; Postgres alone with one binary COPY of the same rows",
        );
    }
    both(&stack, &gateway, &mut watermark, events, connections, &mut section).await;

    let (archived, sent) = (watermark.events().await, 2 * events);
    assert!(archived == sent as u64, "{sent} events were acknowledged, and the archive holds {archived}");
    drop((archiver, gateway));
    section
}

async fn ingest_alone(stack: &Stack, gateway: &Node, events: usize, connections: usize, section: &mut Section) -> f64 {
    let load = Load::new(stack, load::batches(events), connections);
    let meter = Meter::new(stack, true, false);
    let took = load.send(gateway).await;
    let acked = rate(events, took);
    section.row("ingest alone: acknowledged", [Some(acked), None, Some(took.as_secs_f64())].into_iter().chain(meter.per_event(events)));
    acked
}

async fn broker_floors(events: usize, connections: usize, acked: f64, section: &mut Section) {
    let one_by_one = publish::asynchronous(&load::batches(events)).await;
    let atomic = publish::atomic(&load::batches(events), connections).await;
    let labels = [format!("  floor: publisher, {} in flight", publish::IN_FLIGHT), format!("  floor: atomic batches, {connections} in flight")];
    for (label, done) in labels.into_iter().zip([one_by_one, atomic]) {
        let floor = rate(done.events, done.took);
        let us = |seconds| Some(per_event_us(seconds, done.events));
        let row = [Some(floor), Some(acked / floor), Some(done.took.as_secs_f64()), None, None, us(done.broker_seconds), None, us(done.publisher_seconds)];
        section.row(label, row);
    }
}

/// From the first batch in the archive to the last, so that the start of the process does not count.
async fn archive_alone(stack: &Stack, watermark: &mut Watermark, section: &mut Section) -> (Node, f64) {
    let end = end(stack).await;
    let archiver = stack.node("archiver").await;
    let meter = Meter::new(stack, true, true);
    let begun = watermark.reach(1, WITHIN).await;
    let from = watermark.seq().await;
    let took = watermark.reach(end, WITHIN).await - begun;
    let events = usize::try_from(end - from).unwrap();
    let drained = rate(events, took);
    section.row("archiver alone: archived", [Some(drained), None, Some(took.as_secs_f64())].into_iter().chain(meter.per_event(events)));
    section.note(format!("archiver alone: {:.0} events in a transaction", events as f64 / watermark.batches().await as f64));
    (archiver, drained)
}

async fn database_floor(stack: &Stack, drained: f64, section: &mut Section) {
    let done = copy::copy(&stack.database_url, stack.cluster.server.pid()).await;
    let rows = usize::try_from(done.rows).unwrap();
    let floor = rate(rows, done.took);
    let postgres = Some(per_event_us(done.database_seconds, rows));
    section.row("  floor: binary COPY", [Some(floor), Some(drained / floor), Some(done.took.as_secs_f64()), None, None, None, postgres]);
}

async fn both(stack: &Stack, gateway: &Node, watermark: &mut Watermark, events: usize, connections: usize, section: &mut Section) {
    let load = Load::new(stack, load::batches(events), connections);
    let meter = Meter::new(stack, true, true);
    let begun = Instant::now();
    let took = load.send(gateway).await;
    section.row("both at once: acknowledged", [Some(rate(events, took)), None, Some(took.as_secs_f64())]);
    let took = watermark.reach(end(stack).await, WITHIN).await - begun;
    section.row("both at once: archived", [Some(rate(events, took)), None, Some(took.as_secs_f64())].into_iter().chain(meter.per_event(events)));
}

impl Load {
    /// Everything that can be made before is made before.
    fn new(stack: &Stack, batches: Vec<Batch>, connections: usize) -> Self {
        let tokens: Vec<String> = (0..load::TENANTS).map(|number| stack.token_of(load::USER, load::tenant(number).as_str(), &["writer"])).collect();
        let requests = batches.iter().zip(tokens.iter().cycle()).map(|(batch, token)| http::post("/api/events", token, &batch.body())).collect();
        Self { requests, events: batches.iter().map(|batch| batch.drafts.len()).sum(), connections }
    }

    /// Sends all; how long it took until the last answer.
    async fn send(self, gateway: &Node) -> Duration {
        assert!(self.events > 0);
        let (requests, next) = (Arc::new(self.requests), Arc::new(AtomicUsize::new(0)));
        let mut senders = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..self.connections {
            let (requests, next) = (requests.clone(), next.clone());
            let mut connection = http::Connection::open(http::address(&gateway.url())).await;
            senders.spawn(async move {
                while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    connection.accepted(request).await;
                }
            });
        }
        while let Some(sender) = senders.join_next().await {
            sender.unwrap();
        }
        begun.elapsed()
    }
}

impl Meter {
    fn new(stack: &Stack, has_gateway: bool, has_archiver: bool) -> Self {
        let own = std::process::id();
        let gateway = if has_gateway { child("--role gateway") } else { own };
        let archiver = if has_archiver { child("--role archiver") } else { own };
        Self { cpu: Cpu::of([gateway, archiver, stack.nats.pid(), stack.cluster.server.pid(), own]), has_gateway, has_archiver }
    }

    /// Gateway, archiver, NATS, Postgres, load: microseconds for each event.
    fn per_event(&self, events: usize) -> Vec<Option<f64>> {
        let runs = [self.has_gateway, self.has_archiver, true, true, true];
        self.cpu.seconds().into_iter().zip(runs).map(|(seconds, runs)| runs.then(|| per_event_us(seconds, events))).collect()
    }
}

/// The same in a process of its own whose every broker acknowledges before fsync.
async fn relaxed(args: &Args) -> Section {
    let dir = tempfile::tempdir().unwrap();
    let json = dir.path().join("ingest.json");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["ingest", "--events", &args.ingest.events.to_string(), "--connections", &args.ingest.connections.to_string(), "--json"]).arg(&json);
    command.args(args.preload.iter().flat_map(|library| [OsStr::new("--preload"), library.as_os_str()]));
    command.args(args.set.iter().flat_map(|(name, value)| ["--set".to_owned(), format!("{}={value}", name.trim_start_matches("SLIPSTREAM_"))]));
    command.env(nats::NATS_BIN, nats::relaxed(dir.path()).await).stdout(std::process::Stdio::null()).kill_on_drop(true);
    assert!(command.status().await.unwrap().success());
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    let title = format!("{}, RELAXED: acknowledged before fsync, on both sides", title(args.ingest.events as usize, usize::from(args.ingest.connections)));
    Section::from_json("ingest_relaxed", title, COLUMNS, &report["ingest"])
}

fn title(events: usize, connections: usize) -> String {
    let bytes = load::batches(1)[0].drafts[0].len();
    let payload = load::batches(1)[0].messages()[0].payload.len();
    let (batch, tenants) = (load::BATCH, load::TENANTS);
    format!("ingest: {events} events of {bytes} B ({payload} B as published), {tenants} tenants, batches of {batch} over {connections} connections")
}
