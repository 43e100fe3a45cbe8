//! The command line.

use std::fmt;
use std::path::PathBuf;

use crate::floor::writer::Writer;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Bench {
    /// A file of CloudTrail records through `slipstream import`, to the archive
    Import,
    /// Generated events through HTTP ingest, to the archive; with the broker's and the database's floors
    Ingest,
    /// From the publisher to the byte on a stream's socket; with a bare writer as floor
    Latency,
    /// Memory per idle stream
    Idle,
    /// All of them
    All,
}

impl Bench {
    const EACH: [Self; 4] = [Self::Import, Self::Ingest, Self::Latency, Self::Idle];
}

impl fmt::Display for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Import => "import",
            Self::Ingest => "ingest",
            Self::Latency => "latency",
            Self::Idle => "idle",
            Self::All => "all",
        })
    }
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
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1_000..=2_000_000))]
    pub(crate) events: u32,
    /// Connections of `ingest`
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) connections: u16,
    /// Streams of `latency`, and of each step of `idle` the last of them
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1, 100, 1_000], value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) streams: Vec<u32>,
    /// Length of each run of `latency`
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(2..=600))]
    pub(crate) seconds: u32,
    /// Events a second of `latency`
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) rate: u32,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the bench starts of itself.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// The floor of `latency`
    #[command(hide = true)]
    BareWriter(Writer),
}

impl Args {
    /// What to measure, in order.
    pub(crate) fn benches(&self) -> Vec<Bench> {
        if self.benches.contains(&Bench::All) { Bench::EACH.to_vec() } else { self.benches.clone() }
    }
}
