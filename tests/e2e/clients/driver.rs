//! A running client, and all that it has shown.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use slipstream_tests::{PATIENCE, client_program};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Blocks that a client may show before the test looks. Beyond: the client waits.
const AHEAD: usize = 1_024;
/// How long a program may take to end once it was told to.
const END: Duration = Duration::from_secs(5);

/// One block as a client's library handed it out.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The id that the library names; some repeat the last one.
    pub(crate) id: String,
    /// Its name; `message` without one.
    pub(crate) event: String,
    pub(crate) data: String,
}

/// A client. Dropping it kills it.
pub(crate) struct Client {
    /// What it has shown, in order.
    pub(crate) shown: Vec<Shown>,
    lines: Receiver<Shown>,
    child: Option<(Child, ChildStdin)>,
    _tasks: JoinSet<()>,
}

impl Client {
    /// Starts a program of `tests/clients`.
    pub(crate) async fn program(name: &str, args: &[&str]) -> Self {
        let mut child = client_program(name, args).await.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut client = Self::task(|lines| async move {
            let mut texts = BufReader::new(stdout).lines();
            while let Ok(Some(text)) = texts.next_line().await {
                let shown = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                if lines.send(shown).await.is_err() {
                    return;
                }
            }
        });
        client.child = Some((child, stdin));
        client
    }

    /// Runs a client within this process.
    pub(crate) fn task<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(Sender<Shown>) -> F) -> Self {
        let (sender, lines) = channel(AHEAD);
        let mut tasks = JoinSet::new();
        tasks.spawn(run(sender));
        Self { shown: Vec::new(), lines, child: None, _tasks: tasks }
    }

    /// Waits until it has shown so many blocks of this name, and gives the last of them.
    pub(crate) async fn until(&mut self, name: &str, count: usize) -> Shown {
        self.wait(&format!("{name} number {count}"), |client| client.count(name) >= count).await;
        self.shown.iter().filter(|shown| shown.event == name).nth(count - 1).cloned().unwrap()
    }

    /// Waits until it has shown so many events in all.
    pub(crate) async fn until_events(&mut self, count: usize) {
        self.until("message", count).await;
    }

    /// Waits for the next block.
    pub(crate) async fn next(&mut self, what: &str) -> Shown {
        let next = timeout(PATIENCE, self.lines.recv()).await;
        let Ok(Some(shown)) = next else { panic!("{what} did not come ({}), after {:#?}", if next.is_ok() { "it ended" } else { "in time" }, self.shown) };
        self.shown.push(shown.clone());
        shown
    }

    /// How many blocks of this name it has shown.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.shown.iter().filter(|shown| shown.event == name).count()
    }

    /// The events that it has shown.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.shown.iter().filter(|shown| shown.event == "message").map(|shown| serde_json::from_str(&shown.data).unwrap()).collect()
    }

    /// Lets a program end by itself, so that it leaves nothing behind.
    pub(crate) async fn end(self) {
        if let Some((mut child, stdin)) = self.child {
            drop(stdin);
            drop(timeout(END, child.wait()).await);
        }
    }

    async fn wait(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        while !holds(self) {
            self.next(what).await;
        }
    }
}
