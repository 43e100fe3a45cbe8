//! `slipstream analytics`: whether the counts are what the events give.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use slipstream_event::Tenant;
use slipstream_store::activity::prune;
use slipstream_store::analytics::fold;
use slipstream_store::analytics::reconcile::{Report, Told, reconcile};
use slipstream_store::limits::{ANALYTICS_DIFFERENCES_MAX, ANALYTICS_FOLD_MAX};
use slipstream_store::{Config as StoreConfig, Role, Store};

use super::out;
use crate::config::Config;

/// Exit code when counts differ.
const DIFFERENT: u8 = 1;
/// Longest statement: counts of years are deleted in one.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// What the command takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Count the events of each tenant again, and compare bucket by bucket with what is kept.
    #[command(after_help = "Examples:
  SLIPSTREAM_DATABASE_URL=postgres://… slipstream analytics reconcile
  SLIPSTREAM_DATABASE_URL=postgres://… slipstream analytics reconcile --tenant acme --repair

Reads in one snapshot, month by month, while everything goes on; progress is told on stderr. Each difference is a line: tenant, kind of count, begin of the bucket,
its key, what is counted, what there is. Nothing is changed without --repair.

Exit code 0: all counts are right, or were made right. 1: some are not, or it could not be checked.")]
    Reconcile {
        /// This tenant only; default: all
        #[arg(long, value_name = "TENANT", value_parser = tenant)]
        tenant: Option<Tenant>,
        /// Count the events of tenants with differences anew, and compare again
        #[arg(long)]
        repair: bool,
    },
}

/// The pools that it reads and repairs through.
struct Stores {
    archiver: Store,
    reader: Store,
}

/// Runs the command.
///
/// # Errors
/// A database that does not answer, or that is not set up.
pub async fn run(args: Args, config: &Config) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(!config.database_url.is_empty(), "the setting database_url is needed (SLIPSTREAM_DATABASE_URL)");
    let open = |role: Role| {
        Store::open(StoreConfig { connections_max: 1, statement_timeout: STATEMENT_TIMEOUT, ..StoreConfig::new(config.database_url.expose(), role) })
    };
    let stores = Stores { archiver: open(Role::Archiver)?, reader: open(Role::Reader)? };
    let Command::Reconcile { tenant, repair } = args.command;
    let (mut different, mut last) = (0_u64, None);
    loop {
        let tenants = match &tenant {
            Some(tenant) => vec![tenant.clone()],
            None => prune::tenants(&stores.archiver, last.as_ref()).await.context("cannot read the tenants")?,
        };
        for tenant in &tenants {
            different += u64::from(!stores.check(tenant, repair).await.with_context(|| format!("cannot compare the counts of {tenant}"))?);
        }
        last = tenants.into_iter().next_back();
        if last.is_none() || tenant.is_some() {
            return Ok(if different == 0 { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) });
        }
    }
}

impl Stores {
    /// Whether the counts of a tenant are right in the end.
    async fn check(&self, tenant: &Tenant, repair: bool) -> anyhow::Result<bool> {
        let found = self.compare(tenant).await?;
        if found.differences == 0 || !repair {
            return Ok(found.differences == 0);
        }
        fold::reset(&self.archiver, tenant).await?;
        let mut counted = 0;
        loop {
            match fold::fold(&self.archiver, tenant, ANALYTICS_FOLD_MAX).await? {
                0 => break,
                folded => counted += folded,
            }
            eprintln!("{tenant}: {counted} events counted anew");
        }
        Ok(self.compare(tenant).await?.differences == 0)
    }

    async fn compare(&self, tenant: &Tenant) -> anyhow::Result<Report> {
        let mut failed = None;
        let tell = |told: Told| match told {
            Told::Month(month) => eprintln!("{tenant}: {} compared", &month.to_string()[..7]),
            Told::Difference(d) => {
                let line = format!("WRONG  {tenant}  {}  {}  {}  counted {}  events {}", d.kind, d.bucket, plain(&d.key), d.rollup, d.events);
                failed = failed.take().or(out(&line).err());
            }
        };
        let report = reconcile(&self.reader, tenant, tell).await?;
        failed.map_or(Ok(()), Err)?;
        out(&summary(tenant, report))?;
        Ok(report)
    }
}

fn summary(tenant: &Tenant, Report { folded, differences }: Report) -> String {
    match differences {
        0 => format!("{tenant}: the counts of events 1 to {folded} are right"),
        1..=ANALYTICS_DIFFERENCES_MAX => format!("{tenant}: {differences} counts of events 1 to {folded} are wrong"),
        _ => format!("{tenant}: {differences} counts of events 1 to {folded} are wrong; the first {ANALYTICS_DIFFERENCES_MAX} are listed"),
    }
}

/// Ids come from producers: nothing of them may steer the terminal.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !c.is_control()).collect()
}

fn tenant(text: &str) -> Result<Tenant, String> {
    Tenant::new(text).map_err(|fault| fault.message)
}
