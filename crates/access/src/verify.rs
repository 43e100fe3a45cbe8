//! From a credential to a [`Principal`].

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::claims::ClaimMap;
use crate::config::{Algorithm, Config, Issuer, Keys};
use crate::keys::{self, Key, remote};
use crate::roles::RoleMap;
use crate::service::Ring;
use crate::ticket::Tickets;
use crate::{Denied, Principal, Revocations, limits};

/// Verifies credentials against the configured issuers and the revocations. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
    revocations: Revocations,
    tickets: Option<Arc<dyn Tickets>>,
    refused: Option<Arc<Listener>>,
}

/// Is told of refused calls. Must not block.
pub type Listener = dyn Fn(&Refused<'_>) + Send + Sync;

/// A refused call of a caller whose credential is good, or was before its holder was cut off. Holds nothing of the credential.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The caller.
    pub principal: &'a Principal,
    /// The answer's word.
    pub reason: &'static str,
    /// The pattern of the route, where that is known.
    pub route: Option<&'a str>,
}

struct Inner {
    issuers: Vec<Trusted>,
    query_token: bool,
}

struct Trusted {
    name: Arc<str>,
    issuer: Option<String>,
    source: Source,
    claims: ClaimMap,
    roles: RoleMap,
}

enum Source {
    Fixed(Vec<Key>),
    Remote(Box<remote::Remote>),
    Service(Ring),
}

/// Why access could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// All that is wrong with the configuration, a sentence each.
    #[error("{}", .0.join("; "))]
    Config(Vec<String>),
    /// The cryptographic backend does not work.
    #[error("the cryptographic self-test failed")]
    Crypto,
    /// The client for remote keys could not be made.
    #[error("the HTTP client for remote keys could not be made: {0}")]
    Http(#[source] reqwest::Error),
}

/// The parts of a token's header that choose among our keys. `jku`, `x5u` and `jwk` are never looked at.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
}

impl Access {
    /// Checks the configuration and the cryptographic backend. Fetches nothing. Nobody is let in before `revocations` are read.
    ///
    /// # Errors
    /// [`Error`]; all faults of the configuration at once.
    pub fn new(config: &Config, revocations: Revocations) -> Result<Self, Error> {
        let mut faults = config.faults();
        if !keys::self_test() {
            return Err(Error::Crypto);
        }
        let mut issuers = Vec::new();
        for issuer in &config.issuers {
            match trust(issuer) {
                Ok(trusted) => issuers.push(trusted),
                Err(Error::Config(found)) => faults.extend(found),
                Err(other) => return Err(other),
            }
        }
        if !faults.is_empty() {
            return Err(Error::Config(faults));
        }
        // Remote issuers last, so that no token of a local one ever causes a fetch.
        issuers.sort_by_key(|trusted| matches!(trusted.source, Source::Remote(_)));
        Ok(Self { inner: Arc::new(Inner { issuers, query_token: config.query_token }), revocations, tickets: None, refused: None })
    }

    /// The caller that a credential proves, and who is not cut off: a service key, or a token of a trusted issuer.
    ///
    /// # Errors
    /// [`Denied::Revoked`]; [`Denied::RevocationsUnknown`], after a wait of [`limits::REVOCATIONS_WAIT`]; of a credential that is not good the most telling [`Denied`]: what is wrong with the claims when a key of ours signed it, else that it is not recognised.
    pub async fn verify(&self, credential: &str) -> Result<Arc<Principal>, Denied> {
        let principal = self.prove(credential).await?;
        self.admit(&principal).await?;
        Ok(principal)
    }

    /// Refuses a caller that is cut off.
    pub(crate) async fn admit(&self, principal: &Principal) -> Result<(), Denied> {
        if !self.revocations.read_within(limits::REVOCATIONS_WAIT).await {
            return Err(Denied::RevocationsUnknown);
        }
        let Some(reason) = self.revocations.check(principal) else { return Ok(()) };
        let denied = Denied::Revoked(reason);
        self.tell(&Refused { principal, reason: denied.code(), route: None });
        Err(denied)
    }

    /// The same, that tells `listener` of refused calls of callers who are known. Others have no tenant: they are in the metrics and the debug log alone.
    #[must_use]
    pub fn with_refused(mut self, listener: Arc<Listener>) -> Self {
        self.refused = Some(listener);
        self
    }

    pub(crate) fn tell(&self, refused: &Refused<'_>) {
        if let Some(listener) = &self.refused {
            listener(refused);
        }
    }

    /// Who is cut off: for whoever lets a caller stay for long.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// The same, with a place to keep tickets. Without one, streams take none.
    #[must_use]
    pub fn with_tickets(mut self, tickets: Arc<dyn Tickets>) -> Self {
        self.tickets = Some(tickets);
        self
    }

    pub(crate) fn tickets(&self) -> Option<&Arc<dyn Tickets>> {
        self.tickets.as_ref()
    }

    async fn prove(&self, credential: &str) -> Result<Arc<Principal>, Denied> {
        if credential.is_empty() {
            return Err(Denied::Missing);
        }
        if credential.len() > limits::TOKEN_BYTES_MAX {
            return Err(Denied::Malformed);
        }
        if let Some(principal) = self.inner.issuers.iter().find_map(|trusted| trusted.service(credential)) {
            return Ok(principal);
        }
        let Some((header, issuer)) = peek(credential) else { return Err(Denied::Unrecognised) };
        let mut telling = Denied::Unrecognised;
        for trusted in self.inner.issuers.iter().filter(|trusted| trusted.may_be_of(issuer.as_deref())) {
            match trusted.verify(credential, &header).await {
                Ok(principal) => return Ok(Arc::new(principal)),
                Err(denied) => telling = more_telling(telling, denied),
            }
        }
        Err(telling)
    }

    /// Whether stream routes take `?token=`.
    pub fn takes_query_token(&self) -> bool {
        self.inner.query_token
    }

    /// Fetches remote keys before they are needed, until `shutdown`. Without it the first request after their time to live pays for the fetch.
    pub async fn keep_keys_fresh(self, shutdown: CancellationToken) {
        let remotes = || self.inner.issuers.iter().filter_map(|trusted| if let Source::Remote(remote) = &trusted.source { Some(remote) } else { None });
        let Some(pause) = remotes().map(|remote| remote.ttl() / 4).min() else { return shutdown.cancelled().await };
        while !shutdown.is_cancelled() {
            for remote in remotes() {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = remote.keep_fresh() => {}
                }
            }
            let pause = pause.max(Duration::from_secs(1));
            drop(tokio::time::timeout(pause, shutdown.cancelled()).await);
        }
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.inner.issuers.iter().map(|trusted| &trusted.name)).finish()
    }
}

/// Of two refusals, the one that says more: a key of ours had signed the token, before keys could not be had, before no key fits.
fn more_telling(one: Denied, other: Denied) -> Denied {
    match (one, other) {
        (Denied::Unrecognised, _) => other,
        (Denied::KeysUnavailable, other) if other != Denied::Unrecognised => other,
        _ => one,
    }
}

fn trust(issuer: &Issuer) -> Result<Trusted, Error> {
    let name: Arc<str> = issuer.name.as_str().into();
    let source = match &issuer.keys {
        Keys::Service(keys) => Source::Service(Ring::new(&name, keys)),
        Keys::Jwks(jwks) => Source::Remote(Box::new(remote::Remote::new(issuer, jwks, remote::client().map_err(Error::Http)?))),
        Keys::Pem(pem) => Source::Fixed(keys::pem::keys(issuer, pem).map_err(|fault| Error::Config(vec![format!("issuer {name:?}: {fault}")]))?),
        Keys::Hmac(secret) => {
            let algorithms = if issuer.algorithms.is_empty() { vec![Algorithm::HS256] } else { issuer.algorithms.clone() };
            let key = |algorithm| Key::new(issuer, algorithm, None, DecodingKey::from_secret(secret.expose().as_bytes()));
            Source::Fixed(algorithms.into_iter().map(key).collect())
        }
    };
    let claims = issuer.claims.clone().unwrap_or_else(|| issuer.preset.claims());
    let roles = issuer.roles.clone().unwrap_or_else(|| issuer.preset.roles());
    Ok(Trusted { name, issuer: issuer.issuer.clone(), source, claims, roles })
}

impl Trusted {
    fn service(&self, credential: &str) -> Option<Arc<Principal>> {
        if let Source::Service(ring) = &self.source { ring.find(credential) } else { None }
    }

    /// Whether a token that claims to be of `issuer` is worth a look. The claim is not believed: it only saves work, and fetches.
    fn may_be_of(&self, issuer: Option<&str>) -> bool {
        !matches!(self.source, Source::Service(_)) && (self.issuer.is_none() || issuer.is_none() || self.issuer.as_deref() == issuer)
    }

    async fn verify(&self, token: &str, header: &Header) -> Result<Principal, Denied> {
        let kid = header.kid.as_deref();
        let claims = match &self.source {
            Source::Service(_) => return Err(Denied::Unrecognised),
            Source::Fixed(keys) => verify_with(keys, token, header)?,
            // A token without a known key id and algorithm is not worth a fetch.
            Source::Remote(_) if header.alg.starts_with("HS") || header.alg == "none" => return Err(Denied::Unrecognised),
            Source::Remote(remote) => verify_with(&remote.keys(kid).await?.keys, token, header)?,
        };
        self.claims.principal(&self.name, &self.roles, &claims)
    }
}

/// Tries the keys that fit the header. The header only narrows the choice: the algorithm is the key's.
fn verify_with(keys: &[Key], token: &str, header: &Header) -> Result<serde_json::Map<String, serde_json::Value>, Denied> {
    let named = |key: &&Key| header.alg == key.algorithm.as_str();
    let of_kid = |key: &&Key| key.kid.is_none() || header.kid.is_none() || key.kid == header.kid;
    let mut result = Err(Denied::Unrecognised);
    for key in keys.iter().filter(named).filter(of_kid) {
        result = key.verify(token);
        if !matches!(result, Err(Denied::Unrecognised)) {
            break;
        }
    }
    result
}

/// Header and claimed issuer of what may be a token. `None`: it is none.
fn peek(token: &str) -> Option<(Header, Option<String>)> {
    let mut parts = token.split('.');
    let (header, payload, _signature, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else { return None };
    let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    let payload: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    let fits = header.kid.as_ref().is_none_or(|kid| kid.len() <= limits::KID_BYTES_MAX) && payload.is_object();
    fits.then(|| (header, payload.get("iss").and_then(|iss| iss.as_str()).map(str::to_owned)))
}
