//! Everything that runs for long: started here, by name, and waited for on a stop.
//!
//! The only place that spawns. Tasks stand in stages; a stop ends one stage after the other, each at its token, all before one deadline.

use std::fmt::Display;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Tasks that stop together.
#[derive(Debug)]
pub struct Stage {
    name: &'static str,
    token: CancellationToken,
    tasks: Vec<(String, JoinHandle<()>)>,
    ended: mpsc::Sender<String>,
}

/// Tells of tasks that ended although nobody stopped them.
#[derive(Debug)]
pub struct Watch {
    sender: mpsc::Sender<String>,
    receiver: mpsc::Receiver<String>,
}

impl Watch {
    /// A watch over the stages made from it.
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel(16);
        Self { sender, receiver }
    }

    /// A new stage.
    pub fn stage(&self, name: &'static str) -> Stage {
        Stage { name, token: CancellationToken::new(), tasks: Vec::new(), ended: self.sender.clone() }
    }

    /// Waits for a task that ends by itself; returns its name.
    pub async fn ended(&mut self) -> String {
        match self.receiver.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// The token at which its tasks end.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Starts a task. One that ends before the stage's token is cancelled brings the process down: half a process is worse than none.
    pub fn start<E: Display + Send>(&mut self, name: impl Into<String>, task: impl Future<Output = Result<(), E>> + Send + 'static) {
        self.watch(name.into(), task);
    }

    /// Starts work that blocks, on a thread of its own; it gets the stage's token. Otherwise as [`Stage::start`].
    pub fn start_thread<E: Display + Send + 'static>(
        &mut self,
        name: impl Into<String>,
        work: impl FnOnce(&CancellationToken) -> Result<(), E> + Send + 'static,
    ) {
        let token = self.token.clone();
        let thread = tokio::task::spawn_blocking(move || work(&token).map_err(|error| error.to_string()));
        self.watch(name.into(), async { thread.await.unwrap_or_else(|error| Err(error.to_string())) });
    }

    fn watch<E: Display + Send>(&mut self, name: String, task: impl Future<Output = Result<(), E>> + Send + 'static) {
        let (told, token, ended) = (name.clone(), self.token.clone(), self.ended.clone());
        let watched = async move {
            let result = task.await;
            if let Err(error) = &result {
                error!(task = told, %error, "a task failed");
            }
            if !token.is_cancelled() {
                // Full: another task has ended already, and one is enough.
                drop(ended.try_send(told));
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
        self.tasks.push((name, tokio::spawn(watched)));
    }

    /// Ends the stage: cancels its token and waits for its tasks until `deadline`; who is late is named and cut.
    pub async fn stop(self, deadline: Instant) {
        self.token.cancel();
        let begun = Instant::now();
        for (task, mut handle) in self.tasks {
            match timeout_at(deadline, &mut handle).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => error!(task, %error, "a task panicked"),
                Err(_) => {
                    warn!(stage = self.name, task, "a task did not stop in time and is cut");
                    handle.abort();
                }
            }
        }
        info!(stage = self.name, elapsed_ms = elapsed_ms(begun.elapsed()), "stopped");
    }
}

fn elapsed_ms(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
