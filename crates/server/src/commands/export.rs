//! `slipstream export`: a tenant's history as a file.

mod job;
mod place;

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use slipstream_event::export::Format;
use tokio_util::sync::CancellationToken;

use super::Output;
use super::output::until_closed;
use super::selection::Selection;
use crate::client::{Client, Connection, Reach};
use place::Place;

/// Writes history to a file.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream export --since 2026-11-01 > november.csv
  slipstream export --format ndjson --end --output all.ndjson
  slipstream export --job --format json --output all.json   # made by a worker, fetched in parts; the same call with --resume ID goes on")]
pub struct Args {
    /// csv, json, ndjson, cloudevents or ocsf
    #[arg(long, value_name = "FORMAT", default_value = "csv", value_parser = format)]
    pub format: Format,
    /// End newline-delimited formats with a line that tells the count
    #[arg(long)]
    pub end: bool,
    /// Write to this file, which appears when it is whole [default: standard output]
    #[arg(long, short = 'o', value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Let a worker make the file, then fetch it; what breaks off is gone on with
    #[arg(long)]
    pub job: bool,
    /// Fetch the file of this job, which was asked for before
    #[arg(long, value_name = "ID", requires = "job")]
    pub resume: Option<String>,
    /// Print a summary as JSON
    #[arg(long, requires = "output")]
    pub json: bool,
    /// What to export.
    #[command(flatten)]
    pub selection: Selection,
    /// Where to connect.
    #[command(flatten)]
    pub connection: Connection,
}

/// What was written.
struct Done {
    bytes: u64,
    fetched: u64,
    rows: Option<u64>,
    job: Option<String>,
    sha256: Option<String>,
}

/// Writes the file.
///
/// # Errors
/// When the server refuses, does not answer or cuts the export off, or when the file cannot be written.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<()> {
    let client = Client::new(args.connection.resolve(Reach::Tenant)?, |line| eprintln!("{line}"))?;
    until_closed(tokio::select! {
        biased;
        result = export(&args, &client, output, &shutdown) => result,
        () = shutdown.cancelled() => Err(anyhow::anyhow!("interrupted; what is written is not the whole export")),
    })
}

async fn export(args: &Args, client: &Client, output: &mut Output, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let done = if args.job { job::run(args, client, output, shutdown).await? } else { stream(args, client, output).await? };
    if args.json {
        let Done { bytes, fetched, rows, job, sha256 } = done;
        output
            .line(
                &json!({"file": args.output, "format": args.format, "bytes": bytes, "fetched": fetched, "rows": rows, "job": job, "sha256": sha256})
                    .to_string(),
            )
            .await?;
        output.flush().await?;
    }
    Ok(())
}

async fn stream(args: &Args, client: &Client, output: &mut Output) -> anyhow::Result<Done> {
    let mut query = args.selection.query();
    query.push(("format", args.format.as_str().to_owned()));
    query.extend(args.end.then(|| ("end", "true".to_owned())));
    let mut answer = client.export(&query).await?;
    let rows = answer.headers().get("x-export-rows").and_then(|value| value.to_str().ok()?.parse().ok());
    let mut place = Place::open(args.output.as_deref(), output, false).await?;
    let progress = bytes_progress(None);
    while let Some(piece) = client.chunk(&mut answer).await.context("the export was cut off; what is written is not the whole of it")? {
        place.write(&piece).await?;
        progress.inc(piece.len() as u64);
    }
    progress.finish_and_clear();
    let bytes = place.finish().await?;
    Ok(Done { bytes, fetched: bytes, rows, job: None, sha256: None })
}

/// Progress on a terminal; hidden elsewhere.
fn bytes_progress(total: Option<u64>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let template = if total.is_some() { "{bar:30} {bytes}/{total_bytes} {bytes_per_sec}" } else { "{spinner} {bytes} {bytes_per_sec}" };
    // A template that cannot be read leaves the usual one.
    ProgressStyle::with_template(template).map_or(bar.clone(), |style| bar.with_style(style))
}

fn format(word: &str) -> Result<Format, String> {
    Format::parse(word).ok_or_else(|| "must be csv, json, ndjson, cloudevents or ocsf".to_owned())
}
