//! Which issuers are trusted, with which keys, and what their claims mean.

use std::fmt;

use serde::Deserialize;

use crate::claims::ClaimMap;
use crate::limits;
use crate::roles::RoleMap;
use crate::service::ServiceKey;

/// The configuration of access.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Trusted issuers, tried in this order; those with remote keys last.
    pub issuers: Vec<Issuer>,
    /// Whether stream routes take `?token=`, as old clients send it. It ends up in other people's logs: switch it off where no such client is left.
    pub query_token: bool,
}

/// A trusted issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Name, for logs, metrics and principals.
    pub name: String,
    /// Whose words its claims and roles are.
    #[serde(default)]
    pub preset: Preset,
    /// Its keys.
    pub keys: Keys,
    /// The algorithms that its keys may be used with. Empty: HS256 for a secret; what the key's type says for a PEM (RSA: RS256); RS256, PS256, ES256, ES384
    /// and EdDSA for a key set.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    /// The required `iss`. Required with a key set.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The accepted audiences; a token must name one. Empty: a token with an audience is refused. Required with a key set.
    #[serde(default)]
    pub audience: Vec<String>,
    /// Whether a token without `exp` is refused.
    #[serde(default = "yes")]
    pub exp_required: bool,
    /// What its claims mean, when not as the preset says.
    #[serde(default)]
    pub claims: Option<ClaimMap>,
    /// What its roles give, when not as the preset says.
    #[serde(default)]
    pub roles: Option<RoleMap>,
}

/// The keys of an issuer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Keys {
    /// A shared secret of any length but zero.
    Hmac(Secret),
    /// One public key, PEM (SPKI, or PKCS#1 for RSA).
    Pem(String),
    /// A key set (RFC 7517), fetched and kept fresh.
    Jwks(Jwks),
    /// Service credentials.
    Service(Vec<ServiceKey>),
}

/// A remote key set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwks {
    /// Where: https, or http on a loopback address.
    pub url: String,
    /// Age at which it is fetched anew, in seconds.
    #[serde(default = "jwks_ttl")]
    pub ttl_seconds: u64,
    /// Shortest time between two fetches, in seconds.
    #[serde(default = "jwks_interval")]
    pub interval_seconds_min: u64,
}

impl Jwks {
    /// A key set with the usual times.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ttl_seconds: jwks_ttl(), interval_seconds_min: jwks_interval() }
    }
}

/// Whose words an issuer speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Ours.
    #[default]
    Slipstream,
    /// The copilot control plane's.
    Copilot,
    /// The maintenance portal's.
    Portal,
}

impl Preset {
    /// What the claims mean.
    pub fn claims(self) -> ClaimMap {
        match self {
            Self::Slipstream => ClaimMap::slipstream(),
            Self::Copilot => ClaimMap::copilot(),
            Self::Portal => ClaimMap::portal(),
        }
    }

    /// What the roles give.
    pub fn roles(self) -> RoleMap {
        match self {
            Self::Slipstream => RoleMap::slipstream(),
            Self::Copilot => RoleMap::copilot(),
            Self::Portal => RoleMap::portal(),
        }
    }
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the names are those of RFC 7518 and RFC 8037")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl Algorithm {
    /// The name in headers of tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Whether its key is a shared secret.
    pub fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

/// A secret text. Its debug form does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for use, never for output.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Config {
    /// All that is wrong with it, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.issuers.is_empty() {
            faults.push("at least one issuer is needed: without one nobody can come in".to_owned());
        }
        if self.issuers.len() > limits::ISSUERS_MAX {
            faults.push(format!("at most {} issuers", limits::ISSUERS_MAX));
        }
        for (i, issuer) in self.issuers.iter().enumerate() {
            if self.issuers[..i].iter().any(|before| before.name == issuer.name) {
                faults.push(format!("issuer {:?}: the name is used twice", issuer.name));
            }
            faults.extend(issuer.faults().into_iter().map(|fault| format!("issuer {:?}: {fault}", issuer.name)));
        }
        faults
    }
}

impl Issuer {
    /// An issuer of our own tokens, signed with `secret`.
    pub fn slipstream(name: impl Into<String>, secret: Secret) -> Self {
        Self::hmac(name, Preset::Slipstream, secret)
    }

    /// An issuer with a shared secret. Tokens must carry `exp`.
    pub fn hmac(name: impl Into<String>, preset: Preset, secret: Secret) -> Self {
        Self::new(name, preset, Keys::Hmac(secret))
    }

    /// An issuer of service credentials.
    pub fn service(name: impl Into<String>, keys: Vec<ServiceKey>) -> Self {
        Self::new(name, Preset::Slipstream, Keys::Service(keys))
    }

    /// An issuer with the defaults: `exp` required, neither issuer nor audience named.
    pub fn new(name: impl Into<String>, preset: Preset, keys: Keys) -> Self {
        Self { name: name.into(), preset, keys, algorithms: Vec::new(), issuer: None, audience: Vec::new(), exp_required: true, claims: None, roles: None }
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut expect = |holds: bool, fault: &str| {
            if !holds {
                faults.push(fault.to_owned());
            }
        };
        expect(!self.name.is_empty() && self.name.len() <= 64, "its name must have 1 to 64 characters");
        let symmetric = self.algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
        match &self.keys {
            Keys::Hmac(secret) => {
                expect(!secret.is_empty(), "its secret is empty");
                expect(symmetric == self.algorithms.len(), "a shared secret verifies HS256, HS384 and HS512 only");
            }
            Keys::Pem(_) => expect(symmetric == 0, "a public key must not be used with an HS algorithm"),
            Keys::Jwks(jwks) => {
                expect(symmetric == 0, "a public key must not be used with an HS algorithm");
                expect(self.issuer.is_some(), "a key set needs `issuer`");
                expect(!self.audience.is_empty(), "a key set needs `audience`");
                expect(is_safe_url(&jwks.url), "its url must be https, or http on a loopback address");
            }
            Keys::Service(keys) => faults.extend(keys.iter().filter_map(ServiceKey::fault)),
        }
        faults
    }
}

/// Whether keys may be fetched from `url`.
fn is_safe_url(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && loopback)
}

fn yes() -> bool {
    true
}

fn jwks_ttl() -> u64 {
    limits::JWKS_TTL.as_secs()
}

fn jwks_interval() -> u64 {
    limits::JWKS_INTERVAL_MIN.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_all_faults_at_once() {
        let mut jwks = Issuer::new("idp", Preset::Copilot, Keys::Jwks(Jwks::new("http://idp.example/keys")));
        jwks.algorithms = vec![Algorithm::HS256];
        let config = Config { issuers: vec![jwks, Issuer::slipstream("a", Secret::new("")), Issuer::slipstream("a", Secret::new("s"))], query_token: false };
        assert_eq!(config.faults().len(), 6, "{:#?}", config.faults());
        assert_eq!(Config::default().faults().len(), 1);
    }

    #[test]
    fn fetches_from_safe_places_only() {
        for good in ["https://idp.example/keys", "http://127.0.0.1:80/k", "http://[::1]/k", "http://localhost/k"] {
            assert!(is_safe_url(good), "{good}");
        }
        for bad in ["http://idp.example", "ftp://localhost/x", "file:///etc/passwd", "nonsense", "http://127.0.0.1.evil.example/"] {
            assert!(!is_safe_url(bad), "{bad}");
        }
    }

    #[test]
    fn never_shows_a_secret() {
        assert!(!format!("{:?}", Issuer::slipstream("a", Secret::new("hunter2"))).contains("hunter2"));
    }

    #[test]
    fn reads_from_text() {
        let json = r#"{"issuers":[{"name":"a","preset":"copilot","keys":{"hmac":"s"},"exp_required":false},{"name":"b","keys":{"jwks":{"url":"https://x/"}},"issuer":"i","audience":["a"]}]}"#;
        let config: Config = serde_json::from_str(json).unwrap();
        assert_eq!(config.faults(), Vec::<String>::new());
        assert_eq!((config.issuers[0].preset, config.issuers[0].exp_required), (Preset::Copilot, false));
    }
}
