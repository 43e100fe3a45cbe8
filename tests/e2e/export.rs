//! Exports: streamed, as jobs, and as evidence packs, from the program itself.

mod size;

use std::io::Read;
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use slipstream_tests::{Answer, Http, Node, Setup, Stack, eventually};

use crate::{event, large, lines, printed};

/// Publishes and waits until the archive has so many events of the tenant.
async fn archive(http: &Http, stack: &Stack, events: &[Value]) {
    for batch in events.chunks(50) {
        http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(batch)).await.unwrap().expect(202);
    }
    archived(stack, events.len()).await;
}

async fn archived(stack: &Stack, count: usize) {
    eventually("all are archived", async || match stack.sql("select count(*) from slipstream.event where type not like 'audit.%'").await {
        found if found == count.to_string() => Ok(()),
        found => Err(found),
    })
    .await;
}

async fn export(http: &Http, query: &str) -> Answer {
    let answer = http.get(&format!("/api/events/export?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

#[tokio::test]
async fn every_format_holds_all_events_once_newest_first() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let mut events: Vec<Value> = (0..250).map(|n| event(&format!("o{n}"))).collect();
    events[7]["message"] = json!("=cmd|' /C calc'!A0");
    events[8]["entityName"] = json!(" ＝1+1, \"so\"");
    archive(&http, &stack, &events).await;
    let history = http.history("").await;

    let csv = export(&http, "format=csv&types=shop").await;
    assert_eq!((header(&csv, "content-type"), header(&csv, "cache-control")), ("text/csv; charset=utf-8; header=present", "no-store"));
    assert_eq!((header(&csv, "x-content-type-options"), header(&csv, "x-export-rows"), header(&csv, "x-export-upper-seq")), ("nosniff", "250", "250"));
    let name = header(&csv, "content-disposition");
    assert!(name.starts_with("attachment; filename=\"history_acme_2") && name.ends_with("Z.csv\""), "{name}");
    let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| row[0].to_owned()).collect::<Vec<_>>(), crate::ids(&history));
    assert!(rows.iter().any(|row| &row[13] == "'=cmd|' /C calc'!A0") && rows.iter().any(|row| &row[5] == "' ＝1+1, \"so\""));

    let array: Vec<Value> = serde_json::from_str(&export(&http, "format=json&types=shop").await.text).unwrap();
    assert_eq!(array, history);
    let ended = export(&http, "format=ndjson&types=shop&end=1").await;
    let ended: Vec<Value> = ended.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&ended[..250], &ended[250]), (&history[..], &json!({"_end": true, "count": 250})));
    let clouds = export(&http, "format=cloudevents&types=shop").await;
    let ocsf = export(&http, "format=ocsf&types=shop").await;
    let pick =
        |text: &str, pointer: &str| text.lines().map(|l| serde_json::from_str::<Value>(l).unwrap().pointer(pointer).unwrap().to_string()).collect::<Vec<_>>();
    assert_eq!(pick(&clouds.text, "/id"), pick(&ocsf.text, "/metadata/uid"));
    assert_eq!(pick(&clouds.text, "/id").len(), 250);
    let few: Vec<Value> = serde_json::from_str(&export(&http, "format=json&entityId=o3&types=shop").await.text).unwrap();
    assert_eq!(crate::texts(&few, "entityId"), ["o3"]);

    // The same place has the same name in every file.
    stack.sql("update slipstream.tenant_head set version = version + 100").await;
    let size = stack.sql("select ledger_size from slipstream.tenant_head where tenant_id = 'acme'").await.parse::<u64>().unwrap();
    for path in ["/api/events/export?format=json&entityId=none", "/api/v1/activity-log/export?entity_id=none", "/api/ledger/export"] {
        let upper = header(&http.get(path).await, "x-export-upper-seq").parse::<u64>().unwrap();
        assert!((size..=size + 10).contains(&upper), "{path}: {upper} of {size}");
    }

    // Each was told of before it went out, with what was asked for.
    let told = eventually("the exports are archived", async || match http.history("&types=audit.export").await {
        told if told.len() == 9 => Ok(told),
        told => Err(told.len()),
    })
    .await;
    let few = &told[3]["metadata"];
    assert_eq!((&few["format"], &few["filters"]["entityId"], &few["rows"]), (&json!("json"), &json!(["o3"]), &json!(1)));
    assert_eq!(told[3]["actor"]["userId"], "u1");
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_told_of_it() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let refused = http.get("/api/events/export?severity=bad").await.problem(422, "validation");
    assert_eq!(refused["fields"].as_array().unwrap().iter().map(|f| f["field"].clone()).collect::<Vec<_>>(), ["format", "severity"]);
    http.get("/api/entities/shop.order/none/evidence-pack").await.problem(404, "not_found");
    let refused = http.post("/api/exports", &json!({"format": "csv", "filters": {"colour": "red"}})).await.problem(422, "validation");
    assert_eq!(refused["fields"][0]["field"], "filters.colour");
    http.post("/api/exports", &json!({"format": "xlsx"})).await.problem(422, "validation");
    assert_eq!(stack.sql("select count(*) from slipstream.outbox").await, "0");
    assert_eq!(stack.sql("select count(*) from slipstream.export_job").await, "0");
}

/// An answer whose body is not read; its connection ends with it.
async fn unread(node: &Node, token: &str, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.get(format!("{}{path}", node.url())).bearer_auth(token).send().await.unwrap()
}

#[tokio::test]
async fn a_user_has_one_export_at_a_time_and_who_goes_away_has_none() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    archive(&http, &stack, &(0..600).map(|n| large(&format!("o{n}"), 50_000)).collect::<Vec<_>>()).await;
    let slow = unread(&node, &stack.token("acme"), "/api/events/export?format=ndjson").await;
    assert_eq!(slow.status().as_u16(), 200);
    let refused = http.get("/api/events/export?format=csv").await;
    refused.problem(429, "export_in_progress");
    assert!(header(&refused, "retry-after").parse::<u64>().unwrap() > 0);
    let others: Vec<reqwest::Response> = futures_util::future::join_all(
        (2..5).map(async |n| unread(&node, &stack.token_of(&format!("u{n}"), "acme", &["admin"]), "/api/events/export?format=ndjson").await),
    )
    .await;
    assert!(others.iter().all(|other| other.status().as_u16() == 200));
    let fifth = Http::new(node.url(), Some(stack.token_of("u5", "acme", &["admin"])));
    fifth.get("/api/events/export?format=csv").await.problem(429, "too_many_exports");
    export(&stack.http(&node, "other"), "format=json").await;
    drop((slow, others));
    eventually("the places are free again", async || match http.get("/api/events/export?format=csv&entityId=o1").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.status),
    })
    .await;
}

#[tokio::test]
async fn new_entries_do_not_appear_and_without_a_database_nothing_seems_whole() {
    let stack = Setup::default().own_postgres().start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    archive(&http, &stack, &(0..600).map(|n| large(&format!("o{n}"), 50_000)).collect::<Vec<_>>()).await;
    let mut first = unread(&node, &stack.token("acme"), "/api/events/export?format=ndjson&types=shop&end=1").await;
    let late: Vec<Value> = (0..5).map(|n| json!({"type": "shop.order.created", "entityId": format!("late{n}"), "timestamp": "2020-01-01T00:00:00Z"})).collect();
    http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(&late)).await.unwrap().expect(202);
    archived(&stack, 605).await;
    let mut text = Vec::new();
    while let Some(piece) = first.chunk().await.unwrap() {
        text.extend_from_slice(&piece);
    }
    let text = String::from_utf8(text).unwrap();
    assert!(!text.contains("\"late"), "the end of an export is fixed at its start");
    assert!(text.ends_with("{\"_end\":true,\"count\":600}\n"));

    let mut cut = unread(&node, &stack.token("acme"), "/api/events/export?format=json&types=shop").await;
    stack.cluster.server.kill().await;
    let end = loop {
        match cut.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_err(), "a file that was cut off must not look whole");
    let refused = http.get("/api/events/export?format=csv").await;
    refused.problem(503, "storage_unavailable");
    assert!(refused.headers.contains_key("retry-after"));
}

fn unpacked(bytes: &[u8]) -> Vec<(String, String)> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut files = Vec::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let (name, mut text) = (file.name().unwrap().into_owned(), String::new());
        file.read_to_string(&mut text).unwrap();
        files.push((name, text));
    }
    files
}

async fn pack(node: &Node, token: &str, path: &str) -> Vec<u8> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("{}{path}", node.url())).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"shop.order_o1_evidence_pack.zip\"");
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn an_evidence_pack_holds_the_thing_and_what_belongs_to_it() {
    let (stack, node) = Stack::with_node().await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    let mut events: Vec<Value> = ["o1", "o1", "o2", "o3"].iter().map(|id| event(id)).collect();
    events[0]["correlationId"] = json!("c/1");
    events[2]["correlationId"] = json!("c/1");
    events[1]["changes"] = json!({"price": {"before": 1.10, "after": 2}});
    events[1]["entityName"] = json!("Order one");
    archive(&http, &stack, &events).await;
    let path = "/api/entities/shop.order/o1/evidence-pack";
    let bytes = pack(&node, &token, path).await;
    let files = unpacked(&bytes);
    assert_eq!(files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["timeline.json", "events.ndjson", "linked/001_c_1.json", "summary.json"]);
    let json = |i: usize| serde_json::from_str::<Value>(&files[i].1).unwrap();
    assert_eq!(crate::ids(json(0).as_array().unwrap()), crate::ids(&events[..2]), "oldest first");
    assert!(files[0].1.contains("[\n{\"action\":\"created\",\"actor\":{") && !files[0].1.contains("before"), "keys are sorted: {}", files[0].1);
    let kept = stack.sql("select string_agg(payload, E'\\n' order by occurred_at, event_id) from slipstream.event where entity_id = 'o1'").await;
    assert_eq!(files[1].1.trim_end(), kept, "the bytes as published");
    assert_eq!(crate::texts(json(2).as_array().unwrap(), "entityId"), ["o2"]);
    assert_eq!((&json(3)["events"], &json(3)["entityName"], &json(3)["types"]["shop.order.created"]), (&json!(2), &json!("Order one"), &json!(2)));
    eventually("the next pack of the same thing is the same", async || {
        let again = pack(&node, &token, path).await;
        if again == bytes { Ok(()) } else { Err(again.len()) }
    })
    .await;
    let told = eventually("both are told of", async || match http.history("&types=audit.export").await {
        told if told.len() >= 2 => Ok(told),
        told => Err(told.len()),
    })
    .await;
    assert_eq!((&told[0]["metadata"]["format"], &told[0]["metadata"]["filters"]["entityId"]), (&json!("zip"), &json!(["o1"])));
}

/// The job when it is in this state.
async fn job(http: &Http, id: &str, state: &str) -> Value {
    eventually(&format!("the job is {state}"), async || match http.get(&format!("/api/exports/{id}")).await.expect(200) {
        job if job["state"] == state => Ok(job),
        job => Err(job),
    })
    .await
}

async fn asked(http: &Http, body: &Value) -> String {
    let job = http.post("/api/exports", body).await.expect(202);
    assert_eq!(job["state"], "queued", "{job}");
    job["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_job_makes_a_file_that_can_be_fetched_in_parts_until_it_is_taken_away() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    archive(&http, &stack, &(0..400).map(|n| large(&format!("o{n}"), 10_000)).collect::<Vec<_>>()).await;
    let id = asked(&http, &json!({"format": "ndjson", "end": true, "filters": {"types": "shop", "severity": ["info", "error"]}})).await;
    let done = job(&http, &id, "ready").await;
    assert_eq!((&done["rows"], &done["rowsEstimated"], &done["progress"]), (&json!(400), &json!(400), &json!(1.0)));
    let file = http.get(&format!("/api/exports/{id}/file")).await;
    assert_eq!((file.status, file.text.len() as u64), (200, done["bytes"].as_u64().unwrap()));
    assert_eq!(file.text, export(&http, "format=ndjson&end=1&types=shop").await.text, "the same bytes as streamed");
    let hash: String = Sha256::digest(file.text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = http.get(&format!("/api/exports/{id}/manifest")).await.expect(200);
    assert_eq!((&manifest["sha256"], &manifest["rows"], &manifest["signature"]), (&json!(hash), &json!(400), &Value::Null));
    assert_eq!(header(&file, "etag"), format!("\"{hash}\""));
    assert!(stack.sql("select count(*) from slipstream.export_chunk").await.parse::<u32>().unwrap() >= 4, "in pieces");

    let part = async |range: &str, if_range: &str| {
        let headers = [("range", range), ("if-range", if_range), ("accept-encoding", "gzip")];
        http.send("GET", &format!("/api/exports/{id}/file"), &headers, "").await.unwrap()
    };
    let (tag, all) = (header(&file, "etag"), file.text.len());
    let middle = part("bytes=1048000-2098000", tag).await;
    assert_eq!((middle.status, middle.text.as_str()), (206, &file.text[1_048_000..=2_098_000]));
    assert_eq!(header(&middle, "content-range"), format!("bytes 1048000-2098000/{all}"));
    assert_eq!(part("bytes=-5", tag).await.text, file.text[all - 5..]);
    assert_eq!(part("bytes=5-", "\"another\"").await.status, 200);
    let beyond = part(&format!("bytes={all}-"), tag).await;
    assert_eq!((beyond.status, header(&beyond, "content-range")), (416, format!("bytes */{all}").as_str()));

    assert_eq!(http.get("/api/exports").await.expect(200)["items"].as_array().unwrap().len(), 1);
    assert_eq!(http.send("DELETE", &format!("/api/exports/{id}"), &[], "").await.unwrap().status, 204);
    http.get(&format!("/api/exports/{id}/file")).await.problem(404, "not_found");
    assert_eq!(http.get("/api/exports").await.expect(200)["items"], json!([]));
    eventually("nothing of it is kept", async || match stack.sql("select count(*) from slipstream.export_chunk").await {
        left if left == "0" => Ok(()),
        left => Err(left),
    })
    .await;
}

#[tokio::test]
async fn a_job_of_a_killed_worker_is_gone_on_with_and_doubles_nothing() {
    let stack = Stack::start().await;
    let node = stack.node("api,gateway,relay,archiver").await;
    let http = stack.http(&node, "acme");
    archive(&http, &stack, &(0..500).map(|n| large(&format!("o{n}"), 10_000)).collect::<Vec<_>>()).await;
    let id = asked(&http, &json!({"format": "csv", "filters": {"types": "shop"}})).await;
    http.post("/api/exports", &json!({"format": "csv"})).await.problem(429, "export_in_progress");
    let worker = stack.node_with("exports", &[("SLIPSTREAM_FAIL_POINTS", "export.kept@2")]).await;
    eventually("two pieces are kept", async || match stack.sql("select count(*) from slipstream.export_chunk").await {
        kept if kept == "2" => Ok(()),
        kept => Err(kept),
    })
    .await;
    drop(worker);
    // As if the worker had been silent for long.
    stack.sql("update slipstream.export_job set beat_at = clock_timestamp() - interval '1 hour'").await;
    let _worker = stack.node("exports").await;
    let done = job(&http, &id, "ready").await;
    assert_eq!(done["rows"], 500);
    let file = http.get(&format!("/api/exports/{id}/file")).await;
    assert_eq!(file.text, export(&http, "format=csv&types=shop").await.text);
    assert_eq!(stack.sql("select attempts from slipstream.export_job").await, "2");

    stack.sql("update slipstream.export_job set expires_at = clock_timestamp() - interval '1 second'").await;
    drop(stack.node("exports").await);
    let _cleaner = stack.node("exports").await;
    job(&http, &id, "expired").await;
    http.get(&format!("/api/exports/{id}/file")).await.problem(410, "export_expired");
}

#[tokio::test]
async fn who_sees_less_does_not_know_of_the_file_of_who_sees_more() {
    let (stack, node) = Stack::with_node().await;
    let grant = slipstream_access::mint::Grant { super_admin: true, ..slipstream_access::mint::Grant::new("root", None, &[]) };
    let root = Http::new(node.url(), Some(stack.sign(&grant, slipstream_tests::TOKEN_SECRET, Duration::from_secs(600))));
    let made = root.post("/api/exports?account_id=acme", &json!({"format": "json"})).await.expect(202);
    let id = made["id"].as_str().unwrap();
    let http = stack.http(&node, "acme");
    for path in ["", "/file", "/manifest"] {
        http.get(&format!("/api/exports/{id}{path}")).await.problem(404, "not_found");
    }
    assert_eq!(http.send("DELETE", &format!("/api/exports/{id}"), &[], "").await.unwrap().status, 404);
    assert_eq!(http.get("/api/exports").await.expect(200)["items"], json!([]));
    assert_eq!(root.get(&format!("/api/exports/{id}?account_id=acme")).await.status, 200);
    let mine = asked(&http, &json!({"format": "json"})).await;
    let colleague = Http::new(node.url(), Some(stack.token_of("u2", "acme", &["admin"])));
    job(&colleague, &mine, "ready").await;
}

#[tokio::test]
async fn the_command_streams_and_fetches_with_resume() {
    let (stack, node) = Stack::with_node().await;
    let (http, token) = (stack.http(&node, "acme"), stack.token("acme"));
    archive(&http, &stack, &(0..300).map(|n| large(&format!("o{n}"), 10_000)).collect::<Vec<_>>()).await;
    let url = node.url();
    let env = [("SLIPSTREAM_URL", url.as_str()), ("SLIPSTREAM_TOKEN", token.as_str())];
    let want = export(&http, "format=csv&types=shop").await.text;
    assert_eq!(printed(&stack.run(&["export", "--format", "csv", "--types", "shop"], &env).await), want);
    let file = stack.dir().join("history.csv");
    let told = printed(&stack.run(&["export", "--format", "csv", "--types", "shop", "--output", file.to_str().unwrap(), "--json"], &env).await);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((std::fs::read_to_string(&file).unwrap(), &told["bytes"]), (want.clone(), &json!(want.len())));
    // The first half is there already: only the rest is fetched.
    let id = asked(&http, &json!({"format": "csv", "filters": {"types": "shop"}})).await;
    job(&http, &id, "ready").await;
    std::fs::write(stack.dir().join("rest.csv.part"), &want.as_bytes()[..1_500_000]).unwrap();
    let rest = stack.dir().join("rest.csv");
    let told = printed(&stack.run(&["export", "--job", "--resume", &id, "--output", rest.to_str().unwrap(), "--json"], &env).await);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((std::fs::read_to_string(&rest).unwrap() == want, &told["fetched"]), (true, &json!(want.len() - 1_500_000)));
    let made = stack.dir().join("made.csv");
    printed(&stack.run(&["export", "--job", "--format", "csv", "--types", "shop", "--output", made.to_str().unwrap()], &env).await);
    assert_eq!(std::fs::read_to_string(&made).unwrap(), want);
}
