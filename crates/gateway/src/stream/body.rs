//! The writer for all streams that do not have a socket of their own: bodies of HTTP/2 and WebSocket messages. One future for each stream, polled by its connection.

use std::convert::Infallible;
use std::future::pending;
use std::pin::{Pin, pin};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use metrics::counter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::replay::{Replay, Step, Wanted};
use super::session::{Env, Next, Session};
use super::span::Spans;
use crate::limits;
use crate::metrics::DELIVERED;

/// Drives one session.
pub(crate) struct Driver {
    pub(crate) session: Session,
    env: Env,
    replay: Replay,
    drain: CancellationToken,
    /// Changes when somebody is cut off.
    revoked: watch::Receiver<u64>,
    reading: Option<Reading>,
}

/// A read under way.
type Reading = Pin<Box<dyn Future<Output = Step> + Send>>;

impl Driver {
    /// Drives `session` from now on.
    pub(crate) fn new(session: Session, env: Env, replay: Replay, drain: CancellationToken) -> Self {
        let mut revoked = env.revoked.subscribe();
        // Looked at once in any case: the caller may have been cut off after it was let in.
        revoked.mark_changed();
        Self { session, env, replay, drain, revoked, reading: None }
    }

    /// The session as the body of a response.
    pub(crate) fn into_body(self) -> Body {
        let bytes = stream::unfold(self, |mut driver| async move { driver.next().await.map(|bytes| (Ok::<_, Infallible>(bytes), driver)) });
        Body::from_stream(bytes)
    }

    /// The next bytes to write; `None` when the stream has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.revoked.has_changed().unwrap_or(false) {
                self.revoked.mark_unchanged();
                self.session.check(&self.env);
            }
            let lane = self.session.lane().clone();
            let mut grown = pin!(lane.wake().notified());
            // Before the look: what comes in from now on wakes.
            grown.as_mut().enable();
            match self.session.next(&self.env, Instant::now(), &mut Spans::default()) {
                Next::Write(bytes, written) => {
                    if written.events > 0 {
                        counter!(DELIVERED, "source" => written.source).increment(written.events);
                    }
                    return Some(bytes);
                }
                Next::End => return None,
                Next::Read(wanted) => self.reading = Some(read(self.replay.clone(), wanted)),
                Next::Rebase => {
                    self.reading = None;
                    Box::pin(self.rebase()).await;
                }
                Next::Wait => tokio::select! {
                    biased;
                    () = self.drain.cancelled() => Box::pin(self.say_goodbye()).await,
                    step = brought(&mut self.reading) => {
                        self.reading = None;
                        self.session.bring(&self.env, step);
                    }
                    () = grown => {}
                    Ok(()) = self.revoked.changed() => self.session.check(&self.env),
                    () = sleep_until(self.session.deadline(&self.env)) => self.session.tick(&self.env, Instant::now()),
                },
            }
        }
    }

    /// Goes over to the log that takes the place of a closed one. Silence for longer than a heartbeat would make the client connect anew in any case.
    async fn rebase(&mut self) {
        let deadline = Instant::now() + self.env.heartbeat;
        let lane = self.session.lane().clone();
        let log = tokio::select! {
            biased;
            () = self.drain.cancelled() => return self.session.close("server_shutdown", true),
            log = self.env.hub.log(lane.tenant(), deadline) => log,
        };
        match log {
            Some(log) => self.session.rebase(&self.env, log),
            None => self.session.end(),
        }
    }

    /// Streams do not all end at once, so that their clients do not all come back at once.
    async fn say_goodbye(&mut self) {
        sleep(limits::CLOSING_MAX.mul_f64(rand::random_range(0.0..0.5))).await;
        self.session.close("server_shutdown", true);
    }
}

/// Boxed: it is large, and a stream that lives is rarely in it. It goes on while the stream says something else.
fn read(replay: Replay, wanted: Wanted) -> Reading {
    Box::pin(async move { replay.step(&wanted).await })
}

async fn brought(reading: &mut Option<Reading>) -> Step {
    match reading {
        Some(reading) => reading.await,
        None => pending().await,
    }
}
