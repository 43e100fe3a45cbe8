//! `slipstream verify`: whether a tenant's archive is what was archived.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use slipstream_event::ledger::export::Line;
use slipstream_event::ledger::verify::{Report, Verification};
use slipstream_event::ledger::{Verifier, Verifiers};
use tokio_util::sync::CancellationToken;

use super::Output;
use crate::client::{Client, Connection, Reach};

/// Exit code when something is wrong with the ledger.
const TAMPERED: u8 = 2;
/// Time for the event that tells of a removal to be archived, before the ledger is read once more.
const UNTOLD_PAUSE: Duration = Duration::from_secs(3);
/// Entries between two lines of progress, where stderr is no terminal.
const PROGRESS_ENTRIES: u64 = 100_000;

/// Checks that nothing of a tenant's archive was changed, removed, added or reordered.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  slipstream verify                                       # the running platform; an admin's token is needed
  slipstream verify --save ledger.ndjson                  # and keep what was checked
  slipstream verify --file ledger.ndjson --key 'ledger-1+1a2b3c4d+Ab…'   # without the platform, on any machine

Exit code 0: everything holds. 2: something is wrong, the first row of it is named. 1: it could not be checked.

A key (--key) that you got from somewhere else than the platform is what makes the result a proof: without one the keys that the platform names are taken, and told.")]
pub struct Args {
    /// Check this export of a ledger instead of a running platform; - reads stdin
    #[arg(long, value_name = "FILE", conflicts_with = "save")]
    file: Option<PathBuf>,
    /// Keep the export in this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// A verifier key to trust (name+id+key); may be given several times
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<Verifier>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Where to connect.
    #[command(flatten)]
    connection: Connection,
}

/// Checks, and prints what holds and what does not.
///
/// # Errors
/// When the platform refuses or does not answer, or a file cannot be read or written.
pub async fn run(args: Args, output: &mut Output, shutdown: CancellationToken) -> anyhow::Result<ExitCode> {
    let checked = tokio::select! {
        biased;
        checked = check(&args) => checked?,
        () = shutdown.cancelled() => anyhow::bail!("stopped before the end: nothing is known"),
    };
    let Checked { report, trusted, is_given } = checked;
    if args.json {
        output.line(&serde_json::to_string(&report)?).await?;
    } else {
        for line in tell(&report, &trusted, is_given) {
            output.line(&line).await?;
        }
    }
    output.flush().await?;
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(TAMPERED) })
}

struct Checked {
    report: Report,
    trusted: Vec<String>,
    is_given: bool,
}

/// What is being checked: the keys are known with the first line.
struct Check {
    given: Vec<Verifier>,
    trusted: Vec<String>,
    verification: Option<Verification>,
    save: Option<BufWriter<File>>,
    progress: Option<ProgressBar>,
}

async fn check(args: &Args) -> anyhow::Result<Checked> {
    let mut check = Check::new(args)?;
    match &args.file {
        Some(file) => lines(file)?.try_for_each(|line| check.take(&line?))?,
        None => {
            let client = Client::new(args.connection.clone().resolve(Reach::Tenant)?, |line| eprintln!("{line}"))?;
            check.read(&client).await?;
            // Retention may remove while the ledger is read, and tells of it behind the end that was fixed before.
            if check.verification.as_ref().is_some_and(Verification::is_untold) {
                tokio::time::sleep(UNTOLD_PAUSE).await;
                let mut later = Check::new(&Args { save: None, ..args.clone() })?;
                later.read(&client).await?;
                check.tell(later);
            }
        }
    }
    check.finish()
}

fn lines(file: &Path) -> anyhow::Result<Box<dyn Iterator<Item = std::io::Result<String>>>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock().lines()));
    }
    let opened = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Box::new(BufReader::new(opened).lines()))
}

impl Check {
    fn new(args: &Args) -> anyhow::Result<Self> {
        let create = |file: &PathBuf| File::create(file).with_context(|| format!("cannot write {}", file.display()));
        let save = args.save.as_ref().map(create).transpose()?.map(BufWriter::new);
        let progress = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        Ok(Self { given: args.keys.clone(), trusted: Vec::new(), verification: None, save, progress })
    }

    async fn read(&mut self, client: &Client) -> anyhow::Result<()> {
        let mut lines = client.ledger().await?;
        while let Some(line) = lines.next().await? {
            self.take(&line)?;
        }
        Ok(())
    }

    /// Takes over what a later check found that was removed.
    fn tell(&mut self, later: Self) {
        if let Some((check, later)) = self.verification.as_mut().zip(later.verification) {
            check.tell(later);
        }
    }

    fn take(&mut self, line: &str) -> anyhow::Result<()> {
        if let Some(save) = &mut self.save {
            writeln!(save, "{line}").context("cannot write the export")?;
        }
        let verification = match &mut self.verification {
            Some(verification) => verification,
            None => {
                let keys = if self.given.is_empty() { named(line) } else { self.given.clone() };
                self.trusted = keys.iter().map(ToString::to_string).collect();
                self.verification.insert(Verification::new(Verifiers(keys)))
            }
        };
        verification.take(line);
        let entries = verification.entries();
        match &self.progress {
            Some(bar) => bar.set_message(format!("{entries} events checked")),
            None if entries > 0 && entries.is_multiple_of(PROGRESS_ENTRIES) => eprintln!("{entries} events checked"),
            None => {}
        }
        Ok(())
    }

    fn finish(mut self) -> anyhow::Result<Checked> {
        if let Some(save) = &mut self.save {
            save.flush().context("cannot write the export")?;
        }
        if let Some(bar) = &self.progress {
            bar.finish_and_clear();
        }
        let verification = self.verification.context("there is nothing to check: the export is empty")?;
        Ok(Checked { report: verification.finish(), trusted: self.trusted, is_given: !self.given.is_empty() })
    }
}

/// The keys that the export itself names.
fn named(line: &str) -> Vec<Verifier> {
    match serde_json::from_str(line) {
        Ok(Line::Ledger(head)) => head.keys.iter().filter_map(|key| key.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

fn tell(report: &Report, trusted: &[String], is_given: bool) -> Vec<String> {
    let tenant = report.tenant.as_ref().map_or("unknown", |tenant| tenant.as_str());
    let Report { entries, kept, redacted, removed, checkpoints, signed_through, root, findings, .. } = report;
    let mut lines = vec![
        format!("ledger of {tenant}: {entries} events, numbered without a hole"),
        format!("  {kept} as archived, {redacted} redacted, {removed} removed by retention; both are told by the ledger itself"),
        format!("  {checkpoints} checkpoints hold; events 1 to {signed_through} are signed, {} are not yet", entries.saturating_sub(*signed_through)),
        format!("  root {root}"),
    ];
    match (trusted, is_given) {
        ([], _) => lines.push("  no key is known: no signature was checked".to_owned()),
        (keys, true) => lines.push(format!("  signatures by the keys that were given: {}", keys.join(", "))),
        (keys, false) => lines.push(format!("  signatures by keys that the export itself names; compare them with those that you know: {}", keys.join(", "))),
    }
    lines.extend(findings.iter().map(|finding| {
        let kind = serde_json::to_value(finding.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default();
        format!("WRONG  {:>9}  {:<14} {}", finding.number, kind, finding.what)
    }));
    lines.push(match findings.len() {
        0 if *entries > 0 && *signed_through == 0 => {
            "rows and ledger agree, but nothing is signed: this proves nothing against who can write to the database".to_owned()
        }
        0 => "everything holds".to_owned(),
        wrong => format!("{wrong} findings: this is not what was archived"),
    });
    lines
}
