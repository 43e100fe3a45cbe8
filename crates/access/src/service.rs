//! Service credentials: the master key, and API keys. Kept as SHA-256 hashes; they are long and random, so that no slow hash is needed.

use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use slipstream_event::{Actor, ActorKind, Tenant, Viewer};

use crate::roles::RoleMap;
use crate::{Principal, Secret};

/// A service credential and what it may do.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceKey {
    /// Name of the service: the actor of its events.
    pub name: String,
    /// The key itself; or give `sha256`.
    #[serde(default)]
    pub key: Option<Secret>,
    /// The key's SHA-256, in hexadecimal: see [`hash`].
    #[serde(default)]
    pub sha256: Option<String>,
    /// The tenant that it acts for. None: a super-admin's key.
    #[serde(default)]
    pub tenant: Option<Tenant>,
    /// Whether it is a super-admin's key, as the master key is.
    #[serde(default)]
    pub super_admin: bool,
    /// Roles, in our own words.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Scopes.
    #[serde(default)]
    pub scopes: Vec<String>,
}

impl ServiceKey {
    /// The master key: a super-admin's.
    pub fn master(key: Secret) -> Self {
        Self { name: "master-key".into(), key: Some(key), sha256: None, tenant: None, super_admin: true, roles: vec!["proxy_admin".into()], scopes: Vec::new() }
    }

    /// What is wrong with it, as configuration.
    pub(crate) fn fault(&self) -> Option<String> {
        let name = &self.name;
        let problem = match (&self.key, &self.sha256) {
            (Some(key), None) if key.is_empty() => "its key is empty",
            (Some(_), None) => "",
            (None, Some(hex)) if unhex(hex).is_none() => "its sha256 must be 64 hexadecimal digits",
            (None, Some(_)) => "",
            _ => "it needs either a key or a sha256",
        };
        let problem = match (&self.tenant, self.super_admin) {
            _ if !problem.is_empty() => problem,
            (None, false) => "it needs a tenant, or super_admin",
            (Some(tenant), false) if tenant.as_str() == Tenant::PLATFORM => "the tenant platform is reserved",
            _ => "",
        };
        (!problem.is_empty()).then(|| format!("service key {name:?}: {problem}"))
    }
}

/// The hash under which a key is configured, in hexadecimal.
pub fn hash(key: &str) -> String {
    digest(key).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Service keys, ready to be looked up.
pub(crate) struct Ring(Vec<([u8; 32], Arc<Principal>)>);

impl Ring {
    pub(crate) fn new(issuer: &Arc<str>, keys: &[ServiceKey]) -> Self {
        let digest_of = |key: &ServiceKey| key.key.as_ref().map(|secret| digest(secret.expose())).or_else(|| unhex(key.sha256.as_deref()?));
        Self(keys.iter().filter_map(|key| Some((digest_of(key)?, Arc::new(principal(issuer, key))))).collect())
    }

    /// The holder of `credential`. Takes the same time for every credential of one length.
    pub(crate) fn find(&self, credential: &str) -> Option<Arc<Principal>> {
        let given = digest(credential);
        let same = |known: &[u8; 32]| known.iter().zip(given).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0;
        self.0.iter().fold(None, |found, (known, principal)| if same(known) { Some(principal) } else { found }).cloned()
    }
}

fn principal(issuer: &Arc<str>, key: &ServiceKey) -> Principal {
    let rights = RoleMap::slipstream().rights(key.roles.iter().map(String::as_str));
    let viewer = if key.super_admin { Viewer::everything() } else { rights.viewer(None, None) };
    Principal {
        issuer: issuer.clone(),
        tenant: key.tenant.clone(),
        super_admin: key.super_admin,
        user_id: None,
        email: None,
        actor: Actor { kind: ActorKind::Service, ..Actor::user(key.name.clone()) },
        viewer,
        classes: rights.classes,
        roles: key.roles.clone(),
        scopes: key.scopes.clone(),
        session_id: None,
        token_id: None,
        issued_at: None,
        expires_at: None,
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect::<Option<Vec<u8>>>()?;
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ServiceKey {
        ServiceKey {
            tenant: Some(Tenant::new("acme").unwrap()),
            super_admin: false,
            sha256: Some(hash(name)),
            key: None,
            name: name.into(),
            roles: vec!["reader".into()],
            scopes: vec![],
        }
    }

    #[test]
    fn finds_the_holder_and_nobody_else() {
        let ring = Ring::new(&"keys".into(), &[key("one"), key("two"), ServiceKey::master(Secret::new("m"))]);
        assert_eq!(ring.find("two").unwrap().actor.user_id, "two");
        assert!(ring.find("m").unwrap().super_admin && ring.find("m").unwrap().tenant.is_none());
        assert!(ring.find("three").is_none() && ring.find("").is_none() && ring.find(&hash("one")).is_none());
    }

    #[test]
    fn faults_are_named() {
        assert_eq!(key("one").fault(), None);
        assert!(ServiceKey { tenant: None, ..key("x") }.fault().unwrap().contains("tenant"));
        assert!(ServiceKey { sha256: Some("12".into()), ..key("x") }.fault().unwrap().contains("hexadecimal"));
        assert!(ServiceKey { sha256: None, ..key("x") }.fault().is_some());
        assert!(ServiceKey { tenant: Some(Tenant::platform()), ..key("x") }.fault().is_some());
    }
}
