//! `slipstream tail`: the stream of a tenant's events, on stdout, across reconnects and restarts.

mod cursor_file;

use std::path::PathBuf;

use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::Output;
use super::filters::Filters;
use super::output::until_closed;
use super::pretty::{self, Style};
use crate::client::{Client, Connection, Item, Reach, Tail};
use cursor_file::CursorFile;

/// Longest time for the last write when the command is told to end.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// Shows events as they happen. Lost connections are made anew, and the stream goes on where it was: no event is left out, none is shown twice.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream tail
  slipstream tail --severity error,critical --module cloudtrail
  slipstream tail --json --cursor-file position | jq .message   # a restart goes on there
  slipstream tail --tenant iam --count 10                       # the next ten of iam")]
pub struct Args {
    /// Print each event as its JSON, one a line
    #[arg(long)]
    pub json: bool,
    /// Start after this place: a cursor, or the id of an event [default: now]
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Keep the position in FILE, and start there when FILE exists (then --from does not count)
    #[arg(long, value_name = "FILE")]
    pub cursor_file: Option<PathBuf>,
    /// End after N events
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Say on stderr what happens to the connection: ready, notice, heartbeat, …
    #[arg(long, short)]
    pub verbose: bool,
    /// Print without colours
    #[arg(long, env = "NO_COLOR", value_parser = clap::builder::FalseyValueParser::new())]
    pub no_color: bool,
    /// What to show.
    #[command(flatten)]
    pub filters: Filters,
    /// Where to connect.
    #[command(flatten)]
    pub connection: Connection,
}

/// Streams until `--count`, the end of the output, or `shutdown`.
///
/// # Errors
/// When the server refuses, when it ends the stream for good, or when the output or the cursor file cannot be written.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<()> {
    let client = Client::new(args.connection.resolve(Reach::Tenant)?, |line| eprintln!("{line}"))?;
    let file = args.cursor_file.as_ref().map(|path| CursorFile::open(path)).transpose()?;
    let from = file.as_ref().and_then(|file| file.cursor().map(str::to_owned)).or(args.from.clone());
    let tail = Tail::new(client, args.filters.query(), from);
    let style = Style { colour: output.is_terminal() && !args.no_color, fit: output.is_terminal() };
    let mut printer = Printer { output, file, json: args.json, verbose: args.verbose, style, left: args.count, is_lost: false };
    until_closed(printer.follow(tail, &shutdown).await)
}

struct Printer<'a> {
    output: &'a mut Output,
    file: Option<CursorFile>,
    json: bool,
    verbose: bool,
    style: Style,
    left: Option<u64>,
    is_lost: bool,
}

impl Printer<'_> {
    async fn follow(&mut self, mut tail: Tail, shutdown: &CancellationToken) -> anyhow::Result<()> {
        while !shutdown.is_cancelled() {
            tokio::select! {
                biased;
                is_over = self.step(&mut tail) => {
                    if is_over? {
                        return Ok(());
                    }
                }
                // What was shown is settled while we wait; a write that is stuck is left as it is, and its position is not kept.
                () = shutdown.cancelled() => return Ok(()),
            }
        }
        timeout(LAST_WRITE, self.settle()).await.unwrap_or(Ok(()))
    }

    /// The next thing that happens. `true`: it was the last.
    async fn step(&mut self, tail: &mut Tail) -> anyhow::Result<bool> {
        let item = tokio::select! {
            biased;
            item = tail.next() => item?,
            () = self.output.closed() => return Ok(true),
        };
        let is_over = self.show(item).await?;
        if is_over || !tail.has_next() {
            self.settle().await?;
        }
        Ok(is_over)
    }

    /// Shows one item. `true`: it was the last that was asked for.
    async fn show(&mut self, item: Item) -> anyhow::Result<bool> {
        match item {
            Item::Event { cursor, data } => {
                let line = if self.json { data } else { pretty::line(&data, self.style) };
                self.output.line(&line).await?;
                self.step_to(&cursor);
                self.left = self.left.map(|left| left.saturating_sub(1));
                return Ok(self.left == Some(0));
            }
            Item::Moved { cursor } => self.step_to(&cursor),
            Item::Connected => {
                if std::mem::take(&mut self.is_lost) || self.verbose {
                    eprintln!("connected");
                }
            }
            // Every try of a long outage is for the curious; that it began is for everyone.
            Item::Lost { reason, pause } => {
                if !std::mem::replace(&mut self.is_lost, true) || self.verbose {
                    eprintln!("{reason}; connecting again in {:.1} s", pause.as_secs_f64());
                }
            }
            Item::Control { name, data } => {
                if self.verbose || matches!(name.as_str(), "reset" | "expiring" | "close") {
                    eprintln!("{name} {}", pretty::clean(&data));
                }
            }
        }
        Ok(false)
    }

    fn step_to(&mut self, cursor: &str) {
        if let Some(file) = &mut self.file {
            file.step_to(cursor);
        }
    }

    /// First the output, then the position: a crash between the two repeats events, and leaves none out.
    async fn settle(&mut self) -> anyhow::Result<()> {
        self.output.flush().await?;
        if let Some(file) = &mut self.file {
            file.save().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        tail: Args,
    }

    /// One cursor in 64 does.
    #[test]
    fn a_cursor_may_begin_with_a_hyphen() {
        let command = Command::try_parse_from(["slipstream", "--from", "-jabc", "--count", "2"]).unwrap();
        assert_eq!(command.tail.from.as_deref(), Some("-jabc"));
    }
}
