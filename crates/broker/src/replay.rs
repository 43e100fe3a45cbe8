//! Replays: one tenant's messages of a stretch, page by page.

use std::time::Instant;

use metrics::{counter, histogram};
use slipstream_event::{Tenant, subject};

use crate::epoch::{Known, StreamState};
use crate::{Broker, Error, Message, limits, metrics as names};

mod consumer;
mod direct;
mod page;

use page::{End, Page};

/// Some of a tenant's messages, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayPage {
    /// The messages.
    pub messages: Vec<Message>,
    /// All of the tenant's messages after the asked-for start up to and including here are in `messages`.
    pub through_seq: u64,
    /// Whether `through_seq` reached the asked-for end.
    pub done: bool,
    /// Epoch of the stream during the read.
    pub epoch: u64,
}

/// One page to read.
pub(crate) struct Request<'a> {
    pub(crate) stream: &'a str,
    pub(crate) shard: u16,
    pub(crate) epoch: u64,
    /// Stored subjects to read.
    pub(crate) filter: &'a str,
    pub(crate) from_seq: u64,
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: usize,
}

impl Broker {
    /// Reads the tenant's messages with `after < seq <= up_to`, at most `max_messages` (1 at least) and about `max_bytes`. Continue with `after = through_seq`.
    ///
    /// `up_to` is a sequence that the stream has reached (a live position, or `last_seq` of a state).
    ///
    /// # Errors
    /// [`Error::Expired`] when messages after `after` may have left the broker, [`Error::Beyond`] when the stream does not reach `up_to`,
    /// [`Error::EpochChanged`], [`Error::Unavailable`], [`Error::Lost`], [`Error::NotProvisioned`].
    pub async fn replay(&self, tenant: &Tenant, after: u64, up_to: u64, max_messages: usize, max_bytes: usize) -> Result<ReplayPage, Error> {
        let asked_at = Instant::now();
        let page = self.connection().within(self.timeout(), "no page in time", self.replay_page(tenant, after, up_to, max_messages, max_bytes)).await?;
        histogram!(names::REPLAY_SECONDS).record(asked_at.elapsed());
        page
    }

    async fn replay_page(&self, tenant: &Tenant, after: u64, up_to: u64, max_messages: usize, max_bytes: usize) -> Result<ReplayPage, Error> {
        let _permit = self.replays().acquire().await.map_err(|e| Error::Unavailable(e.to_string()))?;
        let shard = self.shard_of(tenant);
        let (stream, filter) = (self.stream(shard)?, subject::stored_of(tenant));
        let before = self.known_within(shard, std::time::Duration::MAX).await?;
        let epoch = before.state.epoch;
        if up_to <= after {
            return Ok(ReplayPage { messages: Vec::new(), through_seq: after, done: true, epoch });
        }
        let messages_max = max_messages.clamp(1, limits::REPLAY_MESSAGES_MAX);
        let bytes_max = max_bytes.clamp(1, limits::REPLAY_BYTES_MAX);
        let request = Request { stream: &stream, shard, epoch, filter: &filter, from_seq: after + 1, messages_max, bytes_max };
        let mut page = self.read_page(&request).await?;
        let through_seq = match page.end(up_to) {
            End::At(seq) => seq,
            End::Stream => self.proven_through(&before, &request, page.last_seq().unwrap_or(after), up_to).await?,
        };
        // What is true of the stream after the read was true of all its messages during it.
        check(&self.known_since(shard, Instant::now()).await?.state, epoch, after, up_to)?;
        Ok(ReplayPage { messages: page.messages, through_seq, done: through_seq >= up_to, epoch })
    }

    /// By direct get; over a consumer when that stays silent, as it does beside a server that hangs. The consumer may be placed on that server too: then both again.
    async fn read_page(&self, request: &Request<'_>) -> Result<Page, Error> {
        let mut failed = Error::Unavailable("no page".to_owned());
        for _ in 0..limits::REPLAY_ATTEMPTS_MAX {
            match self.direct_page(request).await {
                Ok(page) => {
                    counter!(names::REPLAY_PAGES_TOTAL, "way" => "direct").increment(1);
                    return Ok(page);
                }
                Err(error) => tracing::debug!(stream = request.stream, %error, "direct get gave no page; reading over a consumer"),
            }
            match self.consumer_page(request).await {
                Ok(page) => {
                    counter!(names::REPLAY_PAGES_TOTAL, "way" => "consumer").increment(1);
                    return Ok(page);
                }
                Err(error) if error.retriable() => failed = error,
                Err(error) => return Err(error),
            }
        }
        Err(failed)
    }

    /// How far a page is complete that ended where its copy of the stream ended. With several copies that one may lag, so the leader has to say what comes next.
    async fn proven_through(&self, before: &Known, request: &Request<'_>, last_seq: u64, up_to: u64) -> Result<u64, Error> {
        if before.replicas <= 1 {
            return Ok(up_to);
        }
        let next = self.next_on_leader(request.stream, request.filter, last_seq + 1).await?;
        Ok(next.map_or(up_to, |seq| up_to.min(seq - 1)))
    }
}

/// Whether a page that was read before `now` can be whole.
fn check(now: &StreamState, epoch: u64, after: u64, up_to: u64) -> Result<(), Error> {
    if now.epoch != epoch {
        return Err(Error::EpochChanged { was: epoch, is: now.epoch });
    }
    if now.last_seq < up_to {
        return Err(Error::Beyond { last_seq: now.last_seq });
    }
    if now.first_seq > after + 1 {
        return Err(Error::Expired { first_seq: now.first_seq });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_pages_that_cannot_be_whole() {
        let now = StreamState { shard: 0, epoch: 7, first_seq: 5, last_seq: 9, messages: 5, bytes: 1 };
        assert_eq!(check(&now, 7, 4, 9), Ok(()));
        assert_eq!(check(&now, 7, 3, 9), Err(Error::Expired { first_seq: 5 }));
        assert_eq!(check(&now, 7, 4, 10), Err(Error::Beyond { last_seq: 9 }));
        assert_eq!(check(&now, 6, 4, 9), Err(Error::EpochChanged { was: 6, is: 7 }));
    }
}
