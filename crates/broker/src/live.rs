//! The live tail: what the streams republish, over a core subscription.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_nats::Subscriber;
use async_nats::header as nats;
use futures_util::Stream;
use slipstream_event::subject;

use crate::{Broker, Error, Message, header};

/// The republished messages of all shards, each shard's in the order of its stream.
///
/// At most once: after a lost connection, a slow reader or a leader's death, messages are missing. The next message's sequence tells (per shard they follow
/// each other without a jump), and so does [`Broker::stream_state`], which also notices a lost last message: fill with [`Broker::fill`].
/// Ends only when the connection is closed for good.
pub struct Live {
    messages: Subscriber,
    /// Shard and epoch by name of the stream.
    streams: HashMap<String, (u16, u64)>,
}

impl Stream for Live {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        loop {
            let Some(message) = ready!(Pin::new(&mut self.messages).poll_next(cx)) else { return Poll::Ready(None) };
            let stream = header::text(message.headers.as_ref(), nats::NATS_STREAM);
            // Others may republish to the same subjects; they have no place in our shards.
            if let Some((shard, epoch)) = stream.and_then(|name| self.streams.get(name)).copied()
                && let Some(message) = Message::placed(message, shard, epoch)
            {
                return Poll::Ready(Some(message));
            }
        }
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl Broker {
    /// Subscribes to the live tail of all shards. When it returns, the subscription is in force: what is stored from now on arrives (or leaves a jump).
    /// Messages carry the epochs of this moment: when [`Broker::stream_state`] tells another, subscribe anew.
    ///
    /// # Errors
    /// [`Error::NotProvisioned`], [`Error::Unavailable`].
    pub async fn live(&self) -> Result<Live, Error> {
        let messages = self.connection().subscribe(subject::LIVE_ALL.to_owned(), self.timeout()).await?;
        // The server takes the subscription before it answers these requests: one connection, in order.
        let subscribed_at = Instant::now();
        let mut streams = HashMap::new();
        for shard in 0..self.shards() {
            let state = self.known_since(shard, subscribed_at).await?.state;
            streams.insert(self.stream(shard)?, (shard, state.epoch));
        }
        Ok(Live { messages, streams })
    }
}
