//! No byte of one tenant reaches another.

use serde_json::{Value, json};
use slipstream_tests::{Http, Stack, eventually, id, ticket};

use crate::{event, ids, texts};

/// An event that carries its tenant's mark in every free field.
fn marked(id: &str, mark: &str, n: usize) -> Value {
    json!({"id": id, "type": "shop.order.created", "entityId": format!("{mark}-{n}"), "entityName": mark, "message": mark, "metadata": {"mark": mark}})
}

#[tokio::test]
async fn two_tenants_never_see_each_other() {
    let (stack, node) = Stack::with_node().await;
    let (ours, theirs) = (stack.http(&node, "acme"), stack.http(&node, "acme-2"));
    let (mut our_stream, mut their_stream) = (ours.stream("", None).await.unwrap(), theirs.stream("", None).await.unwrap());
    our_stream.until_control("ready").await;
    their_stream.until_control("ready").await;
    // The same ids in both: an id of one tenant takes nothing from the other.
    let shared: Vec<String> = (0..10).map(|_| id()).collect();
    for (n, id) in shared.iter().enumerate() {
        assert_eq!(ours.publish(&marked(id, "canary-ours", n)).await["duplicate"], false);
        assert_eq!(theirs.publish(&marked(id, "canary-theirs", n)).await["duplicate"], false);
    }
    for (http, stream, own, foreign) in [(&ours, &mut our_stream, "canary-ours", "canary-theirs"), (&theirs, &mut their_stream, "canary-theirs", "canary-ours")]
    {
        let live = stream.events(10).await;
        assert_eq!(ids(&live), shared);
        let history = eventually("all are archived", async || match http.history("").await {
            history if history.len() == 10 => Ok(history),
            history => Err(history.len()),
        })
        .await;
        let mut replay = http.stream("", Some(&shared[3])).await.unwrap();
        let replayed = replay.events(6).await;
        for event in live.iter().chain(&history).chain(&replayed) {
            let text = event.to_string();
            assert!(text.contains(own) && !text.contains(foreign), "{text}");
        }
        assert!(!format!("{:?}{:?}", stream.blocks, replay.blocks).contains(foreign));
    }
}

#[tokio::test]
async fn a_place_of_another_tenant_opens_nothing() {
    let (stack, node) = Stack::with_node().await;
    let (ours, theirs) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    for n in 0..4 {
        theirs.publish(&event(&format!("o{n}"))).await;
    }
    let theirs_acked = theirs.publish(&event("last")).await;
    let next_page = eventually("theirs are archived", async || {
        let page = theirs.get("/api/events/history?limit=2").await.expect(200);
        page["next_cursor"].as_str().map(str::to_owned).ok_or(page)
    })
    .await;
    assert_eq!(ours.history("").await, Vec::<Value>::new());
    ours.get(&format!("/api/events/history?cursor={next_page}")).await.problem(400, "cursor_invalid");
    for place in [&theirs_acked["cursor"], &theirs_acked["id"]] {
        let mut stream = ours.stream("", place.as_str()).await.unwrap();
        assert_eq!(stream.until_control("reset").await["code"], "cursor_unknown");
        stream.until_control("ready").await;
        assert_eq!(stream.all_events(), Vec::<Value>::new());
    }
}

#[tokio::test]
async fn nobody_acts_on_a_tenant_that_is_not_theirs_by_naming_it() {
    let (stack, node) = Stack::with_node().await;
    let ours = stack.http(&node, "acme");
    let named =
        |header: bool| if header { vec![("x-account-id", "other"), ("content-type", "application/json")] } else { vec![("content-type", "application/json")] };
    let body = event("o1").to_string();
    ours.send("POST", "/api/events", &named(true), &body).await.unwrap().problem(403, "account_mismatch");
    ours.send("POST", "/api/events?account_id=other", &named(false), &body).await.unwrap().problem(403, "account_mismatch");
    ours.get("/api/events/history?account_id=other").await.problem(403, "account_mismatch");
    ours.stream("?account_id=other", None).await.unwrap_err().problem(403, "account_mismatch");
    let mut claimed = event("o1");
    claimed["tenantId"] = json!("other");
    let problem = ours.post("/api/events", &claimed).await.problem(422, "tenant_mismatch");
    assert_eq!(problem["fields"][0]["field"], "tenantId");
    let mut stamped = event("o1");
    stamped["metadata"] = json!({"amoId": "other", "module": "other"});
    let acked = ours.publish(&stamped).await;
    let shown = eventually("it is archived", async || ours.history("&type=shop.order").await.pop().ok_or("nothing")).await;
    assert_eq!((&shown["id"], &shown["metadata"]), (&acked["id"], &json!({"amoId": "acme", "module": "shop"})));
}

#[tokio::test]
async fn a_row_of_another_tenant_is_not_there() {
    let (stack, node) = Stack::with_node().await;
    let (ours, theirs) = (stack.http(&node, "acme"), stack.http(&node, "other"));
    let row = theirs.post("/copilot/support-tickets/", &ticket("canary-theirs")).await.expect(200)["data"].clone();
    let path = format!("/copilot/support-tickets/{}", row["id"].as_str().unwrap());
    let json = [("content-type", "application/json")];
    for query in ["", "?account_id=other"] {
        ours.get(&format!("{path}{query}")).await.problem(404, "not_found");
        ours.send("PUT", &format!("{path}{query}"), &json, r#"{"status":"CLOSED"}"#).await.unwrap().problem(404, "not_found");
        ours.send("DELETE", &format!("{path}{query}"), &[], "").await.unwrap().problem(404, "not_found");
        let list = ours.get(&format!("/copilot/support-tickets/{query}")).await.expect(200);
        assert_eq!((&list["total"], list["data"].as_array().map(Vec::len)), (&json!(0), Some(0)));
    }
    let bulk = json!({"ticket_ids": [row["id"]], "status": "CLOSED", "account_id": "other"});
    let done = ours.post("/copilot/support-tickets/bulk-update", &bulk).await.expect(200)["data"].clone();
    assert_eq!((&done["updated_count"], &done["skipped_count"]), (&json!(0), &json!(1)));
    assert_eq!(theirs.get(&path).await.expect(200)["data"]["status"], "OPEN");
    untouched(&ours, &theirs).await;
}

/// The one event there is, is theirs and tells of the opening of the ticket.
async fn untouched(ours: &Http, theirs: &Http) {
    let history = eventually("it is archived", async || match theirs.history("").await {
        history if history.is_empty() => Err("nothing"),
        history => Ok(history),
    })
    .await;
    assert_eq!(texts(&history, "type"), ["copilot.support_ticket.created"]);
    let of_rows: Vec<Value> = ours.history("").await.into_iter().filter(|event| event["type"] != "copilot.bulk.completed").collect();
    assert_eq!(of_rows, Vec::<Value>::new());
}
