//! Waiting for what must become true.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long the harness waits for anything: far longer than it should take, so that only a fault reaches it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer, and gives it. Panics with `what` and the last refusal after [`PATIENCE`].
pub async fn eventually<T, E: std::fmt::Debug>(what: &str, mut ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(refusal) if Instant::now() > deadline => panic!("never: {what}; the last time: {refusal:?}"),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}
