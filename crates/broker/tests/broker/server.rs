//! A private `nats-server` on a free port with a store of its own, killed when dropped.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use slipstream_broker::{Broker, Config, Provision};
use tempfile::TempDir;

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    dir: TempDir,
    config: String,
}

impl Server {
    /// Starts a server with JetStream on a free port.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// As [`Server::start`], with more lines of configuration.
    pub(crate) fn with(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let config = format!("jetstream {{ store_dir: {store:?}, sync_interval: always }}\nmax_payload: 1MB\n{config}\n");
        Self::run(dir, config)
    }

    /// Starts a server with the configuration as shipped; every user's password is `secret`.
    pub(crate) fn shipped() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = format!("{:?}", dir.path().join("store"));
        let mut config = include_str!("../../../../nats/server.conf").replace("$SLIPSTREAM_NATS_STORE_DIR", &store);
        for user in ["GATEWAY", "API", "RELAY", "ARCHIVER", "CONSUMERS", "ADMIN", "SYSTEM"] {
            config = config.replace(&format!("$SLIPSTREAM_NATS_{user}_PASSWORD"), "secret");
        }
        Self::run(dir, config.replace("port: 4222", ""))
    }

    fn run(dir: TempDir, config: String) -> Self {
        let child = spawn(dir.path(), &config, &free_port().to_string());
        let port = wait_for_port(dir.path());
        Self { child, port, dir, config }
    }

    /// SIGSTOP or SIGCONT: a server that hangs keeps its connections and answers nothing.
    pub(crate) fn signal(&self, signal: &str) {
        let done = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again on the same port and store.
    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.dir.path(), &self.config, &self.port.to_string());
        wait_for_port(self.dir.path());
    }

    pub(crate) fn config(&self, shards: u16) -> Config {
        Config { shards, request_timeout: Duration::from_secs(3), ..Config::new(self.url(), "test") }
    }

    /// A handle without streams.
    pub(crate) async fn connect(&self, shards: u16) -> Broker {
        Broker::connect(self.config(shards)).await.unwrap()
    }

    /// A handle with streams as shipped.
    pub(crate) async fn broker(&self, shards: u16) -> Broker {
        let broker = self.connect(shards).await;
        broker.provision(&Provision::default()).await.unwrap();
        broker
    }

    /// An unwrapped client, for what the crate does not offer.
    pub(crate) async fn raw(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }

    /// Changes a stream behind the crate's back.
    pub(crate) async fn change(&self, stream: &str, change: impl FnOnce(&mut async_nats::jetstream::stream::Config)) {
        let raw = self.raw().await;
        let mut config = raw.get_stream(stream).await.unwrap().cached_info().config.clone();
        change(&mut config);
        raw.update_stream(&config).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A free port below those that the kernel gives to outgoing connections: it stays free while its server is down, and until it starts.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests run side by side in processes of their own: each begins elsewhere.
    let begin = std::process::id().wrapping_mul(61) % 18_000;
    let ports = (0..2_000).map(|_| 12_000 + u16::try_from((begin + u32::from(NEXT.fetch_add(1, Ordering::Relaxed))) % 18_000).unwrap());
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

fn spawn(dir: &Path, config: &str, port: &str) -> Child {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.path().extension().is_some_and(|e| e == "ports") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let file = dir.join("server.conf");
    std::fs::write(&file, config).unwrap();
    let mut command = Command::new(binary());
    command.arg("-c").arg(&file).args(["-a", "127.0.0.1", "-p", port, "--ports_file_dir"]).arg(dir).arg("-l").arg(dir.join("log"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap_or_else(|e| panic!("nats-server does not start: {e}"))
}

/// The server writes its ports into a file once it listens.
fn wait_for_port(dir: &Path) -> u16 {
    for _ in 0..1_000 {
        let files = std::fs::read_dir(dir).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|e| e == "ports"));
        for file in files {
            let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap_or_default();
            let url = ports["nats"][0].as_str().unwrap_or_default();
            if let Some(port) = url.rsplit(':').next().and_then(|port| port.parse().ok()) {
                return port;
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nats-server did not start: {}", std::fs::read_to_string(dir.join("log")).unwrap_or_default());
}

/// `SLIPSTREAM_NATS_BIN`, else the checkout's own, else whatever is on the PATH.
#[expect(clippy::disallowed_methods, reason = "the test's server is no setting of the product")]
pub(crate) fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("SLIPSTREAM_NATS_BIN") {
        return binary.into();
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.slipstream/bin/nats-server");
    if own.exists() { own } else { PathBuf::from("nats-server") }
}
