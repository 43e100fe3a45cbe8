//! Tickets and revocations as other protocols use them: a credential in a first message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use slipstream_access::revocation::{Reason, Revocation, Target};
use slipstream_access::ticket::{Answer, Tickets};
use slipstream_access::{Access, Config, Credential, Denied, Issuer, Preset, Revocations, Secret, Streamer};
use slipstream_event::{Actor, Tenant, Timestamp};

use crate::keys::{hs256, soon};

/// Tickets of one process, in memory.
#[derive(Default)]
struct Kept(Mutex<HashMap<String, Vec<u8>>>);

impl Tickets for Kept {
    fn keep<'a>(&'a self, hash: &'a str, sealed: Vec<u8>) -> Answer<'a, ()> {
        self.0.lock().unwrap().insert(hash.to_owned(), sealed);
        Box::pin(std::future::ready(Ok(())))
    }

    fn take<'a>(&'a self, hash: &'a str) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(std::future::ready(Ok(self.0.lock().unwrap().remove(hash))))
    }
}

fn access(revocations: Revocations) -> (Access, Arc<Kept>) {
    let issuers = vec![Issuer::slipstream("own", Secret::new("s")), Issuer::hmac("portal", Preset::Portal, Secret::new("p"))];
    let kept = Arc::<Kept>::default();
    let access = Access::new(&Config { issuers, query_token: false }, revocations).unwrap();
    (access.with_tickets(kept.clone()), kept)
}

fn token(more: serde_json::Value) -> String {
    let mut claims = json!({"sub": "u1", "tenant": "acme", "roles": ["reader"], "iat": soon(-10), "exp": soon(600)});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    hs256(b"s", &claims)
}

fn user_disabled(tenant: &str) -> Revocation {
    Revocation {
        id: uuid::Uuid::now_v7(),
        tenant_id: Tenant::new(tenant).unwrap(),
        target: Target::UserId("u1".into()),
        reason: Reason::UserDisabled,
        revoked_at: Timestamp::now(),
        until: None,
        revoked_by: Actor::user("admin"),
        note: None,
    }
}

async fn of_message(access: &Access, credential: Credential<'_>, named: Option<&str>) -> Result<String, (u16, &'static str)> {
    let streamer = Streamer::of_message(access, credential, named).await;
    streamer.map(|streamer| streamer.tenant().to_string()).map_err(|problem| (problem.status().as_u16(), problem.code()))
}

#[tokio::test]
async fn a_message_is_held_to_what_a_request_is() {
    let (access, kept) = access(Revocations::none());
    let (reader, nobody, root) = (token(json!({})), token(json!({"roles": []})), token(json!({"super_admin": true})));
    let open = async |credential: Credential<'_>, named| of_message(&access, credential, named).await;
    assert_eq!(open(Credential::Token(&reader), None).await, Ok("acme".into()));
    assert_eq!(open(Credential::Token(&reader), Some("")).await, Ok("acme".into()));
    assert_eq!(open(Credential::Token(&reader), Some("other")).await, Err((403, "account_mismatch")));
    assert_eq!(open(Credential::Token(&nobody), None).await, Err((403, "role_forbidden")));
    assert_eq!(open(Credential::Token(&root), None).await, Err((400, "account_required")));
    assert_eq!(open(Credential::Token(&root), Some("other")).await, Ok("other".into()));
    assert_eq!(open(Credential::Token(""), None).await, Err((401, "auth_required")));
    let principal = access.verify(&root).await.unwrap();
    let ticket = access.issue_ticket(&principal, &Tenant::new("third").unwrap()).await.unwrap();
    let secret = ticket.secret.expose();
    assert!(!kept.0.lock().unwrap().iter().any(|(hash, sealed)| hash.contains(secret) || String::from_utf8_lossy(sealed).contains(secret)));
    assert_eq!(open(Credential::Ticket(secret), None).await, Ok("third".into()));
    assert_eq!(open(Credential::Ticket(secret), None).await, Err((401, "ticket_invalid")));
    assert_eq!(open(Credential::Ticket(&reader), None).await, Err((401, "ticket_invalid")));
    assert!(!format!("{:?}{:?}", Credential::Ticket(secret), ticket).contains(secret));
}

#[tokio::test]
async fn who_is_cut_off_is_refused_by_token_and_ticket_alike() {
    let revocations = Revocations::none();
    let (access, _) = access(revocations.clone());
    let reader = token(json!({}));
    let principal = access.verify(&reader).await.unwrap();
    let ticket = access.issue_ticket(&principal, principal.tenant.as_ref().unwrap()).await.unwrap();
    revocations.replace([user_disabled("acme")]);
    assert_eq!(access.verify(&reader).await.unwrap_err(), Denied::Revoked(Reason::UserDisabled));
    assert_eq!(of_message(&access, Credential::Token(&reader), None).await, Err((401, "token_revoked")));
    assert_eq!(of_message(&access, Credential::Ticket(ticket.secret.expose()), None).await, Err((401, "token_revoked")));
    revocations.replace([user_disabled("other")]);
    assert!(access.verify(&reader).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_let_in_before_the_revocations_are_known() {
    let revocations = Revocations::unread();
    let (access, _) = access(revocations.clone());
    assert_eq!(access.verify(&token(json!({}))).await.unwrap_err(), Denied::RevocationsUnknown);
    assert_eq!(access.verify("nonsense").await.unwrap_err(), Denied::Unrecognised);
    revocations.replace([]);
    assert!(access.verify(&token(json!({}))).await.is_ok());
}
