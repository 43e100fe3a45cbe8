//! One supervised child process.
//!
//! Every child has a thread of its own that starts it and waits for it. The kernel's parent-death signal follows the
//! *thread* that started a child, so a runtime's worker (or a test's thread) must not be the one: it may end long before
//! this process does. The thread also reaps the child at once, and makes the handle independent of any async runtime.

mod log;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};

use super::Error;
use super::account::Account;
use super::limits::{DROP_TIMEOUT, POLL_INTERVAL};
pub(super) use log::Log;

/// What to start, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    /// For messages and the thread's name.
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    /// The whole environment besides `PATH` and `LANG`: nothing is inherited.
    pub(super) env: Vec<(&'static str, OsString)>,
    pub(super) cwd: PathBuf,
    pub(super) account: Account,
    /// A `setpriv` that knows `--pdeathsig`; without it the child may outlive a killed parent.
    pub(super) setpriv: Option<PathBuf>,
}

/// A running, or just ended, child. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    handle: Handle,
}

/// Waits for and signals a child without owning it.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pid: u32,
    /// True once the id may belong to another process.
    reaped: Arc<Mutex<bool>>,
    status: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts the child; its output goes to the end of `log`. Returns once the program runs (not: once it is ready).
    pub(super) async fn spawn(spec: Spec, log: &Log) -> Result<Self, Error> {
        let (name, program) = (spec.name, spec.program.clone());
        let (output, errors) = log.open()?;
        let mut command = command(spec);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let (started, answer) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("child {name}"))
            .spawn(move || supervise(command, started))
            .map_err(Error::file("start a thread for", &program))?;
        match answer.await {
            Ok(Ok(process)) => Ok(process),
            Ok(Err(source)) => Err(Error::file("run", &program)(source)),
            Err(_) => Err(Error::file("run", &program)(std::io::Error::other("its thread ended"))),
        }
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.handle.signal(Signal::SIGKILL);
        if !self.handle.block_until_exit(DROP_TIMEOUT) {
            tracing::warn!(pid = self.handle.pid, "a killed child has not ended yet");
        }
    }
}

impl Handle {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn exit(&self) -> Option<ExitStatus> {
        *self.status.borrow()
    }

    /// Sends a signal, unless the child has ended.
    pub(super) fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if *reaped {
            return;
        }
        if let Err(error) = kill(Pid::from_raw(self.pid.cast_signed()), signal) {
            tracing::warn!(pid = self.pid, %signal, %error, "a child could not be signalled");
        }
    }

    /// Waits for the end of the child, however long that takes.
    pub(super) async fn exited(&self) -> ExitStatus {
        let mut status = self.status.clone();
        match status.wait_for(Option::is_some).await {
            Ok(ended) => ended.unwrap_or_default(),
            Err(_) => ExitStatus::default(),
        }
    }

    /// Sends each signal and gives the child that long to end; kills it after the last.
    pub(super) async fn end(&self, steps: &[(Signal, Duration)]) -> ExitStatus {
        // A stopped process acts on no signal but SIGKILL.
        self.signal(Signal::SIGCONT);
        for (signal, limit) in steps {
            self.signal(*signal);
            if let Ok(status) = tokio::time::timeout(*limit, self.exited()).await {
                return status;
            }
            tracing::warn!(pid = self.pid, %signal, waited_ms = limit.as_millis(), "a child did not end in time");
        }
        self.signal(Signal::SIGKILL);
        self.exited().await
    }

    /// For `Drop`, which cannot await.
    pub(super) fn block_until_exit(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.exit().is_none() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        true
    }
}

type Started = oneshot::Sender<std::io::Result<Process>>;

/// The body of a child's thread.
fn supervise(mut command: Command, started: Started) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            drop(started.send(Err(error)));
            return;
        }
    };
    let (ended, status) = watch::channel(None);
    let reaped = Arc::new(Mutex::new(false));
    let handle = Handle { pid: child.id(), reaped: reaped.clone(), status };
    let unclaimed = started.send(Ok(Process { handle })).err();
    if let Some(Ok(process)) = &unclaimed {
        process.handle.signal(Signal::SIGKILL);
    }
    await_end(&child);
    let mut reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    let status = child.wait().unwrap_or_default();
    *reaped = true;
    drop(reaped);
    ended.send_replace(Some(status));
}

/// Waits without reaping: until the id is released under the lock, it cannot be another process's.
fn await_end(child: &Child) {
    let id = Pid::from_raw(child.id().cast_signed());
    while let Err(Errno::EINTR) = waitid(Id::Pid(id), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) {}
}

fn command(spec: Spec) -> Command {
    let mut command = match &spec.setpriv {
        Some(setpriv) => through_setpriv(setpriv, &spec),
        None => directly(&spec),
    };
    command.args(&spec.args).current_dir(&spec.cwd).process_group(0);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LANG", "C.UTF-8").envs(spec.env);
    command
}

/// `setpriv` sets the parent-death signal after it has changed the account, so that the change does not clear it.
fn through_setpriv(setpriv: &PathBuf, spec: &Spec) -> Command {
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL", "--no-new-privs"]);
    if spec.account.is_other() {
        command.arg(format!("--reuid={}", spec.account.uid));
        command.arg(format!("--regid={}", spec.account.gid));
        command.arg("--clear-groups");
    }
    command.arg("--").arg(&spec.program);
    command
}

fn directly(spec: &Spec) -> Command {
    let mut command = Command::new(&spec.program);
    if spec.account.is_other() {
        command.uid(spec.account.uid).gid(spec.account.gid);
    }
    command
}
