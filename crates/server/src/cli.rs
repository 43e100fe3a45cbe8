//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use slipstream_access::Secret;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::commands::{
    self, Output, analytics, config as settings, dead_letters, dev, export, history, import, ledger, migrate, provision, publish, retention, serve, tail,
    token, verify,
};
use crate::config;

/// Exit code of a command that was called wrongly or could not do its work.
const FAILED: u8 = 1;

#[derive(Debug, Parser)]
#[command(
    name = "slipstream",
    version,
    about = "Realtime events for multi-tenant products: durable, resumable, provable.",
    long_about = "Realtime events for multi-tenant products, on NATS JetStream and Postgres.\n\nDomain writes and ingested events become durable events, are streamed to browsers over SSE with exact resume, and archived for history and audit.",
    after_help = "Start here: `slipstream dev` runs everything on this machine and prints a URL with a login."
)]
struct Cli {
    /// File of settings (TOML); also SLIPSTREAM_CONFIG. All settings: `slipstream config --defaults`.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the roles of this process against existing servers.
    Serve(serve::Args),
    /// Run everything on this machine, with its own NATS and Postgres.
    Dev(dev::Args),
    /// Bring the database's schema up, down, or show where it stands.
    Migrate(migrate::Args),
    /// Create or update the broker's streams, or report how they differ.
    Provision(provision::Args),
    /// List what consumers rejected, and give it to them once more.
    DeadLetters(dead_letters::Args),
    /// Load events from a file through the public ingest.
    Import(import::Args),
    /// Publish events.
    Publish(publish::Args),
    /// Follow a tenant's events as they happen.
    Tail(tail::Args),
    /// Read a tenant's history, newest first.
    History(history::Args),
    /// Check that a tenant's archive is what was archived: online, or from an export alone.
    Verify(verify::Args),
    /// Make keys for ledgers.
    Ledger(ledger::Args),
    /// Check the counts of analytics against the events, and count anew.
    Analytics(analytics::Args),
    /// Write a tenant's history to a file.
    Export(export::Args),
    /// Remove from the archive what tenants no longer keep, now, or tell what would go.
    Retention(retention::Args),
    /// Make and look into tokens.
    Token(token::Args),
    /// Print the settings that are in force.
    Config(settings::Args),
}

/// Runs the command of this process's arguments.
pub async fn run() -> ExitCode {
    let cli = Cli::parse();
    let file = cli.config.or_else(config::file_from_environment);
    match execute(cli.command, file).await {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

/// Tells an error; the exit code for it.
pub fn failed(error: &anyhow::Error) -> ExitCode {
    commands::report(error);
    ExitCode::from(FAILED)
}

async fn execute(command: Command, file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let settings = || config::Config::load(file.as_deref());
    match command {
        Command::Serve(args) => serve::run(args, settings()?).await,
        Command::Dev(args) => dev::run(args, settings()?).await,
        Command::Migrate(args) => migrate::run(args, &settings()?).await,
        Command::Provision(args) => provision::run(args, &settings()?).await,
        Command::DeadLetters(args) => dead_letters::run(args, &settings()?).await,
        Command::Import(args) => done(import::run(args, &mut Output::stdout(), interrupted()?).await),
        Command::Publish(args) => done(publish::run(args, &mut Output::stdout(), interrupted()?).await),
        Command::Tail(args) => done(tail::run(args, &mut Output::stdout(), interrupted()?).await),
        Command::History(args) => done(history::run(args, &mut Output::stdout(), interrupted()?).await),
        Command::Verify(args) => verify::run(args, &mut Output::stdout(), interrupted()?).await,
        Command::Ledger(args) => ledger::run(&args),
        Command::Analytics(args) => analytics::run(args, &settings()?).await,
        Command::Export(args) => done(export::run(args, &mut Output::stdout(), interrupted()?).await),
        Command::Retention(args) => retention::run(args, &settings()?, interrupted()?).await,
        Command::Token(args) => done(token::run(args, token_secret(settings()?), &mut Output::stdout()).await),
        Command::Config(args) => settings::run(&args, file.as_deref()),
    }
}

fn done(result: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

/// A token that is cancelled at SIGINT and SIGTERM, so that a command ends with what it has in hand.
fn interrupted() -> anyhow::Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let cancelled = token.clone();
    #[expect(clippy::disallowed_methods, reason = "it ends with the process, which runs this one command")]
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancelled.cancel();
    });
    Ok(token)
}

/// The configured secret, else that of the private deployment of this directory.
fn token_secret(config: config::Config) -> Option<Secret> {
    if config.token_secret.is_empty() { dev::token_secret() } else { Some(config.token_secret) }
}
