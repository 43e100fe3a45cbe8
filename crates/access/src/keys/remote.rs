//! A remote key set: fetched by the request that needs it, one fetch at a time, and kept when a later fetch fails.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use tokio::sync::Mutex;

use super::{Key, set};
use crate::config::{Issuer, Jwks};
use crate::{Denied, limits, metrics};

/// A remote key set.
pub(crate) struct Remote {
    issuer: Issuer,
    url: String,
    ttl: Duration,
    interval_min: Duration,
    client: reqwest::Client,
    current: ArcSwapOption<Snapshot>,
    gate: Mutex<Gate>,
}

/// The keys as last fetched.
pub(crate) struct Snapshot {
    pub(crate) keys: Vec<Key>,
    fetched: Instant,
}

/// What only the one that fetches looks at.
#[derive(Default)]
struct Gate {
    attempted: Option<Instant>,
    unknown: HashSet<String>,
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    #[error("the answer has more than {} bytes", limits::JWKS_BYTES_MAX)]
    TooLarge,
    #[error("the answer is no key set: {0}")]
    Invalid(&'static str),
    #[error("the key set holds no usable key")]
    Empty,
}

impl Remote {
    pub(crate) fn new(issuer: &Issuer, jwks: &Jwks, client: reqwest::Client) -> Self {
        Self {
            issuer: issuer.clone(),
            url: jwks.url.clone(),
            ttl: Duration::from_secs(jwks.ttl_seconds.max(1)),
            interval_min: Duration::from_secs(jwks.interval_seconds_min),
            client,
            current: ArcSwapOption::empty(),
            gate: Mutex::default(),
        }
    }

    /// The keys that may verify a token with key id `kid`: what is known, after a fetch when they are old or do not hold `kid`.
    ///
    /// # Errors
    /// [`Denied::KeysUnavailable`] when there are none at all.
    pub(crate) async fn keys(&self, kid: Option<&str>) -> Result<Arc<Snapshot>, Denied> {
        if let Some(snapshot) = self.current.load_full() {
            if !snapshot.knows(kid) {
                return Ok(self.fetch_for(kid).await.unwrap_or(snapshot));
            }
            if snapshot.fetched.elapsed() >= self.ttl {
                // Old keys go on serving everybody but the one request that fetches the new ones.
                let Ok(mut gate) = self.gate.try_lock() else { return Ok(snapshot) };
                self.fetch_unless_recent(&mut gate).await;
                return Ok(self.current.load_full().unwrap_or(snapshot));
            }
            return Ok(snapshot);
        }
        self.fetch_for(kid).await.ok_or(Denied::KeysUnavailable)
    }

    /// Fetches when the keys are older than half their time to live.
    pub(crate) async fn keep_fresh(&self) {
        if self.current.load().as_ref().is_none_or(|snapshot| snapshot.fetched.elapsed() >= self.ttl / 2) {
            self.fetch_unless_recent(&mut *self.gate.lock().await).await;
        }
    }

    /// Time to live.
    pub(crate) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// The newest keys, after a fetch when one may help. `None`: there never were any.
    async fn fetch_for(&self, kid: Option<&str>) -> Option<Arc<Snapshot>> {
        let mut gate = self.gate.lock().await;
        let snapshot = self.current.load_full();
        let fetched_meanwhile = snapshot.as_ref().is_some_and(|snapshot| snapshot.knows(kid) && snapshot.fetched.elapsed() < self.ttl);
        let known_unknown = kid.is_some_and(|kid| gate.unknown.contains(kid)) && snapshot.as_ref().is_some_and(|s| s.fetched.elapsed() < self.interval_min);
        if fetched_meanwhile || known_unknown {
            return snapshot;
        }
        self.fetch_unless_recent(&mut gate).await;
        let snapshot = self.current.load_full();
        if let (Some(kid), Some(snapshot)) = (kid, &snapshot)
            && !snapshot.knows(Some(kid))
        {
            if gate.unknown.len() >= limits::KIDS_UNKNOWN_MAX {
                gate.unknown.clear();
            }
            gate.unknown.insert(kid.to_owned());
        }
        snapshot
    }

    async fn fetch_unless_recent(&self, gate: &mut Gate) {
        if gate.attempted.is_some_and(|attempted| attempted.elapsed() < self.interval_min) {
            return;
        }
        gate.attempted = Some(Instant::now());
        let outcome = match self.fetch().await {
            Ok(keys) => {
                gate.unknown.clear();
                self.current.store(Some(Arc::new(Snapshot { keys, fetched: Instant::now() })));
                "ok"
            }
            Err(error) => {
                tracing::warn!(issuer = %self.issuer.name, error = %error, "the issuer's keys could not be fetched; those from before stay in use");
                "failed"
            }
        };
        ::metrics::counter!(metrics::JWKS_FETCHES_TOTAL, "issuer" => self.issuer.name.clone(), "outcome" => outcome).increment(1);
    }

    async fn fetch(&self) -> Result<Vec<Key>, FetchError> {
        let mut response = self.client.get(&self.url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > limits::JWKS_BYTES_MAX {
                return Err(FetchError::TooLarge);
            }
        }
        let keys = set::parse(&self.issuer, &body).map_err(FetchError::Invalid)?;
        if keys.is_empty() { Err(FetchError::Empty) } else { Ok(keys) }
    }
}

impl Snapshot {
    /// Whether a token with this key id could be of one of these keys.
    fn knows(&self, kid: Option<&str>) -> bool {
        kid.is_none_or(|kid| self.keys.iter().any(|key| key.kid.as_deref().is_none_or(|known| known == kid)))
    }
}

/// The client that fetches key sets: short time-outs, no redirects.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(limits::JWKS_TIMEOUT)
        .connect_timeout(limits::JWKS_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent("slipstream")
        .build()
}
