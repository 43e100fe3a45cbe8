//! Support tickets.

use slipstream_store::copilot::support_tickets::{self as tickets, AccountCounts, Assignee, Change, List, New, Ticket};
use slipstream_store::copilot::users;
use slipstream_store::{Error, Role, Scope, Store};
use sqlx::Executor;
use uuid::Uuid;

use crate::cluster::{Cluster, Db};
use crate::fixture::tenant;

struct Ground {
    db: Db,
    store: Store,
}

impl Ground {
    async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        Self { store: db.store(Role::Api), db }
    }

    async fn insert(&self, new: New) -> Ticket {
        let account = tenant(&new.account_id);
        self.store.write(&account, async |tx| tickets::insert(tx, &new).await).await.unwrap()
    }

    async fn list(&self, scope: &Scope, list: List) -> (Vec<String>, i64) {
        let (found, total) = self.store.read(scope, async |tx| tickets::list(tx, &list).await).await.unwrap();
        (found.into_iter().map(|ticket| ticket.subject).collect(), total)
    }
}

fn new(account: &str, subject: &str) -> New {
    New {
        account_id: account.to_owned(),
        user_profile_id: Some("profile".to_owned()),
        subject: subject.to_owned(),
        description: "It does not work".to_owned(),
        status: "OPEN".to_owned(),
        priority: "MEDIUM".to_owned(),
        assigned_to: None,
        created_by: Some("u1".to_owned()),
    }
}

fn all() -> List {
    List { limit: 100, ..List::default() }
}

#[tokio::test]
async fn a_ticket_is_made_changed_and_deleted() {
    let ground = Ground::new().await;
    let acme = tenant("acme");
    let made = ground.insert(new("acme", "s")).await;
    assert_eq!((made.account_id.as_str(), made.status.as_str(), made.updated_by.as_deref(), made.created_at), ("acme", "OPEN", None, made.updated_at));
    let update = async |change: Change| ground.store.write(&acme, async |tx| tickets::update(tx, &[made.id], &change).await).await.map(|mut rows| rows.pop());
    let changed = update(Change { status: Some("PENDING".into()), assigned_to: Some(Some("u7".into())), updated_by: Some("u2".into()), ..Change::default() })
        .await
        .unwrap()
        .unwrap();
    let expected =
        Ticket { status: "PENDING".into(), assigned_to: Some("u7".into()), updated_by: Some("u2".into()), updated_at: changed.updated_at, ..made.clone() };
    assert_eq!(changed, expected);
    assert!(changed.updated_at > made.updated_at);
    let freed = update(Change { assigned_to: Some(None), subject: Some("t".into()), ..Change::default() }).await.unwrap().unwrap();
    assert_eq!((freed.assigned_to, freed.subject.as_str(), freed.updated_by.as_deref()), (None, "t", Some("u2")));
    for bad in [
        Change { status: Some("ODD".into()), ..Change::default() },
        Change { priority: Some("ODD".into()), ..Change::default() },
        Change { subject: Some("x".repeat(501)), ..Change::default() },
    ] {
        assert!(matches!(update(bad.clone()).await, Err(Error::Refused { .. })), "{bad:?}");
    }
    let delete = async || ground.store.write(&acme, async |tx| tickets::delete(tx, made.id).await).await.unwrap();
    assert_eq!(delete().await.unwrap().id, made.id);
    assert_eq!(delete().await, None);
}

#[tokio::test]
async fn lists_filter_count_and_page() {
    let ground = Ground::new().await;
    let scope = Scope::Account(tenant("acme"));
    ground.insert(New { priority: "URGENT".into(), assigned_to: Some("u7".into()), ..new("acme", "1 50%") }).await;
    ground.insert(New { status: "CLOSED".into(), user_profile_id: None, ..new("acme", "2") }).await;
    ground.insert(New { description: "GRÖSSE 50_".into(), ..new("acme", "3") }).await;
    ground.insert(new("other", "theirs")).await;
    assert_eq!(ground.list(&scope, all()).await, (vec!["3".into(), "2".into(), "1 50%".into()], 3));
    assert_eq!(ground.list(&scope, List { limit: 1, offset: 1, ..all() }).await, (vec!["2".into()], 3));
    assert_eq!(ground.list(&scope, List { limit: 0, ..all() }).await, (vec![], 3));
    let only = async |list: List| ground.list(&scope, list).await.0.join(",");
    assert_eq!(only(List { status: Some("CLOSED".into()), ..all() }).await, "2");
    assert_eq!(only(List { priority: Some("URGENT".into()), ..all() }).await, "1 50%");
    assert_eq!(only(List { assigned_to: Some(Assignee::Nobody), ..all() }).await, "3,2");
    assert_eq!(only(List { assigned_to: Some(Assignee::Is("u7".into())), ..all() }).await, "1 50%");
    assert_eq!(only(List { user_profile_id: Some("profile".into()), ..all() }).await, "3,1 50%");
    assert_eq!(only(List { search_text: Some("grösse 50_".into()), ..all() }).await, "3");
    assert_eq!(only(List { search_text: Some("50%".into()), ..all() }).await, "1 50%");
    assert_eq!(only(List { search_text: Some("NOT WORK".into()), status: Some("OPEN".into()), ..all() }).await, "1 50%");
    assert_eq!(ground.list(&Scope::AllAccounts, all()).await.1, 4);
}

#[tokio::test]
async fn summaries_count_within_their_scope() {
    let ground = Ground::new().await;
    for (account, status, priority) in [("acme", "OPEN", "URGENT"), ("acme", "OPEN", "LOW"), ("acme", "CLOSED", "LOW"), ("other", "PENDING", "LOW")] {
        ground.insert(New { status: status.into(), priority: priority.into(), ..new(account, "s") }).await;
    }
    let summary = async |scope: Scope| ground.store.read(&scope, async |tx| tickets::summary(tx).await).await.unwrap();
    let acme = summary(Scope::Account(tenant("acme"))).await;
    assert_eq!((acme.total, acme.active, acme.urgent), (3, 2, 1));
    assert_eq!(acme.by_account, [AccountCounts { account_id: "acme".into(), total: 3, active: 2, urgent: 1 }]);
    assert_eq!((acme.by_status, acme.by_priority), (vec![("OPEN".into(), 2), ("CLOSED".into(), 1)], vec![("LOW".into(), 2), ("URGENT".into(), 1)]));
    let everyone = summary(Scope::AllAccounts).await;
    assert_eq!((everyone.total, everyone.active, everyone.by_account.len()), (4, 3, 2));
    assert_eq!(everyone.by_status, [("OPEN".into(), 2), ("CLOSED".into(), 1), ("PENDING".into(), 1)]);
    assert_eq!(summary(Scope::Account(tenant("nobody"))).await, tickets::Summary::default());
}

#[tokio::test]
async fn a_foreign_ticket_does_not_exist() {
    let ground = Ground::new().await;
    let theirs = ground.insert(new("other", "theirs")).await;
    let acme = tenant("acme");
    let tried = ground.store.write(&acme, async |tx| {
        let subject = Change { subject: Some("mine".into()), ..Change::default() };
        let found = (
            tickets::get(tx, theirs.id).await?,
            tickets::lock(tx, &[theirs.id]).await?,
            tickets::update(tx, &[theirs.id], &subject).await?,
            tickets::delete(tx, theirs.id).await?,
        );
        Ok::<_, Error>(found)
    });
    assert_eq!(tried.await.unwrap(), (None, vec![], vec![], None));
    let smuggled = ground.store.write(&acme, async |tx| tickets::insert(tx, &new("other", "smuggled")).await).await;
    assert!(matches!(smuggled, Err(Error::Refused { .. })));
    let kept = ground.store.read(&Scope::AllAccounts, async |tx| tickets::get(tx, theirs.id).await).await.unwrap();
    assert_eq!(kept, Some(theirs));
}

#[tokio::test]
async fn several_tickets_change_at_once() {
    let ground = Ground::new().await;
    let (one, two, theirs) = (ground.insert(new("acme", "1")).await, ground.insert(new("acme", "2")).await, ground.insert(new("other", "3")).await);
    let ids = [two.id, Uuid::nil(), one.id, theirs.id, one.id];
    let change = Change { priority: Some("URGENT".into()), ..Change::default() };
    let locked = ground.store.write(&tenant("acme"), async |tx| tickets::lock(tx, &ids).await).await.unwrap();
    assert!(locked.len() == 2 && locked.is_sorted_by_key(|ticket| ticket.id));
    let changed = ground.store.write(&tenant("acme"), async |tx| tickets::update(tx, &ids, &change).await).await.unwrap();
    assert!(
        changed.len() == 2
            && changed.iter().all(|ticket| ticket.priority == "URGENT" && ticket.updated_by.is_none())
            && changed.is_sorted_by_key(|ticket| ticket.id)
    );
    let everywhere = ground.store.write_all_accounts(async |tx| tickets::update(tx, &ids, &change).await).await.unwrap();
    assert_eq!(everywhere.len(), 3);
}

#[tokio::test]
async fn people_are_found_within_the_scope() {
    let ground = Ground::new().await;
    let mut ids = Vec::new();
    for account in ["acme", "other"] {
        let user = sqlx::query_scalar("insert into copilot.users (account_id, email, name) values ($1, 'a@b.c', 'Ada') returning id").bind(account);
        ids.push(user.fetch_one(&mut ground.db.root().await).await.map(|id: Uuid| id.to_string()).unwrap());
    }
    let wanted = [ids[0].as_str(), ids[1].as_str(), "profile", ""];
    let find = async |scope: Scope| ground.store.read(&scope, async |tx| users::find(tx, &wanted).await).await.unwrap();
    let mine = find(Scope::Account(tenant("acme"))).await;
    assert_eq!((mine.len(), mine[0].name.as_str(), mine[0].account_id.as_str(), mine[0].is_active), (1, "Ada", "acme", true));
    assert_eq!(find(Scope::AllAccounts).await.len(), 2);
    let double = sqlx::query("insert into copilot.users (account_id, email, name) values ('acme', 'A@B.C', 'Ada')");
    assert!(ground.db.root().await.execute(double).await.is_err());
}
