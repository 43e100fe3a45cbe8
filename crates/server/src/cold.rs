//! The archive, as the gateway may read it.

use slipstream_event::{Position, Tenant, Timestamp};
use slipstream_gateway::activity::Shown;
use slipstream_gateway::cold::{Answer, ColdReplay, Page, Unavailable};
use slipstream_store::activity::place::{self, Placed};
use slipstream_store::{Store, cold};
use uuid::Uuid;

/// Largest page of archived events, in bytes of JSON.
const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// Reads the archive through a reader's pool.
#[derive(Clone, Debug)]
pub struct Archive(pub Store);

impl ColdReplay for Archive {
    fn page<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to_seq: u64, limit: usize) -> Answer<'a, Page> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let page = cold::page(&self.0, tenant, range(after, up_to_seq), limit, PAGE_BYTES_MAX).await.map_err(|e| unavailable(&e))?;
            Ok(Page { events: page.events.into_iter().map(|event| (event.seq, event.payload.into())).collect(), through_seq: page.through_seq })
        })
    }

    fn count<'a>(&'a self, tenant: &'a Tenant, after: Position, up_to_seq: u64) -> Answer<'a, u64> {
        Box::pin(async move { cold::count(&self.0, tenant, range(after, up_to_seq)).await.map_err(|e| unavailable(&e)) })
    }

    fn locate<'a>(&'a self, tenant: &'a Tenant, id: Uuid) -> Answer<'a, Option<Position>> {
        Box::pin(async move { cold::locate(&self.0, tenant, id).await.map_err(|e| unavailable(&e)) })
    }

    fn known<'a>(&'a self, tenant: &'a Tenant, events: &'a [(Uuid, Timestamp)]) -> Answer<'a, Vec<Option<Position>>> {
        Box::pin(async move { cold::known(&self.0, tenant, events).await.map_err(|e| unavailable(&e)) })
    }

    fn shown<'a>(&'a self, tenant: &'a Tenant, of: Position) -> Answer<'a, Shown> {
        Box::pin(async move { place::placed(&self.0, tenant, of.shard, of.epoch).await.map(shown).map_err(|e| unavailable(&e)) })
    }
}

fn shown(placed: Placed) -> Shown {
    let Placed { through_seq, after_seq, cleared, silences, turned_at, settings, changed_at } = placed;
    Shown { through_seq, after_seq, cleared: cleared.map(|cleared| (cleared.at, cleared.seq)), silences, turned_at, max_days: settings.max_days, changed_at }
}

fn range(after: Position, up_to_seq: u64) -> cold::Range {
    cold::Range { shard: after.shard, epoch: after.epoch, after_seq: after.seq, up_to_seq }
}

fn unavailable(error: &slipstream_store::Error) -> Unavailable {
    Unavailable(error.to_string())
}
