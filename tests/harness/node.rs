//! One process of the program under test.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::{PATIENCE, eventually, places};

/// A process of `slipstream serve`. Dropping it kills it; so does the end of the test's own process.
#[derive(Debug)]
pub struct Node {
    roles: String,
    env: Vec<(String, String)>,
    dir: PathBuf,
    setpriv: Option<PathBuf>,
    child: tokio::sync::Mutex<Option<Child>>,
    address: Mutex<String>,
}

impl Node {
    /// Starts the roles on a free port and waits until they serve. `dir` takes the log.
    pub(crate) async fn start(dir: PathBuf, roles: &str, env: Vec<(String, String)>) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let node =
            Self { roles: roles.to_owned(), env, dir, setpriv: places::setpriv().await, child: tokio::sync::Mutex::default(), address: Mutex::default() };
        node.restart().await;
        node
    }

    /// The address to call, `http://host:port`: another one after each restart.
    pub fn url(&self) -> String {
        format!("http://{}", self.address.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it does.
    pub fn roles(&self) -> &str {
        &self.roles
    }

    /// Starts it again, with other settings; kills it first if it runs.
    pub async fn restart_with(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self.restart().await;
    }

    /// Starts it again; kills it first if it runs.
    pub async fn restart(&self) {
        self.kill().await;
        let address_file = self.dir.join("address");
        drop(fs::remove_file(&address_file));
        let mut child = self.command(&address_file).spawn().unwrap();
        let address = eventually(&format!("{} serves", self.roles), async || match child.try_wait().unwrap() {
            Some(status) => panic!("{} ended while starting ({status}):\n{}", self.roles, self.log_tail()),
            None => fs::read_to_string(&address_file).map_err(|_| self.log_tail()),
        })
        .await;
        address.trim().clone_into(&mut self.address.lock().unwrap_or_else(PoisonError::into_inner));
        *self.child.lock().await = Some(child);
    }

    /// Kills it at once (`kill -9`) and waits until it is gone.
    pub async fn kill(&self) {
        if let Some(child) = self.child.lock().await.as_mut() {
            child.kill().await.unwrap();
        }
    }

    /// Asks it to stop (`SIGTERM`).
    pub async fn terminate(&self) {
        self.signal(Signal::SIGTERM).await;
    }

    /// Asks it to stop and waits for its end.
    pub async fn stop(&self) -> ExitStatus {
        self.terminate().await;
        self.exited().await
    }

    /// Hangs it (`SIGSTOP`): connections stay open and nothing answers.
    pub async fn pause(&self) {
        self.signal(Signal::SIGSTOP).await;
    }

    /// Ends [`Node::pause`].
    pub async fn resume(&self) {
        self.signal(Signal::SIGCONT).await;
    }

    /// Waits for its end, whoever ends it.
    pub async fn exited(&self) -> ExitStatus {
        let mut child = self.child.lock().await;
        let child = child.as_mut().unwrap();
        match tokio::time::timeout(PATIENCE, child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!("{} does not end:\n{}", self.roles, self.log_tail()),
        }
    }

    /// Its process id.
    pub async fn pid(&self) -> u32 {
        self.child.lock().await.as_ref().and_then(Child::id).unwrap()
    }

    /// Whether it runs.
    pub async fn is_running(&self) -> bool {
        self.child.lock().await.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// The end of what it logged.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// Everything that it logged.
    pub fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    async fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().await.cast_signed()), signal).unwrap();
    }

    fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn command(&self, address_file: &Path) -> Command {
        let mut command = match &self.setpriv {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(places::program());
                command
            }
            None => Command::new(places::program()),
        };
        let log = OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        command.args(["serve", "--role", &self.roles, "--listen", "127.0.0.1:0", "--address-file"]).arg(address_file);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("RUST_BACKTRACE", "1").envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).kill_on_drop(true);
        command
    }
}
