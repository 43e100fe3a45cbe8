//! Watching a bucket: everything first, then what changes, and never silently old.
//!
//! The truth is the bucket's leader, which is asked for the end of the stream every [`limits::WATCH_INTERVAL`]. A subscription to the republished headers only makes the next
//! look come at once; nothing hangs on it. Whenever it is not certain that what is known leads up to what is there (a new connection, a stream made anew, an end that
//! went back, an error), everything is read again.

use async_nats::Subscriber;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Bucket, Entry, entry};
use crate::{Broker, Error, limits, replay, subject};

/// A watch over a bucket.
pub struct Watch {
    broker: Broker,
    bucket: Bucket,
    stream: String,
    hints: Option<Subscriber>,
    /// `None`: everything has to be read.
    known: Option<Known>,
}

/// What a look at the bucket brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// This is all there is.
    Whole(Vec<Entry>),
    /// This has changed since, in order; perhaps told before.
    Changes(Vec<Entry>),
    /// Nothing has changed.
    Same,
}

/// The state up to which everything was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    created: OffsetDateTime,
    connection: u64,
    last_seq: u64,
    messages: u64,
}

impl Broker {
    /// Watches a bucket. Asks nothing yet.
    pub fn kv_watch(&self, bucket: Bucket) -> Watch {
        Watch { broker: self.clone(), bucket, stream: subject::bucket_stream(bucket.name()), hints: None, known: None }
    }
}

impl Watch {
    /// Waits for a change or for the time to look, and looks. The first update is the whole, at once; so is the first after an error.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::NotProvisioned`], … : what was told may be old until the next update. Call again, after a pause.
    pub async fn next(&mut self) -> Result<Update, Error> {
        let known = self.known.take();
        if known.is_some() {
            self.wait().await;
        }
        let (now, info) = self.look().await?;
        let update = match step(known.as_ref(), &now) {
            Step::None => Update::Same,
            Step::From(seq) => Update::Changes(self.read(seq, &info).await?),
            Step::All => {
                let entries = self.read(1, &info).await?;
                Update::Whole(entries.into_iter().filter(|entry| entry.value.is_some()).collect())
            }
        };
        self.known = Some(now);
        Ok(update)
    }

    async fn wait(&mut self) {
        let Some(hints) = &mut self.hints else { return tokio::time::sleep(limits::WATCH_INTERVAL).await };
        match tokio::time::timeout(limits::WATCH_INTERVAL, hints.next()).await {
            // Many changes at once are one look.
            Ok(Some(_)) => while let Some(Some(_)) = hints.next().now_or_never() {},
            Ok(None) => self.hints = None,
            Err(_) => {}
        }
    }

    /// The state of the bucket's leader. The subscription is in force before.
    async fn look(&mut self) -> Result<(Known, stream::Info), Error> {
        let connection = self.broker.connection();
        if self.hints.is_none() {
            self.hints = Some(connection.subscribe(subject::changed_keys(self.bucket.name()), limits::WATCH_TIMEOUT).await?);
        }
        let number = connection.number();
        let info = connection.within(limits::WATCH_TIMEOUT, "no answer in time", self.broker.stream_info(&self.stream)).await??;
        let info = info.ok_or_else(|| Error::NotProvisioned(self.stream.clone()))?;
        let known = Known { created: info.created, connection: number, last_seq: info.state.last_sequence, messages: info.state.messages };
        Ok((known, info))
    }

    /// All messages from `from_seq` on, through the end that the leader told at least: pages from any copy of the stream, and what these lack from the leader.
    async fn read(&self, from_seq: u64, info: &stream::Info) -> Result<Vec<Entry>, Error> {
        let (mut entries, mut next) = (Vec::new(), from_seq);
        let filter = subject::bucket(self.bucket.name());
        while next <= info.state.last_sequence && info.config.allow_direct {
            let (messages_max, bytes_max) = (limits::REPLAY_MESSAGES_MAX, limits::REPLAY_BYTES_MAX);
            let request = replay::Request { stream: &self.stream, shard: 0, epoch: 0, filter: &filter, from_seq: next, messages_max, bytes_max };
            let Ok(page) = self.broker.direct_page(&request).await else { break };
            let Some(last) = page.messages.last().map(|message| message.seq) else { break };
            entries.extend(page.messages.into_iter().filter_map(|message| entry(self.bucket, &message.subject, message.seq, message.payload)));
            next = last + 1;
        }
        while let Some(message) = self.next_on_leader(&json!({"seq": next, "next_by_subj": filter})).await? {
            next = message.sequence + 1;
            entries.extend(entry(self.bucket, &message.subject, message.sequence, message.payload));
        }
        Ok(entries)
    }

    async fn next_on_leader(&self, ask: &Value) -> Result<Option<StreamMessage>, Error> {
        let read = self.broker.read_on_leader(&self.stream, ask);
        self.broker.connection().within(limits::WATCH_TIMEOUT, "no answer in time", read).await?
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("bucket", &self.bucket).field("known", &self.known).finish_non_exhaustive()
    }
}

/// What has to be read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    None,
    From(u64),
    All,
}

/// What leads from what was told to what is there.
fn step(known: Option<&Known>, now: &Known) -> Step {
    match known {
        Some(known) if known == now => Step::None,
        Some(known) if known.created == now.created && known.connection == now.connection && now.last_seq > known.last_seq => Step::From(known.last_seq + 1),
        _ => Step::All,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn reads_everything_unless_it_is_certain_what_is_new() {
        let known = Known { created: OffsetDateTime::UNIX_EPOCH, connection: 1, last_seq: 5, messages: 3 };
        assert_eq!(step(None, &known), Step::All);
        assert_eq!(step(Some(&known), &known), Step::None);
        assert_eq!(step(Some(&known), &Known { last_seq: 7, messages: 5, ..known }), Step::From(6));
        for other in [
            Known { last_seq: 4, ..known },
            Known { messages: 2, ..known },
            Known { connection: 2, last_seq: 7, ..known },
            Known { created: OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1), last_seq: 7, ..known },
        ] {
            assert_eq!(step(Some(&known), &other), Step::All, "{other:?}");
        }
    }
}
