//! Writes with an `Idempotency-Key`: repeated by the same caller within a day, they get the same answer and change nothing again.

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};
use slipstream_access::{Principal, Problem};
use slipstream_event::{Tenant, fault};
use slipstream_store::Tx;
use slipstream_store::request_keys::{self, Taken};

use crate::failure::Failure;
use crate::limits::REQUEST_KEY_LEN_MAX;

const HEADER: &str = "Idempotency-Key";

/// A request's key, if it has one, and what it asks for.
pub(crate) struct Keyed {
    key: Option<String>,
    hash: Vec<u8>,
}

impl Keyed {
    /// Of the headers: the key is the caller's and that of `what` is asked; `body` tells two requests apart.
    ///
    /// # Errors
    /// 422 for a key that is empty, too long, or holds control characters.
    pub(crate) fn of(headers: &HeaderMap, what: &str, principal: &Principal, body: &impl serde::Serialize) -> Result<Self, Failure> {
        let key = headers.get(HEADER).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(fault) = key.as_deref().and_then(|key| fault::text(HEADER, key, REQUEST_KEY_LEN_MAX).err()) {
            return Err(Problem::unprocessable(fault.code, fault.to_string()).with_fields(vec![fault]).into());
        }
        let asked = serde_json::to_vec(body).unwrap_or_default();
        Ok(Self { key: key.map(|key| format!("{what} {} {key}", principal.actor.user_id)), hash: Sha256::digest(asked).to_vec() })
    }

    /// Takes the key for this answer; `Some` with the answer that the same request got before: then there is nothing to do.
    ///
    /// # Errors
    /// 422 when another request was made under the key.
    pub(crate) async fn take(&self, tx: &mut Tx, tenant: &Tenant, answer: &Value) -> Result<Option<Value>, Failure> {
        let Some(key) = &self.key else { return Ok(None) };
        match request_keys::take(tx, tenant, key, &self.hash, &answer.to_string()).await? {
            Taken::New => Ok(None),
            Taken::Before(answer) => Ok(Some(serde_json::from_str(&answer).unwrap_or_default())),
            Taken::Other => Err(Problem::unprocessable("idempotency_key_reused", "another request was made under this Idempotency-Key").into()),
        }
    }
}
