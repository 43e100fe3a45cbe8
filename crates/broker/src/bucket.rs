//! Key-value buckets: small state that all processes share. On the wire they are the usual ones of NATS, so any client can read them.

pub(crate) mod watch;

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header as nats;
use bytes::Bytes;
use serde_json::json;

use crate::api::code;
use crate::{Broker, Error, PublishError, limits, subject};

/// The buckets there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// Who is cut off. On disk; can be watched.
    Revocations,
    /// Tickets for streams. For a minute. On disk too: of one server alone, a stream in memory would be gone with a restart.
    Tickets,
}

/// The last value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key: subject tokens with dots between them.
    pub key: String,
    /// Where it stands in the bucket: what [`Broker::kv_take`] compares.
    pub revision: u64,
    /// The value; `None`: it was deleted.
    pub value: Option<Bytes>,
}

impl Bucket {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocations => "revocations",
            Self::Tickets => "tickets",
        }
    }
}

impl Broker {
    /// Sets a key; returns its revision. An empty value cannot be told from a deleted one and is refused. With `ttl` the broker forgets it after so long (whole seconds, 1 at
    /// least). May be done twice.
    ///
    /// # Errors
    /// See [`PublishError`]; without an ack it may or may not be set.
    pub async fn kv_put(&self, bucket: Bucket, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<u64, PublishError> {
        if value.is_empty() {
            return Err(PublishError::Rejected { code: 0, description: "the value is empty".to_owned() });
        }
        let mut headers = headers(bucket);
        if let Some(ttl) = ttl {
            headers.insert(nats::NATS_MESSAGE_TTL, format!("{}s", ttl.as_secs().max(1)));
        }
        let to = subject_of(bucket, key).map_err(|error| PublishError::Rejected { code: 0, description: error.to_string() })?;
        Ok(self.send_and_wait(to, headers, value).await?.seq)
    }

    /// A key's last value, as the bucket's leader knows it. `None` when it was never set, or is forgotten.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::NotProvisioned`], [`Error::Invalid`].
    pub async fn kv_get(&self, bucket: Bucket, key: &str) -> Result<Option<Entry>, Error> {
        let found = self.read_on_leader(&subject::bucket_stream(bucket.name()), &json!({"last_by_subj": subject_of(bucket, key)?})).await?;
        Ok(found.and_then(|message| entry(bucket, &message.subject, message.sequence, message.payload)))
    }

    /// Deletes a key if it still is at `revision`: of several that try, on whatever connection, one gets `true`. A caller whose request had to be repeated can get `false`
    /// although it was the one.
    ///
    /// # Errors
    /// [`Error::Unavailable`] (it may or may not be deleted), [`Error::Refused`], [`Error::Invalid`].
    pub async fn kv_take(&self, bucket: Bucket, key: &str, revision: u64) -> Result<bool, Error> {
        let mut headers = headers(bucket);
        headers.insert("KV-Operation", "DEL");
        headers.insert(nats::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, revision.to_string());
        if bucket == Bucket::Revocations {
            // Long enough for every reader of this connection; whoever was away longer reads everything.
            headers.insert(nats::NATS_MESSAGE_TTL, format!("{}s", limits::DELETED_MARK.as_secs()));
        }
        match self.send_and_wait(subject_of(bucket, key)?, headers, Bytes::new()).await {
            Ok(_) => Ok(true),
            Err(PublishError::Rejected { code, .. }) if code::WRONG_LAST_SEQUENCE.contains(&code) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn headers(bucket: Bucket) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(nats::NATS_EXPECTED_STREAM, subject::bucket_stream(bucket.name()));
    headers
}

fn subject_of(bucket: Bucket, key: &str) -> Result<String, Error> {
    subject::of_key(bucket.name(), key).ok_or_else(|| Error::Invalid("the key is none".to_owned()))
}

/// `None` when the subject is none of the bucket.
fn entry(bucket: Bucket, stored: &str, revision: u64, payload: Bytes) -> Option<Entry> {
    let key = subject::parse_key(bucket.name(), stored)?.to_owned();
    Some(Entry { key, revision, value: Some(payload).filter(|value| !value.is_empty()) })
}
