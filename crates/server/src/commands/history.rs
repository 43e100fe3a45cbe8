//! `slipstream history`: what happened, newest first.

use std::io::IsTerminal;

use indicatif::ProgressBar;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::Output;
use super::output::until_closed;
use super::pretty::{self, Style};
use super::selection::Selection;
use crate::client::{Client, Connection, Pages, Reach};

/// How many events pass between two lines of progress, where stderr is no terminal.
const PROGRESS_EVENTS: usize = 10_000;

/// Shows what happened, newest first.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream history
  slipstream history --severity error --since 2h
  slipstream history --types cloudtrail.iam --since 2023-07-10 --until 2023-07-11 -q benjamin
  slipstream history --all --json > events.ndjson       # then: slipstream import events events.ndjson")]
pub struct Args {
    /// Show at most N events
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = limit)]
    pub limit: usize,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Print each event as its JSON, one a line
    #[arg(long)]
    pub json: bool,
    /// Print without colours
    #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_color: bool,
    /// What to show.
    #[command(flatten)]
    pub selection: Selection,
    /// Where to connect.
    #[command(flatten)]
    pub connection: Connection,
}

/// Prints the events.
///
/// # Errors
/// When the server refuses or does not answer, or when the output cannot be written.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<()> {
    let client = Client::new(args.connection.resolve(Reach::Tenant)?, |line| eprintln!("{line}"))?;
    let result = tokio::select! {
        biased;
        result = print(&args, Pages::new(client, args.selection.query()), output, &shutdown) => result,
        () = shutdown.cancelled() => Ok(()),
    };
    until_closed(result)
}

async fn print(args: &Args, mut pages: Pages, output: &mut Output, shutdown: &CancellationToken) -> anyhow::Result<()> {
    let style = Style { colour: output.is_terminal() && !args.no_color, fit: output.is_terminal() };
    // A progress bar on the terminal that the table is on would tear it.
    let progress = Progress::new(args.all && !output.is_terminal());
    let mut left = if args.all { usize::MAX } else { args.limit };
    let mut shown = 0;
    while let Some(items) = pages.next(left, shutdown).await? {
        if shown == 0 && !args.json && !items.is_empty() {
            output.line(&pretty::heads()).await?;
        }
        for item in items.iter().take(left) {
            output.line(&show(item, args.json, style)).await?;
        }
        output.flush().await?;
        shown += items.len().min(left);
        left -= items.len().min(left);
        progress.at(shown);
    }
    progress.end(shown);
    if shown == 0 {
        eprintln!("no events");
    }
    Ok(())
}

fn show(item: &RawValue, json: bool, style: Style) -> String {
    // One line: a line break in JSON is white space between tokens.
    if json { item.get().replace('\n', " ") } else { pretty::line(item.get(), style) }
}

/// Progress on stderr: a spinner on a terminal, now and then a line elsewhere.
struct Progress {
    spinner: Option<ProgressBar>,
    lines: bool,
}

impl Progress {
    fn new(is_wanted: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { spinner: (is_wanted && is_terminal).then(ProgressBar::new_spinner), lines: is_wanted && !is_terminal }
    }

    fn at(&self, shown: usize) {
        if let Some(spinner) = &self.spinner {
            spinner.set_message(format!("{shown} events"));
            spinner.tick();
        } else if self.lines && shown.is_multiple_of(PROGRESS_EVENTS) {
            eprintln!("{shown} events");
        }
    }

    fn end(&self, shown: usize) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
        if self.spinner.is_some() || self.lines {
            eprintln!("{shown} events");
        }
    }
}

fn limit(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| "must be a number from 1; --all shows all".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn asks_in_the_words_of_the_server() {
        let cli = Cli::parse_from([
            "x",
            "--since",
            "2023-07-10",
            "--until",
            "2023-07-11T12:00:00+02:00",
            "-q",
            "a b",
            "--action",
            "created,deleted",
            "--module",
            "m",
        ]);
        let text = |name: &'static str, value: &str| (name, value.to_owned());
        let want = [
            text("module", "m"),
            text("timeStart", "2023-07-10T00:00:00.000000Z"),
            text("timeEnd", "2023-07-11T10:00:00.000000Z"),
            text("q", "a b"),
            text("action", "created"),
            text("action", "deleted"),
        ];
        assert_eq!(cli.args.selection.query(), want);
        for bad in [&["x", "--limit", "0"][..], &["x", "--all", "--limit", "5"], &["x", "--since", "yesterday"]] {
            assert!(Cli::try_parse_from(bad).is_err(), "{bad:?}");
        }
    }
}
