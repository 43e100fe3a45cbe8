//! Counts of a large archive: how fast they are made from the events, how long an answer takes, and how long a reconciliation.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::time::sleep;

use super::history::{Caller, client, timed};
use super::rate;
use crate::args::Args;
use crate::filled::Filled;
use crate::machine::Cpu;
use crate::report::{Section, progress};
use crate::stats::Samples;
use crate::work::per_event_us;

/// Longest time that the counting may take.
const WITHIN: Duration = Duration::from_secs(30 * 60);
const COLUMNS: &[&str] = &["p50 ms", "p90 ms", "p99 ms", "max ms"];

/// Counts everything, then asks.
pub(super) async fn run(args: &Args, filled: &Filled) -> Vec<Section> {
    let events = filled.corpus.events() as usize;
    let mut counting =
        Section::new("analytics_fold", format!("analytics: counting {events} events from the first on"), &["events/s", "seconds", "postgres µs", "rows"]);
    let mut owner = filled.owner().await;
    let cpu = Cpu::of([filled.stack.cluster.server.pid()]);
    let archiver = filled.stack.node("archiver").await;
    let begun = Instant::now();
    while counted(&mut owner).await < events as i64 {
        assert!(begun.elapsed() < WITHIN, "the events are not counted within {WITHIN:?}");
        sleep(Duration::from_millis(200)).await;
    }
    // Before it stops: what its sessions have used goes with them.
    let (took, used) = (begun.elapsed(), cpu.seconds()[0]);
    archiver.stop().await;
    let rows: i64 = sqlx::query_scalar("select (select count(*) from slipstream.analytics_hour) + (select count(*) from slipstream.analytics_day)")
        .fetch_one(&mut owner)
        .await
        .unwrap();
    counting.row("folded", [Some(rate(events, took)), Some(took.as_secs_f64()), Some(per_event_us(used, events)), Some(rows as f64)]);
    sqlx::raw_sql("vacuum (analyze) slipstream.analytics_hour, slipstream.analytics_day, slipstream.analytics_head").execute(&mut owner).await.unwrap();
    progress("reconciliation");
    let begun = Instant::now();
    let output = filled.stack.run_within(WITHIN, &["analytics", "reconcile"], &[]).await;
    assert!(output.status.success(), "{output:?}");
    counting.row("reconciled: no count differs", [Some(rate(events, begun.elapsed())), Some(begun.elapsed().as_secs_f64())]);
    let asked = ask(args, filled).await;
    vec![counting, asked]
}

async fn counted(owner: &mut PgConnection) -> i64 {
    let counted: Option<i64> = sqlx::query_scalar("select sum(folded_size)::bigint from slipstream.analytics_head").fetch_one(owner).await.unwrap();
    counted.unwrap_or(0)
}

async fn ask(args: &Args, filled: &Filled) -> Section {
    let mut section = Section::new("analytics", "analytics: of the largest tenant; one request at a time", COLUMNS);
    let node = filled.stack.node("api").await;
    let http = client(filled, &node, Caller::Admin);
    let corpus = &filled.corpus;
    let since = |days: f64| {
        let share = 1.0 - days / 360.0;
        format!("from={}T00:00:00Z&to={}T00:00:00Z", corpus.time((corpus.events() as f64 * share) as u64).date(), corpus.time(corpus.events()).date())
    };
    for (days, bucket) in [(7.0, "hour"), (30.0, "day"), (355.0, "day")] {
        let range = since(days);
        for (label, path) in [
            ("series by severity", format!("/api/analytics/series?{range}&bucket={bucket}&by=severity")),
            ("series by type, one category", format!("/api/analytics/series?{range}&bucket={bucket}&by=type&category=entity")),
            ("top actors", format!("/api/analytics/top?of=actors&{range}")),
            ("top entities", format!("/api/analytics/top?of=entities&{range}")),
            ("summary with the period before", format!("/api/analytics/summary?{range}")),
            ("heat map", format!("/api/analytics/heatmap?{range}&zone=Europe/Berlin")),
        ] {
            progress(format_args!("{days} days: {label}"));
            let times = timed(&http, &path, args.archive.requests as usize / 10).await;
            section.row(format!("{days} days: {label}"), times.into_iter().collect::<Samples>().quantiles());
        }
    }
    section
}
