//! Memory per idle stream.

use std::time::Duration;

use tokio::time::sleep;

use super::edge::{Edge, TENANT};
use crate::args::Args;
use crate::machine::{kernel_kib, resident_kib};
use crate::readers::{Ask, Readers};
use crate::report::{Section, progress};
use crate::serial::Expect;

/// What the process may still do after the last stream was opened.
const SETTLE: Duration = Duration::from_secs(2);
/// The time in which every stream has sent a heartbeat, at the default setting.
const HEARTBEATS: Duration = Duration::from_secs(17);

/// Resident memory of the gateway, and what the kernel keeps for objects and for bytes under way, all in KiB.
#[derive(Clone, Copy)]
struct Memory([f64; 3]);

/// Opens ever more streams, in a process that is a gateway and nothing else.
pub(crate) async fn run(args: &Args) -> Section {
    let title = "idle: resident memory of a gateway with idle streams of one tenant";
    let mut section = Section::new("idle", title, &["streams", "RSS MiB", "KiB/stream", "kernel KiB", "TCP KiB"]);
    let edge = Edge::start(args).await;
    // One, so that what is made for the first does not count for the others.
    let mut open = vec![more(&edge, 0, 1).await];
    sleep(SETTLE).await;
    let (mut streams, mut before) = (1, Memory::now(&edge));
    section.row("started", [Some(1.0), Some(before.0[0] / 1_024.0)]);
    for step in args.edge.idle_streams.iter().map(|step| *step as usize) {
        assert!(step > streams, "the steps of idle have to grow: {step} streams after {streams}");
        progress(format_args!("{step} streams"));
        open.push(more(&edge, streams, step).await);
        sleep(SETTLE).await;
        let opened = Memory::now(&edge);
        sleep(HEARTBEATS).await;
        let beaten = Memory::now(&edge);
        for (label, now) in [("open", opened), ("after a heartbeat", beaten)] {
            let [resident, objects, bytes] = now.since(before, step - streams);
            section.row(format!("{step} {label}"), [step as f64, now.0[0] / 1_024.0, resident, objects, bytes].map(Some));
        }
        (streams, before) = (step, beaten);
    }
    for readers in open {
        let read = readers.stop().await;
        assert!(read.deliveries == 0, "idle streams showed {} events", read.deliveries);
    }
    section.note("KiB/stream: growth since the step before, by the streams of this step");
    section.note(
        "kernel, TCP: the same for what the kernel keeps (slab; TCP's buffers) for both ends of each connection, of the whole machine: not in KiB/stream",
    );
    section
}

impl Memory {
    fn now(edge: &Edge) -> Self {
        let [objects, bytes] = kernel_kib();
        Self([resident_kib(edge.pid), objects, bytes])
    }

    /// What each of these streams added.
    fn since(self, before: Self, streams: usize) -> [f64; 3] {
        std::array::from_fn(|part| (self.0[part] - before.0[part]) / streams as f64)
    }
}

/// Streams of these numbers, read as clients do.
async fn more(edge: &Edge, from: usize, to: usize) -> Readers {
    let asks = (from..to).map(|number| Ask::once(edge.request(TENANT, number, None), Expect::all(0))).collect();
    edge.open(asks, false).await
}
