//! From an issuer's claims to a [`Principal`]: pure, and fed with hostile input.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use slipstream_event::{Actor, ActorKind, Tenant, Viewer, fault};
use time::OffsetDateTime;

use crate::roles::RoleMap;
use crate::{Denied, Principal, limits};

/// Which of an issuer's claims mean what. Each entry lists alternatives: the first that is present and not empty counts. A name with dots that is
/// no claim itself is a path into objects (`realm_access.roles`). An empty list: the issuer has no such claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClaimMap {
    /// The tenant.
    pub tenant: Vec<String>,
    /// The user id.
    pub user: Vec<String>,
    /// The name for people.
    pub name: Vec<String>,
    /// The e-mail address.
    pub email: Vec<String>,
    /// The roles: a text of words, or an array of texts.
    pub roles: Vec<String>,
    /// The department.
    pub department: Vec<String>,
    /// Whether it is a super-admin. Only the JSON value `true` counts.
    pub super_admin: Vec<String>,
    /// A super-admin's own tenant stands where the request names none.
    pub super_admin_keeps_tenant: bool,
    /// Claims that give a role when they are `true`.
    pub flags: Vec<Flag>,
    /// The session id.
    pub session: Vec<String>,
    /// The token id.
    pub token_id: Vec<String>,
    /// The scopes: a text of words, or an array of texts.
    pub scopes: Vec<String>,
    /// The kind of actor: `user`, `service`, `agent` or `system`. `user` when absent.
    pub kind: Vec<String>,
    /// Whether a token without a user id is refused.
    pub user_required: bool,
}

/// A claim that gives a role when it is `true`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flag {
    /// The claim.
    pub claim: String,
    /// The role.
    pub role: String,
}

impl ClaimMap {
    /// Our own tokens.
    pub fn slipstream() -> Self {
        Self {
            tenant: names(&["tenant"]),
            user: names(&["sub"]),
            name: names(&["name"]),
            email: names(&["email"]),
            roles: names(&["roles"]),
            department: names(&["department"]),
            super_admin: names(&["super_admin"]),
            session: names(&["sid"]),
            token_id: names(&["jti"]),
            scopes: names(&["scopes", "scope"]),
            kind: names(&["kind"]),
            user_required: true,
            ..Self::default()
        }
    }

    /// The copilot control plane's session tokens.
    pub fn copilot() -> Self {
        Self {
            tenant: names(&["account_id"]),
            user: names(&["user_id", "sub"]),
            email: names(&["user_email", "email"]),
            roles: names(&["user_role"]),
            super_admin: names(&["is_super_admin"]),
            session: names(&["sid"]),
            token_id: names(&["jti"]),
            ..Self::default()
        }
    }

    /// The maintenance portal's tokens.
    pub fn portal() -> Self {
        Self {
            tenant: names(&["amo_id"]),
            user: names(&["sub"]),
            roles: names(&["role"]),
            department: names(&["department_id"]),
            super_admin: names(&["is_superuser"]),
            super_admin_keeps_tenant: true,
            flags: vec![Flag { claim: "is_amo_admin".into(), role: "AMO_ADMIN".into() }],
            session: names(&["auth_session_id"]),
            token_id: names(&["jti"]),
            user_required: true,
            ..Self::default()
        }
    }

    /// The caller that verified claims describe.
    ///
    /// # Errors
    /// [`Denied::ClaimMissing`] and [`Denied::ClaimInvalid`].
    pub fn principal(&self, issuer: &Arc<str>, roles: &RoleMap, claims: &Map<String, Value>) -> Result<Principal, Denied> {
        let user_id = self.text(claims, &self.user, "user")?;
        if user_id.is_none() && self.user_required {
            return Err(Denied::ClaimMissing("user"));
        }
        let email = self.text(claims, &self.email, "email")?;
        let department = self.text(claims, &self.department, "department")?;
        let super_admin = flag(claims, &self.super_admin);
        let mut held = words(claims, &self.roles, "roles")?;
        held.extend(self.flags.iter().filter(|given| flag(claims, std::slice::from_ref(&given.claim))).map(|given| given.role.clone()));
        let rights = roles.rights(held.iter().map(String::as_str));
        let mut viewer = rights.viewer(user_id.as_deref(), department.as_deref());
        if super_admin {
            viewer = Viewer { user_id: viewer.user_id, department: viewer.department, ..Viewer::everything() };
        }
        let actor = Actor {
            name: self.text(claims, &self.name, "name")?.or_else(|| email.clone()),
            department,
            kind: self.kind(claims)?,
            ..Actor::user(user_id.clone().or_else(|| email.clone()).unwrap_or_else(|| format!("{issuer}:unnamed")))
        };
        Ok(Principal {
            issuer: issuer.clone(),
            tenant: self.tenant(claims, super_admin)?,
            super_admin,
            user_id,
            email,
            actor,
            viewer,
            classes: rights.classes,
            roles: held,
            scopes: words(claims, &self.scopes, "scopes")?,
            session_id: self.text(claims, &self.session, "session")?,
            token_id: self.text(claims, &self.token_id, "token_id")?,
            issued_at: moment(claims, "iat")?,
            expires_at: moment(claims, "exp")?,
        })
    }

    fn tenant(&self, claims: &Map<String, Value>, super_admin: bool) -> Result<Option<Tenant>, Denied> {
        if super_admin && !self.super_admin_keeps_tenant {
            return Ok(None);
        }
        let Some(text) = self.text(claims, &self.tenant, "tenant")? else { return Ok(None) };
        let tenant = Tenant::new(&text).map_err(|_| Denied::ClaimInvalid("tenant"))?;
        // The reserved tenant holds the platform's own events: no issuer may give it to a customer.
        if tenant.as_str() == Tenant::PLATFORM && !super_admin { Err(Denied::ClaimInvalid("tenant")) } else { Ok(Some(tenant)) }
    }

    fn kind(&self, claims: &Map<String, Value>) -> Result<ActorKind, Denied> {
        match find(claims, &self.kind) {
            None => Ok(ActorKind::User),
            Some(value) => ActorKind::deserialize(value).map_err(|_| Denied::ClaimInvalid("kind")),
        }
    }

    /// A short text, or a whole number as text.
    fn text(&self, claims: &Map<String, Value>, names: &[String], what: &'static str) -> Result<Option<String>, Denied> {
        let text = match find(claims, names) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
            Some(_) => return Err(Denied::ClaimInvalid(what)),
        };
        fault::text(what, &text, slipstream_event::limits::NAME_LEN_MAX).map_err(|_| Denied::ClaimInvalid(what))?;
        Ok(Some(text))
    }
}

/// A time claim of whole or fractional seconds since 1970.
///
/// # Errors
/// [`Denied::ClaimInvalid`] when it is no number, or out of range.
pub(crate) fn moment(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<OffsetDateTime>, Denied> {
    let invalid = Denied::ClaimInvalid(claim);
    let seconds = match claims.get(claim) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64().map_or_else(|| number.as_f64(), |whole| Some(whole as f64)).ok_or(invalid)?,
        Some(_) => return Err(invalid),
    };
    // The years 1970 to 9999. The cast cannot lose more than the fraction then.
    if !(0.0..253_402_300_800.0).contains(&seconds) {
        return Err(invalid);
    }
    OffsetDateTime::from_unix_timestamp(seconds as i64).map(Some).map_err(|_| invalid)
}

/// The first of the named claims that is there and not empty.
fn find<'a>(claims: &'a Map<String, Value>, names: &[String]) -> Option<&'a Value> {
    let empty = |value: &&Value| !matches!(value, Value::Null) && value.as_str() != Some("");
    names.iter().find_map(|name| claims.get(name).or_else(|| walk(claims, name)).filter(empty))
}

fn walk<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
}

fn flag(claims: &Map<String, Value>, names: &[String]) -> bool {
    names.iter().any(|name| claims.get(name).or_else(|| walk(claims, name)) == Some(&Value::Bool(true)))
}

/// A text of words, or an array of texts.
fn words(claims: &Map<String, Value>, names: &[String], what: &'static str) -> Result<Vec<String>, Denied> {
    let words: Vec<String> = match find(claims, names) {
        None => Vec::new(),
        Some(Value::String(text)) => text.split([' ', ',']).filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or(Denied::ClaimInvalid(what))?,
        Some(_) => return Err(Denied::ClaimInvalid(what)),
    };
    let fits = words.len() <= limits::WORDS_MAX && words.iter().all(|word| word.len() <= slipstream_event::limits::NAME_LEN_MAX);
    if fits { Ok(words) } else { Err(Denied::ClaimInvalid(what)) }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[cfg(test)]
mod tests;
