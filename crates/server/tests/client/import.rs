//! Import: everything once, a tenant's events in order, the faulty ones named.

use std::collections::HashMap;
use std::path::Path;

use clap::Parser;
use serde_json::{Value, json};
use slipstream_access::Secret;
use slipstream_server::commands::import::{self, SAMPLE, load_sample};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Fault};
use crate::sink::Sink;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: import::Args,
}

/// Runs an import; its output, and its error.
async fn run(fake: &Fake, tenant: Option<&str>, line: &[&str]) -> (Vec<String>, Option<String>) {
    let mut args = Cli::parse_from(std::iter::once("import").chain(line.iter().copied())).args;
    args.connection = fake.connection(tenant);
    let sink = Sink::default();
    let error = import::run(args, &mut sink.output(), CancellationToken::new()).await.err();
    (sink.lines(), error.map(|error| format!("{error:#}")))
}

async fn run_json(fake: &Fake, tenant: Option<&str>, line: &[&str]) -> (Value, Option<String>) {
    let (lines, error) = run(fake, tenant, &[line, &["--json"]].concat()).await;
    (serde_json::from_str(&lines[0]).unwrap(), error)
}

fn file(dir: &Path, text: impl AsRef<[u8]>) -> String {
    let path = dir.join("file");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn event(i: usize) -> String {
    json!({"id": format!("e{i}"), "type": "a.b.c", "entityId": i.to_string(), "timestamp": "2026-01-01T00:00:00Z", "tenantId": format!("t{}", i % 3)})
        .to_string()
}

#[tokio::test]
async fn loading_the_sample_twice_changes_nothing() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), SAMPLE);
    fake.meet([Fault::Status { status: 503, retry_after: Some("0"), stored: 5 }, Fault::Cut, Fault::Status { status: 500, retry_after: None, stored: 0 }]);
    let (first, error) = run_json(&fake, None, &["cloudtrail", &path, "--batch", "30"]).await;
    assert_eq!((error, first["read"].as_u64(), first["refused"].as_u64()), (None, Some(500), Some(0)));
    assert_eq!(first["accepted"].as_u64().unwrap() + first["duplicates"].as_u64().unwrap(), 500);
    let events = fake.events();
    assert_eq!(events.len(), 500);
    assert!(!fake.has_overlapped(), "two batches of a tenant were under way at the same time");
    let mut of_file: HashMap<String, Vec<String>> = HashMap::new();
    for line in std::str::from_utf8(SAMPLE).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let tenant = record["eventSource"].as_str().unwrap().split('.').next().unwrap().to_owned();
        of_file.entry(tenant).or_default().push(record["eventID"].as_str().unwrap().to_owned());
    }
    for (tenant, ids) in of_file {
        let loaded: Vec<String> = events.iter().filter(|event| event.tenant_id.as_str() == tenant).map(|event| event.id.to_string()).collect();
        assert_eq!(loaded, ids, "order of {tenant}");
    }

    let (second, error) = run_json(&fake, None, &["cloudtrail", &path]).await;
    assert_eq!((error, second["accepted"].as_u64(), second["duplicates"].as_u64()), (None, Some(0), Some(500)));
    assert_eq!(fake.events(), events);
}

#[tokio::test]
async fn faulty_lines_are_named_and_hold_up_no_other() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = (1..=60).map(event).collect();
    lines[36] = "{\"malformed".into();
    lines[9] = lines[9].replace("a.b.c", "copilot.nonsense.created");
    lines[19] = lines[19].replace("2026-01-01", "2126-01-01");
    lines[29] = lines[29].replace("\"tenantId\":\"t0\"", "\"tenantId\":\"a b\"");
    lines[39] = lines[39].replace('}', &format!(",\"metadata\":{{\"x\":\"{}\"}}}}", "y".repeat(70_000)));
    lines[49] = lines[49].replace("\"timestamp\":\"2026-01-01T00:00:00Z\",", "");
    let path = file(dir.path(), lines.join("\n"));
    let (summary, error) = run_json(&fake, None, &["events", &path, "--batch", "7"]).await;
    assert_eq!(error.as_deref(), Some("6 records were refused"));
    assert_eq!((summary["accepted"].as_u64(), summary["read"].as_u64(), fake.events().len()), (Some(54), Some(60), 54));
    let mut refused: Vec<(u64, String)> =
        summary["refusals"].as_array().unwrap().iter().map(|r| (r["line"].as_u64().unwrap(), r["reasons"][0].as_str().unwrap().to_owned())).collect();
    refused.sort();
    let want = [
        (10, "type: no such type"),
        (20, "timestamp: must be at most"),
        (30, "tenantId: must be"),
        (37, "no JSON: EOF"),
        (40, "an event must be at most"),
        (50, "timestamp: is needed"),
    ];
    for ((line, reason), (want_line, want_reason)) in refused.iter().zip(want) {
        assert!(*line == want_line && reason.starts_with(want_reason), "{line}: {reason}");
    }
    let (text, _) = run(&fake, None, &["events", &path]).await;
    assert!(text.iter().any(|line| line.starts_with("refused: line 37: no JSON: EOF")), "{text:?}");
    assert!(text.last().unwrap().starts_with("read 60, accepted 0, duplicates 54, refused 6, in "), "{text:?}");
}

#[tokio::test]
async fn strict_stops_and_limit_ends() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let mut lines: Vec<String> = (1..=200).map(event).collect();
    lines[10] = lines[10].replace("a.b.c", "A");
    let path = file(dir.path(), lines.join("\n"));
    let (summary, error) = run_json(&fake, None, &["events", &path, "--batch", "2", "--concurrency", "1", "--strict"]).await;
    assert_eq!(error.as_deref(), Some("stopped at the first refused record"));
    assert_eq!(summary["refusals"][0]["line"].as_u64(), Some(11));
    assert!(fake.events().len() < 150);
    let fake = Fake::start().await;
    let (summary, _) = run_json(&fake, None, &["events", &path, "--limit", "10"]).await;
    assert_eq!((summary["read"].as_u64(), summary["accepted"].as_u64(), fake.events().len()), (Some(10), Some(10), 10));
}

#[tokio::test]
async fn one_tenant_takes_all_when_it_is_named() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let records = std::str::from_utf8(SAMPLE).unwrap().lines().take(40).collect::<Vec<_>>().join(",\n");
    let path = file(dir.path(), format!("{{\"Records\": [{records}]}}"));
    let (summary, error) = run_json(&fake, Some("mine"), &["cloudtrail", &path]).await;
    assert_eq!((error, summary["accepted"].as_u64()), (None, Some(40)));
    let path = file(dir.path(), (1..=30).map(event).collect::<Vec<_>>().join("\n"));
    let (summary, error) = run_json(&fake, Some("mine"), &["events", &path]).await;
    assert_eq!((error, summary["accepted"].as_u64()), (None, Some(30)));
    assert!(fake.events().iter().all(|event| event.tenant_id.as_str() == "mine"));
}

#[tokio::test]
async fn ends_at_once_when_nothing_will_be_taken() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = file(dir.path(), (1..=2_000).map(event).collect::<Vec<_>>().join("\n"));
    fake.meet((0..100).map(|_| Fault::Status { status: 403, retry_after: None, stored: 0 }));
    let (summary, error) = run_json(&fake, None, &["events", &path]).await;
    assert!(error.as_ref().unwrap().contains("tenant t") && error.unwrap().contains("403 scripted"));
    assert_eq!(summary["accepted"].as_u64(), Some(0));
    assert!(fake.seen().len() <= 8);
    let (_, error) = run_missing(&fake).await;
    assert!(error.unwrap().contains("cannot read /no/such/file"));
}

async fn run_missing(fake: &Fake) -> (Vec<String>, Option<String>) {
    run(fake, None, &["events", "/no/such/file"]).await
}

#[tokio::test]
async fn the_sample_comes_in_at_its_pace() {
    let fake = Fake::start().await;
    let token = Secret::new(crate::fake::TOKEN);
    let summary = load_sample(&fake.url, &token, 1_000.0, &CancellationToken::new()).await.unwrap();
    assert_eq!((summary.accepted, fake.events().len()), (500, 500));
    assert!(summary.took.as_millis() >= 495, "{:?}", summary.took);

    let shutdown = CancellationToken::new();
    shutdown.cancel();
    assert!(load_sample(&fake.url, &token, 1.0, &shutdown).await.unwrap_err().to_string().contains("interrupted"));
}
