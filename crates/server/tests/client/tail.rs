//! Tail: no event left out, none shown twice, whatever happens to the connections.

use clap::Parser;
use proptest::prelude::*;
use serde_json::Value;
use slipstream_server::client::{Error, Item, Tail};
use slipstream_server::commands::{Output, tail};
use tokio::io::AsyncReadExt;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Fault};
use crate::sink::Sink;

/// Longest time that a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(clap::Parser)]
struct Cli {
    #[command(flatten)]
    args: tail::Args,
}

fn args(fake: &Fake, line: &[&str]) -> tail::Args {
    let mut args = Cli::parse_from(std::iter::once("tail").chain(line.iter().copied())).args;
    args.connection = fake.connection(None);
    args
}

/// The cursors of the next `count` events.
async fn events(tail: &mut Tail, count: usize) -> Vec<String> {
    let mut cursors = Vec::new();
    while cursors.len() < count {
        if let Item::Event { cursor, .. } = timeout(PATIENCE, tail.next()).await.unwrap().unwrap() {
            cursors.push(cursor);
        }
    }
    cursors
}

fn cursors(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|at| format!("c{at}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Anywhere after the first line, which says how soon to come back.
    #[test]
    fn survives_cuts_anywhere(cuts in proptest::collection::vec(10_usize..4_000, 0..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let fake = Fake::start().await;
            fake.fill(60);
            fake.meet(cuts.iter().map(|cut| Fault::CutAfter(*cut)));
            let mut tail = Tail::new(fake.client(), Vec::new(), Some("c0".into()));
            assert_eq!(events(&mut tail, 60).await, cursors(1..=60));
        });
    }
}

#[tokio::test]
async fn asks_for_what_comes_after_the_last_event() {
    let fake = Fake::start().await;
    fake.fill(3);
    fake.meet([Fault::Status { status: 503, retry_after: Some("0"), stored: 0 }, Fault::Say(String::new())]);
    let query = vec![("types", "a.b".to_owned()), ("severity", "error".to_owned())];
    let mut tail = Tail::new(fake.client(), query, None);
    assert_eq!(events(&mut tail, 3).await, cursors(1..=3));
    fake.fill(5);
    assert_eq!(events(&mut tail, 2).await, cursors(4..=5));
    let seen = fake.seen();
    assert_eq!(seen.iter().map(|request| request.last_event_id().map(str::to_owned)).collect::<Vec<_>>(), [None, None, Some("c3".into())]);
    assert!(seen.iter().all(|request| request.query == "types=a.b&severity=error"));
}

#[tokio::test]
async fn a_reset_and_a_heartbeat_move_the_position() {
    let fake = Fake::start().await;
    fake.fill(4);
    let says = "event: reset\ndata: {\"type\":\"reset\",\"code\":\"cursor_expired\",\"cursor\":\"c2\"}\n\nevent: heartbeat\ndata: {\"cursor\":\"c3\"}\n\n";
    fake.meet([Fault::Answer { status: 200, headers: vec![("content-type", "text/event-stream".into())], body: format!("retry: 1\n\n{says}") }]);
    let mut tail = Tail::new(fake.client(), Vec::new(), Some("c1".into()));
    let mut items = Vec::new();
    while items.len() < 5 {
        items.push(timeout(PATIENCE, tail.next()).await.unwrap().unwrap());
    }
    assert_eq!(items[0], Item::Connected);
    assert!(matches!(&items[1], Item::Control { name, data } if name == "reset" && data.contains("cursor_expired")));
    assert_eq!(items[2], Item::Moved { cursor: "c2".into() });
    assert_eq!(items[4], Item::Moved { cursor: "c3".into() });
    assert_eq!(events(&mut tail, 1).await, ["c4"]);
}

#[tokio::test]
async fn ends_when_the_server_says_so_and_goes_on_when_it_does_not() {
    let fake = Fake::start().await;
    fake.fill(1);
    let close = |reconnect: bool| Fault::Say(format!("event: close\ndata: {{\"reason\":\"access_revoked\",\"reconnect\":{reconnect}}}\n\n"));
    fake.meet([close(true), close(false)]);
    let mut tail = Tail::new(fake.client(), Vec::new(), None);
    let error = loop {
        match timeout(PATIENCE, tail.next()).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, Error::Closed(reason) if reason == "access_revoked"), "{error}");
    assert_eq!(fake.seen().len(), 2);
    assert!(tail.next().await.is_err(), "it stays ended");
}

#[tokio::test]
async fn does_not_knock_again_where_it_is_refused() {
    let fake = Fake::start().await;
    fake.meet([Fault::Status { status: 422, retry_after: None, stored: 0 }]);
    assert!(matches!(Tail::new(fake.client(), Vec::new(), None).next().await, Err(Error::Refused(_))));
    fake.meet([Fault::Answer { status: 200, headers: vec![("content-type", "text/html".into())], body: "<html>".into() }]);
    assert!(matches!(Tail::new(fake.client(), Vec::new(), None).next().await, Err(Error::Protocol(_))));
    assert!(matches!(Tail::new(fake.client(), Vec::new(), Some("no\nheader".into())).next().await, Err(Error::Unsendable(_))));
}

#[tokio::test]
async fn a_restart_goes_on_at_the_cursor_file() {
    let fake = Fake::start().await;
    fake.fill(10);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("position");
    let run = async |line: &[&str]| {
        let sink = Sink::default();
        let line = [line, &["--json", "--cursor-file", file.to_str().unwrap()]].concat();
        timeout(PATIENCE, tail::run(args(&fake, &line), &mut sink.output(), CancellationToken::new())).await.unwrap().unwrap();
        sink.lines().iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["entityId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(run(&["--count", "3", "--from", "c0"]).await, ["0", "1", "2"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "c3\n");
    fake.meet([Fault::CutAfter(300), Fault::CutAfter(900)]);
    assert_eq!(run(&["--count", "7", "--from", "c0"]).await, ["3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "c10\n");
}

#[tokio::test]
async fn the_command_ends_with_its_reader_and_when_told() {
    let fake = Fake::start().await;
    fake.fill(2);
    let (ours, mut theirs) = tokio::io::duplex(1);
    let read = async move {
        assert_eq!(theirs.read_u8().await.unwrap(), b'2', "a line begins with the year");
    };
    let mut output = Output::to(ours);
    let (ended, ()) = tokio::join!(timeout(PATIENCE, tail::run(args(&fake, &[]), &mut output, CancellationToken::new())), read);
    ended.unwrap().unwrap();

    let (sink, shutdown) = (Sink::default(), CancellationToken::new());
    let stop = async {
        while sink.lines().len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shutdown.cancel();
    };
    let mut output = sink.output();
    let (ended, ()) = tokio::join!(timeout(PATIENCE, tail::run(args(&fake, &[]), &mut output, shutdown.clone())), stop);
    ended.unwrap().unwrap();
    assert!(sink.lines()[1].contains(" info     a.b.c "), "{:?}", sink.lines());
}
