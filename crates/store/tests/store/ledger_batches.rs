//! Upkeep of the ledger's batches: many small ones become few, and nothing that is read through them changes.

use std::collections::BTreeSet;

use slipstream_event::ledger::Tree;
use slipstream_event::{Actor, Event, Viewer};
use slipstream_store::history::Query;
use slipstream_store::ledger::{self, Batches, Run};
use slipstream_store::redaction::job::{self, New};
use slipstream_store::redaction::{Events, Redactor, Selection};
use slipstream_store::{Error, Role, Tx};
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::{Log, at, event, everything, tenant};

struct Ground {
    db: Db,
    log: Log,
    batches: Batches,
}

impl Ground {
    async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        let log = Log::new(&db).await;
        Self { batches: Batches::new(db.store(Role::Archiver), db.store(Role::Redactor)), log, db }
    }

    /// Joins until there is nothing left to join.
    async fn settle(&self) {
        loop {
            let runs = self.runs().await;
            if runs.is_empty() {
                return;
            }
            for run in runs {
                self.batches.join(&run).await.unwrap();
            }
        }
    }

    async fn runs(&self) -> Vec<Run> {
        let (runs, place) = self.batches.look(None).await.unwrap();
        assert_eq!(place, None);
        runs
    }

    /// Sizes of a tenant's batches, in order.
    async fn sizes(&self, of: &str) -> Vec<i32> {
        let mut root = self.db.root().await;
        sqlx::query_scalar("select size from slipstream.ledger_batch where tenant_id = $1 order by start").bind(of).fetch_all(&mut root).await.unwrap()
    }

    async fn sql<T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin>(&self, statement: &'static str) -> T {
        sqlx::query_scalar(statement).fetch_one(&mut self.db.root().await).await.unwrap()
    }

    /// Entities that a search finds.
    async fn search(&self, of: &str, text: &str) -> BTreeSet<String> {
        self.log.entities(of, &Query { text: Some(text.to_owned()), ..everything(3) }).await.into_iter().collect()
    }
}

/// Event `n`, whose time is not in the order of the archive.
fn nth(of: &str, n: usize) -> Event {
    let time = format!("2026-03-{:02}T{:02}:00:00Z", 1 + n % 28, n % 24);
    Event {
        message: Some(format!("word{n:04} of the {}", if n.is_multiple_of(2) { "even" } else { "odd" })),
        ..at(&time, event(of, "fleet.order.made", &format!("o-{n:04}")))
    }
}

#[tokio::test]
async fn single_events_become_few_batches_and_all_that_is_read_stays() {
    let mut ground = Ground::new().await;
    for n in 0..300 {
        ground.log.add(&[nth("acme", n), nth("other", n)]).await;
    }
    let before: Vec<_> = ledger::entries(&ground.log.reader, &tenant("acme"), 0, 300, 1_000).await.unwrap();
    let state = ledger::state(&ground.log.reader, &tenant("acme")).await.unwrap();
    let history = ground.log.entities("acme", &everything(7)).await;
    ground.settle().await;

    let sizes = ground.sizes("acme").await;
    assert!(sizes.len() == 4 + 44 && sizes.iter().sum::<i32>() == 300, "{sizes:?}");
    assert_eq!(ground.sizes("other").await, sizes);
    assert_eq!(ledger::entries(&ground.log.reader, &tenant("acme"), 0, 300, 1_000).await.unwrap(), before);
    assert_eq!(ledger::state(&ground.log.reader, &tenant("acme")).await.unwrap(), state);
    assert_eq!(ground.log.entities("acme", &everything(7)).await, history);
    for number in [1, 17, 255, 256, 257, 300] {
        let proof = ledger::inclusion(&ground.log.reader, &tenant("acme"), number, 300).await.unwrap().unwrap();
        slipstream_event::ledger::proof::verify_inclusion(proof.leaf, number - 1, 300, &proof.path, state.root).unwrap();
    }
    let mut tree = Tree::new();
    before.iter().for_each(|entry| tree.push(entry.leaf.unwrap(), |_, _, _| ()));
    assert_eq!(tree.root(), state.root);
    assert_eq!(ground.search("acme", "word0123").await, ["o-0123".to_owned()].into());
    assert_eq!(ground.search("acme", "of the odd").await.len(), 150);
    assert!(ground.search("acme", "nowhere").await.is_empty());
    let lies: i64 = ground
        .sql(
            "select count(*) from slipstream.ledger_batch as b where occurred_from is distinct from (select min(occurred_at) from slipstream.event as e
               where e.tenant_id = b.tenant_id and tenant_seq > b.start and tenant_seq <= b.start + b.size)
             or last_seq is distinct from (select max(seq) from slipstream.event as e
               where e.tenant_id = b.tenant_id and tenant_seq > b.start and tenant_seq <= b.start + b.size)
             or first_seq is distinct from (select min(seq) from slipstream.event as e
               where e.tenant_id = b.tenant_id and tenant_seq > b.start and tenant_seq <= b.start + b.size)
             or occurred_to is distinct from (select max(occurred_at) from slipstream.event as e
               where e.tenant_id = b.tenant_id and tenant_seq > b.start and tenant_seq <= b.start + b.size)",
        )
        .await;
    assert_eq!(lies, 0);
}

#[tokio::test]
async fn a_filter_that_a_redaction_took_away_comes_back_without_the_words() {
    let mut ground = Ground::new().await;
    ground.log.add(&(0..40).map(|n| nth("acme", n)).collect::<Vec<_>>()).await;
    let redactor = Redactor::new(ground.db.store(Role::Redactor));
    let selection = Selection { entity_id: Some("o-0007".to_owned()), ..Selection::default() };
    let viewer = Viewer { admin: true, ..Viewer::everything() };
    let (id, actor) = (Uuid::now_v7(), Actor::user("boss"));
    let new = New {
        id,
        events: Events::Selection(selection),
        viewer,
        fields: vec!["message".into()],
        reason: "r".into(),
        dry_run: false,
        actor,
        correlation_id: None,
    };
    let api = ground.db.store(Role::Api);
    api.write(&tenant("acme"), async |tx: &mut Tx| job::insert(tx, &tenant("acme"), new).await).await.unwrap();
    let before: Vec<u8> = ground.sql("select terms from slipstream.ledger_batch").await;
    while let Some((owner, next)) = redactor.next_job().await.unwrap() {
        redactor.job(&owner, next).await.unwrap();
    }
    assert!(ground.sql::<bool>("select terms is null from slipstream.ledger_batch").await);
    ground.settle().await;
    let after: Vec<u8> = ground.sql("select terms from slipstream.ledger_batch").await;
    // The words are gone from it: bits that only they had set are not set any more.
    assert!(before.len() == after.len() && before.iter().zip(&after).any(|(was, is)| was & !is != 0));
    assert_eq!(ground.search("acme", "word0008").await, ["o-0008".to_owned()].into());
    assert!(ground.search("acme", "word0007").await.is_empty());
}

#[tokio::test]
async fn batches_that_are_not_as_they_were_found_stay() {
    let mut ground = Ground::new().await;
    for n in 0..128 {
        ground.log.add(&[nth("acme", n)]).await;
    }
    let found = ground.runs().await;
    assert_eq!(found.iter().map(|run| (run.after, run.through, run.batches)).collect::<Vec<_>>(), [(0, 64, 64), (64, 128, 64)]);
    ground.batches.join(&found[0]).await.unwrap();
    let whole = ground.sizes("acme").await;
    for (after, through) in [(32, 96), (0, 63), (1, 64), (140, 148), (100, 140)] {
        let error = ground.batches.join(&Run { after, through, ..found[0].clone() }).await.unwrap_err();
        assert!(matches!(error, Error::Contended(_)), "{error}");
    }
    let other = ground.batches.join(&Run { tenant: tenant("other"), ..found[1].clone() }).await.unwrap_err();
    assert!(matches!(other, Error::Contended(_)), "{other}");
    assert_eq!(ground.sizes("acme").await, whole);
    // Two at once: one of them does it.
    let (one, two) = tokio::join!(ground.batches.join(&found[1]), ground.batches.join(&found[1]));
    assert!(one.is_ok() && two.is_ok(), "a batch that is one already may be made one again: {one:?} {two:?}");
    assert_eq!(ground.sizes("acme").await, [64, 64]);
}
