//! Tokens of our own: for `slipstream token`, for development logins, for tests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use slipstream_event::{ActorKind, Tenant};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{Denied, Secret};

/// What a token says, in the words of [`crate::Preset::Slipstream`].
#[derive(Clone, Debug, Serialize)]
pub struct Grant {
    /// User id.
    pub sub: String,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Tenant. None for a super-admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Tenant>,
    /// Roles: `user`, `reader`, `writer`, `admin`, `quality`.
    pub roles: Vec<String>,
    /// Department.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Whether it is a super-admin's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub super_admin: bool,
    /// Scopes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Kind of actor.
    pub kind: ActorKind,
    /// Session id.
    #[serde(rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Required issuer of the verifying side, if it names one.
    #[serde(rename = "iss", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Audience of the verifying side, if it names one.
    #[serde(rename = "aud", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct Error(#[from] jsonwebtoken::errors::Error);

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(flatten)]
    grant: &'a Grant,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

impl Grant {
    /// A grant of roles in a tenant, to a person.
    pub fn new(sub: impl Into<String>, tenant: Option<Tenant>, roles: &[&str]) -> Self {
        Self {
            sub: sub.into(),
            name: None,
            tenant,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            department: None,
            super_admin: false,
            scopes: Vec::new(),
            kind: ActorKind::User,
            session_id: None,
            issuer: None,
            audience: None,
        }
    }

    /// Signs it with HS256, valid from `now` for `ttl`, under a token id of its own.
    ///
    /// # Errors
    /// When the cryptographic backend refuses.
    pub fn sign(&self, secret: &Secret, now: OffsetDateTime, ttl: Duration) -> Result<String, Error> {
        let claims = Claims { grant: self, iat: now.unix_timestamp(), exp: (now + ttl).unix_timestamp(), jti: Uuid::now_v7() };
        let key = jsonwebtoken::EncodingKey::from_secret(secret.expose().as_bytes());
        Ok(jsonwebtoken::encode(&jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256), &claims, &key)?)
    }
}

/// Header and claims of a token, unverified: for people to look at, never to decide on.
///
/// # Errors
/// [`Denied::Malformed`] for what is no token.
pub fn inspect(token: &str) -> Result<(Value, Value), Denied> {
    let mut parts = token.trim().split('.').map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok());
    match (parts.next().flatten(), parts.next().flatten(), parts.count()) {
        (Some(header), Some(claims), 1) => Ok((header, claims)),
        _ => Err(Denied::Malformed),
    }
}
