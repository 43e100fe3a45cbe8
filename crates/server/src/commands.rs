//! The commands: what each takes is in its `Args`, what it does in its `run`.
//!
//! Those that talk to a server write what a program may read to stdout, and everything else to stderr; they end when nobody reads their stdout any more, and
//! on their cancellation token.

pub mod analytics;
pub mod config;
pub mod dead_letters;
pub mod dev;
pub mod export;
pub mod filters;
pub mod history;
pub mod import;
pub mod ledger;
pub mod migrate;
pub mod output;
pub mod pretty;
pub mod provision;
pub mod publish;
pub mod retention;
pub mod selection;
pub mod serve;
pub mod tail;
pub mod token;
pub mod verify;
pub mod when;

pub use output::Output;

use std::io::{ErrorKind, Write};

/// Writes a line to standard output. A reader that has gone away is no error.
///
/// # Errors
/// What writing gives, else.
pub(crate) fn out(line: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Tells an error with its causes on standard error.
pub(crate) fn report(error: &anyhow::Error) {
    // Without standard error there is nobody to tell.
    drop(writeln!(std::io::stderr().lock(), "slipstream: {error:#}"));
}
