//! The JetStream API: JSON requests and what its errors mean.

use std::time::Duration;

use async_nats::jetstream::consumer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::{Error, subject};

/// The server's words for what it did not do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ApiError {
    /// As in HTTP.
    pub(crate) code: u64,
    /// JetStream's own.
    pub(crate) err_code: u64,
    pub(crate) description: String,
}

/// JetStream error codes that decisions are made by.
pub(crate) mod code {
    pub(crate) const CONSUMER_NOT_FOUND: u64 = 10_014;
    pub(crate) const MESSAGE_NOT_FOUND: u64 = 10_037;
    pub(crate) const STREAM_NAME_IN_USE: u64 = 10_058;
    pub(crate) const STREAM_NOT_FOUND: u64 = 10_059;
    /// What the server says when a subject is at another sequence than expected.
    pub(crate) const WRONG_LAST_SEQUENCE: [u64; 2] = [10_071, 10_164];
    /// The same id is just being stored.
    pub(crate) const DUPLICATE_IN_PROCESS: u64 = 10_158;
    /// What the server says of an atomic batch that it did not store, as a whole.
    pub(crate) const ATOMIC: [u64; 9] = [10_174, 10_175, 10_176, 10_177, 10_179, 10_199, 10_200, 10_201, 10_210];
}

impl ApiError {
    /// Whether the same request may be taken later.
    pub(crate) fn passing(&self) -> bool {
        let client_fault = (400..500).contains(&self.code) && self.code != 408 && self.code != 429;
        !client_fault || self.err_code == code::DUPLICATE_IN_PROCESS
    }

    pub(crate) fn text(&self) -> String {
        if self.description.is_empty() { format!("error {}", self.code) } else { self.description.clone() }
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        if error.passing() { Self::Unavailable(error.text()) } else { Self::Refused { code: error.err_code, description: error.text() } }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Error { error: ApiError },
    Good(T),
}

/// Reads an answer of the API.
pub(crate) fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<Result<T, ApiError>, Error> {
    match serde_json::from_slice(payload) {
        Ok(Answer::Good(good)) => Ok(Ok(good)),
        Ok(Answer::Error { error }) => Ok(Err(error)),
        Err(e) => Err(Error::Unavailable(format!("unreadable answer: {e}"))),
    }
}

impl Connection {
    /// Asks the API and waits at most `timeout`. `()` is no body.
    pub(crate) async fn api<T: DeserializeOwned>(&self, subject: String, body: &impl Serialize, timeout: Duration) -> Result<Result<T, ApiError>, Error> {
        let mut body = serde_json::to_vec(body).map_err(|e| Error::Invalid(e.to_string()))?;
        if body == b"null" {
            body.clear();
        }
        read(&self.request(subject, None, body.into(), timeout).await?.payload)
    }

    /// Makes a consumer, or changes the one of that name.
    pub(crate) async fn create_consumer(&self, stream: &str, name: &str, config: &consumer::Config, timeout: Duration) -> Result<consumer::Info, Error> {
        let subject = subject::api_create_consumer(stream, name, &config.filter_subject);
        let body = serde_json::json!({"stream_name": stream, "config": config, "action": ""});
        match self.api(subject, &body, timeout).await? {
            Ok(info) => Ok(info),
            Err(e) if e.err_code == code::STREAM_NOT_FOUND => Err(Error::NotProvisioned(stream.to_owned())),
            Err(e) => Err(e.into()),
        }
    }

    /// Gives a consumer back without waiting for the answer: should it get lost, the consumer goes by its own inactivity.
    pub(crate) async fn delete_consumer(&self, stream: &str, name: &str) {
        let subject = subject::api_of_consumer("CONSUMER.DELETE", stream, name);
        if let Err(error) = self.send(subject, None, async_nats::HeaderMap::new(), bytes::Bytes::new(), crate::limits::CONSUMER_CREATE_TIMEOUT).await {
            tracing::debug!(stream, consumer = name, %error, "consumer not given back");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_passing_errors_from_lasting_ones() {
        let error = |code, err_code| ApiError { code, err_code, description: String::new() };
        for passing in [error(503, 10_077), error(500, 0), error(429, 10_167), error(409, code::DUPLICATE_IN_PROCESS), error(408, 0)] {
            assert!(passing.passing(), "{passing:?}");
        }
        for lasting in [error(400, 10_054), error(404, code::STREAM_NOT_FOUND), error(400, 10_060)] {
            assert!(!lasting.passing(), "{lasting:?}");
        }
    }

    #[test]
    fn reads_errors_before_answers() {
        #[derive(Deserialize)]
        struct Seq {
            seq: u64,
        }
        let bad = read::<Seq>(br#"{"error":{"code":400,"err_code":10201,"description":"d"},"stream":"E","seq":0}"#).unwrap();
        assert_eq!(bad.err().unwrap().err_code, 10_201);
        assert_eq!(read::<Seq>(br#"{"stream":"E","seq":5}"#).unwrap().unwrap().seq, 5);
        assert!(read::<Seq>(b"{").is_err());
    }
}
