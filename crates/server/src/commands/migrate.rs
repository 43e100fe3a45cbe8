//! `slipstream migrate`: the database's schema.

use std::process::ExitCode;

use clap::Subcommand;
use slipstream_store::migrate::{self, Migration};

use super::out;
use crate::config::Config;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  SLIPSTREAM_DATABASE_URL_ADMIN=postgres://owner@… slipstream migrate up")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply what is not applied yet.
    Up {
        /// Stop after this version.
        #[arg(long)]
        to: Option<i64>,
    },
    /// Take back the last migration. This drops what it made, with its data.
    Down {
        /// Take back everything after this version; 0 takes back all.
        #[arg(long)]
        to: Option<i64>,
        /// Needed: data is dropped.
        #[arg(long, required = true)]
        yes: bool,
    },
    /// Show all migrations and when they were applied.
    Status,
}

/// Runs the command.
///
/// # Errors
/// A database that cannot be reached, or a migration that fails; a failed one leaves nothing behind.
pub async fn run(args: Args, config: &Config) -> anyhow::Result<ExitCode> {
    let url = config.database_url_admin();
    anyhow::ensure!(!url.is_empty(), "the setting database_url is needed (SLIPSTREAM_DATABASE_URL)");
    match args.command {
        Command::Up { to } => list("applied", &migrate::up(url, to).await?)?,
        Command::Down { to, yes: _ } => list("taken back", &migrate::down(url, to).await?)?,
        Command::Status => {
            for migration in migrate::status(url).await? {
                let state = migration.applied_at.map_or_else(|| "not applied".to_owned(), |at| format!("applied {at}"));
                let changed = if migration.changed { ", CHANGED since" } else { "" };
                out(&format!("{:04} {}: {state}{changed}", migration.version, migration.name))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(done: &str, migrations: &[Migration]) -> anyhow::Result<()> {
    if migrations.is_empty() {
        return out("nothing to do");
    }
    migrations.iter().try_for_each(|migration| out(&format!("{done}: {:04} {}", migration.version, migration.name)))
}
