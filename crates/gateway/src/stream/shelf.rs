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

impl Budget {
    /// When everything will have been paid for, after `bytes` more; it was to be `paid_at`. A second's worth may be taken ahead of its time. Pure.
    fn paid_at(self, paid_at: Instant, bytes: u64, now: Instant) -> Instant {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 bytes")]
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second.max(1) as f64);
        paid_at.max(now.checked_sub(Duration::from_secs(1)).unwrap_or(now)) + cost
    }
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
    /// What they weigh.
    weight: usize,
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
            state.weight = state.pages.iter().map(|(_, page)| page.weight()).sum();
            !state.pages.is_empty() || state.paid_at > now || Arc::strong_count(shelf) > 1
        });
    }
}

impl Shelf {
    fn new(budget: Budget) -> Self {
        let state = State { pages: Vec::new(), weight: 0, paid_at: Instant::now() };
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
        let (used_at, page) = state.pages.iter_mut().filter(|(_, page)| page.covers(position)).max_by_key(|(_, page)| page.through_seq())?;
        *used_at = Instant::now();
        Some(page.clone())
    }

    fn put(&self, page: Arc<Page>) {
        let now = Instant::now();
        let mut state = self.state();
        state.paid_at = self.budget.paid_at(state.paid_at, page.bytes() as u64, now);
        state.weight += page.weight();
        if state.weight > limits::PAGES_TENANT_BYTES_MAX {
            state.pages.clear();
            state.weight = page.weight();
        }
        state.pages.push((now, page));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use slipstream_event::{Actor, CursorKey, Event, EventType};

    use super::*;

    fn page(after: u64, through_seq: u64) -> Page {
        let (tenant, key) = (Tenant::new("t").unwrap(), CursorKey::new(b"k"));
        let event = || Event::new(&tenant, &EventType::new("a.b.c").unwrap(), "e", Actor::user("u")).to_json().into();
        let events = (after + 1..=through_seq).map(|seq| (seq, event())).collect();
        Page::new(&key, &tenant, Position::new(0, 1, after), events, through_seq, None)
    }

    async fn read(shelf: &Shelf, reads: &AtomicUsize, after: u64) -> Arc<Page> {
        let read = async {
            reads.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok::<_, Infallible>(page(after, 100))
        };
        shelf.page(Position::new(0, 1, after), read).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn streams_that_need_the_same_page_share_one_read() {
        let shelves = Shelves::new(Budget { bytes_per_second: u64::MAX });
        let (shelf, reads) = (shelves.of(&Tenant::new("t").unwrap()), AtomicUsize::new(0));
        // All after 10, and some that stand within what the first of them reads.
        let pages = join_all((0..500).map(|number| read(&shelf, &reads, 10 + number % 50))).await;
        assert!(pages.iter().all(|page| page.through_seq() == 100));
        assert_eq!(reads.load(Ordering::SeqCst), 1);
        // Another position, which none of the pages covers.
        read(&shelf, &reads, 9).await;
        assert_eq!(reads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_waits_for_its_budget_and_no_other_tenant_does() {
        let shelves = Shelves::new(Budget { bytes_per_second: page(0, 100).bytes() as u64 });
        let (greedy, other) = (shelves.of(&Tenant::new("t").unwrap()), shelves.of(&Tenant::new("u").unwrap()));
        let (reads, begun) = (AtomicUsize::new(0), Instant::now());
        for number in 0..5 {
            // None covers the next: each must be read.
            read(&greedy, &reads, 40 - number).await;
        }
        let waited = begun.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_secs(5)).contains(&waited), "{waited:?} for pages of about three seconds' worth");
        let begun = Instant::now();
        read(&other, &reads, 0).await;
        assert!(begun.elapsed() < Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_let_go_when_nobody_asks() {
        let shelves = Shelves::new(Budget { bytes_per_second: u64::MAX });
        let reads = AtomicUsize::new(0);
        read(&shelves.of(&Tenant::new("t").unwrap()), &reads, 0).await;
        shelves.sweep();
        assert_eq!(shelves.of.lock().unwrap().len(), 1);
        tokio::time::advance(limits::PAGE_KEPT * 2).await;
        shelves.sweep();
        assert_eq!(shelves.of.lock().unwrap().len(), 0);
    }
}
