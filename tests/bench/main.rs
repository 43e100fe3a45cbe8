//! Measures the platform against floors that are measured in the same run: `scripts/bench`.
//!
//! Every bench starts private servers and processes of the release binary on loopback, is bounded in time and count, and leaves nothing behind. Figures of a
//! small or shared machine are noisy: what counts are the ratios of one run.
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking, as the harness does")]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

mod args;
mod corpus;
mod filled;
mod floor;
mod http;
mod load;
mod machine;
mod nats;
mod probe;
mod publisher;
mod readers;
mod report;
mod serial;
mod stats;
mod work;

use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use args::{Args, Command};
use report::Report;

/// Longest time of one bench: far longer than it should take, so that only a fault reaches it.
const BENCH_WITHIN: Duration = Duration::from_secs(60 * 60);
/// Exit code of a bench that was told to stop.
const STOPPED: u8 = 130;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let args = Args::parse();
    if let Some(Command::BareWriter(writer)) = args.command {
        floor::writer::serve(writer);
        return std::process::ExitCode::SUCCESS;
    }
    machine::raise_file_limit();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    // Whichever way it ends, the servers are dropped with the future.
    tokio::select! {
        () = run(&args) => std::process::ExitCode::SUCCESS,
        _ = tokio::signal::ctrl_c() => std::process::ExitCode::from(STOPPED),
        _ = terminate.recv() => std::process::ExitCode::from(STOPPED),
    }
}

async fn run(args: &Args) {
    let mut report = Report::new(machine::Facts::read());
    report.print_head();
    let mut work = work::Work::default();
    for bench in args.benches() {
        println!("\n{bench} …");
        let sections = timeout(BENCH_WITHIN, work.run(bench, args)).await;
        for section in sections.unwrap_or_else(|_| panic!("{bench} did not end within {BENCH_WITHIN:?}")) {
            report.add(section);
        }
    }
    if let Some(file) = &args.json {
        std::fs::write(file, report.to_json()).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
}
