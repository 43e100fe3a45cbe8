//! `slipstream serve`: the roles of one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use slipstream_gateway::serve::listen;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

use crate::config::{Config, Role};
use crate::roles::Process;
use crate::telemetry;

/// Exit code of a process that was told twice to stop.
const STOPPED_HARD: i32 = 130;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  SLIPSTREAM_DATABASE_URL=postgres://… SLIPSTREAM_NATS_URL=nats://… \\\n    slipstream serve --role gateway --listen 0.0.0.0:8080\n\nSIGTERM and SIGINT stop it in order; a second one stops it at once."
)]
pub struct Args {
    /// What this process does; several with commas. Default: the setting `roles` (all).
    #[arg(long = "role", value_delimiter = ',', value_name = "ROLE")]
    roles: Vec<Role>,
    /// Where to serve HTTP. Default: the setting `listen`.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Write the address that is served to this file, when it is served.
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
}

/// Serves until a signal.
///
/// # Errors
/// When the process cannot start, or a task of it ends by itself.
pub async fn run(args: Args, mut config: Config) -> anyhow::Result<ExitCode> {
    if !args.roles.is_empty() {
        config.roles = args.roles;
    }
    if let Some(listen) = args.listen {
        config.listen = listen;
    }
    telemetry::logs(&config)?;
    config.check_serving()?;
    let listener = listen(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
    let mut process = Process::start(&config, listener).await?;
    if let Some(file) = &args.address_file {
        process.write_address(file)?;
    }
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let failed = tokio::select! {
        _ = terminate.recv() => None,
        _ = interrupt.recv() => None,
        task = process.failed() => Some(task),
    };
    if let Some(task) = &failed {
        error!(task, "a task ended by itself: the process stops");
    }
    tokio::select! {
        () = process.stop() => {}
        _ = terminate.recv() => hard_stop(),
        _ = interrupt.recv() => hard_stop(),
    }
    match failed {
        Some(task) => bail!("the task {task:?} ended by itself"),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn hard_stop() {
    warn!("told twice to stop: stopping at once");
    std::process::exit(STOPPED_HARD);
}
