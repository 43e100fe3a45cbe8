//! Shelves: pages that were read lately, by tenant, so that many streams that come back at once share their reads; and each tenant's budget for reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipstream_event::{Position, Tenant};
use tokio::sync::Semaphore;
use tokio::time::{Duration, Instant, sleep_until};

use super::page::Page;
use crate::limits;

/// How much a tenant's replays may read.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes a second, lastingly; twice as much at once. Beyond: its replays wait, and nobody else's.
    pub bytes_per_second: u64,
}

/// The shelves of all tenants.
#[derive(Debug)]
pub struct Shelves {
    budget: Budget,
    of: Mutex<HashMap<Tenant, Arc<Shelf>>>,
}

/// One tenant's pages, and its turns to read more.
#[derive(Debug)]
pub struct Shelf {
    turns: Semaphore,
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    pages: Vec<(Instant, Arc<Page>)>,
    /// When all that was read will have been paid for.
    paid_at: Instant,
}

impl Shelves {
    /// No pages yet.
    pub fn new(budget: Budget) -> Self {
        Self { budget, of: Mutex::default() }
    }

    /// The shelf of a tenant.
    pub fn of(&self, tenant: &Tenant) -> Arc<Shelf> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.entry(tenant.clone()).or_insert_with(|| Arc::new(Shelf::new(self.budget))).clone()
    }

    /// Lets go of pages that were not asked for lately, then of the oldest until the rest has room, and of shelves that are not needed.
    pub fn sweep(&self) {
        let now = Instant::now();
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = limits::PAGES_BYTES_MAX;
        of.retain(|_, shelf| {
            let mut state = shelf.state();
            state.pages.retain(|(used_at, page)| {
                let weight = page.weight();
                let keep = now.duration_since(*used_at) < limits::PAGE_KEPT && weight <= room;
                room -= if keep { weight } else { 0 };
                keep
            });
            !state.pages.is_empty() || state.paid_at > now || Arc::strong_count(shelf) > 1
        });
    }
}

impl Shelf {
    fn new(budget: Budget) -> Self {
        let state = State { pages: Vec::new(), paid_at: Instant::now() };
        Self { turns: Semaphore::new(limits::READS_TENANT_MAX), budget, state: Mutex::new(state) }
    }

    /// A page that covers `position`: one that is here, else the one that `read` gives, which is kept for others.
    ///
    /// # Errors
    /// What `read` says.
    pub async fn page<E>(&self, position: Position, read: impl Future<Output = Result<Page, E>>) -> Result<Arc<Page>, E> {
        if let Some(page) = self.covering(position) {
            return Ok(page);
        }
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.ok();
        if let Some(page) = self.covering(position) {
            return Ok(page);
        }
        let paid_at = self.state().paid_at;
        sleep_until(paid_at).await;
        let page = Arc::new(read.await?);
        self.put(page.clone());
        Ok(page)
    }

    fn covering(&self, position: Position) -> Option<Arc<Page>> {
        let mut state = self.state();
        // The one that reaches furthest: it brings the most.
        let (used_at, page) = state.pages.iter_mut().filter(|(_, page)| page.covers(position)).max_by_key(|(_, page)| page.through_seq)?;
        *used_at = Instant::now();
        Some(page.clone())
    }

    fn put(&self, page: Arc<Page>) {
        let now = Instant::now();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
        let cost = Duration::from_secs_f64(page.bytes() as f64 / self.budget.bytes_per_second.max(1) as f64);
        let mut state = self.state();
        // A second's worth may be read ahead of its time.
        state.paid_at = state.paid_at.max(now.checked_sub(Duration::from_secs(1)).unwrap_or(now)) + cost;
        let weight: usize = page.weight() + state.pages.iter().map(|(_, page)| page.weight()).sum::<usize>();
        if weight > limits::PAGES_TENANT_BYTES_MAX {
            state.pages.clear();
        }
        state.pages.push((now, page));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
