//! Death at every step.

use slipstream_workers::FailPoints;
use slipstream_workers::failpoint::Point;

use crate::flow::{Flow, sorted};

/// Workers die at every step of the way from the outbox to the archive, while others write. Each event is in the stream once, and once in the archive.
#[tokio::test]
async fn a_death_at_any_step_loses_and_repeats_nothing() {
    let flow = Flow::new(1).await;
    let mut ids = Vec::new();
    for point in Point::OF_EVENTS {
        let (points, mut hold) = FailPoints::hold(point);
        let relay = flow.relay_with(points.clone()).await;
        let archiver = flow.archiver_with(0, points).await;
        let (written, ()) = tokio::join!(flow.write_each("a", 40), hold.reached());
        ids.extend(written);
        relay.kill().await;
        archiver.kill().await;
        ids.extend(flow.write_each("a", 10).await);
    }
    let (relay, archiver) = (flow.relay().await, flow.archiver(0).await);
    flow.relayed().await;
    flow.archived_all(0).await;
    assert_eq!(flow.committed("a").await, ids);
    assert_eq!(flow.streamed("a").await, ids, "each once, in the order of the commits");
    assert_eq!(sorted(flow.archived("a").await), sorted(ids));
    relay.stop().await;
    archiver.stop().await;
}
