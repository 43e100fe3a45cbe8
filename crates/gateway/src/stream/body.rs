//! The writer for all streams that do not have a socket of their own: bodies of HTTP/2 and WebSocket messages. One future for each stream, polled by its connection.

use std::convert::Infallible;
use std::pin::pin;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use metrics::counter;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::replay::Replay;
use super::session::{Env, Next, Session};
use super::span::Spans;
use crate::limits;
use crate::metrics::DELIVERED;

/// Drives one session.
pub(crate) struct Driver {
    pub(crate) session: Session,
    pub(crate) env: Env,
    pub(crate) replay: Replay,
    pub(crate) drain: CancellationToken,
    /// Changes when somebody is cut off.
    pub(crate) revoked: watch::Receiver<u64>,
}

impl Driver {
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
                Next::Read(wanted) => {
                    // Boxed: it is large, and a stream that lives is rarely in it.
                    let step = Box::pin(self.replay.step(&wanted));
                    tokio::select! {
                        biased;
                        () = self.drain.cancelled() => self.session.close("server_shutdown", true),
                        step = step => self.session.bring(&self.env, step),
                    }
                }
                Next::Rebase => Box::pin(self.rebase()).await,
                Next::Wait => tokio::select! {
                    biased;
                    () = self.drain.cancelled() => Box::pin(self.say_goodbye()).await,
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
