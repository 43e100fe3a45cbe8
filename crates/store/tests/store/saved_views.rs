//! Saved views and request keys: whose they are, how many, and who comes first.

use slipstream_store::request_keys::{self, Taken};
use slipstream_store::saved_views::{self, Content, Counts};
use slipstream_store::{Error, Role, Tx};

use crate::cluster::Cluster;
use crate::fixture::tenant;

fn content(name: &str, shared: bool) -> Content {
    Content { name: name.to_owned(), query: r#"{"q":"x"}"#.to_owned(), shared }
}

#[tokio::test]
async fn a_view_is_its_owners_or_everybodys() {
    let db = Cluster::shared().await.database().await;
    let (store, acme) = (db.store(Role::Api), tenant("acme"));
    let work = async |tx: &mut Tx| -> Result<(), Error> {
        let own = saved_views::insert(tx, &acme, "u1", &content("own", false)).await?;
        let shared = saved_views::insert(tx, &acme, "u1", &content("shared", true)).await?;
        let names = async |tx: &mut Tx, user| -> Result<Vec<String>, Error> {
            Ok(saved_views::list(tx, &acme, user).await?.into_iter().map(|view| view.name).collect())
        };
        assert_eq!((names(tx, "u1").await?, names(tx, "u2").await?), (vec!["own".to_owned(), "shared".to_owned()], vec!["shared".to_owned()]));
        assert_eq!(saved_views::lock(tx, &acme, "u2", own.id).await?, None);
        assert_eq!(saved_views::lock(tx, &acme, "u2", shared.id).await?.unwrap().version, 1);
        assert_eq!(saved_views::count(tx, &acme, "u1").await?, Counts { own: 1, shared: 1 });
        assert_eq!(saved_views::count(tx, &acme, "u2").await?, Counts { own: 0, shared: 1 });
        let changed = saved_views::update(tx, &acme, own.id, &content("new", true)).await?;
        assert_eq!((changed.version, changed.name.as_str(), changed.shared), (2, "new", true));
        saved_views::delete(tx, &acme, shared.id).await?;
        assert_eq!(names(tx, "u2").await?, ["new"]);
        Ok(())
    };
    store.write(&acme, work).await.unwrap();
    let other = store.write(&tenant("other"), async |tx: &mut Tx| saved_views::list(tx, &tenant("other"), "u1").await).await.unwrap();
    assert_eq!(other, []);
}

#[tokio::test]
async fn of_requests_under_one_key_one_is_new() {
    let db = Cluster::shared().await.database().await;
    let (store, acme) = (db.store(Role::Api), tenant("acme"));
    let take = async |hash: &'static [u8], answer: &'static str| {
        store.write(&acme, async |tx: &mut Tx| request_keys::take(tx, &acme, "k", hash, answer).await).await.unwrap()
    };
    let (a, b, c) = tokio::join!(take(b"1", "a"), take(b"1", "b"), take(b"1", "c"));
    let taken = [a, b, c];
    let new: Vec<usize> = (0..3).filter(|i| taken[*i] == Taken::New).collect();
    assert_eq!(new.len(), 1, "{taken:?}");
    let answer = Taken::Before(["a", "b", "c"][new[0]].to_owned());
    assert_eq!(taken.iter().filter(|taken| **taken == answer).count(), 2, "{taken:?}");
    assert_eq!(take(b"2", "d").await, Taken::Other);
    sqlx::query("update slipstream.request_key set created_at = now() - interval '25 hours'").execute(&mut db.root().await).await.unwrap();
    assert_eq!(take(b"2", "d").await, Taken::New);
}
