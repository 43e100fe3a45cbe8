//! The rules of the copilot control plane's routes: where the credential stands, which account a call acts on, and 403 for every refusal.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequest, FromRequestParts, Request};
use http::request::Parts;
use serde_json::{Map, Value};
use slipstream_event::draft::reader_fault;
use slipstream_event::{Actor, ActorKind, Fault, Tenant, fault};

pub use crate::extract::kind;
use crate::extract::kind::Kind;
use crate::problem::{Invalid, Location};
use crate::{Access, Class, Denied, Principal, Problem, credential, json};

/// The header by which a service says for which user it acts.
pub const ON_BEHALF_OF_HEADER: &str = "x-on-behalf-of";

/// A caller of class `C`: a super-admin, or somebody with a tenant and a role of the class.
#[derive(Clone, Debug)]
pub struct Caller<C> {
    principal: Arc<Principal>,
    actor: Actor,
    class: PhantomData<C>,
}

/// A member of a tenant, end users included.
pub type User = Caller<kind::User>;
/// An admin, or a role that only reads.
pub type Reader = Caller<kind::Reader>;
/// An admin of its tenant.
pub type Admin = Caller<kind::Admin>;
/// A super-admin.
pub type SuperAdmin = Caller<kind::SuperAdmin>;

/// The accounts that a read covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// All of them: super-admins only.
    All,
    /// One.
    One(Tenant),
}

impl<C> Caller<C> {
    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The caller as the actor of events, with the user on whose behalf a service acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The accounts that a list, a summary or a read by id covers: a super-admin sees all, or the one it names; everybody else its own, whatever is named.
    ///
    /// # Errors
    /// 404 `account_not_found` when a super-admin names what cannot be an account.
    pub fn accounts(&self, named: Option<&str>) -> Result<Accounts, Problem> {
        match (&self.principal.tenant, named.filter(|name| !name.is_empty())) {
            (_, Some(name)) if self.principal.super_admin => account(name).map(Accounts::One),
            (_, None) if self.principal.super_admin => Ok(Accounts::All),
            (Some(own), _) => Ok(Accounts::One(own.clone())),
            (None, _) => Err(refusal(Denied::Missing)),
        }
    }

    /// The one account that a write acts on.
    ///
    /// # Errors
    /// 400 `account_required` when a super-admin names none.
    pub fn account(&self, named: Option<&str>) -> Result<Tenant, Problem> {
        match self.accounts(named)? {
            Accounts::One(tenant) => Ok(tenant),
            Accounts::All => Err(Problem::bad_request("account_required", "name the account: account_id")),
        }
    }

    /// As [`Caller::account`], for routes where a foreign account is not ignored.
    ///
    /// # Errors
    /// 403 `account_mismatch` when somebody other than a super-admin names a foreign account.
    pub fn account_or_mismatch(&self, named: Option<&str>) -> Result<Tenant, Problem> {
        let account = self.account(named)?;
        match named.filter(|name| !name.is_empty()) {
            Some(name) if name != account.as_str() => Err(Problem::forbidden("account_mismatch", "this account is not yours")),
            _ => Ok(account),
        }
    }
}

/// A caller and the body it sent: for routes with a body.
///
/// A body that is not JSON at all is 422 before anything else; then comes the caller; what the body says is looked at last, by the handler.
#[derive(Debug)]
pub struct Call<C> {
    /// The caller.
    pub caller: Caller<C>,
    /// The body.
    pub body: Body,
}

/// A JSON body, or none.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Nothing was sent.
    Empty,
    /// Some JSON.
    Json(Value),
}

impl Body {
    /// The body as object.
    ///
    /// # Errors
    /// 422 when nothing, or no object, was sent.
    pub fn object(self) -> Result<Map<String, Value>, Problem> {
        let refuse = |code, message: &str| Err(Problem::invalid(vec![Invalid::new(Location::Body, Fault::new("", code, message))]));
        match self {
            Self::Json(Value::Object(object)) => Ok(object),
            Self::Json(_) => refuse("model_attributes_type", "must be a JSON object"),
            Self::Empty => refuse("missing", "a body is required"),
        }
    }
}

impl<S, C> FromRequestParts<S> for Caller<C>
where
    S: Send + Sync,
    C: Kind,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let access = Access::from_ref(state);
        let token = credential::of_product(&parts.method, &parts.headers).map_err(refusal)?;
        let principal = access.verify(token).await.map_err(|denied| {
            tracing::debug!(path = parts.uri.path(), reason = %denied, "a credential was refused");
            refusal(denied)
        })?;
        if !principal.super_admin && (C::CLASS == Class::SuperAdmin || !principal.is(C::CLASS)) {
            return Err(if principal.tenant.is_none() && C::CLASS != Class::SuperAdmin { refusal(Denied::Missing) } else { Problem::class_required(C::CLASS) });
        }
        if !principal.super_admin && principal.tenant.is_none() {
            return Err(refusal(Denied::Missing));
        }
        let actor = acting(&principal, parts);
        Ok(Self { principal, actor, class: PhantomData })
    }
}

impl<S, C> FromRequest<S> for Call<C>
where
    S: Send + Sync,
    C: Kind,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let bytes = json::read(body).await?;
        let body = if bytes.trim_ascii().is_empty() { Body::Empty } else { Body::Json(serde_json::from_slice(&bytes).map_err(|error| not_json(&error))?) };
        let caller = Caller::from_request_parts(&mut parts, state).await?;
        Ok(Self { caller, body })
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::invalid(vec![Invalid::new(Location::Body, reader_fault(String::new(), error))])
}

/// The answer of a product route: always 403, but 503 when only a retry can tell.
fn refusal(denied: Denied) -> Problem {
    let code = match denied {
        Denied::Missing => "auth_required",
        Denied::CrossSite | Denied::Revoked(_) => denied.code(),
        _ if denied.is_passing() => return denied.into(),
        _ => "auth_invalid",
    };
    Problem::forbidden(code, denied.to_string())
}

fn account(name: &str) -> Result<Tenant, Problem> {
    let absent = || Problem::new(http::StatusCode::NOT_FOUND, "account_not_found", "there is no such account");
    Tenant::new(name).ok().filter(|tenant| tenant.as_str() != Tenant::PLATFORM).ok_or_else(absent)
}

/// The caller as actor. Only a service may act for somebody else, and stays the actor itself.
fn acting(principal: &Principal, parts: &Parts) -> Actor {
    let mut actor = principal.actor.clone();
    let named = parts.headers.get(ON_BEHALF_OF_HEADER).and_then(|value| value.to_str().ok());
    if actor.kind == ActorKind::Service {
        actor.on_behalf_of = named.filter(|user| fault::text("onBehalfOf", user, slipstream_event::limits::NAME_LEN_MAX).is_ok()).map(str::to_owned);
    }
    actor
}
