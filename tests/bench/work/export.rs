//! All of a tenant's events as a file, in each format: how fast, and how the memory of the process grows with it.

use std::time::Instant;

use futures_util::StreamExt;

use super::rate;
use crate::args::Args;
use crate::filled::Filled;
use crate::machine::{Cpu, child, resident_kib, resident_kib_max};
use crate::report::{Section, progress};
use crate::work::per_event_us;

const FORMATS: [&str; 5] = ["ndjson", "json", "csv", "cloudevents", "ocsf"];
const COLUMNS: &[&str] = &["events/s", "MiB/s", "first byte ms", "seconds", "api µs", "postgres µs", "MiB before", "MiB most"];

/// One format after the other, each in a process of its own.
pub(crate) async fn run(args: &Args, filled: &Filled) -> Section {
    let events = args.archive.export_events.unwrap_or(u64::MAX).min(filled.corpus.events() / 2);
    let title = format!("export: {events} events of the largest tenant, streamed");
    let mut section = Section::new("export", title, COLUMNS);
    let share = events as f64 / (filled.corpus.events() / 2) as f64;
    // The oldest events, as many as are wanted.
    let until = filled.corpus.time((filled.corpus.events() as f64 * share) as u64);
    let until = slipstream_event::Timestamp::from(until);
    let token = filled.stack.token_of("auditor", filled.corpus.largest().as_str(), &["admin"]);
    for format in FORMATS {
        progress(format);
        let node = filled.stack.node("api").await;
        let pid = child("--role api");
        let cpu = Cpu::of([pid, filled.stack.cluster.server.pid()]);
        let before = resident_kib(pid);
        let begun = Instant::now();
        let request = reqwest::Client::new().get(format!("{}/api/events/export?format={format}&timeEnd={until}", node.url())).bearer_auth(&token);
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        let (mut body, mut bytes, mut lines, mut first) = (answer.bytes_stream(), 0_usize, 0_usize, None);
        while let Some(part) = body.next().await {
            let part = part.unwrap();
            first.get_or_insert_with(|| begun.elapsed());
            bytes += part.len();
            lines += memchr::memchr_iter(b'\n', &part).count();
        }
        let took = begun.elapsed();
        let [api, postgres] = [0, 1].map(|place| cpu.seconds()[place]);
        let count = events as usize;
        let mib = bytes as f64 / 1_048_576.0;
        section.row(
            format,
            [
                Some(rate(count, took)),
                Some(mib / took.as_secs_f64()),
                first.map(|first| first.as_secs_f64() * 1e3),
                Some(took.as_secs_f64()),
                Some(per_event_us(api, count)),
                Some(per_event_us(postgres, count)),
                Some(before / 1_024.0),
                Some(resident_kib_max(pid) / 1_024.0),
            ],
        );
        let shown = if format == "csv" { lines.saturating_sub(1) } else { lines };
        assert!(format == "json" || shown.abs_diff(count) <= count / 100, "{format}: {shown} lines of {count}");
        node.stop().await;
    }
    section.note("MiB before and most: resident memory of the process that exports, when it has started and at its largest");
    section
}
