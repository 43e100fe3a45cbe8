//! `slipstream retention`: applies the rules of retention now, or tells what they would remove.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;
use slipstream_event::{Tenant, Timestamp};
use slipstream_store::retention::month::Outcome;
use slipstream_store::retention::{self as store, preview, rules};
use slipstream_store::{Role, Scope, Store, Tx};
use slipstream_workers::{FailPoints, Retention, retention};
use tokio_util::sync::CancellationToken;

use super::out;
use crate::config::Config;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream retention run --dry-run              # what would go now, of every tenant, by category
  slipstream retention run --tenant acme          # remove what is due, without waiting for the next run

It works on the database alone, with the settings of `serve` (archive_max_days, retention_keep_hours). What it removes is told by events, as always; a run that was stopped is gone on with.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply each tenant's rules once.
    Run {
        /// Remove nothing: tell what would go.
        #[arg(long)]
        dry_run: bool,
        /// Only this tenant; months that could go as a whole are left out then.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<Tenant>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

/// What a run works with.
struct Work {
    store: Store,
    reader: Store,
    retention: Retention,
    settings: store::Settings,
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A database that cannot be reached; what was removed until then stays removed, and is told.
pub async fn run(args: Args, config: &Config, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let Command::Run { dry_run, tenant, json } = args.command;
    anyhow::ensure!(!config.database_url.is_empty(), "the setting database_url is needed (SLIPSTREAM_DATABASE_URL)");
    let open = |role| Store::open(slipstream_store::Config::new(config.database_url.expose(), role));
    let (store, reader, settings) = (open(Role::Retention)?, open(Role::Reader)?, config.retention());
    let names: Vec<&str> = config.fail_points.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let retention = Retention::new(store.clone(), retention::Config { settings, fail_points: FailPoints::parse(&names)? });
    let work = Work { store, reader, retention, settings, json };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => anyhow::bail!("stopped; what was told as removed is removed, and the rest goes with the next run"),
        done = work.all(tenant, dry_run) => done?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Work {
    async fn all(&self, only: Option<Tenant>, dry_run: bool) -> anyhow::Result<()> {
        store::enrol(&self.store, &self.settings).await.context("the database")?;
        if let Some(tenant) = only {
            return self.one(&tenant, dry_run).await;
        }
        if !dry_run {
            self.months().await?;
        }
        let mut last = None;
        loop {
            let tenants = store::tenants(&self.store, last.as_ref()).await?;
            for tenant in &tenants {
                self.one(tenant, dry_run).await?;
            }
            last = tenants.into_iter().next_back();
            if last.is_none() {
                return Ok(());
            }
        }
    }

    async fn months(&self) -> anyhow::Result<()> {
        for (month, outcome) in self.retention.months(|_| false).await? {
            let Outcome::Gone(tenants) = outcome else { continue };
            for (tenant, removed) in &tenants {
                match self.json {
                    true => out(&json!({"tenant": tenant, "month": month.to_string(), "removed": removed}).to_string())?,
                    false => out(&format!("{tenant}: {removed} events removed with the whole month that began on {month}"))?,
                }
            }
        }
        Ok(())
    }

    async fn one(&self, tenant: &Tenant, dry_run: bool) -> anyhow::Result<()> {
        if dry_run {
            return self.preview(tenant).await;
        }
        let Some(run) = self.retention.run_once(tenant).await? else {
            return out(&format!("{tenant}: another process works on it"));
        };
        if self.json {
            return out(&json!({"tenant": tenant, "removed": run.removed, "held": run.held, "categories": run.categories}).to_string());
        }
        let categories: Vec<String> = run.categories.iter().map(|(category, removed)| format!("{category} {removed}")).collect();
        let of = if categories.is_empty() { String::new() } else { format!(" ({})", categories.join(", ")) };
        out(&format!("{tenant}: {} events removed{of}, {} held", run.removed, run.held))
    }

    async fn preview(&self, tenant: &Tenant) -> anyhow::Result<()> {
        let read = async |tx: &mut Tx| rules::read(tx, tenant).await;
        let rules = self.store.read(&Scope::Account(tenant.clone()), read).await?;
        let due = preview::preview(&self.reader, tenant, rules, &self.settings, Timestamp::now()).await?;
        if self.json {
            return out(&json!({"tenant": tenant, "dryRun": true, "categories": due}).to_string());
        }
        if due.is_empty() {
            return out(&format!("{tenant}: nothing would be removed"));
        }
        let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        due.iter().try_for_each(|due| {
            out(&format!(
                "{tenant}: {} {} events would be removed, from {} to {}; {} held",
                due.events,
                due.category,
                time(due.oldest),
                time(due.newest),
                due.held
            ))
        })
    }
}
