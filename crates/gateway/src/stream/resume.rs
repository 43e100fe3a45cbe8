//! Where a stream starts.

use slipstream_event::{Position, Tenant};
use tokio::time::{Duration, timeout};
use uuid::Uuid;

use crate::cold::ColdReplay;
use crate::hub::lane::Lane;
use crate::hub::{Hub, Log};

/// Longest time that looking up an event id may take, before the client is told that it is unknown.
const LOCATE: Duration = Duration::from_secs(2);

/// Where a stream starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// After this sequence.
    After(u64),
    /// At the end of the log, after a `reset` with this code.
    Reset(&'static str),
}

/// Where the stream of a client starts that says it was at `last_event_id`: a cursor of ours, or an event's id.
///
/// `last_seq` tells the broker's last sequence when it is asked: only for a cursor that lies beyond what has come in here.
pub async fn start(
    hub: &Hub,
    log: &Log,
    lane: &Lane,
    tenant: &Tenant,
    cold: &dyn ColdReplay,
    last_event_id: &str,
    last_seq: impl Future<Output = Option<u64>>,
) -> Start {
    let position = match hub.key().open(tenant, last_event_id) {
        Ok(position) => position,
        Err(_) => match by_id(log, lane, tenant, cold, last_event_id).await {
            Ok(position) => position,
            Err(code) => return Start::Reset(code),
        },
    };
    if !position.same_log(&log.position(0)) {
        return Start::Reset("store_rebuilt");
    }
    // A cursor beyond the end of the log: another gateway may be ahead of this one; else the log has lost its end.
    if position.seq > log.last() && last_seq.await.is_none_or(|last| position.seq > last) {
        return Start::Reset("store_rebuilt");
    }
    Start::After(position.seq)
}

/// The position of an event's id. The errors do not tell whether another tenant has such an event or cursor.
async fn by_id(log: &Log, lane: &Lane, tenant: &Tenant, cold: &dyn ColdReplay, given: &str) -> Result<Position, &'static str> {
    let Ok(id) = Uuid::try_parse(given) else {
        return Err(if is_sealed(given) { "cursor_unknown" } else { "cursor_invalid" });
    };
    if let Some(seq) = lane.find(id) {
        return Ok(log.position(seq));
    }
    match timeout(LOCATE, cold.locate(tenant, id)).await {
        Ok(Ok(Some(position))) => Ok(position),
        _ => Err("cursor_unknown"),
    }
}

/// Whether a text has the form of a sealed cursor.
fn is_sealed(text: &str) -> bool {
    text.len() == 46 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use slipstream_event::CursorKey;

    use super::*;
    use crate::cold::{Answer, Page};
    use slipstream_event::Timestamp;

    /// An archive that knows one event, and otherwise nothing.
    struct Knows(Uuid, Position);

    impl ColdReplay for Knows {
        fn page<'a>(&'a self, _: &'a Tenant, _: Position, _: u64, _: usize) -> Answer<'a, Page> {
            Box::pin(async { Ok(Page::default()) })
        }
        fn count<'a>(&'a self, _: &'a Tenant, _: Position, _: u64) -> Answer<'a, u64> {
            Box::pin(async { Ok(0) })
        }
        fn locate<'a>(&'a self, _: &'a Tenant, id: Uuid) -> Answer<'a, Option<Position>> {
            Box::pin(async move { Ok((id == self.0).then_some(self.1)) })
        }
        fn known<'a>(&'a self, _: &'a Tenant, events: &'a [(Uuid, Timestamp)]) -> Answer<'a, Vec<Option<Position>>> {
            Box::pin(async move { Ok(vec![None; events.len()]) })
        }
        fn shown<'a>(&'a self, _: &'a Tenant, _: Position) -> Answer<'a, crate::activity::Shown> {
            Box::pin(async { Ok(crate::activity::Shown::default()) })
        }
    }

    #[tokio::test]
    async fn tells_the_cases_apart() {
        let (key, tenant) = (CursorKey::new(b"k"), Tenant::new("a").unwrap());
        let hub = Hub::new(key.clone(), 1);
        let log = Arc::new(Log::new(0, 7, 100));
        hub.open(log.clone());
        let lane = log.lane(&tenant);
        let known = Uuid::from_u128(9);
        let cold = Knows(known, Position::new(0, 7, 42));
        let start = async |cursor: &str, last: Option<u64>| start(&hub, &log, &lane, &tenant, &cold, cursor, async { last }).await;
        let seal = |position| key.seal(&tenant, position);
        assert_eq!(start(&seal(Position::new(0, 7, 50)), None).await, Start::After(50));
        assert_eq!(start(&seal(Position::new(0, 8, 50)), None).await, Start::Reset("store_rebuilt"));
        assert_eq!(start(&seal(Position::new(1, 7, 50)), None).await, Start::Reset("store_rebuilt"));
        assert_eq!(start(&seal(Position::new(0, 7, 101)), Some(101)).await, Start::After(101));
        assert_eq!(start(&seal(Position::new(0, 7, 102)), Some(101)).await, Start::Reset("store_rebuilt"));
        assert_eq!(start(&key.seal(&Tenant::new("b").unwrap(), Position::new(0, 7, 50)), None).await, Start::Reset("cursor_unknown"));
        assert_eq!(start("nonsense", None).await, Start::Reset("cursor_invalid"));
        assert_eq!(start(&known.to_string(), None).await, Start::After(42));
        assert_eq!(start(&Uuid::from_u128(1).to_string(), None).await, Start::Reset("cursor_unknown"));
    }
}
