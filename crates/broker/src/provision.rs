//! Streams as they ought to be: made, brought up to date, compared.

use std::time::Duration;

use async_nats::jetstream::stream;
use serde::Deserialize;

use crate::api::code;
use crate::epoch::{EPOCH_KEY, epoch_of, new_epoch};
use crate::{Broker, Error, subject};

mod spec;

/// The streams of a deployment: the JSON of `nats/streams/`, and what differs between deployments.
#[derive(Clone, Debug, Default)]
pub struct Provision {
    /// Copies of each stream: 1, 3 or 5. The JSON's when `None`.
    pub replicas: Option<usize>,
    /// How long events stay in the broker. The JSON's (7 days) when `None`.
    pub max_age: Option<Duration>,
    /// How long message ids are remembered; at most `max_age`. The JSON's (10 minutes) when `None`.
    pub duplicate_window: Option<Duration>,
    /// Most bytes of each event stream; the oldest events leave first. No bound when `None`.
    pub bytes_max: Option<u64>,
}

/// What [`Broker::provision`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// One entry per stream.
    pub streams: Vec<Provisioned>,
}

/// What was done to one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisioned {
    /// Name of the stream.
    pub stream: String,
    /// What was done.
    pub outcome: Outcome,
    /// Epoch; `None` for streams that have none.
    pub epoch: Option<u64>,
    /// Whether the server takes atomic batches on it.
    pub atomic: bool,
}

/// What was done to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there and differed.
    Updated,
    /// It was as it ought to be.
    Unchanged,
}

/// One difference between a stream as it ought to be and as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Name of the stream.
    pub stream: String,
    /// Field of its configuration; `stream` when the stream as a whole is meant.
    pub field: String,
    /// As it ought to be, as JSON.
    pub want: String,
    /// As it is, as JSON.
    pub have: String,
}

impl Broker {
    /// Makes the streams that are missing and brings the others up to date. Messages and epochs stay. Safe to run from several processes at once.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Refused`] when the server does not take a stream, [`Error::Unavailable`].
    pub async fn provision(&self, provision: &Provision) -> Result<Report, Error> {
        let mut streams = Vec::new();
        for want in spec::streams(provision, self.shards())? {
            streams.push(self.provision_stream(want).await?);
        }
        Ok(Report { streams })
    }

    /// What [`Broker::provision`] would change, and event streams that belong to another number of shards; empty when nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Unavailable`].
    pub async fn drift(&self, provision: &Provision) -> Result<Vec<Drift>, Error> {
        let wanted = spec::streams(provision, self.shards())?;
        let mut drift = Vec::new();
        for want in &wanted {
            match self.stream_info(&want.name).await? {
                Some(have) => drift.extend(spec::differences(want, &have.config)),
                None => drift.push(Drift::of_stream(&want.name, "present", "absent")),
            }
        }
        let others = self.stream_names().await?;
        let others = others.iter().filter(|name| name.starts_with("EVENTS") && wanted.iter().all(|want| want.name != **name));
        drift.extend(others.map(|name| Drift::of_stream(name, "absent", "present")));
        Ok(drift)
    }

    async fn provision_stream(&self, mut want: stream::Config) -> Result<Provisioned, Error> {
        let has_epoch = spec::has_epoch(&want.name);
        let (outcome, have) = match self.stream_info(&want.name).await? {
            Some(have) => (Outcome::Unchanged, have.config),
            None => {
                if has_epoch {
                    want.metadata.insert(EPOCH_KEY.to_owned(), new_epoch(None).to_string());
                }
                self.create_stream(&want).await?
            }
        };
        let complete = spec::differences(&want, &have).is_empty() && (epoch_of(&have.metadata).is_some() || !has_epoch);
        if outcome == Outcome::Created || complete {
            return Ok(Provisioned::of(outcome, &have));
        }
        // What others wrote in the metadata stays, the epoch above all.
        want.metadata.clone_from(&have.metadata);
        if has_epoch && epoch_of(&want.metadata).is_none() {
            want.metadata.insert(EPOCH_KEY.to_owned(), new_epoch(None).to_string());
        }
        let have: stream::Info = self.connection().api(subject::api("STREAM.UPDATE", &want.name), &want, self.timeout()).await??;
        Ok(Provisioned::of(Outcome::Updated, &have.config))
    }

    /// Makes a stream, or finds the one that another process made meanwhile.
    async fn create_stream(&self, want: &stream::Config) -> Result<(Outcome, stream::Config), Error> {
        match self.connection().api::<stream::Info>(subject::api("STREAM.CREATE", &want.name), want, self.timeout()).await? {
            Ok(info) => Ok((Outcome::Created, info.config)),
            Err(e) if e.err_code == code::STREAM_NAME_IN_USE => {
                let have = self.stream_info(&want.name).await?.ok_or_else(|| Error::Unavailable("the stream came and went".to_owned()))?;
                Ok((Outcome::Unchanged, have.config))
            }
            Err(e) => Err(e.into()),
        }
    }

    async fn stream_names(&self) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Names {
            streams: Option<Vec<String>>,
        }
        // One page of the server holds 1,024 names.
        let names: Names = self.connection().api("$JS.API.STREAM.NAMES".to_owned(), &serde_json::json!({"offset": 0}), self.timeout()).await??;
        Ok(names.streams.unwrap_or_default())
    }
}

impl Provisioned {
    fn of(outcome: Outcome, config: &stream::Config) -> Self {
        Self { stream: config.name.clone(), outcome, epoch: epoch_of(&config.metadata), atomic: config.allow_atomic_publish }
    }
}

impl Drift {
    fn of_stream(stream: &str, want: &str, have: &str) -> Self {
        Self { stream: stream.to_owned(), field: "stream".to_owned(), want: want.to_owned(), have: have.to_owned() }
    }
}
