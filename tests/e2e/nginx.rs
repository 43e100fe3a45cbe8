//! Behind an nginx that knows nothing of streams.

use std::time::{Duration, Instant};

use slipstream_tests::{Http, Nginx, Stack, eventually};

use crate::{event, shown};

/// Far less than any buffer would need to fill at this rate, and than the timeouts of a proxy.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_stream_behind_nginx_is_not_held_back_and_resumes() {
    let (stack, node) = Stack::with_node().await;
    let nginx = Nginx::before(&node.url()).await;
    let (direct, behind) = (stack.http(&node, "acme"), Http::new(nginx.url(), Some(stack.token("acme"))));
    let begun = Instant::now();
    let mut stream = behind.stream("", None).await.unwrap();
    stream.until_control("ready").await;
    assert!(begun.elapsed() < AT_ONCE, "the first frames took {:?}", begun.elapsed());
    for n in 0..5 {
        let begun = Instant::now();
        let sent = behind.publish(&event(&format!("o{n}"))).await;
        stream.until_event(sent["id"].as_str().unwrap()).await;
        assert!(begun.elapsed() < AT_ONCE, "event {n} took {:?}", begun.elapsed());
    }
    stream.until_control("heartbeat").await;
    let place = stream.last_id.clone();

    assert_eq!(streams(&direct, 1).await, 1.0);
    drop(stream);
    assert_eq!(streams(&direct, 0).await, 0.0);
    let missed = direct.publish(&event("missed")).await;
    shown(&direct, place.as_deref().unwrap(), missed["id"].as_str().unwrap()).await;
    let mut resumed = behind.stream("", place.as_deref()).await.unwrap();
    assert_eq!(resumed.until_control("ready").await["replayed"], 1);
    assert_eq!(resumed.all_events()[0]["id"], missed["id"]);
}

/// Waits until the gateway has so many open streams.
async fn streams(http: &Http, count: u32) -> f64 {
    eventually(&format!("{count} streams"), async || match http.metric("slipstream_gateway_streams").await {
        found if found == f64::from(count) => Ok(found),
        found => Err(found),
    })
    .await
}
