//! Redaction: what is taken away is gone from every column, in transactions that are done once; holds and other tenants stay as they are; rules find what comes late.

use std::time::Duration;

use slipstream_domain::holds::Hold;
use slipstream_domain::redaction::Rule;
use slipstream_event::redaction::MARK;
use slipstream_event::{Actor, Category, Event, Timestamp, Viewer};
use slipstream_store::redaction::job::{self, Job, New, State};
use slipstream_store::redaction::{Counts, Events, Outcome, Redactor, Selection, rule};
use slipstream_store::{Error, Role, Store, Tx, history, holds};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::{Log, at, event, everything, hold, tenant};

/// A database with an archive, and a worker.
struct Ground {
    db: Db,
    api: Store,
    log: Log,
    redactor: Redactor,
}

impl Ground {
    async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        let log = Log::new(&db).await;
        Self { api: db.store(Role::Api), redactor: Redactor::new(db.store(Role::Redactor)), log, db }
    }

    async fn ask(&self, of: &str, events: Events, fields: &[&str], dry_run: bool) -> Uuid {
        let id = Uuid::now_v7();
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        let new = New { id, events, viewer: admin(), fields, reason: "r".into(), dry_run, actor: Actor::user("boss"), correlation_id: None };
        self.api.write(&tenant(of), async |tx: &mut Tx| job::insert(tx, &tenant(of), new).await).await.unwrap();
        id
    }

    async fn job(&self, of: &str, id: Uuid) -> Job {
        self.api.write(&tenant(of), async |tx: &mut Tx| job::find(tx, &tenant(of), id).await).await.unwrap().unwrap()
    }

    /// Takes turns until it is done. Returns the job and the number of turns.
    async fn finish(&self, of: &str, id: Uuid) -> (Job, usize) {
        let mut turns = 0;
        while let Some((owner, next)) = self.redactor.next_job().await.unwrap() {
            self.redactor.job(&owner, next).await.unwrap();
            turns += 1;
        }
        (self.job(of, id).await, turns)
    }

    async fn redact(&self, of: &str, events: Events, fields: &[&str]) -> Job {
        let id = self.ask(of, events, fields, false).await;
        self.finish(of, id).await.0
    }

    async fn payloads(&self, of: &str) -> Vec<String> {
        history::page(&self.log.reader, &tenant(of), &everything(1_000)).await.unwrap().items.into_iter().map(|item| item.payload).collect()
    }

    async fn sql<T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(&self, statement: &str) -> T {
        sqlx::query_scalar(AssertSqlSafe(statement.to_owned())).fetch_one(&mut self.db.root().await).await.unwrap()
    }

    async fn told(&self) -> Vec<Event> {
        let payloads: Vec<String> = sqlx::query_scalar("select payload from slipstream.outbox order by id").fetch_all(&mut self.db.root().await).await.unwrap();
        payloads.iter().map(|payload| Event::from_json(payload.as_bytes()).unwrap()).collect()
    }

    async fn save_rule(&self, of: &str, rule: Rule) -> Uuid {
        let id = Uuid::now_v7();
        self.api.write(&tenant(of), async |tx: &mut Tx| rule::insert(tx, &tenant(of), id, &rule, &admin(), "boss").await).await.unwrap();
        id
    }

    /// Turns of a rule until nothing is due; those that did something are counted.
    async fn apply_rules(&self, now: &str) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some((owner, id)) = self.redactor.next_rule().await.unwrap() {
            outcomes.extend(self.redactor.rule(&owner, id, Timestamp::parse(now).unwrap()).await.unwrap());
        }
        outcomes
    }

    async fn make_due(&self) {
        self.sql::<i64>("with due as (update slipstream.redaction_rule set turn_at = now() returning 1) select count(*) from due").await;
    }

    async fn row(&self, of: &str) -> rule::Row {
        self.api.write(&tenant(of), async |tx: &mut Tx| rule::list(tx, &tenant(of)).await).await.unwrap().remove(0)
    }
}

fn admin() -> Viewer {
    Viewer { member: true, admin: true, ..Viewer::default() }
}

fn by_entity(id: &str) -> Events {
    Events::Selection(Selection { entity_id: Some(id.to_owned()), ..Selection::default() })
}

fn all() -> Events {
    Events::Selection(Selection { types: vec!["shop".into()], ..Selection::default() })
}

/// An event with a secret in every part that can be taken away.
fn secret(of: &str, entity: &str) -> Event {
    let mut event = event(of, "shop.order.placed", entity);
    event.actor = Actor { name: Some("Ada Secret".into()), ..Actor::user("secret-1") };
    event.entity_name = Some("secret name".into());
    event.message = Some("Ada Secret placed it".into());
    event.correlation_id = Some("secret-c".into());
    event.metadata.set("email", &"secret@example.org").unwrap();
    event.metadata.set("subjectUserId", &"secret-1").unwrap();
    event.changes = Some(slipstream_event::Object::parse(r#"{"email":{"before":null,"after":"secret@example.org"}}"#).unwrap());
    event
}

const EVERYTHING: [&str; 7] = ["actor", "entityName", "message", "correlationId", "changes", "metadata.email", "metadata.subjectUserId"];

#[tokio::test]
async fn what_is_taken_away_is_gone_from_every_column_and_told_of() {
    let mut ground = Ground::new().await;
    let event = secret("acme", "o1");
    ground.log.add(&[event.clone(), secret("acme", "o2"), secret("other", "o1")]).await;
    let head = history::head(&ground.log.reader, &tenant("acme")).await.unwrap();
    let unknown = Uuid::now_v7();
    let job = ground.redact("acme", Events::Ids(vec![event.id, unknown]), &EVERYTHING).await;
    assert_eq!((job.state, job.counts), (State::Done, Counts { redacted: 1, missing: 1, ..Counts::default() }));
    let row: String = ground.sql("select e::text from slipstream.event as e where tenant_id = 'acme' and entity_id = 'o1'").await;
    assert!(!row.to_lowercase().contains("secret") && row.contains(MARK), "{row}");
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.event where redacted_at is not null").await, 1);
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.event where payload ilike '%secret%'").await, 2, "the others stay");
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.ledger_batch where tenant_id = 'acme' and terms is not null").await, 0);
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.ledger_batch where tenant_id = 'other' and terms is not null").await, 1);
    assert!(history::head(&ground.log.reader, &tenant("acme")).await.unwrap() > head, "pages that readers keep are no longer the same");

    let entries = slipstream_store::ledger::entries(&ground.log.reader, &tenant("acme"), 0, 2, 10).await.unwrap();
    assert!(entries.iter().all(|entry| entry.differs.is_empty()), "columns say what the bytes say: {entries:?}");
    let told = ground.told().await;
    assert_eq!((told.len(), told[0].actor.user_id.as_str(), told[0].metadata.text("reason").as_deref()), (1, "boss", Some("r")));
    let numbers: Vec<(u64, String)> = serde_json::from_str(told[0].metadata.get("events").unwrap()).unwrap();
    let left: Vec<u8> = ground.sql("select sha256(convert_to(payload, 'UTF8')) from slipstream.event where tenant_id = 'acme' and entity_id = 'o1'").await;
    assert_eq!(numbers, [(1, left.iter().map(|byte| format!("{byte:02x}")).collect::<String>())]);
    let again = ground.redact("acme", Events::Ids(vec![event.id]), &EVERYTHING).await;
    assert_eq!((again.counts, ground.told().await.len()), (Counts { unchanged: 1, ..Counts::default() }, 1), "nothing is told of nothing");
}

#[tokio::test]
async fn many_events_are_done_in_small_transactions_each_once() {
    let mut ground = Ground::new().await;
    let events: Vec<Event> = (0..2_300).map(|n| secret("acme", &format!("o{n}"))).collect();
    for part in events.chunks(900) {
        ground.log.add(part).await;
    }
    let id = ground.ask("acme", all(), &["metadata.email"], false).await;
    let (first, second) = (ground.redactor.job(&tenant("acme"), id).await.unwrap(), ground.redactor.job(&tenant("acme"), id).await.unwrap());
    assert_eq!([first, second].map(|outcome| outcome.unwrap().counts.redacted), [500, 500]);
    assert_eq!((ground.job("acme", id).await.state, ground.job("acme", id).await.counts.redacted), (State::Running, 1_000));
    // What is archived meanwhile is not a part of it.
    ground.log.add(&[secret("acme", "late")]).await;
    let (job, _) = ground.finish("acme", id).await;
    assert_eq!((job.state, job.counts.redacted, job.counts.unchanged), (State::Done, 2_300, 0));
    let told: Vec<u64> = ground.told().await.iter().map(|event| event.metadata.get("count").unwrap().parse().unwrap()).collect();
    assert_eq!((told.len(), told.iter().sum::<u64>()), (5, 2_300));
    assert_eq!(ground.payloads("acme").await.iter().filter(|payload| payload.contains("secret@")).count(), 1);
    assert_eq!(ground.redactor.job(&tenant("acme"), id).await.unwrap(), None, "it is done");
}

#[tokio::test]
async fn two_workers_do_not_meet_in_one_request() {
    let mut ground = Ground::new().await;
    ground.log.add(&[secret("acme", "o1")]).await;
    let id = ground.ask("acme", all(), &["actor"], false).await;
    let mut other = ground.db.root().await;
    sqlx::raw_sql("begin; select from slipstream.redaction_job for update").execute(&mut other).await.unwrap();
    assert_eq!(ground.redactor.job(&tenant("acme"), id).await.unwrap(), None);
    sqlx::raw_sql("rollback").execute(&mut other).await.unwrap();
    let acme = tenant("acme");
    let both = tokio::join!(ground.redactor.job(&acme, id), ground.redactor.job(&acme, id));
    let redacted: u64 = [both.0.unwrap(), both.1.unwrap()].into_iter().flatten().map(|outcome| outcome.counts.redacted).sum();
    assert_eq!((redacted, ground.told().await.len()), (1, 1));
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let mut ground = Ground::new().await;
    ground.log.add(&[secret("acme", "o1"), secret("acme", "o2"), event("acme", "shop.order.placed", "o3")]).await;
    let place = async |tx: &mut Tx| holds::place(tx, &tenant("acme"), &hold(Hold { entity_id: Some("o2".into()), ..Hold::default() })).await;
    ground.api.write(&tenant("acme"), place).await.unwrap();
    let before = (ground.payloads("acme").await, history::head(&ground.log.reader, &tenant("acme")).await.unwrap());
    let id = ground.ask("acme", all(), &["metadata.email"], true).await;
    let (job, _) = ground.finish("acme", id).await;
    assert_eq!(job.counts, Counts { redacted: 1, held: 1, unchanged: 1, ..Counts::default() });
    assert_eq!((ground.payloads("acme").await, history::head(&ground.log.reader, &tenant("acme")).await.unwrap()), before);
    assert!(ground.told().await.is_empty());
}

#[tokio::test]
async fn holds_evidence_and_what_the_caller_cannot_see_stay() {
    let mut ground = Ground::new().await;
    let evidence = event("acme", "archive.redaction.applied", "j1");
    let platform = Event { visibility: slipstream_event::Visibility::Platform, ..secret("acme", "o9") };
    ground.log.add(&[secret("acme", "o1"), secret("acme", "o2"), evidence.clone(), platform.clone()]).await;
    let row = hold(Hold { actor_user_id: Some("secret-1".into()), entity_id: Some("o1".into()), ..Hold::default() });
    ground.api.write(&tenant("acme"), async |tx: &mut Tx| holds::place(tx, &tenant("acme"), &row).await).await.unwrap();
    let everything = Events::Selection(Selection { from: Timestamp::parse("2000-01-01T00:00:00Z"), ..Selection::default() });
    let job = ground.redact("acme", everything, &["actor"]).await;
    assert_eq!(job.counts, Counts { redacted: 1, held: 1, exempt: 1, ..Counts::default() });
    let by_id = ground.redact("acme", Events::Ids(vec![platform.id, evidence.id]), &["actor"]).await;
    assert_eq!(by_id.counts, Counts { missing: 1, exempt: 1, ..Counts::default() });
    let foreign = ground.redact("other", Events::Ids(vec![platform.id, evidence.id]), &["actor"]).await;
    assert_eq!(foreign.counts, Counts { missing: 2, ..Counts::default() });
}

#[tokio::test]
async fn every_criterion_narrows() {
    let mut ground = Ground::new().await;
    let entities = ["a", "b", "c", "d", "e"];
    let mut events: Vec<Event> = entities.iter().zip(1..).map(|(entity, day)| at(&format!("2026-01-0{day}T00:00:00Z"), secret("acme", entity))).collect();
    events[1].category = Category::Auth;
    events[2].actor.user_id = "u3".to_owned();
    ground.log.add(&events).await;
    let count = async |selection: Selection| {
        let id = ground.ask("acme", Events::Selection(selection), &["message"], true).await;
        ground.finish("acme", id).await.0.counts.redacted
    };
    let time = |day: u8| Timestamp::parse(&format!("2026-01-0{day}T00:00:00Z"));
    let none = Selection::default;
    assert_eq!(count(Selection { types: vec!["shop.order".into()], ..none() }).await, 5);
    assert_eq!(count(Selection { types: vec!["shop.ord".into()], ..none() }).await, 0);
    assert_eq!(count(Selection { category: Some(Category::Auth), ..none() }).await, 1);
    assert_eq!(count(Selection { entity_type: Some("shop.order".into()), entity_id: Some("a".into()), ..none() }).await, 1);
    assert_eq!(count(Selection { actor_user_id: Some("u3".into()), ..none() }).await, 1);
    assert_eq!(count(Selection { actor_user_id: Some("u3".into()), category: Some(Category::Auth), ..none() }).await, 0);
    assert_eq!(count(Selection { from: time(2), to: time(4), ..none() }).await, 3);
}

#[tokio::test]
async fn files_of_exports_are_forgotten() {
    let mut ground = Ground::new().await;
    ground.log.add(&[secret("acme", "o1")]).await;
    let job = "insert into slipstream.export_job (job_id, tenant_id, owner_id, reach, format, end_line, filters, query, shard, epoch, seq, head, state, rows_done, bytes, chunks, sha256,
                 expires_at, claim, beat_at)
               select id, tenant, 'u1', 1, 'csv', false, '{}', '{}', 0, 0, 0, 0, state, 7, 7, 1, sha256(''), now() + interval '1 day', gen_random_uuid(), now()
                 from (values (1, 'acme', 'ready'), (2, 'acme', 'running'), (3, 'acme', 'queued'), (4, 'other', 'ready')) as given (n, tenant, state),
                      lateral (select lpad(n::text, 32, '0')::uuid) as made (id)";
    let chunk =
        "insert into slipstream.export_chunk (job_id, number, tenant_id, starts_at, data) select job_id, 0, tenant_id, 0, 'secret' from slipstream.export_job";
    for statement in [job, chunk] {
        sqlx::query(statement).execute(&mut ground.db.root().await).await.unwrap();
    }
    ground.redact("acme", all(), &["actor"]).await;
    let left: String = ground.sql("select string_agg(tenant_id || ' ' || state || ' ' || rows_done, ', ' order by job_id) from slipstream.export_job").await;
    assert_eq!(left, "acme expired 7, acme queued 0, acme queued 7, other ready 7");
    let chunks: String = ground.sql("select string_agg(right(job_id::text, 1), ',' order by job_id) from slipstream.export_chunk").await;
    assert_eq!(chunks, "3,4", "what another worker had begun is gone, with its claim");
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.export_job where tenant_id = 'acme' and state <> 'queued' and claim is not null").await, 0);
}

#[tokio::test]
async fn a_second_redaction_of_other_fields_is_told_anew() {
    let mut ground = Ground::new().await;
    ground.log.add(&[secret("acme", "o1")]).await;
    ground.redact("acme", by_entity("o1"), &["actor"]).await;
    ground.redact("acme", by_entity("o1"), &["metadata.email"]).await;
    let payload = ground.payloads("acme").await.remove(0);
    assert!(!payload.contains("secret@example.org\",\"subject") && payload.contains("secret name"), "{payload}");
    let told = ground.told().await;
    let hashes: Vec<Vec<(u64, String)>> = told.iter().map(|event| serde_json::from_str(event.metadata.get("events").unwrap()).unwrap()).collect();
    assert!(hashes.len() == 2 && hashes[0] != hashes[1] && hashes[0][0].0 == hashes[1][0].0);
}

fn rule_of(after_days: u32) -> Rule {
    Rule { name: "emails".into(), types: vec!["shop".into()], category: None, fields: vec!["metadata.email".into()], after_days, enabled: true }
}

#[tokio::test]
async fn a_rule_redacts_at_its_age_and_what_comes_late() {
    let mut ground = Ground::new().await;
    let events: Vec<Event> = (1..=9).map(|day| at(&format!("2026-03-0{day}T00:00:00Z"), secret("acme", &day.to_string()))).collect();
    ground.log.add(&events).await;
    ground.save_rule("acme", rule_of(5)).await;
    let first: u64 = ground.apply_rules("2026-03-10T00:00:00Z").await.iter().map(|outcome| outcome.counts.redacted).sum();
    assert_eq!((first, ground.row("acme").await.redacted), (5, 5), "of the 1st to the 5th");
    assert!(ground.redactor.next_rule().await.unwrap().is_none(), "it is not due at once");
    let told = ground.told().await;
    assert_eq!((told.len(), told[0].actor.user_id.as_str(), told[0].metadata.text("rule").as_deref()), (1, "system", Some("emails")));

    // Of a time that was passed already, of a time to come, of another module and tenant.
    let old = |entity: &str| at("2026-03-02T00:00:00Z", secret("acme", entity));
    ground.log.add(&[old("late 1"), at("2026-03-09T12:00:00Z", secret("acme", "young")), at("2026-03-01T00:00:00Z", secret("other", "theirs"))]).await;
    ground.log.add(&[Event { event_type: slipstream_event::EventType::new("auth.user.seen").unwrap(), ..old("not of it") }]).await;
    ground.log.add(&(0..600).map(|n| old(&format!("many {n}"))).collect::<Vec<_>>()).await;
    ground.make_due().await;
    let outcomes = ground.apply_rules("2026-03-11T00:00:00Z").await;
    assert_eq!(outcomes.iter().map(|outcome| outcome.counts.redacted).sum::<u64>(), 602, "601 late ones and the 6th");
    assert_eq!(outcomes.iter().map(|outcome| outcome.counts.unchanged).sum::<u64>(), 0, "nothing is looked at twice");
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.event where payload like '%secret@example.org%' and not has_changes").await, 0);
    assert_eq!(ground.sql::<i64>("select count(*) from slipstream.event where redacted_at is null").await, 3 + 1 + 1 + 1);
    ground.make_due().await;
    let last = ground.apply_rules("2026-03-11T00:00:00Z").await;
    assert_eq!((last.len(), last[0].counts, last[0].lag), (1, Counts::default(), Duration::ZERO));
}

#[tokio::test]
async fn a_rule_passes_over_held_events_until_they_are_released_and_begins_anew_when_changed() {
    let mut ground = Ground::new().await;
    ground.log.add(&[at("2026-03-01T00:00:00Z", secret("acme", "o1")), at("2026-03-02T00:00:00Z", secret("acme", "o2"))]).await;
    let row = hold(Hold { entity_id: Some("o1".into()), ..Hold::default() });
    ground.api.write(&tenant("acme"), async |tx: &mut Tx| holds::place(tx, &tenant("acme"), &row).await).await.unwrap();
    let id = ground.save_rule("acme", rule_of(0)).await;
    ground.apply_rules("2026-03-10T00:00:00Z").await;
    assert_eq!((ground.row("acme").await.redacted, ground.row("acme").await.held), (1, 1));
    let release = holds::Release { at: Timestamp::now(), by: "u1".into(), reason: None };
    let write = async |tx: &mut Tx| -> Result<(), Error> {
        holds::release(tx, &tenant("acme"), row.id, &release).await?;
        rule::restart(tx, &tenant("acme")).await
    };
    ground.api.write(&tenant("acme"), write).await.unwrap();
    ground.apply_rules("2026-03-10T00:00:00Z").await;
    assert_eq!((ground.row("acme").await.redacted, ground.row("acme").await.held), (2, 0));

    let wider = Rule { fields: vec!["metadata.email".into(), "actor".into()], ..rule_of(0) };
    let replace = async |tx: &mut Tx| rule::replace(tx, &tenant("acme"), id, &wider, &admin(), "boss").await;
    assert!(ground.api.write(&tenant("acme"), replace).await.unwrap().is_some());
    ground.apply_rules("2026-03-10T00:00:00Z").await;
    assert_eq!(ground.row("acme").await.redacted, 2, "both again");
    let off = Rule { enabled: false, ..wider.clone() };
    ground.api.write(&tenant("acme"), async |tx: &mut Tx| rule::replace(tx, &tenant("acme"), id, &off, &admin(), "boss").await).await.unwrap();
    assert!(ground.redactor.next_rule().await.unwrap().is_none());
}

#[tokio::test]
async fn an_archiver_goes_on_beside_a_redaction() {
    let mut ground = Ground::new().await;
    ground.log.add(&[secret("acme", "o1")]).await;
    let id = ground.ask("acme", all(), &["actor"], false).await;
    ground.finish("acme", id).await;
    ground.log.add(&[secret("acme", "o2")]).await;
    assert_eq!(history::archived_through(&ground.log.reader, 0).await.unwrap().unwrap().seq, 2);
    assert_eq!(ground.payloads("acme").await.len(), 2);
}
