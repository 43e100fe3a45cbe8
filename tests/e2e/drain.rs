//! A stop in order: nothing in hand is dropped, and every client is told.

use std::time::Duration;

use slipstream_tests::{Http, Stack, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::event;

#[tokio::test]
async fn a_stop_tells_every_stream_and_ends_well() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut streams = Vec::new();
    for tenant in ["acme", "acme", "other"] {
        let mut stream = stack.http(&node, tenant).stream("", None).await.unwrap();
        stream.until_control("ready").await;
        streams.push(stream);
    }
    let last = http.publish(&event("last")).await;
    streams[0].until_event(last["id"].as_str().unwrap()).await;
    let stopping = node.stop();
    let told = async {
        for stream in &mut streams {
            let close = stream.until_control("close").await;
            assert_eq!((close["reason"].as_str(), close["reconnect"].as_bool()), (Some("server_shutdown"), Some(true)));
            stream.to_end(Duration::from_secs(5)).await;
        }
    };
    let (status, ()) = tokio::join!(stopping, told);
    assert_eq!(status.code(), Some(0));
    assert_eq!(streams[0].last_id.as_deref(), last["cursor"].as_str());
    node.restart().await;
    let missed = stack.http(&node, "acme").publish(&event("missed")).await;
    let mut resumed = stack.http(&node, "acme").stream("", streams[0].last_id.as_deref()).await.unwrap();
    assert_eq!(resumed.events(1).await[0]["id"], missed["id"]);
}

#[tokio::test]
async fn a_write_in_hand_is_finished_and_new_ones_are_refused() {
    let stack = Stack::start().await;
    let node = stack.node_with("api,gateway,relay,archiver", &[("SLIPSTREAM_DRAIN_WAIT_MS", "1500")]).await;
    let (http, probe) = (stack.http(&node, "acme"), Http::new(node.url(), None));
    eventually("it is ready", async || match probe.get("/readyz").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer),
    })
    .await;
    let body = event("in-hand").to_string();
    let mut socket = TcpStream::connect(node.url().trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        stack.token("acme"),
        body.len()
    );
    let (first, rest) = body.split_at(10);
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(first.as_bytes()).await.unwrap();
    node.terminate().await;
    eventually("the balancer is told", async || match probe.get("/readyz").await {
        answer if answer.status == 503 => Ok(()),
        answer => Err(answer),
    })
    .await;
    // Until the balancer has had time to notice, traffic goes on.
    http.publish(&event("late")).await;
    eventually("new writes are refused", async || match http.try_post("/api/events", &event("too-late")).await {
        Ok(answer) if answer.status == 503 => Ok(answer.problem(503, "draining")),
        other => Err(format!("{other:?}")),
    })
    .await;
    socket.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    assert_eq!(node.exited().await.code(), Some(0));
    assert!(stack.broker().await.stream_state(0).await.unwrap().last_seq >= 2);
}

#[tokio::test]
async fn a_stop_without_clients_is_quick_and_leaves_nothing_behind() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    for n in 0..20 {
        http.post("/copilot/support-tickets/", &slipstream_tests::ticket(&format!("t{n}"))).await.expect(200);
    }
    let begun = std::time::Instant::now();
    assert_eq!(node.stop().await.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'slipstream_%'";
    eventually("no session of it is left", async || match stack.sql(sessions).await.as_str() {
        "0" => Ok(()),
        other => Err(other.to_owned()),
    })
    .await;
}
