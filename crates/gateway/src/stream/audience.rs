//! Who reads what, and how: shared by all streams that are alike, so that they share their bytes too.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use slipstream_event::activity::Selection;
use slipstream_event::{Filter, Viewer};

use crate::frame::{Frame, Projection, Wire};

/// How often, in new audiences, those without a stream are let go.
const SWEEP_EVERY: usize = 1_024;

/// What streams have in common that get the same bytes, but for events that concern one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Audience {
    /// What the readers may see. Names no user: that is the stream's own.
    pub viewer: Viewer,
    /// What they asked for.
    pub filter: Filter,
    /// The same, by category and severity.
    pub selection: Selection,
    /// How they want to see it.
    pub projection: Projection,
    /// What surrounds it.
    pub wire: Wire,
}

impl Audience {
    /// Whether `user` of this audience may see the frame and asked for it.
    pub fn takes(&self, frame: &Frame, user: Option<&str>) -> bool {
        frame.is_of(self.selection) && frame.is_for(&self.viewer, user, &self.filter)
    }
}

/// The audiences of this process: equal ones are one.
#[derive(Debug, Default)]
pub struct Audiences(Mutex<HashSet<Arc<Audience>>>);

impl Audiences {
    /// The shared form of an audience.
    pub fn shared(&self, audience: Audience) -> Arc<Audience> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(&audience) {
            return shared.clone();
        }
        if known.len() % SWEEP_EVERY == SWEEP_EVERY - 1 {
            known.retain(|audience| Arc::strong_count(audience) > 1);
        }
        let shared = Arc::new(audience);
        known.insert(shared.clone());
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_audiences_are_one_and_unused_ones_are_let_go() {
        let audiences = Audiences::default();
        let of = |actor: usize| Audience { filter: Filter { actors: vec![actor.to_string()], ..Filter::default() }, ..Audience::default() };
        let kept = audiences.shared(of(0));
        assert!(Arc::ptr_eq(&kept, &audiences.shared(of(0))));
        assert!(!Arc::ptr_eq(&kept, &audiences.shared(of(1))));
        for actor in 0..10 * SWEEP_EVERY {
            drop(audiences.shared(of(actor)));
        }
        assert!(audiences.0.lock().unwrap().len() <= SWEEP_EVERY);
        assert!(Arc::ptr_eq(&kept, &audiences.shared(of(0))));
    }
}
