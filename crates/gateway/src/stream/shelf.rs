//! Shelves: pages that were read lately, by tenant, so that many streams that come back at once share their reads; and the turns of those who wait for their tenant's budget.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use slipstream_event::{Position, Tenant};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::budget::{Account, Budget};
use super::page::Page;
use crate::limits;

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
    /// Of replays that wait until they may show more.
    shows: Semaphore,
    budget: Budget,
    /// What was read.
    read: Account,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: Vec<(Instant, Arc<Page>)>,
    /// What they weigh.
    weight: usize,
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
            !state.pages.is_empty() || shelf.read.is_overdrawn(now) || Arc::strong_count(shelf) > 1
        });
    }
}

impl Shelf {
    fn new(budget: Budget) -> Self {
        let [turns, shows] = [limits::READS_TENANT_MAX, 1].map(Semaphore::new);
        Self { turns, shows, budget, read: Account::new(), state: Mutex::default() }
    }

    /// Waits until a replay of the tenant may show more, beyond what was `shown`; one after the other, in the order in which they ask. How many bytes it has paid for by then.
    pub async fn let_show(&self, shown: &Account) -> usize {
        if !shown.is_overdrawn(Instant::now()) {
            return 0;
        }
        // The semaphore is never closed.
        let _turn = self.shows.acquire().await.ok();
        sleep_until(shown.free_at()).await;
        shown.charge(self.budget.shown, limits::SPAN_BYTES_MAX, Instant::now());
        limits::SPAN_BYTES_MAX
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
        sleep_until(self.read.free_at()).await;
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
        self.read.charge(self.budget.read, page.bytes(), now);
        let mut state = self.state();
        state.weight += page.weight();
        while state.weight > limits::PAGES_TENANT_BYTES_MAX {
            let Some(oldest) = (0..state.pages.len()).min_by_key(|at| state.pages[*at].0) else { break };
            let (_, page) = state.pages.swap_remove(oldest);
            state.weight -= page.weight();
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
    use tokio::time::Duration;

    use super::*;

    const UNBOUNDED: Budget = Budget { read: u64::MAX, shown: u64::MAX };

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
        let shelves = Shelves::new(UNBOUNDED);
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
    async fn a_tenant_waits_for_its_budget_for_reads_and_no_other_tenant_does() {
        let shelves = Shelves::new(Budget { read: page(0, 100).bytes() as u64, ..UNBOUNDED });
        let (greedy, other) = (shelves.of(&Tenant::new("t").unwrap()), shelves.of(&Tenant::new("u").unwrap()));
        let (reads, begun) = (AtomicUsize::new(0), Instant::now());
        for number in 0..30 {
            // None covers the next: each must be read.
            read(&greedy, &reads, 40 - number).await;
        }
        let waited = begun.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_secs(12)).contains(&waited), "{waited:?} for pages of more than twenty seconds' worth");
        let begun = Instant::now();
        read(&other, &reads, 0).await;
        assert!(begun.elapsed() < Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_let_go_when_nobody_asks() {
        let shelves = Shelves::new(UNBOUNDED);
        let reads = AtomicUsize::new(0);
        read(&shelves.of(&Tenant::new("t").unwrap()), &reads, 0).await;
        shelves.sweep();
        assert_eq!(shelves.of.lock().unwrap().len(), 1);
        tokio::time::advance(limits::PAGE_KEPT * 2).await;
        shelves.sweep();
        assert_eq!(shelves.of.lock().unwrap().len(), 0);
    }
}
