//! Telling the outbox what became of its rows: one statement for all that finished since the last one.

use metrics::counter;
use slipstream_event::{Position, Tenant};
use slipstream_store::Error;
use tokio::time::Instant;

use super::context::Context;
use super::outcome::{Done, End, Failure};
use crate::failpoint::Point;
use crate::metrics as names;

/// What is to be told. Telling it twice is harmless.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    acks: Vec<(i64, Position)>,
    refused: Vec<(i64, String)>,
    failures: Vec<Failure>,
    /// Tenants to be given back when it is told, with their shards and pauses.
    pub(super) tenants: Vec<(Tenant, u16, Option<Instant>)>,
}

impl Settlement {
    pub(super) fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    pub(super) fn add(&mut self, done: Done, pause_until: Option<Instant>) {
        self.acks.extend(done.acks);
        self.refused.extend(done.refused);
        if let End::Failed(failure) = done.end {
            self.failures.push(failure);
        }
        self.tenants.push((done.tenant, done.shard, pause_until));
    }
}

/// Tells the outbox. On an error the settlement comes back, to be told again.
pub(super) async fn settle(context: Context, mut settlement: Settlement) -> (Settlement, Result<(), Error>) {
    let result = tell(&context, &mut settlement).await;
    (settlement, result)
}

async fn tell(context: &Context, settlement: &mut Settlement) -> Result<(), Error> {
    if !settlement.acks.is_empty() {
        context.outbox.mark_published(&settlement.acks).await?;
        settlement.acks.clear();
        context.config.fail_points.visit(Point::RelayMarked).await;
    }
    while let Some((id, reason)) = settlement.refused.last() {
        context.outbox.set_aside(*id, reason).await?;
        counter!(names::RELAY_SET_ASIDE_TOTAL).increment(1);
        tracing::error!(row = id, reason, "the broker refuses a row of the outbox; it is set aside");
        settlement.refused.pop();
    }
    while let Some(failure) = settlement.failures.last() {
        context.outbox.record_failure(&[failure.id], &failure.error).await?;
        settlement.failures.pop();
    }
    Ok(())
}
