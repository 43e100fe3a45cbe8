//! Disposable readers: a short-lived consumer in the server's memory, without acks, whose messages are contiguous or it is an error.

use async_nats::jetstream::consumer::{self, DeliverPolicy};
use metrics::counter;
use tokio::time::Instant;

use crate::delivered::Delivered;
use crate::pull::{Answer, Pull};
use crate::{Broker, Error, Message, limits, metrics as names};

const TEMPLATE: &str = include_str!("../../../nats/consumers/reader.json");

/// What to read.
pub(crate) struct Request<'a> {
    /// First part of the consumer's name, for operators.
    pub(crate) purpose: &'a str,
    pub(crate) shard: u16,
    pub(crate) epoch: u64,
    pub(crate) from_seq: u64,
    /// Stored subjects; all when empty.
    pub(crate) filter: &'a str,
    /// Most messages to read.
    pub(crate) messages_max: usize,
}

pub(crate) struct Reader {
    pull: Pull,
    stream: String,
    name: String,
    shard: u16,
    epoch: u64,
    /// Messages that may still be asked for.
    quota: usize,
    /// The consumer's next delivery number.
    next_delivery: u64,
    /// Messages at or after the present place that the consumer has yet to deliver, as far as it told.
    pending: u64,
}

impl Reader {
    /// Makes the consumer, within [`limits::CONSUMER_CREATE_TIMEOUT`].
    pub(crate) async fn open(broker: &Broker, request: &Request<'_>) -> Result<Self, Error> {
        let stream = broker.stream(request.shard)?;
        let inbox = broker.connection().client().new_inbox();
        let name = format!("{}-{}", request.purpose, inbox.rsplit('.').next().unwrap_or_default());
        let mut config: consumer::Config = serde_json::from_str(TEMPLATE).map_err(|e| Error::Invalid(format!("the consumer's JSON: {e}")))?;
        config.name = Some(name.clone());
        config.deliver_policy = DeliverPolicy::ByStartSequence { start_sequence: request.from_seq.max(1) };
        request.filter.clone_into(&mut config.filter_subject);
        let pull = Pull::open(broker, &stream, &name).await?;
        let info = broker.connection().create_consumer(&stream, &name, &config, limits::CONSUMER_CREATE_TIMEOUT).await?;
        let (shard, epoch, quota) = (request.shard, request.epoch, request.messages_max);
        Ok(Self { pull, stream, name, shard, epoch, quota, next_delivery: 1, pending: info.num_pending })
    }

    /// Messages yet to come, as the consumer last told. It may be a copy of the stream that lags.
    pub(crate) fn pending(&self) -> u64 {
        self.pending
    }

    /// The next message; `None` when none came by `until`, or the quota is used up. What has arrived already comes even after `until`. Cancel-safe.
    ///
    /// # Errors
    /// [`Error::Gap`], [`Error::Lost`]: of no more use.
    pub(crate) async fn next(&mut self, until: Instant) -> Result<Option<Message>, Error> {
        let next = self.read(until).await;
        if let Err(error) = &next {
            counter!(names::READERS_LOST_TOTAL).increment(1);
            tracing::debug!(stream = self.stream, consumer = self.name, %error, "reader lost");
        }
        next
    }

    async fn read(&mut self, until: Instant) -> Result<Option<Message>, Error> {
        loop {
            if self.pull.credit() <= limits::PULL_MESSAGES / 2 && self.quota > 0 {
                let more = self.quota.min(limits::PULL_MESSAGES);
                self.pull.ask(more).await?;
                self.quota -= more;
            }
            let before = self.pull.credit();
            match self.pull.next(until).await? {
                Some(Answer::Message(message)) => return self.place(message).map(Some),
                Some(Answer::Heartbeat(delivered)) => self.check(delivered)?,
                // A request ended before it was filled: what it left open may be asked for again.
                None if self.pull.credit() < before => self.quota = self.quota.saturating_add(before - self.pull.credit()),
                None => return Ok(None),
            }
        }
    }

    fn place(&mut self, message: async_nats::Message) -> Result<Message, Error> {
        let delivered = message.reply.as_deref().and_then(Delivered::parse).ok_or_else(|| Error::Lost("a message without place".to_owned()))?;
        if delivered.consumer_seq != self.next_delivery {
            return Err(Error::Gap { expected: self.next_delivery, got: delivered.consumer_seq });
        }
        self.next_delivery += 1;
        self.pending = delivered.pending;
        Ok(Message::delivered(message, &delivered, self.shard, self.epoch))
    }

    /// A heartbeat comes after all that was delivered: a higher count shows that the end was lost on the way.
    fn check(&self, delivered: Option<u64>) -> Result<(), Error> {
        match delivered {
            Some(count) if count >= self.next_delivery => Err(Error::Gap { expected: self.next_delivery, got: count }),
            _ => Ok(()),
        }
    }

    /// Gives the consumer back.
    pub(crate) async fn close(self) {
        self.pull.broker().connection().delete_consumer(&self.stream, &self.name).await;
    }
}
