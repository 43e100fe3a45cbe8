//! `slipstream dead-letters`: what consumers could not handle.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;
use slipstream_broker::{Broker, StoredDeadLetter};

use super::out;
use crate::config::Config;
use crate::roles::broker_config;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  slipstream dead-letters list --consumer archiver\n  slipstream dead-letters redrive 17 18\n\nA redriven message is stored once more for the consumer that rejected it; streams and history do not show it twice."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what was rejected, oldest first.
    List {
        /// Only what this consumer rejected.
        #[arg(long, value_name = "NAME")]
        consumer: Option<String>,
        /// Begin after this number.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u64,
        /// At most so many.
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
        /// One JSON object a line, with the payload.
        #[arg(long)]
        json: bool,
    },
    /// Give rejected messages to their consumer once more.
    Redrive {
        /// The numbers that `list` shows.
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<u64>,
    },
}

/// Runs the command.
///
/// # Errors
/// A broker that cannot be reached or refuses; a number that is not there.
pub async fn run(args: Args, config: &Config) -> anyhow::Result<ExitCode> {
    let url = config.nats_url(&config.nats_url_admin);
    anyhow::ensure!(!url.is_empty(), "the setting nats_url is needed (SLIPSTREAM_NATS_URL)");
    let broker = Broker::connect(broker_config(config, "admin", &url)?).await?;
    match args.command {
        Command::List { consumer, after, limit, json } => {
            let letters = broker.list_dead_letters(consumer.as_deref(), after, limit).await?;
            if letters.is_empty() && !json {
                out("none")?;
            }
            letters.iter().try_for_each(|letter| out(&line(letter, json)))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Redrive { numbers } => redrive(&broker, &numbers).await,
    }
}

async fn redrive(broker: &Broker, numbers: &[u64]) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for number in numbers {
        match broker.redrive(*number).await? {
            Some(_) => out(&format!("{number}: given to its consumer once more"))?,
            None => {
                out(&format!("{number}: there is no such dead letter"))?;
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn line(stored: &StoredDeadLetter, json: bool) -> String {
    let letter = &stored.letter;
    let rejected_at = slipstream_event::Timestamp::from(stored.rejected_at);
    if json {
        let payload = String::from_utf8_lossy(&letter.payload);
        return json!({"number": stored.seq, "rejectedAt": rejected_at, "consumer": letter.consumer, "subject": letter.subject, "position": letter.position,
            "reason": letter.reason, "payload": payload})
        .to_string();
    }
    // The reason may quote the message: nothing of it may steer the terminal.
    let reason: String = letter.reason.chars().filter(|c| !c.is_control()).collect();
    format!("{}  {rejected_at}  {}  {}  seq {}  {reason}", stored.seq, letter.consumer, letter.subject, letter.position.seq)
}
