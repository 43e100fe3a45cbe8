//! Whose life a child's life hangs on.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use slipstream_server::children::{Nats, Postgres};

use crate::places::{eventually, nats_config, postgres_config, runs, scratch};

/// Not a test: the process that the tests below kill. Reads from stdin where to run, and whether with `setpriv`.
#[tokio::test]
#[ignore = "started by other tests"]
async fn holder() {
    let mut words = [String::new(), String::new()];
    for word in &mut words {
        std::io::stdin().read_line(word).unwrap();
    }
    let (dir, bound) = (Path::new(words[0].trim()), words[1].trim() == "bound");
    let (mut nats, mut postgres) = (nats_config(dir).await, postgres_config(dir).await);
    if !bound {
        (nats.setpriv, postgres.setpriv) = (None, None);
    }
    let (nats, postgres) = (Nats::start(nats).await.unwrap(), Postgres::start(postgres).await.unwrap());
    postgres.ensure_database("kept").await.unwrap();
    println!("\nchildren {} {}", nats.pid(), postgres.pid());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Starts [`holder`]; returns it with the ids of its NATS and Postgres.
fn hold(dir: &Path, how: &str) -> (Child, [u32; 2]) {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifetime::holder", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(holder.stdin.as_mut().unwrap(), "{}\n{how}", dir.display()).unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("children ")).expect("the holder started");
    let pids: Vec<u32> = line.split(' ').skip(1).map(|pid| pid.parse().unwrap()).collect();
    (holder, [pids[0], pids[1]])
}

fn kill_9(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

#[tokio::test]
async fn children_end_with_a_parent_that_is_killed() {
    let dir = scratch();
    let (holder, pids) = hold(dir.path(), "bound");
    assert!(pids.iter().all(|pid| runs(*pid)));
    kill_9(holder);
    eventually("the children are gone", || pids.iter().all(|pid| !runs(*pid))).await;
    Nats::start(nats_config(dir.path()).await).await.unwrap();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    assert_eq!(postgres.sql("kept", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn children_that_were_left_behind_are_ended_by_the_next_start() {
    let dir = scratch();
    let (holder, pids) = hold(dir.path(), "unbound");
    kill_9(holder);
    assert!(pids.iter().all(|pid| runs(*pid)), "without setpriv they survive");
    Nats::start(nats_config(dir.path()).await).await.unwrap();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    assert!(pids.iter().all(|pid| !runs(*pid)));
    assert_eq!(postgres.sql("kept", "select 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_drop_ends_the_children_before_it_returns() {
    let dir = scratch();
    let nats = Nats::start(nats_config(dir.path()).await).await.unwrap();
    let postgres = Postgres::start(postgres_config(dir.path()).await).await.unwrap();
    let pids = [nats.pid(), postgres.pid()];
    drop((nats, postgres));
    assert!(pids.iter().all(|pid| !runs(*pid)));
}

#[test]
fn children_outlive_the_runtime_and_the_thread_that_started_them() {
    let dir = scratch();
    let place = dir.path().to_owned();
    let start = move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { Nats::start(nats_config(&place).await).await.unwrap() })
    };
    let nats = std::thread::spawn(start).join().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        assert!(nats.is_running());
        nats.restart().await.unwrap();
        nats.stop().await;
    });
}
