//! Requests with an `Idempotency-Key`: repeated, they get the same answer and change nothing again. For a day.

use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest, Sha256};
use slipstream_access::Problem;
use slipstream_event::{Fault, fault, limits};
use slipstream_store::Tx;
use slipstream_store::activity::settings;

use crate::failure::Failure;

const HEADER: &str = "Idempotency-Key";

/// A request's key, if it has one, and what it asks for.
pub(super) struct Keyed {
    key: Option<String>,
    request: [u8; 32],
}

impl Keyed {
    /// Of the headers, and of all that the request asks for.
    ///
    /// # Errors
    /// 422 for a key that is empty, too long, or holds control characters.
    pub(super) fn of(headers: &HeaderMap, request: &str) -> Result<Self, Problem> {
        let key = headers.get(HEADER).map(|value| value.to_str().unwrap_or_default().to_owned());
        if let Some(key) = &key {
            fault::text(HEADER, key, limits::NAME_LEN_MAX).map_err(refused)?;
        }
        Ok(Self { key, request: Sha256::digest(request).into() })
    }

    /// The answer that the request got before.
    ///
    /// # Errors
    /// 422 when the key came with another request.
    pub(super) async fn answered(&self, tx: &mut Tx) -> Result<Option<Value>, Failure> {
        let Some(key) = &self.key else { return Ok(None) };
        match settings::answered(tx, key).await? {
            Some((request, _)) if request != self.request => {
                Err(refused(Fault::new(HEADER, "idempotency_key_reused", "was used for another request within the last day")).into())
            }
            found => Ok(found.map(|(_, answer)| answer)),
        }
    }

    /// Keeps the answer.
    pub(super) async fn remember(&self, tx: &mut Tx, answer: &Value) -> Result<(), Failure> {
        match &self.key {
            Some(key) => Ok(settings::remember(tx, key, &self.request, answer).await?),
            None => Ok(()),
        }
    }
}

fn refused(fault: Fault) -> Problem {
    Problem::unprocessable(fault.code, fault.to_string()).with_fields(vec![fault])
}
