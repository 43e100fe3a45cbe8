//! The built cockpit, served by the program itself, in a real Chromium, over the end and the return of its server.

use std::collections::HashSet;

use serde_json::Value;
use slipstream_tests::{Proxy, Stack};

use crate::clients::{Client, Shown};
use crate::{event, ids};

#[tokio::test]
async fn the_page_shows_what_happened_while_its_server_was_gone() {
    let stack = Stack::start().await;
    let (node, other) = tokio::join!(stack.node("api,gateway,relay,archiver"), stack.node("gateway"));
    // One origin for the page, whatever the server's address.
    let proxy = Proxy::before(&node.url()).await;
    let http = stack.http(&other, "acme");
    let mut sent = vec![http.publish(&event("before")).await["id"].as_str().unwrap().to_owned()];
    let mut page = Client::program("cockpit-page.mjs", &[&proxy.url(), &stack.token("acme")]).await;
    until_live(&mut page).await;
    for n in 0..3 {
        sent.push(http.publish(&event(&format!("live-{n}"))).await["id"].as_str().unwrap().to_owned());
        until_rows(&mut page, &sent).await;
    }
    assert_eq!(page.count("complaint"), 0, "{:?}", page.shown);

    node.kill().await;
    while !is_away(&page.next("the page notices").await) {}
    let missed: Vec<Value> = (0..20).map(|n| event(&format!("missed-{n}"))).collect();
    http.post("/api/events", &Value::Array(missed.clone())).await.expect(202);
    sent.extend(ids(&missed));
    node.restart().await;
    proxy.aim(&node.url());
    until_rows(&mut page, &sent).await;
    until_live(&mut page).await;

    sent.push(http.publish(&event("after")).await["id"].as_str().unwrap().to_owned());
    until_rows(&mut page, &sent).await;
    page.end().await;
}

fn is_away(shown: &Shown) -> bool {
    shown.event == "connection" && shown.data != "Connection: Live"
}

/// Waits until the last that the page said of its connection is that it is live.
async fn until_live(page: &mut Client) {
    while page.shown.iter().rfind(|shown| shown.event == "connection").is_none_or(|shown| shown.data != "Connection: Live") {
        page.next("a live connection").await;
    }
}

/// Waits until the page's rows are exactly these events, newest first; on the way no row may ever stand there twice.
async fn until_rows(page: &mut Client, sent: &[String]) {
    let want: Vec<&String> = sent.iter().rev().collect();
    loop {
        let rows = page.shown.iter().rfind(|shown| shown.event == "rows").map(|shown| serde_json::from_str::<Vec<String>>(&shown.data).unwrap());
        let rows = rows.unwrap_or_default();
        assert_eq!(rows.iter().collect::<HashSet<_>>().len(), rows.len(), "a row stands there twice: {rows:?}");
        if rows.iter().eq(want.iter().copied()) {
            return;
        }
        page.next("these rows").await;
    }
}
