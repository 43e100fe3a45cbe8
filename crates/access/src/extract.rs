//! Extractors of the platform's routes: each hands a handler its caller and its tenant, or refuses.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use slipstream_event::Tenant;

use crate::parameters::TENANT;
use crate::verify::Refused;
use crate::{Access, Class, Denied, Parameters, Principal, Problem, credential};

/// The header by which a super-admin names the tenant, beside the query parameter `account_id`.
pub const TENANT_HEADER: &str = "x-account-id";

/// A caller of class `C` and the one tenant that the call acts on.
///
/// The tenant is the token's. A super-admin names it (`?account_id=` or `X-Account-Id`), else 400 `account_required`. Anyone else who names a foreign
/// one gets 403 `account_mismatch`.
#[derive(Clone, Debug)]
pub struct Guard<C> {
    principal: Arc<Principal>,
    tenant: Tenant,
    class: PhantomData<C>,
}

/// Any member of a tenant, end users included.
pub type User = Guard<kind::User>;
/// A reader of its tenant's events.
pub type Reader = Guard<kind::Reader>;
/// A writer of its tenant's events, by role or by the scope `events:write`.
pub type Writer = Guard<kind::Writer>;
/// An admin of its tenant.
pub type Admin = Guard<kind::Admin>;
/// A reader on a stream route. Takes the header, else `?ticket=`, else `?token=` where that is switched on; never a cookie. A ticket's tenant is fixed.
pub type Streamer = Guard<kind::Streamer>;

/// What tells the extractors apart.
pub mod kind {
    use super::Class;

    /// What a kind of guard demands.
    pub trait Kind: Send + Sync + 'static {
        /// The class.
        const CLASS: Class;
        /// Whether a ticket or token in the query may do.
        const QUERY: bool = false;
    }

    macro_rules! kinds {
        ($($(#[$doc:meta])* $name:ident = $class:expr, $query:expr;)*) => {$(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}
            impl Kind for $name {
                const CLASS: Class = $class;
                const QUERY: bool = $query;
            }
        )*};
    }

    kinds! {
        /// Class user.
        User = Class::User, false;
        /// Class reader.
        Reader = Class::Reader, false;
        /// Class writer.
        Writer = Class::Writer, false;
        /// Class admin.
        Admin = Class::Admin, false;
        /// Class super-admin.
        SuperAdmin = Class::SuperAdmin, false;
        /// Class reader, on a stream route.
        Streamer = Class::Reader, true;
    }
}

impl<C> Guard<C> {
    /// The tenant that the call acts on.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The caller, to keep.
    pub fn into_principal(self) -> Arc<Principal> {
        self.principal
    }
}

/// A super-admin of the platform, without a tenant.
#[derive(Clone, Debug)]
pub struct SuperAdmin(Arc<Principal>);

impl SuperAdmin {
    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.0
    }
}

impl<S, C> FromRequestParts<S> for Guard<C>
where
    S: Send + Sync,
    C: kind::Kind,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let access = Access::from_ref(state);
        let caller = authenticate(&access, parts, C::QUERY).await?;
        // Looked at after the caller: who is nobody learns nothing of what else is wrong.
        let named = named_tenant(&parts.headers, parts.uri.query())?;
        let guard = Self::admit(&access, caller, named.as_deref(), parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str))?;
        known_parameters(parts, C::QUERY)?;
        Ok(guard)
    }
}

/// A caller as its credential proves it, and the tenant that a ticket fixes.
type Caller = (Arc<Principal>, Option<Tenant>);

impl<C: kind::Kind> Guard<C> {
    fn admit(access: &Access, caller: Caller, named: Option<&str>, route: Option<&str>) -> Result<Self, Problem> {
        let principal = caller.0.clone();
        Self::check(caller, named).inspect_err(|problem| {
            if problem.status() == StatusCode::FORBIDDEN {
                access.tell(&Refused { principal: &principal, reason: problem.code(), route });
            }
        })
    }

    fn check((principal, fixed): Caller, named: Option<&str>) -> Result<Self, Problem> {
        if !principal.is(C::CLASS) {
            return Err(Problem::class_required(C::CLASS));
        }
        let tenant = match (fixed, named) {
            (Some(fixed), Some(named)) if fixed.as_str() != named => return Err(Problem::forbidden("account_mismatch", "the ticket is for another account")),
            (Some(fixed), _) => fixed,
            (None, named) => tenant_of(&principal, named)?,
        };
        Ok(Self { principal, tenant, class: PhantomData })
    }
}

/// A credential that does not come with the request's head but in a first message.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// A token or service key.
    Token(&'a str),
    /// A ticket.
    Ticket(&'a str),
}

impl Streamer {
    /// The reader that a message's credential proves, as if it had come with the request: for protocols whose clients cannot set headers. `named` is the tenant that a
    /// super-admin names.
    ///
    /// # Errors
    /// As of the extractor.
    pub async fn of_message(access: &Access, credential: Credential<'_>, named: Option<&str>) -> Result<Self, Problem> {
        let caller = match credential {
            Credential::Token(token) => access.verify(token).await.map(|principal| (principal, None)),
            Credential::Ticket(ticket) => access.redeem_ticket(ticket).await.map(|(principal, tenant)| (principal, Some(tenant))),
        };
        Self::admit(access, caller?, named.filter(|name| !name.is_empty()), None)
    }
}

impl std::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self, Self::Token(_)) { "Token(…)" } else { "Ticket(…)" })
    }
}

impl<S> FromRequestParts<S> for SuperAdmin
where
    S: Send + Sync,
    Access: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let access = Access::from_ref(state);
        let (principal, _) = authenticate(&access, parts, false).await?;
        if principal.super_admin {
            known_parameters(parts, false)?;
            return Ok(Self(principal));
        }
        let problem = Problem::class_required(Class::SuperAdmin);
        access.tell(&Refused { principal: &principal, reason: problem.code(), route: parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str) });
        Err(problem)
    }
}

/// Refuses parameters that the route does not take.
fn known_parameters(parts: &Parts, takes_credential: bool) -> Result<(), Problem> {
    parts.extensions.get::<Parameters>().map_or(Ok(()), |takes| takes.check(parts.uri.query(), takes_credential))
}

/// The header's credential; on a stream route without one, the ticket of the query where tickets are kept, else its token.
async fn authenticate(access: &Access, parts: &Parts, query: bool) -> Result<Caller, Denied> {
    let of_query = |name: &str| parts.uri.query().filter(|_| query).and_then(|query| credential::parse_query(query, name));
    let result = match credential::of_platform(&parts.headers) {
        Ok(token) => access.verify(token).await.map(|principal| (principal, None)),
        Err(Denied::Missing) => match (of_query("ticket").filter(|_| access.tickets().is_some()), of_query("token").filter(|_| access.takes_query_token())) {
            (Some(ticket), _) => access.redeem_ticket(&ticket).await.map(|(principal, tenant)| (principal, Some(tenant))),
            (None, Some(token)) => access.verify(&token).await.map(|principal| (principal, None)),
            (None, None) => Err(Denied::Missing),
        },
        Err(denied) => Err(denied),
    };
    if let Err(denied) = &result {
        tracing::debug!(path = parts.uri.path(), reason = %denied, "a credential was refused");
    }
    result
}

/// The tenant that a request names, if any.
///
/// # Errors
/// 400 `account_ambiguous`: two different names are refused rather than chosen from.
pub fn named_tenant(headers: &HeaderMap, query: Option<&str>) -> Result<Option<String>, Problem> {
    let header = headers.get(TENANT_HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names: Vec<String> =
        query.filter(|(name, _)| name == TENANT).map(|(_, value)| value.into_owned()).chain(header).filter(|name| !name.is_empty()).collect();
    names.dedup();
    match names.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(Problem::bad_request("account_ambiguous", "the request names more than one account")),
    }
}

/// The tenant that a call acts on: pure, and the only place that decides it for platform routes.
fn tenant_of(principal: &Principal, named: Option<&str>) -> Result<Tenant, Problem> {
    match (principal.super_admin, &principal.tenant, named) {
        (true, _, Some(name)) => Tenant::new(name).map_err(|fault| Problem::bad_request("account_invalid", fault.message)),
        (true, Some(own), None) => Ok(own.clone()),
        (true, None, None) => Err(Problem::bad_request("account_required", "a super-admin must name the account: ?account_id=")),
        (false, None, _) => Err(Problem::forbidden("tenant_context_missing", "the credential names no tenant")),
        (false, Some(own), Some(name)) if own.as_str() != name => Err(Problem::forbidden("account_mismatch", "this account is not yours")),
        (false, Some(own), _) => Ok(own.clone()),
    }
}
