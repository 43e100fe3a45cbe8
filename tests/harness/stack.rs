//! One deployment per test.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use slipstream_access::Secret;
use slipstream_access::mint::Grant;
use slipstream_broker::{Broker, Provision};
use slipstream_event::Tenant;
use slipstream_server::children::{Nats, NatsConfig, NatsUser};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::process::Command;

use crate::{Cluster, Http, Node, PATIENCE, places};

/// The secret that signs tokens.
pub const TOKEN_SECRET: &str = "the tests' own token secret";
/// The secret that seals cursors.
pub const CURSOR_SECRET: &str = "the tests' own cursor secret";

/// Everything that a process can do.
pub const ALL_ROLES: &str = "api,gateway,relay,archiver,exports,retention";

/// How a deployment differs from the usual one.
#[derive(Clone, Debug)]
pub struct Setup {
    shards: u16,
    own_postgres: bool,
    provision: Provision,
    env: Vec<(String, String)>,
}

/// A deployment: its servers, and what its processes need to know.
#[derive(Debug)]
pub struct Stack {
    /// The broker's server.
    pub nats: Nats,
    /// The database's server; shared with other tests unless the setup says otherwise.
    pub cluster: Arc<Cluster>,
    /// The address of this deployment's database.
    pub database_url: String,
    shards: u16,
    provision: Provision,
    env: Vec<(String, String)>,
    logs: Mutex<Vec<PathBuf>>,
    nodes: AtomicUsize,
    dir: TempDir,
}

impl Default for Setup {
    fn default() -> Self {
        Self { shards: 1, own_postgres: false, provision: Provision::default(), env: Vec::new() }
    }
}

impl Setup {
    /// With so many shards.
    #[must_use]
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards;
        self
    }

    /// With a Postgres that the test may kill.
    #[must_use]
    pub fn own_postgres(mut self) -> Self {
        self.own_postgres = true;
        self
    }

    /// With streams that differ.
    #[must_use]
    pub fn provision(mut self, provision: Provision) -> Self {
        self.provision = provision;
        self
    }

    /// With a setting for all nodes, by its variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the servers and makes database and streams; no node yet.
    pub async fn start(self) -> Stack {
        let dir = places::scratch();
        let nats = async {
            let config = NatsConfig { bin: places::nats().await, dir: dir.path().join("nats"), port: None, setpriv: places::setpriv().await };
            Nats::start(config).await.unwrap()
        };
        let cluster = async { if self.own_postgres { Cluster::own().await } else { Cluster::shared().await } };
        let (nats, cluster) = tokio::join!(nats, cluster);
        let database_url = cluster.database().await;
        let env = environment(&nats, &database_url, self.shards).into_iter().chain(self.env).collect();
        let stack =
            Stack { nats, cluster, database_url, shards: self.shards, provision: self.provision, env, logs: Mutex::default(), nodes: AtomicUsize::new(0), dir };
        stack.broker().await.provision(&stack.provision).await.unwrap();
        stack
    }
}

impl Stack {
    /// The usual deployment: one shard, the shared Postgres.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// The usual deployment with one node of all roles.
    pub async fn with_node() -> (Self, Node) {
        let stack = Self::start().await;
        let node = stack.node(ALL_ROLES).await;
        (stack, node)
    }

    /// Starts a process with these roles, with commas between them.
    pub async fn node(&self, roles: &str) -> Node {
        self.node_with(roles, &[]).await
    }

    /// Starts a process with these roles and further settings.
    pub async fn node_with(&self, roles: &str, env: &[(&str, &str)]) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.path().join(format!("node-{number}-{}", roles.replace(',', "-")));
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).push(dir.join("log"));
        let further = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let usual = self.env.iter().filter(|(name, _)| !env.iter().any(|(other, _)| other == name)).cloned();
        Node::start(dir, roles, usual.chain(further).collect()).await
    }

    /// Runs a command of the program to its end, with the settings of this deployment and the operator's rights.
    pub async fn run(&self, args: &[&str], env: &[(&str, &str)]) -> Output {
        self.run_within(PATIENCE, args, env).await
    }

    /// As [`Stack::run`], for a command that may take long.
    pub async fn run_within(&self, within: Duration, args: &[&str], env: &[(&str, &str)]) -> Output {
        let mut command = Command::new(places::program());
        command.args(args).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").envs(self.env.iter().cloned());
        command.env("SLIPSTREAM_NATS_URL_ADMIN", self.nats.url(NatsUser::Admin)).envs(env.iter().copied());
        command.current_dir(self.dir.path()).stdin(Stdio::null()).kill_on_drop(true);
        tokio::time::timeout(within, command.output()).await.unwrap_or_else(|_| panic!("{args:?} does not end")).unwrap()
    }

    /// The directory of this deployment, for files of a test.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Takes everything from the broker, as if its disk were new, and makes the streams again.
    pub async fn lose_broker(&self) {
        self.nats.stop().await;
        std::fs::remove_dir_all(self.dir.path().join("nats/store")).unwrap();
        self.nats.restart().await.unwrap();
        self.broker().await.provision(&self.provision).await.unwrap();
    }

    /// A connection with the rights of the operator.
    pub async fn broker(&self) -> Broker {
        let mut config = slipstream_broker::Config::new(self.nats.address(), "admin");
        config.user = Some(NatsUser::Admin.name().to_owned());
        config.password = Some(self.nats.password(NatsUser::Admin).to_owned());
        config.shards = self.shards;
        Broker::connect(config).await.unwrap()
    }

    /// A token of a person with all rights in the tenant, for an hour.
    pub fn token(&self, tenant: &str) -> String {
        self.token_of("u1", tenant, &["admin", "writer"])
    }

    /// A token of this person with these roles, for an hour.
    pub fn token_of(&self, user: &str, tenant: &str, roles: &[&str]) -> String {
        let grant = Grant::new(user, Some(Tenant::new(tenant).unwrap()), roles);
        self.sign(&grant, TOKEN_SECRET, Duration::from_secs(3_600))
    }

    /// A token of this grant, signed with any secret, for a time from now.
    pub fn sign(&self, grant: &Grant, secret: &str, ttl: impl TryInto<time::Duration, Error: std::fmt::Debug>) -> String {
        grant.sign(&Secret::new(secret), OffsetDateTime::now_utc(), ttl.try_into().unwrap()).unwrap()
    }

    /// A client with all rights in the tenant.
    pub fn http(&self, node: &Node, tenant: &str) -> Http {
        Http::new(node.url(), Some(self.token(tenant)))
    }

    /// Runs a statement in this deployment's database.
    pub async fn sql(&self, statement: &str) -> String {
        self.cluster.sql(&self.database_url, statement).await
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for log in self.logs.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("== the end of {}\n{}", log.display(), lines[lines.len().saturating_sub(60)..].join("\n"));
        }
        eprintln!("== the end of {}\n{}", self.nats.log_path().display(), self.nats.log_tail());
    }
}

fn environment(nats: &Nats, database_url: &str, shards: u16) -> Vec<(String, String)> {
    let settings = [
        ("DATABASE_URL", database_url.to_owned()),
        ("DATABASE_CONNECTIONS_MAX", "4".to_owned()),
        ("NATS_URL_GATEWAY", nats.url(NatsUser::Gateway)),
        ("NATS_URL_API", nats.url(NatsUser::Api)),
        ("NATS_URL_RELAY", nats.url(NatsUser::Relay)),
        ("NATS_URL_ARCHIVER", nats.url(NatsUser::Archiver)),
        ("NATS_URL", nats.url(NatsUser::Gateway)),
        ("SHARDS", shards.to_string()),
        ("TOKEN_SECRET", TOKEN_SECRET.to_owned()),
        ("CURSOR_SECRET", CURSOR_SECRET.to_owned()),
        // Off by default; Chromium's EventSource and older clients need it.
        ("QUERY_TOKEN", "true".to_owned()),
        ("HEARTBEAT_MS", "1000".to_owned()),
        ("DRAIN_WAIT_MS", "0".to_owned()),
        ("DRAIN_SECONDS", "15".to_owned()),
        ("LOG", "info,slipstream=debug".to_owned()),
    ];
    settings.into_iter().map(|(name, value)| (format!("SLIPSTREAM_{name}"), value)).collect()
}
