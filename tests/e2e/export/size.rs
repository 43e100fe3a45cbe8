//! Files of any size: what they cost is bounded, and who goes away leaves no work behind.

use std::time::{Duration, Instant};

use bytes::Bytes;
use slipstream_event::{Actor, Event, EventType, Tenant};
use slipstream_store::archive::{Archive, Batch, Row};
use slipstream_store::{Config, Role, Store};
use slipstream_tests::{Node, Stack, eventually};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::unread;

/// Where a tenant's events can be had as one file.
const FILES: [&str; 3] = ["/api/events/export?format=json", "/api/v1/activity-log/export?format=csv", "/api/ledger/export"];
const EVENTS: u64 = 6_000;
const EVENT_BYTES: usize = 6_000;
/// What a process may grow by while it hands out files: several batches, twice at a time, and what the allocator keeps of them; less than one file.
const GROWTH_KIB_MAX: u64 = 20 * 1024;
/// Far below the longest statement and the longest wait for a lock, which would end a query as well.
const GONE_WITHIN: Duration = Duration::from_secs(6);

/// Fills the archive of a tenant, as an archiver would.
async fn fill(stack: &Stack, events: u64) {
    let archive = Archive::new(Store::connect(Config::new(stack.database_url.clone(), Role::Archiver)).await.unwrap());
    archive.init_watermark(0, 1, 0).await.unwrap();
    let (tenant, created) = (Tenant::new("acme").unwrap(), EventType::new("shop.order.created").unwrap());
    let filling = "0123456789abcdef".repeat(EVENT_BYTES / 16);
    for expected_seq in (0..events).step_by(1_000) {
        let through_seq = (expected_seq + 1_000).min(events);
        let row = |seq: u64| {
            let mut event = Event::new(&tenant, &created, format!("o{seq}"), Actor::user("u1"));
            event.metadata.set("filling", &filling).unwrap();
            Row::parse(seq, Bytes::from(event.to_json())).unwrap()
        };
        let batch = Batch { shard: 0, epoch: 1, expected_seq, through_seq, rows: (expected_seq + 1..=through_seq).map(row).collect(), quarantined: Vec::new() };
        archive.append(&batch).await.unwrap();
    }
}

/// The most memory that a process has had, in KiB.
async fn peak_kib(node: &Node) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid().await)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The bytes that are left of a file; it must come to its end.
async fn rest(mut answer: reqwest::Response) -> usize {
    assert_eq!(answer.status().as_u16(), 200);
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await.unwrap() {
        bytes += piece.len();
    }
    bytes
}

#[tokio::test]
async fn the_size_of_a_file_is_not_in_the_memory_of_who_hands_it_out() {
    let stack = Stack::start().await;
    fill(&stack, EVENTS).await;
    let node = stack.node("api").await;
    let http = stack.http(&node, "acme");
    assert_eq!(http.get("/api/events/export?format=json&entityId=o7").await.status, 200);
    let before = peak_kib(&node).await;
    for (n, path) in FILES.into_iter().enumerate() {
        let begun = Instant::now();
        // One is not read while another, of the same file, is read to its end: what could be written for it would be by then.
        let slow = unread(&node, &stack.token_of(&format!("slow{n}"), "acme", &["admin"]), path).await;
        let quick = rest(unread(&node, &stack.token("acme"), path).await).await;
        let slow = rest(slow).await;
        assert_eq!(slow, quick, "{path}");
        let (file_kib, growth) = (quick as u64 / 1024, peak_kib(&node).await - before);
        println!("{path}: {file_kib} KiB, grown by {growth} KiB, {:?}", begun.elapsed());
        assert!(file_kib > GROWTH_KIB_MAX * 3 / 2 && growth < GROWTH_KIB_MAX, "{path}: {growth} KiB more than {before} KiB for {file_kib} KiB");
    }
}

/// Asks and does not read; the connection ends with the value.
async fn asked(stack: &Stack, node: &Node, path: &str) -> TcpStream {
    let mut socket = TcpStream::connect(node.url().trim_start_matches("http://")).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", stack.token("acme"));
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

/// Queries of readers that are under way.
async fn under_way(stack: &Stack) -> String {
    let sql = "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'slipstream_reader' and state <> 'idle'";
    stack.sql(sql).await
}

/// Twice as often as the pool has connections: what goes away does not take them along.
#[tokio::test]
async fn who_goes_away_leaves_no_query_behind() {
    let stack = Stack::start().await;
    fill(&stack, 100).await;
    let node = stack.node("api").await;
    let mut owner = PgConnection::connect(&stack.database_url).await.unwrap();
    // What reads events waits until this is let go, or until it is cancelled.
    sqlx::raw_sql("begin; lock table slipstream.event in access exclusive mode").execute(&mut owner).await.unwrap();
    for path in FILES.iter().cycle().take(8) {
        let mut socket = asked(&stack, &node, path).await;
        if !path.contains("activity") {
            // The others begin the file before they read what is in it.
            let mut first = [0; 12];
            socket.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200", "{path}");
        }
        eventually("it reads", async || match under_way(&stack).await {
            count if count == "1" => Ok(()),
            count => Err(count),
        })
        .await;
        let begun = Instant::now();
        drop(socket);
        eventually("nothing is read any more", async || match under_way(&stack).await {
            count if count == "0" => Ok(()),
            count => Err(count),
        })
        .await;
        assert!(begun.elapsed() < GONE_WITHIN, "{path}: after {:?}", begun.elapsed());
    }
    sqlx::raw_sql("rollback").execute(&mut owner).await.unwrap();
    for path in FILES {
        assert!(rest(unread(&node, &stack.token("acme"), path).await).await > 100, "{path}");
    }
}

/// The kernel of the client takes nothing more: after a while its connection is cut, and its place is free.
#[tokio::test]
async fn who_stops_reading_keeps_no_place() {
    let stack = Stack::start().await;
    fill(&stack, EVENTS).await;
    let node = stack.node("api").await;
    let path = FILES[0];
    let mut unread = asked(&stack, &node, path).await;
    let mut first = [0; 12];
    unread.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let http = stack.http(&node, "acme");
    http.get(&format!("{path}&entityId=o7")).await.problem(429, "export_in_progress");
    eventually("the place is free again", async || match http.get(&format!("{path}&entityId=o7")).await.status {
        200 => Ok(()),
        status => Err(status),
    })
    .await;
    drop(unread);
}
