//! Counts what was acknowledged against what is seen. Pure.

use std::collections::{HashMap, HashSet};

/// What was sent, in order, by key, and what the sender knows of it.
#[derive(Clone, Debug, Default)]
pub struct Checker {
    order: HashMap<String, usize>,
    acknowledged: HashSet<String>,
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It was acknowledged and is not there.
    Lost(String),
    /// It is there more than once.
    Doubled(String),
    /// Nobody sent it.
    Foreign(String),
    /// It stands after one that was sent later.
    Disordered(String),
}

impl Checker {
    /// `key` was sent and acknowledged: it must be seen once.
    pub fn acknowledged(&mut self, key: impl Into<String>) {
        let key = key.into();
        self.sent(key.clone());
        self.acknowledged.insert(key);
    }

    /// `key` was sent and there was no answer: it may be seen, once.
    pub fn unknown(&mut self, key: impl Into<String>) {
        self.sent(key.into());
    }

    /// How many were acknowledged.
    pub fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// Whether nothing was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.acknowledged.is_empty()
    }

    /// The faults of a set of seen keys, whatever their order.
    pub fn faults(&self, seen: &[String]) -> Vec<Fault> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for key in seen {
            *counts.entry(key).or_default() += 1;
        }
        let lost = self.acknowledged.iter().filter(|key| !counts.contains_key(key.as_str())).map(|key| Fault::Lost(key.clone()));
        let doubled = counts.iter().filter(|(_, count)| **count > 1).map(|(key, _)| Fault::Doubled((*key).to_owned()));
        let foreign = counts.keys().filter(|key| !self.order.contains_key(**key)).map(|key| Fault::Foreign((*key).to_owned()));
        lost.chain(doubled).chain(foreign).collect()
    }

    /// The faults of seen keys that must come in the order in which one writer sent them.
    pub fn faults_in_order(&self, seen: &[String]) -> Vec<Fault> {
        let mut faults = self.faults(seen);
        let mut last = 0;
        for (key, place) in seen.iter().filter_map(|key| Some((key, *self.order.get(key)?))) {
            if place < last {
                faults.push(Fault::Disordered(key.clone()));
            }
            last = last.max(place);
        }
        faults
    }

    fn sent(&mut self, key: String) {
        let place = self.order.len();
        self.order.entry(key).or_insert(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn checker() -> Checker {
        let mut checker = Checker::default();
        checker.acknowledged("a");
        checker.unknown("b");
        checker.acknowledged("c");
        checker
    }

    #[test]
    fn is_content_with_each_acknowledged_once_and_each_unknown_at_most_once() {
        assert_eq!(checker().faults_in_order(&seen(&["a", "c"])), []);
        assert_eq!(checker().faults_in_order(&seen(&["a", "b", "c"])), []);
        assert_eq!(checker().faults(&seen(&["c", "b", "a"])), []);
    }

    #[test]
    fn reports_what_is_lost_doubled_foreign_or_out_of_order() {
        assert_eq!(checker().faults(&seen(&["a"])), [Fault::Lost("c".into())]);
        assert_eq!(checker().faults(&seen(&["a", "c", "a"])), [Fault::Doubled("a".into())]);
        assert_eq!(checker().faults(&seen(&["a", "b", "b", "c"])), [Fault::Doubled("b".into())]);
        assert_eq!(checker().faults(&seen(&["a", "c", "x"])), [Fault::Foreign("x".into())]);
        assert_eq!(checker().faults_in_order(&seen(&["c", "a"])), [Fault::Disordered("a".into())]);
        assert_eq!(checker().faults_in_order(&seen(&["a", "c", "b"])), [Fault::Disordered("b".into())]);
    }
}
