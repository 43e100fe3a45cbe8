//! When the relay looks again.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio::time::{Instant, sleep, sleep_until};

use crate::{Store, Wake, limits};

/// The relay's alarm clock: the signal of writers in this process, a notification of other writers, else the poll interval.
#[derive(Debug)]
pub struct Wakeups {
    wake: Wake,
    ear: Ear,
}

/// The listening connection.
struct Ear {
    pool: PgPool,
    state: State,
}

enum State {
    Deaf { until: Instant },
    Connecting(Pin<Box<dyn Future<Output = sqlx::Result<PgListener>> + Send>>),
    Listening(PgListener),
}

impl Wakeups {
    pub(super) fn new(store: &Store) -> Self {
        Self { wake: store.wake.clone(), ear: Ear { pool: store.pool.clone(), state: State::Deaf { until: Instant::now() } } }
    }

    /// Waits for a signal or a notification, at most `poll`. Cancel-safe. A lost connection is no error: then only signal and poll are left until it is back.
    pub async fn next(&mut self, poll: Duration) {
        tokio::select! {
            () = self.wake.signalled() => {}
            () = self.ear.heard() => {}
            () = sleep(poll) => {}
        }
    }

    /// Whether notifications reach it now.
    pub fn is_listening(&self) -> bool {
        matches!(self.ear.state, State::Listening(_))
    }
}

impl Ear {
    /// Waits for something that may mean new rows: a notification, or a connection that was just made (what came before it was not heard).
    async fn heard(&mut self) {
        loop {
            match &mut self.state {
                State::Deaf { until } => {
                    sleep_until(*until).await;
                    self.state = State::Connecting(Box::pin(listen(self.pool.clone())));
                }
                State::Connecting(connecting) => match connecting.await {
                    Ok(listener) => {
                        self.state = State::Listening(listener);
                        return;
                    }
                    Err(sqlx::Error::PoolClosed) => pending().await,
                    Err(error) => self.rest(&error),
                },
                State::Listening(listener) => match listener.recv().await {
                    Ok(_) => return,
                    Err(sqlx::Error::PoolClosed) => {
                        // The pool waits for this connection to come back.
                        self.state = State::Deaf { until: Instant::now() };
                        pending().await
                    }
                    Err(error) => self.rest(&error),
                },
            }
        }
    }

    fn rest(&mut self, error: &sqlx::Error) {
        tracing::debug!(%error, "not listening for new rows of the outbox, only polling");
        self.state = State::Deaf { until: Instant::now() + limits::LISTEN_RETRY };
    }
}

async fn listen(pool: PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("slipstream_outbox").await?;
    Ok(listener)
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Deaf { .. } => "deaf",
            State::Connecting(_) => "connecting",
            State::Listening(_) => "listening",
        };
        f.debug_tuple("Ear").field(&state).finish()
    }
}
