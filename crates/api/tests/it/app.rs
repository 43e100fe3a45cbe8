//! The router over a database of its own, callers, and answers.

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use slipstream_access::mint::Grant;
use slipstream_access::{Access, Config, Issuer, Revocations, Secret, request_id};
use slipstream_api::ApiState;
use slipstream_event::{CursorKey, Event, Tenant};
use slipstream_store::{Role, Store};
use sqlx::AssertSqlSafe;
use tower::ServiceExt;

use crate::cluster::{Cluster, Db};

const SECRET: &str = "the secret of the tests' issuer, long enough";

/// The router and what stands behind it.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) db: Db,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
}

/// A caller: the value of its `Authorization` header.
#[derive(Clone)]
pub(crate) struct Who(pub(crate) String);

/// The key that seals the tests' cursors.
pub(crate) fn key() -> CursorKey {
    CursorKey::new(b"cursors of the tests")
}

/// The router over two pools.
pub(crate) fn router(domain: Store, archive: Store) -> Router {
    let access = Access::new(&Config { issuers: vec![Issuer::slipstream("own", Secret::new(SECRET))], query_token: true }, Revocations::none()).unwrap();
    slipstream_api::router(ApiState::new(access, domain, archive, key(), 1)).layer(axum::middleware::from_fn(request_id::assign))
}

impl App {
    pub(crate) async fn new() -> Self {
        let db = Cluster::shared().await.database().await;
        Self { router: router(db.store(Role::Api), db.store(Role::Reader)), db }
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        ask(&self.router, "GET", path, &[("authorization", &who.0)], "").await
    }

    pub(crate) async fn send(&self, who: &Who, method: &str, path: &str, body: Value) -> Answer {
        ask(&self.router, method, path, &[("authorization", &who.0), ("content-type", "application/json")], &body.to_string()).await
    }

    /// All events of the outbox, in its order.
    pub(crate) async fn outbox(&self) -> Vec<Event> {
        let payloads: Vec<String> = sqlx::query_scalar("select payload from slipstream.outbox order by id").fetch_all(&mut self.db.root().await).await.unwrap();
        payloads.iter().map(|payload| Event::from_json(payload.as_bytes()).unwrap()).collect()
    }

    /// Runs a statement as superuser.
    pub(crate) async fn sql(&self, statement: &str) {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut self.db.root().await).await.unwrap();
    }
}

impl Answer {
    /// The stable word of a problem.
    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The id of the row in `data`.
    pub(crate) fn id(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["data"]["id"].as_str().unwrap().to_owned()
    }
}

/// A caller with roles in a tenant.
pub(crate) fn who(tenant: &str, roles: &[&str]) -> Who {
    signed(&Grant { name: Some("Ada".into()), ..Grant::new("u1", Some(Tenant::new(tenant).unwrap()), roles) })
}

/// An admin of a tenant.
pub(crate) fn admin(tenant: &str) -> Who {
    who(tenant, &["admin"])
}

/// Another user of a tenant.
pub(crate) fn other_user(tenant: &str, roles: &[&str]) -> Who {
    signed(&Grant::new("u2", Some(Tenant::new(tenant).unwrap()), roles))
}

/// A super-admin.
pub(crate) fn root() -> Who {
    signed(&Grant { super_admin: true, ..Grant::new("root", None, &[]) })
}

fn signed(grant: &Grant) -> Who {
    let token = grant.sign(&Secret::new(SECRET), time::OffsetDateTime::now_utc(), time::Duration::hours(1)).unwrap();
    Who(format!("Bearer {token}"))
}

/// Asks, and reads the answer: JSON, else a text; null for an empty body.
pub(crate) async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let body = if bytes.is_empty() { json!(null) } else { serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))) };
    Answer { status: parts.status.as_u16(), body, headers: parts.headers }
}
