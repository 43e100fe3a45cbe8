//! Rankings of entities over a long time. There may be nearly as many entities as events, so one process makes few of these at a time: they must not take the connections and processors of what is live.

use std::sync::Arc;

use slipstream_access::Problem;
use slipstream_domain::analytics::DAY;
use slipstream_store::analytics::top::Of;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::request::{Asked, Kind};
use crate::limits;

/// The right to make one.
#[derive(Clone, Debug)]
pub(crate) struct Rankings(Arc<Semaphore>);

impl Default for Rankings {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(limits::ANALYTICS_RANKINGS_MAX)))
    }
}

impl Rankings {
    /// Does `work`, after others if it must be.
    ///
    /// # Errors
    /// 503 `analytics_busy` when there is no place for [`limits::ANALYTICS_RANKINGS_WAIT`].
    pub(super) async fn after_others<T>(&self, work: impl Future<Output = T>) -> Result<T, Problem> {
        let busy = |_| Problem::unavailable("analytics_busy", "other rankings of entities over a long time are being made");
        let _place = timeout(limits::ANALYTICS_RANKINGS_WAIT, self.0.acquire()).await.map_err(busy)?;
        Ok(work.await)
    }
}

/// Whether it is one of these.
pub(super) fn is_long(asked: &Asked) -> bool {
    asked.kind == Kind::Top && asked.of == Of::Entities && asked.query.range.micros() > limits::ANALYTICS_RANKING_DAYS_SHORT * DAY
}
