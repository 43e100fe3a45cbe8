//! `slipstream import`: loads a file of any size through the public ingest.
//!
//! Promises:
//! - Loading a file twice changes nothing: every event's id comes from its record.
//! - The events of one tenant arrive in the order of the file; tenants are loaded side by side.
//! - A record that is no event is named with its line and its reason, and holds up no other.
//! - Memory is bounded by the batches in hand, whatever the size of the file.

pub mod cloudtrail;
pub mod events;
mod lanes;
mod load;
mod progress;
mod records;
mod sample;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use slipstream_event::{Fault, Tenant, limits};
use tokio::io::AsyncRead;
use tokio_util::sync::CancellationToken;

use super::Output;
use super::output::until_closed;
use crate::client::{Client, Connection, Reach};
pub use load::{Options, load};
pub use progress::Progress;
pub use sample::{SAMPLE, load_sample};
pub use summary::{Refusal, Summary};

/// Loads a file of events through the public ingest. Loading it twice changes nothing.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream import cloudtrail cloudtrail.ndjson
  slipstream import cloudtrail --rate 20 --limit 500 cloudtrail.ndjson     # slow enough to watch
  zcat logs/*.json.gz | slipstream import cloudtrail -                     # AWS delivers {\"Records\": […]}
  slipstream history --all --json | slipstream import events --tenant copy -

Each event goes to the tenant that its record names, which needs a super-admin's token. With --tenant, all go to that one.
Exit code 1 when a record was refused; the others are loaded all the same.")]
pub struct Args {
    /// What the file holds
    #[arg(value_enum)]
    pub format: Format,
    /// The file: one JSON record a line, or an array of records; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Load at most N events a second
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rate: Option<f64>,
    /// Events in one request
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=limits::BATCH_EVENTS_MAX as u64))]
    pub batch: u64,
    /// Requests at the same time; those of one tenant always follow each other
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub concurrency: u64,
    /// Load the first N records only
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Stop at the first record that is refused
    #[arg(long)]
    pub strict: bool,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
    /// Where to connect.
    #[command(flatten)]
    pub connection: Connection,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// AWS CloudTrail records; the tenant is the service that was called
    Cloudtrail,
    /// Events: canonical, or drafts as `POST /api/events` takes them, with a timestamp each
    Events,
}

/// A record as an event, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Whose event it is, when the record says.
    pub tenant: Option<Tenant>,
    /// Its draft: JSON on one line, with an id and a timestamp.
    pub draft: String,
}

impl Format {
    /// The event of a record.
    ///
    /// # Errors
    /// What is wrong with the record.
    pub fn map(self, record: &[u8]) -> Result<Mapped, Fault> {
        match self {
            Self::Cloudtrail => cloudtrail::map(record),
            Self::Events => events::map(record),
        }
    }
}

/// Loads the file and prints a summary.
///
/// # Errors
/// When a record was refused, when the file cannot be read, or when the server does not answer or takes nothing from this caller.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<()> {
    let target = args.connection.resolve(Reach::Platform)?;
    let (input, bytes) = open(&args.file).await?;
    let progress = Progress::new(bytes);
    let client = Client::new(target, progress.notify())?;
    let (summary, result) = load(&client, args.format, input, &args.options(), &progress, &shutdown).await;
    progress.finish();
    until_closed(report(&summary, args.json, output).await)?;
    result?;
    match summary.refused {
        0 => Ok(()),
        1 => bail!("1 record was refused"),
        n => bail!("{n} records were refused"),
    }
}

impl Args {
    fn options(&self) -> Options {
        let usize_of = |number: u64| usize::try_from(number).unwrap_or(1);
        Options { rate: self.rate, batch: usize_of(self.batch), concurrency: usize_of(self.concurrency), limit: self.limit, strict: self.strict }
    }
}

/// The input, and its length when that is known.
async fn open(path: &Path) -> anyhow::Result<(Box<dyn AsyncRead + Unpin + Send>, Option<u64>)> {
    if path == Path::new("-") {
        return Ok((Box::new(tokio::io::stdin()), None));
    }
    let named = || format!("cannot read {}", path.display());
    let file = tokio::fs::File::open(path).await.with_context(named)?;
    let about = file.metadata().await.with_context(named)?;
    anyhow::ensure!(!about.is_dir(), "{}: it is a directory", named());
    Ok((Box::new(file), about.is_file().then_some(about.len())))
}

async fn report(summary: &Summary, json: bool, output: &mut Output) -> anyhow::Result<()> {
    if json {
        output.line(&serde_json::to_string(summary)?).await?;
    } else {
        for line in summary.lines() {
            output.line(&line).await?;
        }
    }
    output.flush().await
}

fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| (0.01..=1_000_000.0).contains(rate))
        .ok_or_else(|| "must be a number of events a second from 0.01 to 1000000".to_owned())
}
