//! No row of one tenant reaches another: row-level security behind the explicit conditions, on connections that are used again.

use std::time::Duration;

use slipstream_domain::holds::Hold;
use slipstream_domain::redaction::Rule;
use slipstream_event::Viewer;
use slipstream_store::analytics::fold::fold;
use slipstream_store::copilot::support_tickets::{self, List, New};
use slipstream_store::redaction::{Events, job, rule};
use slipstream_store::saved_views::{self, Content};
use slipstream_store::{Config, Error, Role, Scope, Store, Tx};
use slipstream_store::{history, holds, request_keys};
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::{Log, event, everything, hold, tenant};

const TABLES: [&str; 12] = [
    "copilot.support_tickets",
    "copilot.users",
    "slipstream.event",
    "slipstream.tenant_head",
    "slipstream.saved_view",
    "slipstream.request_key",
    "slipstream.legal_hold",
    "slipstream.redaction_job",
    "slipstream.redaction_rule",
    "slipstream.analytics_head",
    "slipstream.analytics_hour",
    "slipstream.analytics_day",
];

/// Two tenants with rows in every table that knows tenants.
async fn two_tenants() -> Db {
    let db = Cluster::shared().await.database().await;
    let (store, mut log) = (db.store(Role::Api), Log::new(&db).await);
    for account in ["acme", "other"] {
        let new = New {
            account_id: account.to_owned(),
            user_profile_id: None,
            subject: account.to_owned(),
            description: String::new(),
            status: "OPEN".to_owned(),
            priority: "LOW".to_owned(),
            assigned_to: None,
            created_by: None,
        };
        store.write(&tenant(account), async |tx| support_tickets::insert(tx, &new).await).await.unwrap();
        log.add(&[event(account, "a.b.c", account)]).await;
        assert_eq!(fold(&db.store(Role::Archiver), &tenant(account), 1).await.unwrap(), 1);
        let view = Content { name: account.to_owned(), query: "{}".to_owned(), shared: true };
        let keep = async |tx: &mut Tx| -> Result<(), Error> {
            saved_views::insert(tx, &tenant(account), "u1", &view).await?;
            request_keys::take(tx, &tenant(account), "k", b"hash", "answer").await?;
            holds::place(tx, &tenant(account), &hold(Hold::default())).await?;
            job::insert(tx, &tenant(account), redaction()).await?;
            rule::insert(tx, &tenant(account), Uuid::nil(), &rule_of(account), &Viewer::default(), "u1").await?;
            Ok(())
        };
        store.write(&tenant(account), keep).await.unwrap();
        let user = sqlx::query("insert into copilot.users (account_id, email, name) values ($1, 'e', 'n')").bind(account);
        db.root().await.execute(user).await.unwrap();
    }
    db
}

fn redaction() -> job::New {
    let (events, fields) = (Events::Ids(vec![Uuid::nil()]), vec!["actor".to_owned()]);
    let actor = slipstream_event::Actor::user("u1");
    job::New { id: Uuid::now_v7(), events, viewer: Viewer::default(), fields, reason: "r".to_owned(), dry_run: false, actor, correlation_id: None }
}

fn rule_of(name: &str) -> Rule {
    Rule { name: name.to_owned(), types: Vec::new(), category: None, fields: vec!["actor".to_owned()], after_days: 0, enabled: false }
}

/// A pool with a single connection, so that every transaction follows another one on it.
fn single(db: &Db, role: Role) -> Store {
    Store::open(Config { connections_max: 1, ..db.config(role) }).unwrap()
}

async fn subjects(tx: &mut Tx) -> Result<Vec<String>, Error> {
    let (tickets, total) = support_tickets::list(tx, &List { limit: 100, ..List::default() }).await?;
    assert_eq!(tickets.len(), usize::try_from(total).unwrap());
    Ok(tickets.into_iter().map(|ticket| ticket.subject).collect())
}

#[tokio::test]
async fn one_connection_serves_alternating_tenants() {
    let db = two_tenants().await;
    let (api, reader) = (single(&db, Role::Api), single(&db, Role::Reader));
    for account in ["acme", "other", "nobody", "acme", "other", "other", "acme"] {
        let expected: &[&str] = if account == "nobody" { &[] } else { &[account] };
        assert_eq!(api.read(&Scope::Account(tenant(account)), async |tx| subjects(tx).await).await.unwrap(), expected);
        assert_eq!(api.write(&tenant(account), async |tx| subjects(tx).await).await.unwrap(), expected);
        let page = history::page(&reader, &tenant(account), &everything(10)).await.unwrap();
        assert_eq!(page.items.len(), expected.len());
        assert!(page.items.iter().all(|item| item.payload.contains(&format!("\"tenantId\":\"{account}\""))));
        assert_eq!(history::head(&reader, &tenant(account)).await.unwrap() > 0, account != "nobody");
        let all = api.read(&Scope::AllAccounts, async |tx| subjects(tx).await).await.unwrap();
        assert_eq!(all, ["other", "acme"], "all accounts, newest first");
    }
}

#[tokio::test]
async fn a_cancelled_call_leaves_no_tenant_behind() {
    let db = two_tenants().await;
    let api = single(&db, Role::Api);
    for all in [false, true] {
        for wait_ms in [0, 1, 5, 20] {
            let scope = if all { Scope::AllAccounts } else { Scope::Account(tenant("acme")) };
            let stuck = api.read(&scope, async |tx| {
                subjects(tx).await?;
                std::future::pending::<Result<(), Error>>().await
            });
            assert!(tokio::time::timeout(Duration::from_millis(wait_ms), stuck).await.is_err());
            let next = api.write(&tenant("other"), async |tx| subjects(tx).await).await.unwrap();
            assert_eq!(next, ["other"]);
        }
    }
    let acme = tenant("acme");
    let rolled_back = api.write(&acme, async |tx| {
        tx.emit(event("acme", "a.b.c", "1"));
        std::future::pending::<Result<(), Error>>().await
    });
    assert!(tokio::time::timeout(Duration::from_millis(20), rolled_back).await.is_err());
    api.ping().await.unwrap();
    let kept: i64 = sqlx::query_scalar("select count(*) from slipstream.outbox").fetch_one(&mut db.root().await).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_statement_that_is_cut_off_leaves_the_connection_clean() {
    let db = two_tenants().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&db.url()).await.unwrap();
    for _ in 0..5 {
        let mut tx = pool.begin_with("begin; set local slipstream.tenant = 'acme'; set local role slipstream_platform").await.unwrap();
        let sleeping = sqlx::query("select pg_sleep(0.2)").execute(&mut *tx);
        assert!(tokio::time::timeout(Duration::from_millis(20), sleeping).await.is_err());
        drop(tx);
        let (role, named): (String, String) =
            sqlx::query_as("select current_user::text, current_setting('slipstream.tenant', true)").fetch_one(&pool).await.unwrap();
        assert_eq!((role.as_str(), named.as_str()), ("owner", ""));
    }
}

/// What each role sees and does without a tenant, or with the empty one that Postgres leaves behind.
#[tokio::test]
async fn without_a_tenant_there_is_nothing() {
    let db = two_tenants().await;
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    for role in ["slipstream_api", "slipstream_reader", "slipstream_redactor"] {
        connection.execute(AssertSqlSafe(format!("set role {role}"))).await.unwrap();
        for named in ["reset slipstream.tenant", "set slipstream.tenant = ''", "set slipstream.tenant = 'nobody'"] {
            connection.execute(named).await.unwrap();
            // Who redacts finds its work in all tenants.
            for table in TABLES.into_iter().filter(|table| role != "slipstream_redactor" || !table.starts_with("slipstream.redaction")) {
                let count = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(&mut connection).await;
                assert!(matches!(count, Ok(0)) || count.is_err(), "{role} sees {table}: {count:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_cannot_write_into_another() {
    let db = two_tenants().await;
    let mut connection = PgConnection::connect(&db.url()).await.unwrap();
    connection.execute("set role slipstream_api; set slipstream.tenant = 'acme'").await.unwrap();
    for insert in [
        "insert into copilot.support_tickets (account_id, subject) values ('other', 's')",
        "update copilot.support_tickets set account_id = 'other'",
        "select slipstream.append('other', array[gen_random_uuid()], array['a.b.c'], array['{}'])",
        "select slipstream.emit('other', 'a.b.c', '1')",
        "insert into slipstream.legal_hold (tenant_id, id, name, reason, placed_by) values ('other', gen_random_uuid(), 'n', 'r', 'u')",
    ] {
        let error = connection.execute(insert).await.expect_err(insert);
        assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501", "{insert}");
    }
    for change in
        ["update copilot.support_tickets set subject = 'mine' where account_id = 'other'", "delete from copilot.support_tickets where subject = 'other'"]
    {
        assert_eq!(connection.execute(change).await.unwrap().rows_affected(), 0, "{change}");
    }
}
