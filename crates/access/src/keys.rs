//! Keys that verify tokens. Each key has one algorithm and one set of rules of its own; a token chooses neither.

pub(crate) mod pem;
pub(crate) mod remote;
pub(crate) mod set;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::claims::moment;
use crate::config::{Algorithm, Issuer};
use crate::{Denied, limits};

/// A key, with the one algorithm that it verifies and the rules for what it has signed.
pub(crate) struct Key {
    pub(crate) kid: Option<String>,
    pub(crate) algorithm: Algorithm,
    decoding: DecodingKey,
    validation: Validation,
}

impl Key {
    pub(crate) fn new(issuer: &Issuer, algorithm: Algorithm, kid: Option<String>, decoding: DecodingKey) -> Self {
        Self { kid, algorithm, decoding, validation: validation(issuer, algorithm) }
    }

    /// The claims of a token that this key has signed and that is valid now.
    ///
    /// # Errors
    /// [`Denied::Unrecognised`] when the signature is not of this key; else what is wrong with the claims.
    pub(crate) fn verify(&self, token: &str) -> Result<Map<String, Value>, Denied> {
        let data = jsonwebtoken::decode::<Map<String, Value>>(token, &self.decoding, &self.validation).map_err(|e| denied(e.kind()))?;
        // A critical extension that we do not know must be refused (RFC 7515 §4.1.11), and we know none.
        if data.header.crit.is_some() {
            return Err(Denied::Malformed);
        }
        let soon = OffsetDateTime::now_utc() + Duration::seconds(limits::LEEWAY_SECONDS as i64);
        if moment(&data.claims, "iat")?.is_some_and(|issued| issued > soon) {
            return Err(Denied::NotYetValid);
        }
        Ok(data.claims)
    }
}

/// The rules for one key. What the library checks only when present is made required here wherever it is configured.
fn validation(issuer: &Issuer, algorithm: Algorithm) -> Validation {
    let mut rules = Validation::new(algorithm.into());
    rules.leeway = limits::LEEWAY_SECONDS;
    rules.validate_exp = true;
    rules.validate_nbf = true;
    rules.validate_aud = true;
    rules.required_spec_claims.clear();
    let mut require = |claim: &str| rules.required_spec_claims.insert(claim.to_owned());
    if issuer.exp_required {
        require("exp");
    }
    if issuer.issuer.is_some() {
        require("iss");
    }
    if !issuer.audience.is_empty() {
        require("aud");
    }
    if let Some(name) = &issuer.issuer {
        rules.set_issuer(&[name]);
    }
    if !issuer.audience.is_empty() {
        rules.set_audience(&issuer.audience);
    }
    rules
}

fn denied(kind: &ErrorKind) -> Denied {
    match kind {
        ErrorKind::ExpiredSignature => Denied::Expired,
        ErrorKind::ImmatureSignature => Denied::NotYetValid,
        ErrorKind::InvalidIssuer => Denied::Issuer,
        ErrorKind::InvalidAudience => Denied::Audience,
        ErrorKind::MissingRequiredClaim(claim) => Denied::ClaimMissing(static_name(claim)),
        ErrorKind::InvalidClaimFormat(claim) => Denied::ClaimInvalid(static_name(claim)),
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => Denied::Unrecognised,
        _ => Denied::Malformed,
    }
}

fn static_name(claim: &str) -> &'static str {
    ["exp", "nbf", "iss", "aud", "sub"].into_iter().find(|name| *name == claim).unwrap_or("claim")
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HS256 => Self::HS256,
            Algorithm::HS384 => Self::HS384,
            Algorithm::HS512 => Self::HS512,
            Algorithm::RS256 => Self::RS256,
            Algorithm::RS384 => Self::RS384,
            Algorithm::RS512 => Self::RS512,
            Algorithm::PS256 => Self::PS256,
            Algorithm::PS384 => Self::PS384,
            Algorithm::PS512 => Self::PS512,
            Algorithm::ES256 => Self::ES256,
            Algorithm::ES384 => Self::ES384,
            Algorithm::EdDSA => Self::EdDSA,
        }
    }
}

/// Verifies a published token (RFC 7515, appendix A.1) and refuses it with another key, so that a build without a working cryptographic backend
/// stops at the start and not at the first request.
pub(crate) fn self_test() -> bool {
    use base64::Engine;
    const SIGNED: &[u8] =
        b"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let run = || {
        let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(KEY).ok()?;
        let verify = |key: &[u8]| jsonwebtoken::crypto::verify(SIGNATURE, SIGNED, &DecodingKey::from_secret(key), jsonwebtoken::Algorithm::HS256).ok();
        Some(verify(&key)? && !verify(b"another")?)
    };
    std::panic::catch_unwind(run).is_ok_and(|result| result == Some(true))
}
