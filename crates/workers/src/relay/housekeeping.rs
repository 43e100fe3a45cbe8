//! What the leader does beside publishing: measures the outbox and prunes it.

use std::convert::Infallible;

use metrics::gauge;
use slipstream_event::Timestamp;
use slipstream_store::{Error, limits as store_limits};

use super::context::Context;
use crate::{limits, metrics as names};

/// Runs until it is dropped. What fails is tried again next time.
pub(super) async fn run(context: &Context) -> Infallible {
    let mut measure = tokio::time::interval(limits::DEPTH_EVERY);
    let mut prune = tokio::time::interval(limits::PRUNE_EVERY);
    loop {
        let result = tokio::select! {
            _ = measure.tick() => observe(context).await,
            _ = prune.tick() => clear(context).await,
        };
        if let Err(error) = result {
            tracing::debug!(%error, "the outbox was neither measured nor pruned");
        }
    }
}

async fn observe(context: &Context) -> Result<(), Error> {
    let depth = context.outbox.depth().await?;
    let age = depth.oldest.map_or(0, |oldest| Timestamp::now().micros().saturating_sub(oldest.micros()).max(0));
    gauge!(names::OUTBOX_DEPTH).set(depth.pending as f64);
    gauge!(names::OUTBOX_OLDEST_SECONDS).set(age as f64 / 1e6);
    gauge!(names::OUTBOX_SET_ASIDE).set(depth.set_aside as f64);
    Ok(())
}

/// In small statements, so that nobody waits for the locks of a large one.
async fn clear(context: &Context) -> Result<(), Error> {
    while context.outbox.prune(context.config.kept).await? >= u64::try_from(store_limits::PRUNE_ROWS_MAX).unwrap_or(u64::MAX) {}
    Ok(())
}
