//! `slipstream config`: the settings in force.

use std::path::Path;
use std::process::ExitCode;

use super::out;
use crate::config::{self, DEFAULTS};

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  slipstream --config slipstream.toml config")]
pub struct Args {
    /// Print the documented defaults instead.
    #[arg(long)]
    defaults: bool,
}

/// Runs the command.
///
/// # Errors
/// Settings with faults.
pub fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<ExitCode> {
    if args.defaults {
        out(DEFAULTS.trim_end())?;
    } else {
        out(config::render(file)?.trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}
