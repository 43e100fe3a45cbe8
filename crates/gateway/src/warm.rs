//! What a replay asks of the broker: a small trait, so that the seams between windows, broker and archive can be tried without either.

use std::pin::Pin;

use bytes::Bytes;
use slipstream_broker::{Broker, Error};
use slipstream_event::Tenant;

/// A future of the broker's answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Some of a tenant's events that the broker has, in order.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Sequence and canonical JSON.
    pub events: Vec<(u64, Bytes)>,
    /// All of the tenant's events after the asked-for start and up to here are in the page.
    pub through_seq: u64,
    /// Epoch of the log during the read.
    pub epoch: u64,
}

/// Why there is no page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The broker has events from here on only.
    Expired {
        /// The first sequence that it has.
        first_seq: u64,
    },
    /// It does not answer, or the log has changed meanwhile. Worth another try.
    Again(String),
}

/// Reads of the broker's log.
pub trait WarmReplay: Send + Sync {
    /// The tenant's events with `after < seq <= up_to`, at most `events_max` and about `bytes_max`.
    fn page<'a>(&'a self, tenant: &'a Tenant, after: u64, up_to: u64, events_max: usize, bytes_max: usize) -> Answer<'a, Result<Page, Missing>>;

    /// The last sequence of a shard's log, when it is of this epoch.
    fn last_seq(&self, shard: u16, epoch: u64) -> Answer<'_, Option<u64>>;
}

impl WarmReplay for Broker {
    fn page<'a>(&'a self, tenant: &'a Tenant, after: u64, up_to: u64, events_max: usize, bytes_max: usize) -> Answer<'a, Result<Page, Missing>> {
        Box::pin(async move {
            match self.replay(tenant, after, up_to, events_max, bytes_max).await {
                Ok(page) => {
                    // What was put back after a rejection stands in the log a second time: streams have shown it already.
                    let events = page.messages.into_iter().filter(|message| message.redriven.is_none()).map(|message| (message.seq, message.payload));
                    Ok(Page { events: events.collect(), through_seq: page.through_seq, epoch: page.epoch })
                }
                Err(Error::Expired { first_seq }) => Err(Missing::Expired { first_seq }),
                Err(other) => Err(Missing::Again(other.to_string())),
            }
        })
    }

    fn last_seq(&self, shard: u16, epoch: u64) -> Answer<'_, Option<u64>> {
        Box::pin(async move { self.stream_state(shard).await.ok().filter(|state| state.epoch == epoch).map(|state| state.last_seq) })
    }
}
