//! A private `nats-server` with JetStream on files.

mod credentials;
mod ports;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;

use super::account::Account;
use super::limits::{POLL_INTERVAL, PORT_ATTEMPTS_MAX, START_TIMEOUT, STOP_TIMEOUT};
use super::process::{Handle, Log, Process, Spec};
use super::slot::{Running, Slot};
use super::{Error, Lock, private_dir, proc};
use credentials::Credentials;
pub use credentials::NatsUser;

/// The configuration that is also the production one: its users and their rights, fsync before every acknowledgement.
const SERVER_CONF: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../nats/server.conf"));

/// What to run, and where.
#[derive(Debug, Clone)]
pub struct NatsConfig {
    /// The `nats-server` program, see [`find_nats`](super::find_nats).
    pub bin: PathBuf,
    /// Everything that is kept: messages, configuration, passwords, log. Made when absent, mode 0700.
    pub dir: PathBuf,
    /// The port on loopback; `None` takes a free one.
    pub port: Option<u16>,
    /// See [`find_setpriv`](super::find_setpriv).
    pub setpriv: Option<PathBuf>,
}

/// A private `nats-server`. Dropping it kills it.
#[derive(Debug)]
pub struct Nats {
    config: NatsConfig,
    port: u16,
    credentials: Credentials,
    slot: Slot,
    _lock: Lock,
}

impl Nats {
    /// Starts the server and waits until it answers. Ends one that a killed process left in the same directory.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process uses the directory, [`Error::Failed`] with the end of the log when the
    /// server does not start.
    pub async fn start(mut config: NatsConfig) -> Result<Self, Error> {
        private_dir::ensure(&config.dir, &Account::own())?;
        config.dir = config.dir.canonicalize().map_err(Error::file("read", &config.dir))?;
        let lock = Lock::acquire(&config.dir)?;
        end_left_behind(&config.dir).await;
        let credentials = Credentials::load_or_create(&config.dir)?;
        let (port, running) = match config.port {
            Some(port) => (port, launch(&config, &credentials, port).await?),
            None => launch_on_free_port(&config, &credentials).await?,
        };
        tracing::debug!(port, pid = running.process.handle().pid(), "nats-server is ready");
        Ok(Self { config, port, credentials, slot: Slot::new(running), _lock: lock })
    }

    /// The address with the user's name and password: `nats://<user>:<password>@127.0.0.1:<port>`.
    #[must_use]
    pub fn url(&self, user: NatsUser) -> String {
        format!("nats://{}:{}@127.0.0.1:{}", user.name(), self.password(user), self.port)
    }

    /// The address without a user: `nats://127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The user's password; the same for the life of the directory.
    #[must_use]
    pub fn password(&self, user: NatsUser) -> &str {
        self.credentials.password(user)
    }

    /// The port on loopback; the same for the life of this value.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the present or last process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.handle().pid()
    }

    /// Whether the process runs (also when it hangs).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.handle().exit().is_none()
    }

    /// Waits for the end of the present process, whoever ends it.
    pub async fn wait_exit(&self) -> ExitStatus {
        self.handle().exited().await
    }

    /// Kills it at once (`kill -9`) and waits until it is gone.
    pub async fn kill(&self) {
        self.handle().end(&[]).await;
    }

    /// Asks it to stop and waits; kills it after ten seconds.
    pub async fn stop(&self) {
        self.handle().end(&[(Signal::SIGTERM, STOP_TIMEOUT)]).await;
    }

    /// Hangs it (`SIGSTOP`): connections stay open and nothing answers, until [`Nats::resume`].
    pub fn pause(&self) {
        self.handle().signal(Signal::SIGSTOP);
    }

    /// Ends [`Nats::pause`].
    pub fn resume(&self) {
        self.handle().signal(Signal::SIGCONT);
    }

    /// Starts it again on the same port and files; stops it first if it runs.
    ///
    /// # Errors
    /// [`Error::Failed`] with the end of the log when it does not start.
    pub async fn restart(&self) -> Result<(), Error> {
        let _turn = self.slot.turn.lock().await;
        self.stop().await;
        self.slot.replace(launch(&self.config, &self.credentials, self.port).await?);
        Ok(())
    }

    /// The file that the server logs to.
    #[must_use]
    pub fn log_path(&self) -> PathBuf {
        log_path(&self.config.dir)
    }

    /// The end of what the present process logged, for a message about its end.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.slot.log_tail()
    }

    fn handle(&self) -> Handle {
        self.slot.handle()
    }
}

async fn launch_on_free_port(config: &NatsConfig, credentials: &Credentials) -> Result<(u16, Running), Error> {
    let mut attempt = 1;
    loop {
        let port = ports::free().map_err(Error::file("find a free port for", &config.bin))?;
        match launch(config, credentials, port).await {
            // Somebody took the port between our look and the server's.
            Err(Error::Failed { log_tail, .. }) if log_tail.contains("address already in use") && attempt < PORT_ATTEMPTS_MAX => {
                attempt += 1;
            }
            other => return Ok((port, other?)),
        }
    }
}

async fn launch(config: &NatsConfig, credentials: &Credentials, port: u16) -> Result<Running, Error> {
    let conf = conf_path(&config.dir);
    std::fs::write(&conf, SERVER_CONF).map_err(Error::file("write", &conf))?;
    let log = Log::begin(log_path(&config.dir))?;
    let process = Process::spawn(spec(config, credentials, port), &log).await?;
    let pid_file = pid_path(&config.dir);
    std::fs::write(&pid_file, process.handle().pid().to_string()).map_err(Error::file("write", &pid_file))?;
    await_ready(&process.handle(), credentials, port, &log).await?;
    Ok(Running { process, log })
}

fn spec(config: &NatsConfig, credentials: &Credentials, port: u16) -> Spec {
    let flags = ["--addr", "127.0.0.1", "--port", &port.to_string(), "--name", credentials.server_name(), "--config"];
    let mut args: Vec<OsString> = flags.iter().map(OsString::from).collect();
    args.push(conf_path(&config.dir).into());
    let mut env = credentials.environment();
    env.push(("SLIPSTREAM_NATS_STORE_DIR", credentials::quoted(&config.dir.join("store").to_string_lossy()).into()));
    Spec { name: "nats-server", program: config.bin.clone(), args, env, cwd: config.dir.clone(), account: Account::own(), setpriv: config.setpriv.clone() }
}

/// The server listens only once JetStream has recovered its files.
async fn await_ready(handle: &Handle, credentials: &Credentials, port: u16, log: &Log) -> Result<(), Error> {
    let deadline = Instant::now() + START_TIMEOUT;
    let failed = |reason: String| Error::Failed { name: "nats-server", reason, log_tail: log.tail(), log: log.path().to_owned() };
    loop {
        if let Some(status) = handle.exit() {
            return Err(failed(format!("ended while starting ({status})")));
        }
        if greets(port, credentials.server_name()).await {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(failed(format!("did not answer on port {port} within {} s", START_TIMEOUT.as_secs())));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Whether the server of this name (no other that has the port) greets a new connection.
async fn greets(port: u16, server_name: &str) -> bool {
    let greeting = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line)
    };
    match tokio::time::timeout(Duration::from_secs(1), greeting).await {
        Ok(Some(line)) => line.starts_with("INFO ") && line.contains(server_name),
        _ => false,
    }
}

/// Two servers on one store would destroy it.
async fn end_left_behind(dir: &Path) {
    let pid = std::fs::read_to_string(pid_path(dir)).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid {
        proc::end_stale(pid, &conf_path(dir)).await;
    }
}

fn conf_path(dir: &Path) -> PathBuf {
    dir.join("server.conf")
}

fn log_path(dir: &Path) -> PathBuf {
    dir.join("nats.log")
}

fn pid_path(dir: &Path) -> PathBuf {
    dir.join("pid")
}
