//! Memory per idle stream.

use std::time::Duration;

use slipstream_tests::Stack;
use tokio::time::sleep;

use super::stack;
use crate::args::Args;
use crate::http;
use crate::machine::{child, resident_kib};
use crate::report::Section;
use crate::streams::Stream;

/// The tenant.
const TENANT: &str = "acme";
/// What the process may still do after the last stream was opened.
const SETTLE: Duration = Duration::from_secs(2);
/// The time in which every stream has sent a heartbeat, at the default setting.
const HEARTBEATS: Duration = Duration::from_secs(17);

/// Opens streams in two steps, in a process that is a gateway and nothing else.
pub(crate) async fn run(args: &Args) -> Section {
    let streams = args.streams.last().copied().unwrap_or(1_000) as usize;
    let mut section = Section::new(
        "idle",
        format!("idle: resident memory of a gateway, {streams} streams of one tenant, then {streams} more"),
        &["streams", "RSS MiB", "KiB/stream"],
    );
    let stack = stack().await;
    let gateway = stack.node("gateway").await;
    let pid = child("--role gateway");
    let mut open = open(&stack, &gateway.url(), 0, 1).await;
    sleep(SETTLE).await;
    let mut before = resident_kib(pid);
    section.row("started", [Some(open.len() as f64), Some(before / 1_024.0)]);
    for step in ["first", "second"] {
        open.extend(self::open(&stack, &gateway.url(), open.len(), streams).await);
        sleep(SETTLE).await;
        let opened = resident_kib(pid);
        sleep(HEARTBEATS).await;
        let beaten = resident_kib(pid);
        for (label, now) in [("open", opened), ("after a heartbeat", beaten)] {
            section.row(format!("{step} {streams}: {label}"), [open.len() as f64, now / 1_024.0, (now - before) / streams as f64].map(Some));
        }
        before = beaten;
    }
    section.note("KiB/stream: growth since the step before, by the streams of this step; what the kernel keeps for the sockets is not in it");
    section
}

async fn open(stack: &Stack, url: &str, from: usize, count: usize) -> Vec<Stream> {
    let requests: Vec<_> = (from..from + count).map(|number| http::stream(&stack.token_of(&format!("reader-{number}"), TENANT, &["reader"]))).collect();
    Stream::open_all(http::address(url), &requests, b"event: ready").await
}
