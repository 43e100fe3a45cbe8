//! Analytics: totals that equal the events at every moment, for every reader; over all tenants; through kills; and a reconciliation that finds what is wrong.

mod rankings;

use std::process::Output;

use serde_json::{Value, json};
use slipstream_access::mint::Grant;
use slipstream_tests::{Http, Node, Stack, TOKEN_SECRET, eventually};

use crate::{lines, printed, texts};

const ND: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

async fn publish(http: &Http, events: &[Value]) {
    http.send("POST", "/api/events", ND, &lines(events)).await.unwrap().expect(202);
}

/// Events of a type that happened then, about entities of their own.
fn events(count: usize, event_type: &str, at: &str) -> Vec<Value> {
    (0..count).map(|n| json!({"id": slipstream_tests::id(), "type": event_type, "entityId": format!("e{n}"), "timestamp": at})).collect()
}

async fn counts(http: &Http, query: &str) -> Value {
    http.get(&format!("/api/analytics/{query}")).await.expect(200)
}

/// Waits until so many events of a tenant are archived.
async fn archived(stack: &Stack, tenant: &str, count: usize) {
    eventually("they are archived", async || {
        match stack.sql(&format!("select coalesce(max(ledger_size), 0) from slipstream.tenant_head where tenant_id = '{tenant}'")).await {
            size if size == count.to_string() => Ok(()),
            size => Err(size),
        }
    })
    .await;
}

/// Waits until all that is archived is counted.
async fn folded(stack: &Stack) {
    let behind = "select count(*) from slipstream.tenant_head as h left join slipstream.analytics_head as a using (tenant_id) \
                  where h.ledger_size <> coalesce(a.folded_size, 0)";
    eventually("they are counted", async || match stack.sql(behind).await {
        none if none == "0" => Ok(()),
        some => Err(some),
    })
    .await;
}

fn root(stack: &Stack, node: &Node) -> Http {
    let grant = Grant { super_admin: true, ..Grant::new("root", None, &[]) };
    Http::new(node.url(), Some(stack.sign(&grant, TOKEN_SECRET, std::time::Duration::from_secs(600))))
}

/// Names of the fields that an answer refuses.
fn fields(refusal: &Value) -> Vec<String> {
    texts(refusal["fields"].as_array().unwrap(), "field")
}

#[tokio::test]
async fn totals_equal_the_events_while_they_are_archived_and_counted() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let (mut sent, mut looked_beside_counts) = (0, false);
    while !looked_beside_counts {
        let batch: Vec<Value> = (0..100).map(|n| json!({"type": format!("shop.order.a{}", n % 5), "entityId": format!("e{n}")})).collect();
        publish(&http, &batch).await;
        sent += batch.len() as u64;
        let counted: u64 = stack.sql("select coalesce(max(folded_size), 0) from slipstream.analytics_head").await.parse().unwrap();
        let summary = counts(&http, "summary").await;
        let (total, through) = (summary["current"]["total"].as_u64().unwrap(), summary["through"].as_u64().unwrap());
        assert_eq!((total, &summary["isComplete"]), (through, &json!(true)), "{summary}");
        let archived: u64 = stack.sql("select coalesce(max(ledger_size), 0) from slipstream.tenant_head").await.parse().unwrap();
        assert!(total <= archived && archived <= sent, "{total} of {archived} of {sent}");
        looked_beside_counts = counted > 0 && through > counted;
        for path in ["series?by=type&groups=2", "top?of=actors", "top?of=entities&limit=3", "heatmap"] {
            let answer = counts(&http, path).await;
            assert_eq!(answer["total"], answer["through"], "{path}: {answer}");
        }
    }
    archived(&stack, "acme", usize::try_from(sent).unwrap()).await;
    folded(&stack).await;
    let summary = counts(&http, "summary").await;
    assert_eq!(summary["current"]["total"], json!(http.history("").await.len()), "history lists as many");
    assert!(summary["archivedThrough"]["cursor"].is_string());
    assert!(http.metric("slipstream_analytics_folded_total").await >= sent as f64);
    printed(&stack.run(&["analytics", "reconcile"], &[]).await);
}

#[tokio::test]
async fn a_reader_counts_what_it_could_list_and_nothing_else() {
    let (stack, node) = Stack::with_node().await;
    let admin = stack.http(&node, "acme");
    let classes = ["tenant", "tenant", "quality", "admin", "platform", "subject", "external", "department:line"];
    let batch: Vec<Value> = classes
        .iter()
        .enumerate()
        .map(|(n, class)| {
            json!({"type": "shop.order.created", "entityId": format!("{class}-{n}"), "visibility": class, "severity": "error", "metadata": {"subjectUserId": "u7"}})
        })
        .collect();
    publish(&admin, &batch).await;
    archived(&stack, "acme", classes.len()).await;
    stack.http(&node, "other").publish(&json!({"type": "shop.order.created", "entityId": "theirs"})).await;
    for is_folded in [false, true] {
        if is_folded {
            folded(&stack).await;
        }
        for (user, roles) in [("u2", &["reader"][..]), ("u7", &["reader"]), ("u3", &["quality"]), ("u4", &["admin"])] {
            let reader = Http::new(node.url(), Some(stack.token_of(user, "acme", roles)));
            let listed = reader.history("").await;
            assert!(listed.len() < classes.len(), "nobody of the tenant sees all");
            for path in ["series?by=module", "heatmap", "top?of=entities", "top?of=actors", "top?of=actions"] {
                assert_eq!(counts(&reader, path).await["total"], json!(listed.len()), "{user}: {path}");
            }
            let summary = counts(&reader, "summary").await;
            assert_eq!((&summary["current"]["total"], &summary["current"]["errors"]), (&json!(listed.len()), &json!(listed.len())));
            let mut entities = texts(counts(&reader, "top?of=entities").await["items"].as_array().unwrap(), "entityId");
            let mut ids = texts(&listed, "entityId");
            entities.sort();
            ids.sort();
            assert_eq!(entities, ids);
        }
    }
    assert_eq!(root(&stack, &node).get("/api/analytics/summary?account_id=acme").await.expect(200)["current"]["total"], json!(classes.len()));
    // Last: that it was refused is an event too.
    let nobody = Http::new(node.url(), Some(stack.token_of("u9", "acme", &[])));
    nobody.get("/api/analytics/summary").await.problem(403, "role_forbidden");
}

#[tokio::test]
async fn a_super_admin_counts_over_all_tenants_and_nobody_else_does() {
    let (stack, node) = Stack::with_node().await;
    for (tenant, count) in [("acme", 3), ("other", 5), ("third", 1)] {
        publish(&stack.http(&node, tenant), &(0..count).map(|n| json!({"type": "shop.order.created", "entityId": format!("e{n}")})).collect::<Vec<_>>()).await;
        archived(&stack, tenant, count).await;
    }
    folded(&stack).await;
    let root = root(&stack, &node);
    let all = async |path: &str| root.get(&format!("/api/admin/analytics/{path}")).await.expect(200);
    let summary = all("summary").await;
    assert_eq!(
        (&summary["current"]["total"], &summary["counted"], &summary["events"], &summary["isComplete"]),
        (&json!(9), &json!(9), &json!(9), &json!(true))
    );
    assert_eq!(summary["tenants"]["items"][0], json!({"tenantId": "other", "count": 5, "share": 5.0 / 9.0, "errors": 0, "errorShare": 0.0}));
    let ranking = all("top?of=tenants&limit=2").await;
    assert_eq!(
        (texts(ranking["items"].as_array().unwrap(), "tenantId"), &ranking["other"], &ranking["distinct"]),
        (vec!["other".into(), "acme".into()], &json!(1), &json!(3))
    );
    let actors = all("top?of=actors").await;
    assert_eq!((&actors["items"][0]["tenantId"], &actors["items"][0]["actorId"], &actors["items"][0]["count"]), (&json!("other"), &json!("u1"), &json!(5)));
    let series = all("series?by=tenant&groups=1&bucket=week").await;
    assert_eq!(
        (&series["groups"][0]["key"], &series["groups"][0]["total"], &series["other"]["total"], &series["total"]),
        (&json!("other"), &json!(5), &json!(4), &json!(9))
    );
    assert_eq!(all("heatmap").await["total"], 9);
    let admin = stack.http(&node, "acme");
    for path in ["summary", "top?of=tenants", "series", "heatmap"] {
        admin.get(&format!("/api/admin/analytics/{path}")).await.problem(403, "super_admin_required");
    }
    assert_eq!(fields(&admin.get("/api/analytics/top?of=tenants").await.problem(422, "validation")), ["of"]);
    assert_eq!(fields(&admin.get("/api/analytics/series?by=tenant").await.problem(422, "validation")), ["by"]);
}

#[tokio::test]
async fn a_time_is_compared_with_the_one_before_and_filters_narrow_both() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish(&http, &events(4, "shop.order.created", "2025-06-03T10:20:00Z")).await;
    publish(&http, &events(2, "shop.order.created", "2025-06-09T23:59:59.999999Z")).await;
    let failed: Vec<Value> = events(3, "shop.payment.failed", "2025-06-10T00:00:00Z")
        .into_iter()
        .map(|mut event| {
            event["severity"] = json!("error");
            event["category"] = json!("system");
            event
        })
        .collect();
    publish(&http, &failed).await;
    archived(&stack, "acme", 9).await;
    let week = "from=2025-06-10T00:00:00Z&to=2025-06-17T00:00:00Z";
    let summary = counts(&http, &format!("summary?{week}")).await;
    let (now, before, change) = (&summary["current"], &summary["previous"], &summary["change"]);
    assert_eq!((&before["from"], &before["to"]), (&json!("2025-06-03T00:00:00.000000Z"), &json!("2025-06-10T00:00:00.000000Z")));
    assert_eq!(
        (&now["total"], &now["errors"], &now["errorShare"], &before["total"], &before["errorShare"]),
        (&json!(3), &json!(3), &json!(1.0), &json!(6), &json!(0.0))
    );
    assert_eq!((&now["bySeverity"]["error"], &now["byCategory"]["system"], &now["byCategory"]["auth"]), (&json!(3), &json!(3), &json!(0)));
    assert_eq!(change, &json!({"total": {"difference": -3, "ratio": 0.5}, "errors": {"difference": 3, "ratio": null}, "errorShare": {"difference": 1.0}}));
    let empty = counts(&http, "summary?from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z").await;
    assert_eq!((&empty["current"]["errorShare"], &empty["change"]["total"]["ratio"]), (&Value::Null, &Value::Null));
    for (filter, total, previous) in [
        ("type=shop.order", 0, 6),
        ("types=shop.payment.failed", 3, 0),
        ("severity=error", 3, 0),
        ("category=entity", 0, 6),
        ("module=shop", 3, 6),
        ("module=x", 0, 0),
    ] {
        let summary = counts(&http, &format!("summary?{week}&{filter}")).await;
        assert_eq!((&summary["current"]["total"], &summary["previous"]["total"]), (&json!(total), &json!(previous)), "{filter}");
    }
    let days = counts(&http, "series?from=2025-06-02T00:00:00Z&to=2025-06-12T00:00:00Z&bucket=day&by=action").await;
    assert_eq!(days["counts"], json!([0, 4, 0, 0, 0, 0, 0, 2, 3, 0]), "{days}");
    assert_eq!(texts(days["groups"].as_array().unwrap(), "key"), ["created", "failed"]);
    assert_eq!((&days["groups"][1]["counts"][8], &days["other"], &days["buckets"][9]), (&json!(3), &Value::Null, &json!("2025-06-11T00:00:00.000000Z")));
    let actors = counts(&http, "series?from=2025-06-02T00:00:00Z&to=2025-06-12T00:00:00Z&bucket=week&by=actor&severity=info").await;
    assert_eq!((&actors["groups"][0]["key"], &actors["counts"]), (&json!("u1"), &json!([4, 2])));
}

#[tokio::test]
async fn the_week_is_that_of_the_zones_clocks() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    // On Sunday 2025-10-26 clocks in Berlin show 02:30 twice; on Sunday 2025-03-30 never.
    for at in ["2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-03-30T01:30:00Z", "2025-03-30T23:20:00Z"] {
        publish(&http, &events(1, "shop.order.created", at)).await;
    }
    archived(&stack, "acme", 4).await;
    for is_folded in [false, true] {
        if is_folded {
            folded(&stack).await;
        }
        let map = async |zone: &str| counts(&http, &format!("heatmap?from=2025-03-01T00:00:00Z&to=2025-11-01T00:00:00Z&zone={zone}")).await;
        let berlin = map("Europe/Berlin").await;
        assert_eq!((&berlin["cells"][6][2], &berlin["cells"][6][3], &berlin["cells"][0][1]), (&json!(2), &json!(1), &json!(1)), "{berlin}");
        assert_eq!((&berlin["total"], &berlin["max"], &berlin["zone"]), (&json!(4), &json!(2), &json!("Europe/Berlin")));
        let india = map("%2B05:30").await;
        assert_eq!((&india["cells"][6][6], &india["cells"][6][7], &india["cells"][0][4]), (&json!(1), &json!(2), &json!(1)), "{india}");
        assert_eq!(map("Asia/Kolkata").await["cells"], india["cells"]);
        assert_eq!(fields(&http.get("/api/analytics/heatmap?zone=Europe/Nowhere").await.problem(422, "validation")), ["zone"]);
    }
}

#[tokio::test]
async fn who_is_killed_between_two_pieces_counts_nothing_twice() {
    let stack = Stack::start().await;
    let front = stack.node("api,gateway").await;
    let mut workers = stack.node_with("relay,archiver", &[("SLIPSTREAM_FAIL_POINTS", "analytics.folded@2")]).await;
    for tenant in ["acme", "other", "third"] {
        publish(&stack.http(&front, tenant), &events(50, "shop.order.created", "2025-06-10T00:00:00Z")).await;
    }
    workers.exited().await;
    let counted: u64 = stack.sql("select coalesce(sum(folded_size), 0) from slipstream.analytics_head").await.parse().unwrap();
    assert!(counted > 0, "it was killed behind a piece");
    // kill -9 at any moment, a few times, while more comes in.
    workers.restart_with("SLIPSTREAM_FAIL_POINTS", "").await;
    for round in 0..3 {
        publish(&stack.http(&front, "acme"), &events(50, "shop.order.created", "2025-06-10T01:00:00Z")).await;
        archived(&stack, "acme", 100 + 50 * round).await;
        workers.kill().await;
        workers.restart().await;
    }
    archived(&stack, "other", 50).await;
    archived(&stack, "third", 50).await;
    folded(&stack).await;
    printed(&stack.run(&["analytics", "reconcile"], &[]).await);
    let summary = counts(&stack.http(&front, "acme"), "summary?from=2025-06-10T00:00:00Z&to=2025-06-11T00:00:00Z").await;
    assert_eq!(summary["current"]["total"], 200);
}

async fn reconcile(stack: &Stack, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = stack.run(&[&["analytics", "reconcile"], args].concat(), &[]).await;
    let (out, err) = (String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr));
    assert!(err.contains("2025-06 compared"), "{err}");
    (status.code().unwrap(), out)
}

#[tokio::test]
async fn a_reconciliation_names_forged_counts_and_makes_them_right() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish(&http, &events(7, "shop.order.created", "2025-06-10T10:20:00Z")).await;
    publish(&stack.http(&node, "other"), &events(2, "shop.order.created", "2025-06-10T10:20:00Z")).await;
    archived(&stack, "acme", 7).await;
    archived(&stack, "other", 2).await;
    folded(&stack).await;
    let (code, out) = reconcile(&stack, &[]).await;
    assert_eq!((code, out.as_str()), (0, "acme: the counts of events 1 to 7 are right\nother: the counts of events 1 to 2 are right\n"));
    stack.sql("update slipstream.analytics_hour set q1 = 70 where tenant_id = 'acme'").await;
    stack.sql("delete from slipstream.analytics_day where tenant_id = 'acme' and id = 'e3'").await;
    let (code, out) = reconcile(&stack, &[]).await;
    assert_eq!(code, 1, "{out}");
    let wrong: Vec<&str> = out.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert_eq!(
        wrong,
        [
            "WRONG  acme  hour  2025-06-10T10:15:00.000000Z  shop.order.created entity info tenant  counted 70  events 7",
            "WRONG  acme  entity  2025-06-10T00:00:00.000000Z  e3 shop.order shop entity info tenant  counted 0  events 1",
        ]
    );
    assert_eq!(reconcile(&stack, &["--tenant", "other"]).await.0, 0, "the other tenant's are right");
    let (code, out) = reconcile(&stack, &["--tenant", "acme", "--repair"]).await;
    assert!(code == 0 && out.ends_with("acme: the counts of events 1 to 7 are right\n"), "{out}");
    let summary = counts(&http, "summary?from=2025-06-10T00:00:00Z&to=2025-06-11T00:00:00Z").await;
    assert_eq!(summary["current"]["total"], 7);
}

#[tokio::test]
async fn a_tenant_that_cannot_be_counted_holds_up_no_other() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    publish(&http, &events(3, "shop.order.created", "2025-06-10T10:20:00Z")).await;
    archived(&stack, "acme", 3).await;
    folded(&stack).await;
    stack.sql("update slipstream.analytics_hour set q1 = 9223372036854775807").await;
    publish(&http, &events(2, "shop.order.created", "2025-06-10T10:20:00Z")).await;
    archived(&stack, "acme", 5).await;
    publish(&stack.http(&node, "other"), &events(4, "shop.order.created", "2025-06-10T10:20:00Z")).await;
    eventually("the other tenant is counted", async || match stack.sql("select folded_size from slipstream.analytics_head where tenant_id = 'other'").await {
        all if all == "4" => Ok(()),
        some => Err(some),
    })
    .await;
    assert_eq!(stack.sql("select folded_size from slipstream.analytics_head where tenant_id = 'acme'").await, "3");
    assert_eq!(reconcile(&stack, &["--repair"]).await.0, 0);
    let summary = counts(&http, "summary?from=2025-06-10T00:00:00Z&to=2025-06-11T00:00:00Z").await;
    assert_eq!(summary["current"]["total"], 5);
}

#[tokio::test]
async fn bad_input_is_named_and_an_answer_is_kept_until_the_archive_changes() {
    let (stack, node) = Stack::with_node().await;
    let http = stack.http(&node, "acme");
    let cases: [(&str, &[&str]); 13] = [
        ("summary?from=2025-06-10T00:00:00Z&to=2025-06-09T00:00:00Z", &["from", "to"]),
        ("summary?from=2025-06-10T00:00:00Z&to=2025-06-10T00:00:00Z", &["from", "to"]),
        ("series?from=1999-01-01T00:00:00Z", &["from", "to"]),
        ("series?from=yesterday", &["from"]),
        ("series?from=2025-01-01T00:00:00Z&to=2025-12-01T00:00:00Z&bucket=hour", &["bucket"]),
        ("series?by=colour&groups=1000&bucket=second", &["by", "bucket", "groups"]),
        ("series?by=actor&type=shop.order", &["type"]),
        ("top", &["of"]),
        ("top?of=actors&limit=1000000", &["limit"]),
        ("top?of=entities&types=shop.order", &["types"]),
        ("summary?actor=u1&q=x&severity=bad&category=zoo", &["actor", "q", "severity", "category"]),
        ("summary?actor=u1&colour=red&zone=UTC", &["colour", "zone"]),
        ("heatmap?zone=%27%3B%20drop", &["zone"]),
    ];
    for (path, want) in cases {
        let refusal = http.get(&format!("/api/analytics/{path}")).await.problem(422, "validation");
        assert_eq!(fields(&refusal), want, "{path}");
    }
    publish(&http, &events(1, "shop.order.created", "2025-06-10T00:00:00Z")).await;
    archived(&stack, "acme", 1).await;
    let path = "/api/analytics/series?from=2025-06-10T00:00:00Z&to=2025-06-11T00:00:00Z";
    let first = http.get(path).await;
    let tag = first.headers.get("etag").unwrap().to_str().unwrap().to_owned();
    assert_eq!(first.headers.get("cache-control").unwrap(), "private, max-age=15");
    folded(&stack).await;
    let again = async || http.send("GET", path, &[("if-none-match", &tag)], "").await.unwrap().status;
    assert_eq!(again().await, 304, "counting changes no answer");
    publish(&http, &events(1, "shop.order.created", "2025-06-10T00:00:00Z")).await;
    archived(&stack, "acme", 2).await;
    assert_eq!(again().await, 200);
}
