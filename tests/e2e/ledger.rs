//! The ledger: proofs that anybody can check, and a verifier that names what was done to the archive, online and from an export alone.

use std::process::Output;

use serde_json::{Value, json};
use slipstream_event::Tenant;
use slipstream_event::ledger::{Checkpoint, Hash, Signer, Verifiers, proof};
use slipstream_tests::{ALL_ROLES, Http, Node, Setup, Stack, eventually};

use crate::{event, lines};

/// A deployment whose ledgers are signed every second.
pub(crate) struct Signed {
    pub(crate) stack: Stack,
    pub(crate) node: Node,
    pub(crate) signer: Signer,
    pub(crate) http: Http,
}

impl Signed {
    pub(crate) async fn start() -> Self {
        let signer = Signer::generate("ledger-1").unwrap();
        let stack = every_second().env("SLIPSTREAM_LEDGER_KEY", &signer.to_secret()).start().await;
        let node = stack.node(ALL_ROLES).await;
        let http = stack.http(&node, "acme");
        Self { stack, node, signer, http }
    }

    /// Publishes events, and waits until they are archived and signed.
    pub(crate) async fn publish(&self, count: usize) -> Vec<String> {
        let events: Vec<Value> = (0..count).map(|n| event(&format!("e{n}"))).collect();
        self.http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(&events)).await.unwrap().expect(202);
        let ids = crate::ids(&events);
        let last = ids.last().cloned().unwrap_or_default();
        eventually("they are archived", async || match self.http.get(&format!("/api/events/{last}/proof")).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        })
        .await;
        self.signed().await;
        ids
    }

    /// Waits until all that is archived is signed.
    pub(crate) async fn signed(&self) -> Value {
        let size = eventually("everything is archived", async || {
            let state = self.http.get("/api/ledger").await.expect(200);
            let archived: u64 = self.stack.sql("select count(*) from slipstream.event where tenant_id = 'acme'").await.parse().unwrap();
            let waiting = self.stack.sql("select count(*) from slipstream.outbox where published_at is null").await;
            let size = state["size"].as_u64().unwrap();
            if size > 0 && size == archived && waiting == "0" { Ok(size) } else { Err(state) }
        })
        .await;
        eventually("it is signed", async || {
            let state = self.http.get("/api/ledger").await.expect(200);
            if state["signedThrough"].as_u64().unwrap() >= size { Ok(state) } else { Err(state) }
        })
        .await
    }

    pub(crate) fn trusted(&self) -> Verifiers {
        Verifiers(vec![self.signer.verifier()])
    }

    pub(crate) async fn verify(&self, args: &[&str]) -> Output {
        let token = self.stack.token("acme");
        self.stack.run(&[&["verify", "--json"], args].concat(), &[("SLIPSTREAM_URL", &self.node.url()), ("SLIPSTREAM_TOKEN", &token)]).await
    }
}

fn every_second() -> Setup {
    Setup::default().env("SLIPSTREAM_LEDGER_CHECKPOINT_SECONDS", "1")
}

pub(crate) fn report(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)))
}

pub(crate) fn hashes(value: &Value) -> Vec<Hash> {
    serde_json::from_value(value.clone()).unwrap()
}

fn hash(value: &Value) -> Hash {
    serde_json::from_value(value.clone()).unwrap()
}

#[tokio::test]
async fn an_event_is_proven_by_its_own_bytes_and_a_signed_checkpoint() {
    let signed = Signed::start().await;
    let ids = signed.publish(700).await;
    let tenant = Tenant::new("acme").unwrap();
    for id in [&ids[0], &ids[255], &ids[256], &ids[511], &ids[699]] {
        let proof = signed.http.get(&format!("/api/events/{id}/proof")).await.expect(200);
        let checkpoint = signed.trusted().open_of(&tenant, proof["checkpoint"].as_str().unwrap()).unwrap();
        let payload = signed.stack.sql(&format!("select payload from slipstream.event where event_id = '{id}'")).await;
        let leaf = Hash::leaf(payload.as_bytes());
        assert_eq!(leaf, hash(&proof["leaf"]), "{id}");
        let (number, size) = (proof["number"].as_u64().unwrap(), proof["size"].as_u64().unwrap());
        assert_eq!((size, checkpoint.root), (checkpoint.size, hash(&proof["root"])));
        proof::verify_inclusion(leaf, number - 1, size, &hashes(&proof["path"]), checkpoint.root).unwrap();
    }
    signed.http.get("/api/events/00000000-0000-0000-0000-000000000000/proof").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_later_ledger_begins_with_every_earlier_one() {
    let signed = Signed::start().await;
    for count in [3, 300, 41] {
        signed.publish(count).await;
    }
    let tenant = Tenant::new("acme").unwrap();
    let listed = signed.http.get("/api/ledger/checkpoints?limit=500").await.expect(200);
    let notes: Vec<Checkpoint> =
        listed["items"].as_array().unwrap().iter().map(|item| signed.trusted().open_of(&tenant, item["checkpoint"].as_str().unwrap()).unwrap()).collect();
    assert!(notes.len() >= 3 && notes.is_sorted_by(|a, b| a.size < b.size), "{notes:?}");
    let last = notes.last().unwrap();
    for before in &notes {
        let path = format!("/api/ledger/consistency?from={}&to={}", before.size, last.size);
        let proof = signed.http.get(&path).await.expect(200);
        proof::verify_consistency(before.size, before.root, last.size, last.root, &hashes(&proof["path"])).unwrap();
    }
    for (bad, field) in [("from=2&to=1", "from"), ("from=1", "to"), ("from=x&to=1", "from"), ("from=1&to=999999", "to")] {
        let body = signed.http.get(&format!("/api/ledger/consistency?{bad}")).await.problem(422, "validation");
        assert_eq!(body["fields"][0]["field"], field, "{bad}");
    }
}

/// What an intruder with all rights in the database does to row 5 of 20, and how the verifier calls it.
const TAMPERINGS: &[(&str, &str, u64)] = &[
    ("update slipstream.event set payload = replace(payload, '1.1', '9.9') where tenant_id = 'acme' and tenant_seq = 5", "changed", 5),
    ("update slipstream.event set severity = 'critical' where tenant_id = 'acme' and tenant_seq = 5", "columns_differ", 5),
    ("delete from slipstream.event where tenant_id = 'acme' and tenant_seq = 5", "removed", 5),
    ("update slipstream.event set tenant_id = 'other' where tenant_id = 'acme' and tenant_seq = 5", "removed", 5),
    (
        "insert into slipstream.event select (jsonb_populate_record(e, '{\"event_id\": \"00000000-0000-7000-8000-000000000001\", \"tenant_seq\": 1000}')).* \
         from slipstream.event e where tenant_id = 'acme' and tenant_seq = 5",
        "added",
        1000,
    ),
    (
        "update slipstream.event as e set payload = o.payload from slipstream.event as o \
         where e.tenant_id = 'acme' and o.tenant_id = 'acme' and e.tenant_seq in (5, 6) and o.tenant_seq = 11 - e.tenant_seq",
        "reordered",
        5,
    ),
    (
        "update slipstream.event set payload = replace(payload, '\"tenantId\":\"acme\"', '\"tenantId\":\"other\"') where tenant_id = 'acme' and tenant_seq = 5",
        "tenant_swapped",
        5,
    ),
    ("update slipstream.ledger_batch set leaves = overlay(leaves placing sha256('x') from 1 for 32) where tenant_id = 'acme' and start = 0", "rewritten", 1),
    ("delete from slipstream.ledger_batch where tenant_id = 'acme' and start = 0", "removed", 1),
];

#[tokio::test]
async fn the_verifier_names_what_was_done_to_the_archive() {
    let signed = Signed::start().await;
    signed.publish(20).await;
    let key = signed.signer.verifier().to_string();
    let whole = signed.verify(&["--key", &key]).await;
    let told = report(&whole);
    assert!(whole.status.success() && told["findings"] == json!([]) && told["kept"].as_u64().unwrap() >= 20, "{told}");
    // The export of each check is an event of the ledger itself.
    signed.signed().await;
    // What is restored below has to fit what is there.
    signed.stack.sql("revoke execute on function slipstream.join_ledger_batches(bigint, bigint, bytea) from slipstream_redactor").await;
    signed
        .stack
        .sql("create schema backup; create table backup.event as table slipstream.event; create table backup.batch as table slipstream.ledger_batch")
        .await;
    for (tampering, kind, number) in TAMPERINGS {
        signed.stack.sql(tampering).await;
        let output = signed.verify(&["--key", &key]).await;
        let told = report(&output);
        let found = told["findings"].as_array().unwrap();
        assert_eq!(output.status.code(), Some(2), "{tampering}: {told}");
        assert!(found.iter().any(|finding| finding["kind"] == *kind && finding["number"] == *number), "{tampering}: {told}");
        let restore = "delete from slipstream.event where (tenant_id, event_id) in (select tenant_id, event_id from backup.event) or tenant_id = 'other' or tenant_seq = 1000; \
                       insert into slipstream.event select * from backup.event; \
                       delete from slipstream.ledger_batch where start in (select start from backup.batch); insert into slipstream.ledger_batch select * from backup.batch";
        signed.stack.sql(restore).await;
    }
    signed.signed().await;
    let whole = signed.verify(&["--key", &key]).await;
    assert!(whole.status.success(), "{}", report(&whole));
}

#[tokio::test]
async fn an_export_is_checked_without_the_platform() {
    let signed = Signed::start().await;
    signed.publish(30).await;
    let file = signed.stack.dir().join("ledger.ndjson");
    let file = file.to_str().unwrap();
    assert!(signed.verify(&["--save", file]).await.status.success());
    let key = signed.signer.verifier().to_string();
    signed.node.stop().await;
    let alone = async |file: &str, key: &str| signed.stack.run(&["verify", "--json", "--file", file, "--key", key], &[]).await;
    let checked = alone(file, &key).await;
    assert!(checked.status.success() && report(&checked)["signed_through"].as_u64().unwrap() >= 30, "{}", report(&checked));
    let text = std::fs::read_to_string(file).unwrap();
    let tampered = signed.stack.dir().join("tampered.ndjson");
    std::fs::write(&tampered, text.replacen(r#"entityId\":\"e7"#, r#"entityId\":\"e8"#, 1)).unwrap();
    let found = alone(tampered.to_str().unwrap(), &key).await;
    assert_eq!(
        (found.status.code(), &report(&found)["findings"][0]["kind"], &report(&found)["findings"][0]["number"]),
        (Some(2), &json!("changed"), &json!(8))
    );
    std::fs::write(&tampered, text.lines().take(10).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let cut = alone(tampered.to_str().unwrap(), &key).await;
    assert_eq!(cut.status.code(), Some(2));
    let foreign = Signer::generate("ledger-1").unwrap().verifier().to_string();
    assert_eq!(report(&alone(file, &foreign).await)["findings"][0]["kind"], "checkpoint");
}

/// It is an export as the others are: in what stands above it, in what is told of it, and in how many there may be at a time.
#[tokio::test]
async fn the_export_is_one_of_the_users_and_the_tenants_exports() {
    let signed = Signed::start().await;
    let events: Vec<Value> = (0..600).map(|n| crate::large(&format!("e{n}"), 50_000)).collect();
    for batch in events.chunks(50) {
        signed.http.send("POST", "/api/events", &[("content-type", "application/x-ndjson")], &lines(batch)).await.unwrap().expect(202);
    }
    eventually("all is signed", async || Some(signed.signed().await).filter(|state| state["size"] == 600).ok_or("not all")).await;
    let file = signed.http.get("/api/ledger/export").await;
    assert_eq!(
        (file.status, &file.headers["content-type"], &file.headers["cache-control"]),
        (200, &"application/x-ndjson".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!((&file.headers["x-content-type-options"], &file.headers["x-export-upper-seq"]), (&"nosniff".parse().unwrap(), &"600".parse().unwrap()));
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"ledger_acme_600.ndjson\"");
    let last: Value = serde_json::from_str(file.text.lines().last().unwrap()).unwrap();
    assert_eq!(last["end"], 600, "{last}");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let slow = client.get(format!("{}/api/ledger/export", signed.node.url())).bearer_auth(signed.stack.token("acme")).send().await.unwrap();
    assert_eq!(slow.status().as_u16(), 200);
    for path in ["/api/ledger/export", "/api/events/export?format=csv", "/api/v1/activity-log/export"] {
        let refused = signed.http.get(path).await;
        refused.problem(429, "export_in_progress");
        assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    }
    let colleague = Http::new(signed.node.url(), Some(signed.stack.token_of("u2", "acme", &["admin"])));
    assert_eq!(colleague.get("/api/ledger/export").await.status, 200);
    drop(slow);
    eventually("the place is free again", async || match signed.http.get("/api/ledger/export").await {
        answer if answer.status == 200 => Ok(()),
        answer => Err(answer.status),
    })
    .await;
    let told = "select count(*) from slipstream.outbox where type = 'audit.export.created'";
    assert_eq!(signed.stack.sql(told).await, "4", "what was refused is not told of");
}

#[tokio::test]
async fn the_manifest_of_an_export_is_signed() {
    let signed = Signed::start().await;
    signed.publish(5).await;
    let job = signed.http.post("/api/exports", &json!({"format": "ndjson"})).await.expect(202);
    let path = format!("/api/exports/{}/manifest", job["id"].as_str().unwrap());
    let manifest = eventually("the file is ready", async || match signed.http.get(&path).await {
        answer if answer.status == 200 => Ok(answer.expect(200)),
        answer => Err(answer.text),
    })
    .await;
    let (over, value) = (manifest["signature"]["over"].as_str().unwrap(), manifest["signature"]["value"].as_str().unwrap());
    signed.trusted().verify_bytes("slipstream-export-manifest", over.as_bytes(), value).unwrap();
    assert_eq!(serde_json::from_str::<Value>(over).unwrap()["sha256"], manifest["sha256"]);
    assert!(signed.trusted().open(manifest["checkpoint"].as_str().unwrap()).unwrap().size >= 5);
}

/// Nobody gets a rewritten archive signed: not by waiting for the next minute either.
#[tokio::test]
async fn a_rewritten_archive_is_not_signed() {
    let signed = Signed::start().await;
    signed.publish(10).await;
    let before = signed.http.get("/api/ledger").await.expect(200)["signedThrough"].clone();
    let forge = "update slipstream.ledger_batch set leaves = overlay(leaves placing sha256('x') from 1 for 32) where tenant_id = 'acme' and start = 0; \
                 update slipstream.tenant_head set peaks = null, signed_size = 0 where tenant_id = 'acme'";
    signed.stack.sql(forge).await;
    signed.http.publish(&event("later")).await;
    eventually("the refusal is counted", async || {
        let metrics = signed.http.get("/metrics").await.text;
        if metrics.lines().any(|line| line.starts_with("slipstream_ledger_checkpoints_refused_total") && !line.ends_with(" 0")) {
            Ok(())
        } else {
            Err(metrics.len())
        }
    })
    .await;
    assert_eq!(signed.http.get("/api/ledger").await.expect(200)["signedThrough"], before);
}

/// Keys are changed with an overlap: whoever knows either can check.
#[tokio::test]
async fn keys_are_changed_with_an_overlap() {
    let (old, new) = (Signer::generate("ledger-1").unwrap(), Signer::generate("ledger-2").unwrap());
    let stack = every_second().start().await;
    let tenant = Tenant::new("acme").unwrap();
    let keys = [
        vec![("SLIPSTREAM_LEDGER_KEY", old.to_secret())],
        vec![("SLIPSTREAM_LEDGER_KEY", old.to_secret()), ("SLIPSTREAM_LEDGER_KEY_NEXT", new.to_secret())],
        vec![("SLIPSTREAM_LEDGER_KEY", new.to_secret()), ("SLIPSTREAM_LEDGER_KNOWN_KEYS", old.verifier().to_string())],
    ];
    let mut notes = Vec::new();
    for (round, env) in keys.iter().enumerate() {
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let node = stack.node_with("api,gateway,relay,archiver", &env).await;
        let http = stack.http(&node, "acme");
        http.publish(&event(&format!("round {round}"))).await;
        let state = eventually("it is signed", async || {
            let state = http.get("/api/ledger").await.expect(200);
            if state["signedThrough"] == json!(round + 1) { Ok(state) } else { Err(state) }
        })
        .await;
        notes.push(state["checkpoint"].as_str().unwrap().to_owned());
        node.stop().await;
    }
    let holds = |signer: &Signer, note: &str| Verifiers(vec![signer.verifier()]).open_of(&tenant, note).is_ok();
    assert_eq!([0, 1, 2].map(|i| (holds(&old, &notes[i]), holds(&new, &notes[i]))), [(true, false), (true, true), (false, true)]);
}

#[tokio::test]
async fn an_auditor_is_told_whether_anything_is_missing() {
    let signed = Signed::start().await;
    signed.publish(20).await;
    let ask = async |query: &str| signed.http.get(&format!("/api/ledger/completeness{query}")).await;
    let whole = ask("").await.expect(200);
    assert_eq!((&whole["complete"], &whole["from"], &whole["through"], &whole["present"]), (&json!(true), &json!(1), &json!(20), &json!(20)));
    assert_eq!(whole["statement"], "Nothing is missing from 1 to 20: 20 events are there (0 of them redacted), and 0 were removed by retention; signed.");
    let times = ask("?timeStart=2000-01-01T00:00:00Z&timeEnd=2100-01-01T00:00:00Z").await.expect(200);
    assert_eq!((&times["complete"], &times["through"]), (&json!(true), &json!(20)));
    assert_eq!(ask("?timeEnd=2000-01-01T00:00:00Z").await.expect(200)["statement"], "There are no events in this part of the ledger.");
    signed.stack.sql("delete from slipstream.event where tenant_id = 'acme' and tenant_seq in (7, 8, 12)").await;
    signed.stack.sql("insert into slipstream.archive_quarantine (shard, epoch, seq, subject, reason, payload) select shard, max(epoch), min(seq), 'events.other.a.b.c', 'x', '' from slipstream.event group by shard").await;
    let part = ask("?from=5&through=10").await.expect(200);
    assert_eq!(
        (&part["complete"], &part["present"], &part["missing"], &part["losses"]),
        (&json!(false), &json!(4), &json!([[7, 8]]), &json!([])),
        "what is another tenant's is not told"
    );
    assert_eq!(ask("").await.expect(200)["missing"], json!([[7, 8], [12, 12]]));
    assert_eq!(ask("?from=9&through=11").await.expect(200)["complete"], json!(true));
    signed.stack.sql("insert into slipstream.archive_quarantine (shard, epoch, seq, subject, reason, payload) select shard, max(epoch), max(seq), '', 'the messages 3 to 4 left', '' from slipstream.event group by shard").await;
    let lossy = ask("?from=13&through=20").await.expect(200);
    assert_eq!((&lossy["complete"], &lossy["missing"], &lossy["losses"][0]["reason"]), (&json!(false), &json!([]), &json!("the messages 3 to 4 left")));
    // Sequence 0 lies before the tenant's first event, as the end of a hole would that took its first events.
    let before_all = "update slipstream.archive_quarantine set seq = 0 where subject = ''";
    signed.stack.sql(before_all).await;
    assert_eq!(
        ask("?through=2").await.expect(200)["losses"].as_array().unwrap().len(),
        1,
        "the part that begins with the first event answers for what came before"
    );
    for (query, field) in
        [("?from=9&through=3", "from"), ("?through=21", "through"), ("?from=0", "from"), ("?from=1&timeEnd=2100-01-01T00:00:00Z", "timeStart")]
    {
        assert_eq!(ask(query).await.problem(422, "validation")["fields"][0]["field"], field, "{query}");
    }
}

/// A tenant with few events had a batch for each of them.
#[tokio::test]
async fn small_batches_become_one_while_all_stays_provable_and_findable() {
    let mut signed = Signed::start().await;
    for n in 0..130 {
        let event = event(&format!("e{n}"));
        signed.http.send("POST", "/api/events", &[("content-type", "application/json")], &event.to_string()).await.unwrap().expect(202);
        let proof = format!("/api/events/{}/proof", event["id"].as_str().unwrap());
        eventually("it is archived", async || match signed.http.get(&proof).await {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        })
        .await;
    }
    let batches = "select count(*) from slipstream.ledger_batch where tenant_id = 'acme'";
    let count = async |signed: &Signed| signed.stack.sql(batches).await.parse::<usize>().unwrap();
    let before = count(&signed).await;
    assert!(before > 100, "{before}");
    // Killed when some of them have become one, and others have not.
    signed.node.kill().await;
    signed.node.restart_with("SLIPSTREAM_FAIL_POINTS", "batches.joined").await;
    signed.node.exited().await;
    let half = count(&signed).await;
    assert!(half < before && half > 12, "{half} of {before}");
    signed.node.restart_with("SLIPSTREAM_FAIL_POINTS", "").await;
    signed.http = signed.stack.http(&signed.node, "acme");
    eventually("there are few", async || {
        let now = count(&signed).await;
        if now <= 12 { Ok(()) } else { Err(format!("{now} of {before}")) }
    })
    .await;
    signed.signed().await;
    let output = signed.verify(&["--key", &signed.signer.verifier().to_string()]).await;
    assert!(output.status.success(), "{}", report(&output));
    let found = signed.http.get("/api/events/history?q=e17").await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
}
