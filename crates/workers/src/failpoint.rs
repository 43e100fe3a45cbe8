//! Fail points: places at which a test ends the process, as `kill -9` would, or holds it, as `SIGSTOP` would.
//!
//! They are always compiled in and inert unless armed by value. Builds without debug assertions refuse to arm them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::watch;

/// A place in the work of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The relay has read rows of the outbox and published none of them.
    RelayClaimed,
    /// The broker has acknowledged rows that the outbox does not know to be published.
    RelayPublished,
    /// The outbox knows.
    RelayMarked,
    /// The archiver has received messages and archived none of them.
    ArchiverFetched,
    /// The archiver's batch is made; its transaction is about to begin.
    ArchiverBeforeCommit,
    /// The batch is committed.
    ArchiverCommitted,
    /// A ledger's checkpoint is signed, and not kept.
    CheckpointSigned,
    /// It is kept.
    CheckpointKept,
    /// A job of an export is this worker's, and nothing of it was made.
    ExportClaimed,
    /// A piece of an export is kept.
    ExportKept,
    /// A transaction of a redaction is committed.
    RedactionCommitted,
    /// Retention has removed events, and its transaction is about to commit.
    RetentionRemoved,
    /// It is committed.
    RetentionCommitted,
    /// Small batches of a ledger have become one, and the next are not begun.
    BatchesJoined,
    /// A piece of a tenant's events is counted, and the next is not begun.
    AnalyticsFolded,
    /// The pruner knows of new settings of activity logs, and has pruned none of them.
    ActivityTold,
    /// An activity log is pruned, and the next is not begun.
    ActivityPruned,
}

impl Point {
    /// All of them, in the order of the flow.
    pub const ALL: [Self; 17] = [
        Self::RelayClaimed,
        Self::RelayPublished,
        Self::RelayMarked,
        Self::ArchiverFetched,
        Self::ArchiverBeforeCommit,
        Self::ArchiverCommitted,
        Self::CheckpointSigned,
        Self::CheckpointKept,
        Self::ExportClaimed,
        Self::ExportKept,
        Self::RedactionCommitted,
        Self::RetentionRemoved,
        Self::RetentionCommitted,
        Self::BatchesJoined,
        Self::AnalyticsFolded,
        Self::ActivityTold,
        Self::ActivityPruned,
    ];

    /// Those on the way of an event, from the outbox to the archive.
    pub const OF_EVENTS: [Self; 6] =
        [Self::RelayClaimed, Self::RelayPublished, Self::RelayMarked, Self::ArchiverFetched, Self::ArchiverBeforeCommit, Self::ArchiverCommitted];

    /// Those of the signing of ledgers.
    pub const OF_CHECKPOINTS: [Self; 2] = [Self::CheckpointSigned, Self::CheckpointKept];

    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::RelayClaimed => "relay.claimed",
            Self::RelayPublished => "relay.published",
            Self::RelayMarked => "relay.marked",
            Self::ArchiverFetched => "archiver.fetched",
            Self::ArchiverBeforeCommit => "archiver.before_commit",
            Self::ArchiverCommitted => "archiver.committed",
            Self::CheckpointSigned => "checkpoint.signed",
            Self::CheckpointKept => "checkpoint.kept",
            Self::ExportClaimed => "export.claimed",
            Self::ExportKept => "export.kept",
            Self::RedactionCommitted => "redaction.committed",
            Self::RetentionRemoved => "retention.removed",
            Self::RetentionCommitted => "retention.committed",
            Self::BatchesJoined => "batches.joined",
            Self::AnalyticsFolded => "analytics.folded",
            Self::ActivityTold => "activity.told",
            Self::ActivityPruned => "activity.pruned",
        }
    }
}

/// Why fail points cannot be armed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not `<point>` or `<point>@<number>`.
    #[error("{0:?} is no fail point")]
    Unknown(String),
    /// Release builds have none.
    #[error("this build has no fail points")]
    NotInThisBuild,
}

/// Fail points, armed or (by default) inert. Cheap to clone; clones count visits together.
#[derive(Clone, Debug, Default)]
pub struct FailPoints(Arc<[Armed]>);

#[derive(Debug)]
struct Armed {
    point: Point,
    /// Visits left before it acts.
    visits: AtomicU32,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Abort,
    Hold { reached: watch::Sender<bool>, released: watch::Receiver<bool> },
}

impl FailPoints {
    /// Arms points by name: `relay.published` aborts the process at the first visit, `relay.published@3` at the third.
    ///
    /// # Errors
    /// See [`Error`]. An empty list is inert in every build.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, Error> {
        if !names.is_empty() && !cfg!(debug_assertions) {
            return Err(Error::NotInThisBuild);
        }
        names.iter().map(|name| read(name.as_ref()).ok_or_else(|| Error::Unknown(name.as_ref().to_owned()))).collect::<Result<_, _>>().map(Self)
    }

    /// Arms one point to hold whoever visits it first, until released. Inert in builds without debug assertions.
    pub fn hold(point: Point) -> (Self, Hold) {
        let (reached, has_reached) = watch::channel(false);
        let (release, released) = watch::channel(false);
        let armed = Armed { point, visits: AtomicU32::new(1), action: Action::Hold { reached, released } };
        let points = if cfg!(debug_assertions) { Self([armed].into()) } else { Self::default() };
        (points, Hold { reached: has_reached, release })
    }

    /// To be called at the point.
    pub(crate) async fn visit(&self, point: Point) {
        for armed in self.0.iter().filter(|armed| armed.point == point) {
            if armed.visits.fetch_sub(1, Ordering::AcqRel) != 1 {
                continue;
            }
            match &armed.action {
                Action::Abort => std::process::abort(),
                Action::Hold { reached, released } => {
                    reached.send_replace(true);
                    // A dropped `Hold` releases as well.
                    drop(released.clone().wait_for(|released| *released).await);
                }
            }
        }
    }
}

/// The other end of [`FailPoints::hold`]. Dropping it releases.
#[derive(Debug)]
pub struct Hold {
    reached: watch::Receiver<bool>,
    release: watch::Sender<bool>,
}

impl Hold {
    /// Waits until someone is held.
    pub async fn reached(&mut self) {
        drop(self.reached.wait_for(|reached| *reached).await);
    }

    /// Lets whoever is held go on.
    pub fn release(&self) {
        self.release.send_replace(true);
    }
}

fn read(text: &str) -> Option<Armed> {
    let (name, visits) = match text.split_once('@') {
        Some((name, number)) => (name, number.parse().ok().filter(|n| *n > 0)?),
        None => (text, 1),
    };
    let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
    Some(Armed { point, visits: AtomicU32::new(visits), action: Action::Abort })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_with_and_without_a_number() {
        let points = FailPoints::parse(&["relay.published@3", "archiver.committed"]).unwrap();
        let armed: Vec<_> = points.0.iter().map(|a| (a.point, a.visits.load(Ordering::Relaxed))).collect();
        assert_eq!(armed, [(Point::RelayPublished, 3), (Point::ArchiverCommitted, 1)]);
        for bad in ["", "relay", "relay.published@0", "relay.published@x", "RELAY.published"] {
            assert_eq!(FailPoints::parse(&[bad]).unwrap_err(), Error::Unknown(bad.to_owned()));
        }
    }

    #[tokio::test]
    async fn holds_the_first_visitor_only() {
        let (points, mut hold) = FailPoints::hold(Point::RelayMarked);
        points.visit(Point::RelayClaimed).await;
        tokio::join!(points.visit(Point::RelayMarked), async {
            hold.reached().await;
            points.visit(Point::RelayMarked).await;
            hold.release();
        });
    }
}
