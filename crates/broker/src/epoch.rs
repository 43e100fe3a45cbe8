//! What a stream holds, and the epoch of its numbering.

mod lineage;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_nats::jetstream::stream;
use time::OffsetDateTime;

use crate::api::code;
use crate::{Broker, Error, subject};

/// The key of a stream's metadata that holds the epoch: decimal, Unix milliseconds at creation.
pub(crate) const EPOCH_KEY: &str = "slipstream-epoch";

/// What a shard's stream holds, read fresh from its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// The shard.
    pub shard: u16,
    /// Epoch of the numbering.
    pub epoch: u64,
    /// First sequence still held; `last_seq + 1` when the stream is empty.
    pub first_seq: u64,
    /// Last sequence given out; 0 when there was none yet.
    pub last_seq: u64,
    /// Messages held.
    pub messages: u64,
    /// Bytes held.
    pub bytes: u64,
}

/// A [`StreamState`] with what it is worth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) state: StreamState,
    /// Whether the server echoed that it takes atomic batches.
    pub(crate) atomic: bool,
    /// Copies of the stream: with more than one, a direct get may be answered by a copy that lags.
    pub(crate) replicas: usize,
    /// Before it was asked for: what was true then may be counted on.
    pub(crate) asked_at: Instant,
    /// The connection over which it was read.
    pub(crate) connection: u64,
}

impl Broker {
    /// Reads a shard's state from the stream's leader.
    ///
    /// # Errors
    /// [`Error::NotProvisioned`], [`Error::Unavailable`].
    pub async fn stream_state(&self, shard: u16) -> Result<StreamState, Error> {
        Ok(self.known_since(shard, Instant::now()).await?.state)
    }

    /// Gives a shard's stream a new epoch, greater than the old: for a stream that has lost its end. Returns it.
    ///
    /// # Errors
    /// [`Error::NotProvisioned`], [`Error::Unavailable`], [`Error::Refused`].
    pub async fn bump_epoch(&self, shard: u16) -> Result<u64, Error> {
        let stream = self.stream(shard)?;
        let mut config = self.stream_info(&stream).await?.ok_or_else(|| Error::NotProvisioned(stream.clone()))?.config;
        let epoch = new_epoch(epoch_of(&config.metadata));
        lineage::remember(&mut config.metadata);
        config.metadata.insert(EPOCH_KEY.to_owned(), epoch.to_string());
        self.connection().api::<stream::Info>(subject::api("STREAM.UPDATE", &stream), &config, self.timeout()).await??;
        tracing::warn!(stream, epoch, "the stream has a new epoch");
        self.stream_state(shard).await?;
        Ok(epoch)
    }

    /// What is known of a shard's stream that was asked for at `since` or later, over the present connection; read when nothing is.
    pub(crate) async fn known_since(&self, shard: u16, since: Instant) -> Result<Known, Error> {
        self.known_where(shard, |known| known.asked_at >= since).await
    }

    /// As [`Broker::known_since`], `age` old at most.
    pub(crate) async fn known_within(&self, shard: u16, age: Duration) -> Result<Known, Error> {
        self.known_where(shard, |known| known.asked_at.elapsed() <= age).await
    }

    async fn known_where(&self, shard: u16, good: impl Fn(&Known) -> bool) -> Result<Known, Error> {
        let stream = self.stream(shard)?;
        let cell = self.known(shard).ok_or_else(|| Error::NotProvisioned(stream.clone()))?;
        let mut known = cell.lock().await;
        let connection = self.connection().number();
        if let Some(known) = known.filter(|k| good(k) && k.connection == connection) {
            return Ok(known);
        }
        let asked_at = Instant::now();
        let info = self.stream_info(&stream).await?.ok_or_else(|| Error::NotProvisioned(stream.clone()))?;
        let read = read(shard, &info, asked_at, connection).ok_or(Error::NotProvisioned(stream))?;
        *known = Some(read);
        Ok(read)
    }

    /// `None` when there is no such stream.
    pub(crate) async fn stream_info(&self, stream: &str) -> Result<Option<stream::Info>, Error> {
        match self.connection().api(subject::api("STREAM.INFO", stream), &(), self.timeout()).await? {
            Ok(info) => Ok(Some(info)),
            Err(e) if e.err_code == code::STREAM_NOT_FOUND => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// `None` when the stream has no epoch.
fn read(shard: u16, info: &stream::Info, asked_at: Instant, connection: u64) -> Option<Known> {
    let last_seq = info.state.last_sequence;
    // A stream that never held a message tells 0 as its first.
    let first_seq = if info.state.messages == 0 { last_seq + 1 } else { info.state.first_sequence };
    let epoch = epoch_of(&info.config.metadata)?;
    let state = StreamState { shard, epoch, first_seq, last_seq, messages: info.state.messages, bytes: info.state.bytes };
    Some(Known { state, atomic: info.config.allow_atomic_publish, replicas: info.config.num_replicas, asked_at, connection })
}

pub(crate) fn epoch_of(metadata: &HashMap<String, String>) -> Option<u64> {
    metadata.get(EPOCH_KEY)?.parse().ok().filter(|epoch| *epoch > 0)
}

/// The time in milliseconds, but greater than the epoch before.
pub(crate) fn new_epoch(before: Option<u64>) -> u64 {
    let now = u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap_or(1);
    now.max(before.unwrap_or(0).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_only_grows() {
        let far = u64::MAX - 1;
        assert_eq!(new_epoch(Some(far)), u64::MAX);
        assert!(new_epoch(Some(5)) > 1_700_000_000_000);
    }

    #[test]
    fn reads_an_epoch_only_where_there_is_one() {
        let with = |value: &str| HashMap::from([(EPOCH_KEY.to_owned(), value.to_owned())]);
        assert_eq!(epoch_of(&with("17")), Some(17));
        for bad in ["", "0", "x", "-1"] {
            assert_eq!(epoch_of(&with(bad)), None);
        }
        assert_eq!(epoch_of(&HashMap::new()), None);
    }
}
