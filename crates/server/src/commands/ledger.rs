//! `slipstream ledger`: keys of ledgers.

use std::process::ExitCode;

use clap::Subcommand;
use slipstream_event::ledger::Signer;

use super::out;

/// What the command takes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  slipstream ledger key events.example.com/2026\n\nTo change keys: set the new one as ledger_key_next; both sign. When everybody knows the new verifier key, make it ledger_key and put the old verifier key into ledger_known_keys."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a key: its secret for the setting ledger_key, and the verifier key for everybody else.
    Key {
        /// Name of the key: without spaces and plus signs, such as events.example.com/2026.
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// A name that a key cannot have.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Command::Key { name } = &args.command;
    let signer = Signer::generate(name)?;
    out(&format!("secret (SLIPSTREAM_LEDGER_KEY):  {}\nverifier key:                   {}", signer.to_secret(), signer.verifier()))?;
    Ok(ExitCode::SUCCESS)
}
