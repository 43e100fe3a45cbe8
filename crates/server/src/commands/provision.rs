//! `slipstream provision`: the broker's streams.

use std::process::ExitCode;
use std::time::Duration;

use slipstream_broker::{Broker, Outcome, Provision};

use super::out;
use crate::config::Config;
use crate::roles::broker_config;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  SLIPSTREAM_NATS_URL=nats://admin:…@127.0.0.1:4222 slipstream provision --check\n\nWith --check nothing is changed; the exit code is 1 when something differs."
)]
pub struct Args {
    /// Only report how the streams differ from what they ought to be.
    #[arg(long)]
    check: bool,
}

/// Runs the command.
///
/// # Errors
/// A broker that cannot be reached, or that refuses.
pub async fn run(args: Args, config: &Config) -> anyhow::Result<ExitCode> {
    let url = config.nats_url(&config.nats_url_admin);
    anyhow::ensure!(!url.is_empty(), "the setting nats_url is needed (SLIPSTREAM_NATS_URL)");
    let broker = Broker::connect(broker_config(config, "admin", &url)?).await?;
    if args.check { check(&broker, config).await } else { provision(&broker, config).await }
}

async fn provision(broker: &Broker, config: &Config) -> anyhow::Result<ExitCode> {
    for stream in broker.provision(&wanted(config)).await?.streams {
        let outcome = match stream.outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => "unchanged",
        };
        out(&format!("{}: {outcome}", stream.stream))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn check(broker: &Broker, config: &Config) -> anyhow::Result<ExitCode> {
    let drift = broker.drift(&wanted(config)).await?;
    for difference in &drift {
        out(&format!("{}: {} is {}, ought to be {}", difference.stream, difference.field, difference.have, difference.want))?;
    }
    if drift.is_empty() {
        out("no difference")?;
    }
    Ok(if drift.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The streams as the settings want them.
pub fn wanted(config: &Config) -> Provision {
    Provision {
        replicas: Some(config.stream_replicas),
        max_age: Some(Duration::from_secs(config.stream_max_age_hours * 3_600)),
        duplicate_window: Some(Duration::from_secs(config.stream_duplicate_window_seconds)),
        ..Provision::default()
    }
}
