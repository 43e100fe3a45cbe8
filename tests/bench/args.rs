//! The command line.

use std::fmt;
use std::path::PathBuf;

use clap::value_parser;

use crate::floor::writer::Writer;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bench {
    /// A file of CloudTrail records through `slipstream import`, to the archive
    Import,
    /// Generated events through HTTP ingest, to the archive; with the broker's and the database's floors
    Ingest,
    /// From the publisher to the byte on a stream's socket, for several numbers of streams; with a bare writer as floor
    Latency,
    /// Many streams of few events and of many, how the cost grows, and a noisy tenant beside a calm one; with a bare writer as floor
    Fanout,
    /// Memory per idle stream
    Idle,
    /// All clients come back at once, with cursors, after the gateway was killed
    Storm,
    /// A long gap read from the broker; with bare batched direct gets as floor
    Replay,
    /// A year of events: how fast the archive grows, beside other ways to write the same rows; what each index costs; what it takes on disk
    Archive,
    /// The pages of history and what else is asked of that year, page 1 beside page 1,000
    History,
    /// All of that year as files: speed, and memory while it grows
    Export,
    /// Counting that year's events, answers from the counts, and their reconciliation
    Analytics,
    /// All of them
    All,
}

/// A part of `fanout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Events at a steady rate: processor time and latency
    Paced,
    /// Events as fast as they go: deliveries a second
    Burst,
    /// From few streams to many
    Streams,
    /// From one tenant to many
    Tenants,
    /// A calm tenant beside a noisy one
    Neighbour,
}

impl Bench {
    const EACH: [Self; 10] =
        [Self::Import, Self::Ingest, Self::Latency, Self::Fanout, Self::Idle, Self::Storm, Self::Replay, Self::Archive, Self::History, Self::Export];
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Import => "import",
            Self::Ingest => "ingest",
            Self::Latency => "latency",
            Self::Fanout => "fanout",
            Self::Idle => "idle",
            Self::Storm => "storm",
            Self::Replay => "replay",
            Self::Archive => "archive",
            Self::History => "history",
            Self::Export => "export",
            Self::Analytics => "analytics",
            Self::All => "all",
        })
    }
}

/// A setting as the variable that carries it.
fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("write NAME=VALUE")?;
    Ok((format!("SLIPSTREAM_{}", name.to_uppercase()), value.to_owned()))
}

/// Measures the platform against floors that are measured in the same run.
#[derive(Debug, clap::Parser)]
#[command(name = "scripts/bench", args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// What to measure
    #[arg(value_enum, required = true)]
    benches: Vec<Bench>,
    /// Write the numbers to this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Load this library into the platform's processes (LD_PRELOAD): for a comparison of allocators, with a program built without the feature jemalloc
    #[arg(long, value_name = "LIB")]
    pub(crate) preload: Option<PathBuf>,
    /// A setting of the platform's processes, such as replay_tenant_read_bytes_per_second=1048576; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) set: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) ingest: Ingest,
    #[command(flatten)]
    pub(crate) edge: Edge,
    #[command(flatten)]
    pub(crate) archive: Archive,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of `import` and `ingest`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "import, ingest")]
pub(crate) struct Ingest {
    /// The CloudTrail records of `import` [default: the bundled sample]
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// `ingest` once more with a broker that acknowledges before fsync, on both sides
    #[arg(long)]
    pub(crate) relaxed: bool,
    /// `ingest` without its floors: for a profiler
    #[arg(long, conflicts_with = "relaxed")]
    pub(crate) no_floors: bool,
    /// Events of each phase of `ingest`
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = value_parser!(u32).range(1_000..=2_000_000))]
    pub(crate) events: u32,
    /// Connections of `ingest`
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
}

/// Options of what measures streams.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "latency, fanout, idle, storm, replay")]
pub(crate) struct Edge {
    /// Streams of the steps of `latency`
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 100, 1_000], value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) streams: Vec<u32>,
    /// Length of each run of `latency` and `fanout` at a steady rate
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u32).range(2..=600))]
    pub(crate) seconds: u32,
    /// Events a second of `latency` and `fanout`
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) rate: u32,
    /// Parts of `fanout` [default: all]
    #[arg(long = "part", value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Streams of `fanout`
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = value_parser!(u32).range(2..=15_000))]
    pub(crate) fanout_streams: u32,
    /// Events of each round of `fanout`'s `burst`
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = value_parser!(u32).range(100..=500_000))]
    pub(crate) burst_events: u32,
    /// Rounds of `burst` and of `replay`, floor and product in turn; the medians count
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..=20))]
    pub(crate) rounds: u32,
    /// Streams of one tenant, step by step
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [100, 1_000, 5_000, 10_000, 15_000], value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) grow_streams: Vec<u32>,
    /// Deliveries a second of these steps
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(100..=200_000))]
    pub(crate) grow_rate: u32,
    /// Tenants of all streams together, step by step
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 10, 100, 1_000], value_parser = value_parser!(u32).range(1..=2_000))]
    pub(crate) grow_tenants: Vec<u32>,
    /// Streams of these steps
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) tenant_streams: u32,
    /// Length of each of the steps
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = value_parser!(u32).range(2..=600))]
    pub(crate) grow_seconds: u32,
    /// Events a second of the noisy tenant
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = value_parser!(u32).range(20..=50_000))]
    pub(crate) noise_rate: u32,
    /// Streams of the noisy tenant
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = value_parser!(u32).range(1..=5_000))]
    pub(crate) noise_streams: u32,
    /// Clients of the noisy tenant that read a long gap again and again
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(0..=2_000))]
    pub(crate) noise_replays: u32,
    /// Streams of the steps of `idle`, each in all
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1_000, 5_000, 10_000], value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) idle_streams: Vec<u32>,
    /// Clients of `storm`
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) clients: u32,
    /// Most of them that are not ready yet at the same time [default: all]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=15_000))]
    pub(crate) at_once: Option<u32>,
    /// Their tenants
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) tenants: u32,
    /// Most events that a client of `storm` missed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u32).range(1..=10_000))]
    pub(crate) missed: u32,
    /// Events of `replay`
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = value_parser!(u32).range(1_000..=1_000_000))]
    pub(crate) replay_events: u32,
}

/// Options of what measures a large archive. Those that run together share one, which is filled first.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "archive, history, export, analytics")]
pub(crate) struct Archive {
    /// Events of the archive
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = value_parser!(u64).range(10_000..=1_000_000_000))]
    pub(crate) archive_events: u64,
    /// Their tenants; half of the events belong to the first
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u16).range(1..=1_000))]
    pub(crate) archive_tenants: u16,
    /// Rows that `archive` writes in each way
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = value_parser!(u32).range(4_000..=2_000_000))]
    pub(crate) rows: u32,
    /// Rounds of `archive`; the medians count
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..=20))]
    pub(crate) archive_rounds: u32,
    /// Requests of each kind of `history`
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(10..=10_000))]
    pub(crate) requests: u32,
    /// Write the plans of the statements of `history` to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) plans: Option<PathBuf>,
    /// Stop after this many events of each export [default: all of the first tenant]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1_000..))]
    pub(crate) export_events: Option<u64>,
}

/// What the bench starts of itself.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// The floor of `latency` and `fanout`
    #[command(hide = true)]
    BareWriter(Writer),
}

impl Args {
    /// What to measure, in order.
    pub(crate) fn benches(&self) -> Vec<Bench> {
        if self.benches.contains(&Bench::All) { Bench::EACH.to_vec() } else { self.benches.clone() }
    }
}

impl Edge {
    /// Whether a part of `fanout` is to be run.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }
}
