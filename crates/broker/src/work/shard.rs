//! The loop over one shard: asks for as many messages as there is room for, handles them side by side, starts over when the broker was away.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rand::Rng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Delivery, Verdict, WorkConfig, handling, setup};
use crate::pull::{Answer, Pull};
use crate::{Broker, Error, limits};

/// Runs until `shutdown`.
pub(super) async fn run<H, F>(broker: &Broker, config: &WorkConfig, shard: u16, handler: &H, shutdown: &CancellationToken) -> Result<(), Error>
where
    H: Fn(Delivery) -> F + Sync,
    F: Future<Output = Verdict> + Send,
{
    let mut failures = 0_u32;
    loop {
        let started_at = Instant::now();
        match session(broker, config, shard, handler, shutdown).await {
            Ok(()) => return Ok(()),
            Err(error) if error.retriable() => {
                failures = if started_at.elapsed() > limits::WORK_RETRY_DELAY_MAX { 1 } else { failures.saturating_add(1) };
                let delay = retry_delay(failures, rand::rng().random());
                tracing::warn!(consumer = config.name, shard, %error, delay_ms = delay.as_millis() as u64, "background consumer starts over");
                if shutdown.run_until_cancelled(tokio::time::sleep(delay)).await.is_none() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// One stretch of work, until `shutdown` or until the consumer is lost; in either case what is in handling is finished first.
async fn session<H, F>(broker: &Broker, config: &WorkConfig, shard: u16, handler: &H, shutdown: &CancellationToken) -> Result<(), Error>
where
    H: Fn(Delivery) -> F + Sync,
    F: Future<Output = Verdict> + Send,
{
    // The consumer may have been lost with its server.
    setup::ensure(broker, config, shard).await?;
    let epoch = broker.known_within(shard, Duration::MAX).await?.state.epoch;
    let mut pull = Pull::open(broker, &broker.stream(shard)?, &config.name).await?;
    let mut handlings = FuturesUnordered::new();
    let ended = loop {
        let room = config.max_in_flight.saturating_sub(handlings.len() + pull.credit());
        if room > 0
            && (pull.credit() == 0 || room * 2 >= config.max_in_flight)
            && let Err(error) = pull.ask(room).await
        {
            break Err(error);
        }
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break Ok(()),
            Some(()) = handlings.next() => {}
            answer = pull.next(Instant::now() + limits::PULL_EXPIRES), if pull.credit() > 0 => match answer {
                Ok(Some(Answer::Message(message))) => handlings.push(handling::handle(broker, config, shard, epoch, message, handler)),
                Ok(Some(Answer::Heartbeat(_)) | None) => {}
                Err(error) => break Err(error),
            },
        }
    };
    for message in pull.leftovers() {
        handling::decline(broker, message).await;
    }
    while handlings.next().await.is_some() {}
    ended
}

/// Random below a bound that doubles with each failure.
fn retry_delay(failures: u32, random: f64) -> Duration {
    let bound = Duration::from_millis(100).saturating_mul(2_u32.saturating_pow(failures.min(10))).min(limits::WORK_RETRY_DELAY_MAX);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_each_time_up_to_a_bound() {
        assert_eq!(retry_delay(1, 1.0), Duration::from_millis(200));
        assert_eq!(retry_delay(99, 1.0), limits::WORK_RETRY_DELAY_MAX);
        assert_eq!(retry_delay(3, 0.0), Duration::ZERO);
    }
}
