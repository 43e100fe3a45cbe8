//! History: page after page, newest first.

use clap::Parser;
use slipstream_server::commands::history;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Fault};
use crate::sink::Sink;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: history::Args,
}

async fn run(fake: &Fake, line: &[&str]) -> Vec<String> {
    let mut args = Cli::parse_from(std::iter::once("history").chain(line.iter().copied())).args;
    args.connection = fake.connection(Some("t"));
    let sink = Sink::default();
    history::run(args, &mut sink.output(), CancellationToken::new()).await.unwrap();
    sink.lines()
}

#[tokio::test]
async fn follows_the_pages_to_the_end() {
    let fake = Fake::start().await;
    fake.fill(450);
    fake.meet([Fault::Status { status: 503, retry_after: None, stored: 0 }]);
    let lines = run(&fake, &["--all", "--json"]).await;
    assert_eq!(lines.len(), 450);
    let first: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(first["entityId"], "449");
    let cursors: Vec<Option<String>> = fake.seen().iter().map(|request| request.parameter("cursor")).collect();
    assert_eq!(cursors, [None, None, Some("200".into()), Some("400".into())]);
    assert!(fake.seen().iter().all(|request| request.parameter("account_id").as_deref() == Some("t")));
}

#[tokio::test]
async fn shows_as_many_as_were_asked_for_under_heads() {
    let fake = Fake::start().await;
    fake.fill(300);
    let lines = run(&fake, &["--limit", "250"]).await;
    assert_eq!(lines.len(), 251);
    assert!(lines[0].starts_with("TIME") && lines[1].contains("a.b.c"));
    let limits: Vec<Option<String>> = fake.seen().iter().map(|request| request.parameter("limit")).collect();
    assert_eq!(limits, [Some("200".into()), Some("50".into())]);
    assert_eq!(run(&Fake::start().await, &[]).await, [""; 0]);
}
