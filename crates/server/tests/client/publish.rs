//! Publish: one event or a few, all or none.

use clap::Parser;
use slipstream_server::commands::publish;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Fault};
use crate::sink::Sink;

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: publish::Args,
}

async fn run(fake: &Fake, line: &[&str]) -> (Vec<String>, Option<String>) {
    let mut args = Cli::parse_from(std::iter::once("publish").chain(line.iter().copied())).args;
    args.connection = fake.connection(None);
    let sink = Sink::default();
    let error = publish::run(args, &mut sink.output(), CancellationToken::new()).await.err();
    (sink.lines(), error.map(|error| format!("{error:#}")))
}

#[tokio::test]
async fn prints_a_receipt_and_stores_once() {
    let fake = Fake::start().await;
    fake.meet([Fault::Cut]);
    let line = ["--type", "a.b.c", "--entity-id", "e", "--metadata", r#"{"n":1}"#, "--severity", "warning"];
    let (lines, error) = run(&fake, &line).await;
    assert_eq!(error, None);
    let events = fake.events();
    assert_eq!((lines, events.len()), (vec![format!("{} c1 duplicate", events[0].id)], 1));
    assert_eq!(events[0].id.get_version_num(), 7);
    let (lines, _) = run(&fake, &["--type", "a.b.c", "--entity-id", "e", "--id", "mine", "--json"]).await;
    let receipt: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((receipt["cursor"].as_str(), receipt["duplicate"].as_bool()), (Some("c2"), Some(false)));
}

#[tokio::test]
async fn a_faulty_event_is_named_and_nothing_is_stored() {
    let fake = Fake::start().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.json");
    let publish = async |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&fake, &[file.to_str().unwrap()]).await
    };
    let good = r#"{"type":"a.b.c","entityId":"1"}"#;
    let (_, error) = publish(&format!("[{good},{{\"type\":\"A\",\"entityId\":\"\"}}]")).await;
    let error = error.unwrap();
    assert!(error.contains("nothing was stored") && error.contains("[1].type: must be") && error.contains("[1].entityId"), "{error}");
    let (_, error) = publish(&format!("{good}\n{{\"type\":5}}\n")).await;
    assert!(error.as_ref().unwrap().starts_with("event 1: type"), "{error:?}");
    assert!(fake.events().is_empty());
    let (lines, error) = publish(&format!("{good}\n{good}\n")).await;
    assert_eq!((lines.len(), error, fake.events().len()), (2, None, 2));
}
