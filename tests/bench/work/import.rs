//! A file of CloudTrail records through the command that loads it, to the archive.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use slipstream_access::mint::Grant;
use slipstream_tests::{Node, Stack, TOKEN_SECRET};
use tokio::process::Command;
use tokio::time::Instant;

use super::{Watermark, end, rate, stack};
use crate::args::Args;
use crate::report::Section;

/// Longest time of a load.
const WITHIN: Duration = Duration::from_secs(300);

/// Loads the file twice, the second time to see that it changes nothing, and at what cost.
pub(crate) async fn run(args: &Args) -> Section {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/cloudtrail-sample.ndjson");
    let file = args.ingest.file.as_deref().unwrap_or(&sample);
    let stack = stack(args, &[]).await;
    let (gateway, _archiver) = (stack.node("gateway").await, stack.node("archiver").await);
    let mut section = Section::new("import", title(file), &["records", "accepted", "repeated", "seconds", "import/s", "to archive s", "archived/s"]);
    for label in ["first load", "second load"] {
        load(&stack, &gateway, file, label, &mut section).await;
    }
    section.note("to archive: from the start of the command to the watermark at the end of the stream; the command's own start is part of it");
    section
}

async fn load(stack: &Stack, gateway: &Node, file: &Path, label: &str, section: &mut Section) {
    let mut watermark = Watermark::open(stack).await;
    let begun = Instant::now();
    let summary = import(gateway, file, &token(stack)).await;
    let archived = watermark.reach(end(stack).await, WITHIN).await - begun;
    let number = |name: &str| summary[name].as_f64().unwrap_or_else(|| panic!("no {name} in {summary}"));
    assert!(number("refused") == 0.0, "{summary}");
    let values = [number("read"), number("accepted"), number("duplicates"), number("seconds"), number("eventsPerSecond"), archived.as_secs_f64()];
    section.row(label, values.into_iter().chain([rate(number("read") as usize, archived)]).map(Some));
    let loaded = watermark.events().await;
    assert!(loaded as f64 == number("read"), "the archive holds {loaded} events: {summary}");
}

/// The summary that the command prints.
async fn import(gateway: &Node, file: &Path, token: &str) -> Value {
    let mut command = Command::new(program());
    command.args(["import", "cloudtrail", "--json"]).arg(file).env_clear().env("SLIPSTREAM_URL", gateway.url()).env("SLIPSTREAM_TOKEN", token);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output();
    let output = tokio::time::timeout(WITHIN, output).await.unwrap().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stdout)))
}

/// An operator's token: each record goes to its own tenant, with its own actor.
fn token(stack: &Stack) -> String {
    let grant = Grant { super_admin: true, scopes: vec!["events:write-as".to_owned()], ..Grant::new("loader", None, &[]) };
    stack.sign(&grant, TOKEN_SECRET, Duration::from_secs(3_600))
}

/// The program that the deployment runs: beside this one.
fn program() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("slipstream")
}

fn title(file: &Path) -> String {
    let bytes = std::fs::metadata(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display())).len();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("import: {name} ({:.1} MiB) by `slipstream import cloudtrail`, batches of 100, 4 at a time", bytes as f64 / 1_048_576.0)
}
