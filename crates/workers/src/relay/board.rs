//! Who may be claimed and published now: the relay's bookkeeping, without I/O.

use std::collections::HashMap;

use slipstream_event::Tenant;
use tokio::time::Instant;

use crate::limits;

/// Which tenants are in hand, and which shards are open.
#[derive(Debug)]
pub(super) struct Board {
    gates: Vec<Gate>,
    tenants: HashMap<Tenant, Hold>,
    rows: usize,
    /// Counts the looks at the outbox.
    looks: u64,
}

/// Whether a shard takes rows.
#[derive(Debug)]
struct Gate {
    state: GateState,
    /// The look at the outbox that may have been under way when the gate opened: it may not have seen the rows that were reopened, which come before those that it brings.
    opened_in_look: u64,
    /// Tenants of this shard that are being published or noted.
    busy: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GateState {
    /// Rows go out. At `until` the stream is compared again.
    Open { until: Instant },
    /// No rows go out. From `due` on, and once nothing is under way any more, the stream is compared.
    Closed { due: Instant },
    /// The comparison is under way.
    Comparing,
}

/// Why a tenant must not be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Busy {
        rows: usize,
    },
    Paused {
        until: Instant,
    },
    /// Waits for its shard.
    Gate {
        shard: u16,
    },
}

impl Board {
    /// All shards closed, to be compared at once.
    pub(super) fn new(shards: u16, now: Instant) -> Self {
        let gate = || Gate { state: GateState::Closed { due: now }, opened_in_look: 0, busy: 0 };
        Self { gates: std::iter::repeat_with(gate).take(usize::from(shards)).collect(), tenants: HashMap::new(), rows: 0, looks: 0 }
    }

    /// Tenants whose rows are not to be claimed.
    pub(super) fn except(&self) -> Vec<Tenant> {
        self.tenants.keys().cloned().collect()
    }

    /// Whether more may be claimed.
    pub(super) fn has_room(&self) -> bool {
        self.rows + limits::CLAIM_ROWS_MAX <= limits::ROWS_IN_HAND_MAX && self.tenants.len() < limits::TENANTS_IN_HAND_MAX
    }

    /// A look at the outbox begins. One at a time.
    pub(super) fn begin_look(&mut self) {
        self.looks += 1;
    }

    /// Takes `rows` of a tenant in hand, which the last look brought. `false` when they are to be dropped: its shard is closed, and the tenant waits for that; or it opened during
    /// that look, and the tenant is to be claimed anew.
    pub(super) fn take(&mut self, shard: u16, tenant: &Tenant, rows: usize) -> bool {
        let gate = &mut self.gates[usize::from(shard)];
        let open = matches!(gate.state, GateState::Open { .. });
        if open && gate.opened_in_look == self.looks {
            return false;
        }
        let hold = if open { Hold::Busy { rows } } else { Hold::Gate { shard } };
        if open {
            gate.busy += 1;
            self.rows += rows;
        }
        let before = self.tenants.insert(tenant.clone(), hold);
        debug_assert!(before.is_none(), "a tenant in hand was claimed");
        open
    }

    /// A tenant's rows are done with. With a time, it pauses until then.
    pub(super) fn give_back(&mut self, shard: u16, tenant: &Tenant, pause_until: Option<Instant>) {
        if let Some(Hold::Busy { rows }) = self.tenants.remove(tenant) {
            self.rows -= rows;
            self.gates[usize::from(shard)].busy -= 1;
        }
        if let Some(until) = pause_until {
            self.tenants.insert(tenant.clone(), Hold::Paused { until });
        }
    }

    /// Closes a shard, to be compared at `due` (or earlier, when that was settled before).
    pub(super) fn close(&mut self, shard: u16, due: Instant) {
        let state = &mut self.gates[usize::from(shard)].state;
        match state {
            GateState::Open { .. } => *state = GateState::Closed { due },
            GateState::Closed { .. } | GateState::Comparing => {}
        }
    }

    /// The comparison of a shard is done: it opens until the next one is due.
    pub(super) fn open(&mut self, shard: u16, until: Instant) {
        let gate = &mut self.gates[usize::from(shard)];
        (gate.state, gate.opened_in_look) = (GateState::Open { until }, self.looks);
        self.tenants.retain(|_, hold| *hold != Hold::Gate { shard });
    }

    /// The comparison of a shard failed: again at `due`.
    pub(super) fn keep_closed(&mut self, shard: u16, due: Instant) {
        self.gates[usize::from(shard)].state = GateState::Closed { due };
    }

    /// What has become due: shards whose comparison begins now, shards that were closed for one, and whether a tenant's pause ended.
    pub(super) fn tick(&mut self, now: Instant) -> Tick {
        let mut tick = Tick::default();
        for (shard, gate) in (0..).zip(&mut self.gates) {
            if matches!(gate.state, GateState::Open { until } if until <= now) {
                gate.state = GateState::Closed { due: now };
                tick.closed.push(shard);
            }
            if gate.busy == 0 && matches!(gate.state, GateState::Closed { due } if due <= now) {
                gate.state = GateState::Comparing;
                tick.compare.push(shard);
            }
        }
        let held = self.tenants.len();
        self.tenants.retain(|_, hold| !matches!(hold, Hold::Paused { until } if *until <= now));
        tick.freed = self.tenants.len() < held;
        tick
    }

    /// When [`Board::tick`] has something to do next, as far as time decides.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let gates = self.gates.iter().filter_map(|gate| match gate.state {
            GateState::Open { until } => Some(until),
            GateState::Closed { due } if gate.busy == 0 => Some(due),
            _ => None,
        });
        let pauses = self.tenants.values().filter_map(|hold| match hold {
            Hold::Paused { until } => Some(*until),
            _ => None,
        });
        gates.chain(pauses).min()
    }
}

/// What [`Board::tick`] found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tick {
    pub(super) compare: Vec<u16>,
    pub(super) closed: Vec<u16>,
    pub(super) freed: bool,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tenant(name: &str) -> Tenant {
        Tenant::new(name).unwrap()
    }

    fn opened(shards: u16, now: Instant) -> Board {
        let mut board = Board::new(shards, now);
        assert_eq!(board.tick(now).compare, (0..shards).collect::<Vec<_>>());
        (0..shards).for_each(|shard| board.open(shard, now + 60 * SECOND));
        board.begin_look();
        board
    }

    #[test]
    fn nothing_goes_out_before_the_first_comparison() {
        let now = Instant::now();
        let mut board = Board::new(1, now);
        board.begin_look();
        assert!(!board.take(0, &tenant("a"), 1));
        assert_eq!(board.except(), [tenant("a")]);
        assert_eq!(board.tick(now).compare, [0]);
        assert!(board.tick(now).compare.is_empty(), "it is under way");
        board.open(0, now + SECOND);
        assert!(board.except().is_empty(), "whoever waited for the shard may be claimed");
        assert!(!board.take(0, &tenant("a"), 1), "a look of before the opening may not have seen what was reopened");
        assert!(board.except().is_empty(), "and is to be repeated");
        board.begin_look();
        assert!(board.take(0, &tenant("a"), 1));
    }

    #[test]
    fn a_failed_tenant_pauses_alone() {
        let now = Instant::now();
        let mut board = opened(1, now);
        assert!(board.take(0, &tenant("a"), 2) && board.take(0, &tenant("b"), 3));
        board.give_back(0, &tenant("a"), Some(now + SECOND));
        board.give_back(0, &tenant("b"), None);
        assert_eq!((board.except(), board.next_due()), (vec![tenant("a")], Some(now + SECOND)));
        assert!(board.take(0, &tenant("b"), 1));
        assert!(!board.tick(now).freed);
        assert!(board.tick(now + SECOND).freed);
        assert_eq!(board.except(), [tenant("b")]);
    }

    #[test]
    fn a_shard_is_compared_when_nothing_of_it_is_under_way() {
        let now = Instant::now();
        let mut board = opened(2, now);
        assert!(board.take(0, &tenant("a"), 1));
        board.close(0, now);
        assert!(!board.take(0, &tenant("b"), 1), "closed");
        assert!(board.take(1, &tenant("c"), 1), "the other shard is open");
        assert!(board.tick(now).compare.is_empty(), "a row is still under way");
        board.give_back(0, &tenant("a"), None);
        assert_eq!(board.tick(now).compare, [0]);
        board.keep_closed(0, now + SECOND);
        assert!(board.tick(now).compare.is_empty());
        assert_eq!(board.tick(now + SECOND).compare, [0]);
    }

    #[test]
    fn a_shard_is_compared_from_time_to_time() {
        let now = Instant::now();
        let mut board = opened(1, now);
        assert_eq!(board.tick(now + 59 * SECOND), Tick::default());
        assert_eq!(board.tick(now + 60 * SECOND), Tick { compare: vec![0], closed: vec![0], freed: false });
    }

    #[test]
    fn has_room_up_to_the_limit_of_rows() {
        let now = Instant::now();
        let mut board = opened(1, now);
        let full = limits::ROWS_IN_HAND_MAX / limits::CLAIM_ROWS_MAX;
        for i in 0..full {
            assert!(board.has_room());
            board.take(0, &tenant(&format!("t{i}")), limits::CLAIM_ROWS_MAX);
        }
        assert!(!board.has_room());
        board.give_back(0, &tenant("t0"), None);
        assert!(board.has_room());
    }
}
