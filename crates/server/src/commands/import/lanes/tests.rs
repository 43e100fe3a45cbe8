use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const CUT: Cut = Cut { events: 3, bytes: 1_000, linger: Duration::from_millis(100) };

fn key(name: &str) -> Key {
    Some(Tenant::new(name).unwrap())
}

fn event(line: u64) -> Waiting {
    Waiting { line, draft: "{}".into() }
}

fn lines(batch: Option<(Key, Vec<Waiting>)>) -> Option<(Key, Vec<u64>)> {
    batch.map(|(key, events)| (key, events.into_iter().map(|event| event.line).collect()))
}

#[test]
fn a_whole_batch_goes_at_once_and_a_part_waits() {
    let now = Instant::now();
    let mut lanes = Lanes::new(CUT);
    lanes.push(key("a"), event(1), now);
    (2..=5).for_each(|line| lanes.push(key("b"), event(line), now));
    assert_eq!(lines(lanes.take(now, false)), Some((key("b"), vec![2, 3, 4])));
    assert_eq!(lanes.take(now, false), None);
    assert_eq!(lanes.due(), Some(now + CUT.linger));
    assert_eq!(lines(lanes.take(now + CUT.linger, false)), Some((key("a"), vec![1])));
    assert_eq!((lanes.take(now + CUT.linger, true), lanes.due(), lanes.len()), (None, None, 1));
    lanes.done(&key("b"));
    assert_eq!(lines(lanes.take(now, true)), Some((key("b"), vec![5])));
}

#[test]
fn one_batch_of_a_tenant_is_under_way_at_a_time() {
    let now = Instant::now();
    let mut lanes = Lanes::new(CUT);
    (1..=7).for_each(|line| lanes.push(key("a"), event(line), now));
    assert_eq!(lines(lanes.take(now, true)).unwrap().1, [1, 2, 3]);
    assert_eq!(lanes.take(now, true), None);
    lanes.done(&key("a"));
    assert_eq!(lines(lanes.take(now, false)).unwrap().1, [4, 5, 6]);
    lanes.done(&key("a"));
    assert_eq!(lanes.take(now, false), None);
    assert_eq!(lines(lanes.take(now, true)).unwrap().1, [7]);
}

#[test]
fn bytes_cut_too_and_a_large_event_goes_alone() {
    let now = Instant::now();
    let mut lanes = Lanes::new(CUT);
    let large = |line| Waiting { line, draft: "x".repeat(600) };
    lanes.push(key("a"), large(1), now);
    lanes.push(key("a"), large(2), now);
    lanes.push(key("a"), Waiting { line: 3, draft: "x".repeat(5_000) }, now);
    for want in [1, 2, 3] {
        assert_eq!(lines(lanes.take(now, true)).unwrap().1, [want]);
        lanes.done(&key("a"));
    }
    assert_eq!((lanes.len(), lanes.due()), (0, None));
}

#[test]
fn forgets_what_waits() {
    let now = Instant::now();
    let mut lanes = Lanes::new(CUT);
    (1..=4).for_each(|line| lanes.push(key("a"), event(line), now));
    lanes.push(key("b"), event(5), now);
    lanes.take(now, false).unwrap();
    lanes.clear();
    lanes.done(&key("a"));
    assert_eq!((lanes.len(), lanes.take(now, true), lanes.lanes.len()), (0, None, 0));
}

proptest! {
    /// Whatever the order of arrivals and answers: every event goes out once, a tenant's in order, and one batch of a tenant at a time.
    #[test]
    fn nothing_is_lost_and_order_holds(steps in proptest::collection::vec((0_u8..6, 0_u8..4), 0..300)) {
        let now = Instant::now();
        let mut lanes = Lanes::new(CUT);
        let (mut line, mut sent, mut under_way) = (0, Vec::new(), Vec::new());
        let keep = |batch: (Key, Vec<Waiting>), sent: &mut Vec<(Key, u64)>, under_way: &mut Vec<Key>| {
            assert!(!under_way.contains(&batch.0) && !batch.1.is_empty() && batch.1.len() <= CUT.events);
            sent.extend(batch.1.iter().map(|event| (batch.0.clone(), event.line)));
            under_way.push(batch.0);
        };
        for (what, which) in steps {
            match what {
                0..=3 => {
                    line += 1;
                    lanes.push(key(["a", "b", "c", "d"][usize::from(which)]), event(line), now);
                }
                4 => {
                    if let Some(batch) = lanes.take(now, which == 0) {
                        keep(batch, &mut sent, &mut under_way);
                    }
                }
                _ => {
                    if !under_way.is_empty() {
                        let key = under_way.remove(usize::from(which) % under_way.len());
                        lanes.done(&key);
                    }
                }
            }
        }
        loop {
            under_way.drain(..).for_each(|key| lanes.done(&key));
            match lanes.take(now, true) {
                Some(batch) => keep(batch, &mut sent, &mut under_way),
                None => break,
            }
        }
        prop_assert_eq!(lanes.len(), 0);
        prop_assert_eq!(sent.iter().map(|(_, line)| *line).collect::<HashSet<_>>().len() as u64, line);
        for name in ["a", "b", "c", "d"] {
            let of_tenant: Vec<u64> = sent.iter().filter(|(of, _)| *of == key(name)).map(|(_, line)| *line).collect();
            prop_assert!(of_tenant.is_sorted());
        }
    }
}
