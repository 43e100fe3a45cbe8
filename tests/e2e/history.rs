//! History from outside: pages of searches, totals, timelines, and requests of absurd size.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack, Wire, eventually};

use crate::{ids, lines, texts};

/// A wave of events: old ones come in after new ones, many at one time.
fn wave(from: usize, count: usize) -> Vec<Value> {
    let word = |n: usize| ["Fire in the left engine", "Tyre changed", "Engineer on call"][n % 3];
    let event = |n: usize| {
        json!({
            "id": slipstream_tests::id(), "type": "fleet.aircraft.seen", "entityId": format!("D-{}", n % 4),
            "timestamp": format!("20{}-0{}-01T00:00:00Z", 25 - n % 6, 1 + n % 3), "message": format!("{} {n}", word(n)),
        })
    };
    (from..from + count).map(event).collect()
}

async fn archived(http: &Http, count: usize) -> Vec<Value> {
    eventually("all are archived", async || match http.history("").await {
        all if all.len() == count => Ok(all),
        all => Err(all.len()),
    })
    .await
}

#[tokio::test]
async fn searches_totals_and_timelines_agree_with_the_whole() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    for from in [0, 60, 120] {
        http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(&wave(from, 60))).await.unwrap().expect(202);
        archived(&http, from + 60).await;
    }
    let all = archived(&http, 180).await;
    let engines: Vec<Value> = all.iter().filter(|event| event["message"].as_str().unwrap().to_lowercase().contains("engine")).cloned().collect();
    assert_eq!(engines.len(), 120);
    assert_eq!(ids(&http.history("&q=ENGINE&limit=7").await), ids(&engines), "every page in its place, with old events that came late");
    let page = http.get("/api/events/history?q=engine&limit=7&total=true").await.expect(200);
    assert_eq!((&page["total"], &page["total_is_estimate"]), (&json!(120), &json!(false)));
    assert_eq!(http.history("&q=zeppelin").await, Vec::<Value>::new());

    let mut timeline = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = http.get(&format!("/api/entities/fleet.aircraft/D-1/timeline?order=oldest&limit=10{cursor}")).await.expect(200);
        assert_eq!(page["total"], 45);
        timeline.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut want: Vec<Value> = all.iter().filter(|event| event["entityId"] == "D-1").cloned().collect();
    want.reverse();
    assert_eq!(texts(&timeline, "id"), texts(&want, "id"));
    let theirs = stack.http(&node, "other").get("/api/entities/fleet.aircraft/D-1/timeline").await.expect(200);
    assert_eq!((&theirs["items"], &theirs["total"]), (&json!([]), &json!(0)));
    let foreign = http.get("/api/events/history?limit=1").await.expect(200)["next_cursor"].as_str().unwrap().to_owned();
    stack.http(&node, "other").get(&format!("/api/events/history?cursor={foreign}")).await.problem(400, "cursor_invalid");
}

#[tokio::test]
async fn ten_megabytes_of_query_or_header_hurt_nobody() {
    let (stack, node) = Stack::with_node().await;
    let token = stack.token("acme");
    let huge = "x".repeat(10 * 1024 * 1024);
    for head in [
        format!("GET /api/events/history?q={huge} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"),
        format!("GET /api/events/history HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nx-filling: {huge}\r\n\r\n"),
        format!("GET /api/events/history HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {huge}\r\n\r\n"),
    ] {
        let mut wire = Wire::connect(&node.url()).await.unwrap();
        // The server may answer and close while the rest is still being sent.
        drop(wire.send(head).await);
        if let Ok(head) = wire.head().await {
            assert!(matches!(head.status, 400 | 414 | 431), "{head:?}");
        }
        assert_eq!(stack.http(&node, "acme").get("/api/events/history").await.status, 200, "the others do not notice");
    }
    let long = "x".repeat(5_000);
    stack.http(&node, "acme").get(&format!("/api/events/history?q={long}")).await.problem(422, "validation");
    let many = "&a=1".repeat(300);
    stack.http(&node, "acme").get(&format!("/api/events/history?{many}")).await.problem(422, "validation");
}
