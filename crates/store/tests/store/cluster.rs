//! A private Postgres cluster: in a directory of its own, on a Unix socket, gone with the process that made it.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use slipstream_store::{Config, Role, Store, migrate};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::time::{Instant, sleep};

/// A running cluster. Its files are removed when the process that made it ends, however that happens.
pub(crate) struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    databases: AtomicU32,
    /// Removes everything when its standard input closes.
    _watchdog: Child,
}

/// A database of its own, owned by a user without special rights but that of making roles, as in production.
pub(crate) struct Db {
    cluster: &'static Cluster,
    name: String,
}

const WATCHDOG: &str = r#"read _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid"
while [ -n "${pid:-}" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
rm -rf "$1""#;

const SETTINGS: &str =
    "listen_addresses = ''\nfsync = off\nmax_connections = 100\nshared_buffers = 64MB\nlog_min_messages = fatal\ntrack_commit_timestamp = on\n";

impl Cluster {
    /// The cluster that all tests of this process share. None of them may stop it.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        let cluster = SHARED.get_or_init(Self::create);
        cluster.ready().await;
        cluster
    }

    /// A cluster for one test, which may stop it.
    pub(crate) async fn own() -> &'static Self {
        let cluster: &'static Self = Box::leak(Box::new(Self::create()));
        cluster.ready().await;
        cluster
    }

    fn create() -> Self {
        let bin = binaries();
        let dir = tempfile::Builder::new().prefix("slipstream-store-").tempdir().unwrap().keep();
        if let Some((user, group)) = postgres_account() {
            chown(&dir, Some(user), Some(group)).unwrap();
        }
        let data = dir.join("data");
        let made = as_postgres(&bin.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions", "-D"])
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let conf = data.join("postgresql.conf");
        let settings = format!("{}\n{SETTINGS}unix_socket_directories = '{}'\n", std::fs::read_to_string(&conf).unwrap(), dir.display());
        std::fs::write(&conf, settings).unwrap();
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        let cluster = Self { dir, bin, databases: AtomicU32::new(0), _watchdog: watchdog };
        cluster.start();
        cluster
    }

    /// Starts the server; wait with [`Cluster::ready`].
    pub(crate) fn start(&self) {
        let log = std::fs::File::create(self.dir.join("log")).unwrap();
        let mut server = as_postgres(&self.bin.join("postgres"))
            .arg("-D")
            .arg(self.dir.join("data"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        // Reaps it, so that the watchdog sees it go.
        std::thread::spawn(move || server.wait());
    }

    /// kill -9 of the server; its children follow. It cannot start again before the last of them is gone.
    pub(crate) async fn kill(&self) {
        let pid_file = self.dir.join("data/postmaster.pid");
        let pid = std::fs::read_to_string(&pid_file).unwrap().lines().next().unwrap().to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &pid]).output().unwrap().stdout;
        let children: Vec<String> = String::from_utf8(children).unwrap().split_whitespace().map(str::to_owned).collect();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        let is_gone = |pid: &String| std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "));
        until("the server is gone", async || is_gone(&pid) && children.iter().all(is_gone)).await;
    }

    /// Waits until the server answers.
    pub(crate) async fn ready(&self) {
        until("Postgres answers", async || PgConnection::connect(&self.url("postgres", "postgres")).await.is_ok()).await;
    }

    /// A new database with all migrations.
    pub(crate) async fn database(&'static self) -> Db {
        let db = self.empty_database().await;
        migrate::up(&db.url(), None).await.unwrap();
        db
    }

    /// A new database without tables.
    pub(crate) async fn empty_database(&'static self) -> Db {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut root = PgConnection::connect(&self.url("postgres", "postgres")).await.unwrap();
        let make_owner = "do $$ begin create role owner login createrole; exception when duplicate_object or unique_violation then null; end $$";
        root.execute(make_owner).await.unwrap();
        root.execute(AssertSqlSafe(format!("create database {name} owner owner template template0 encoding 'UTF8'"))).await.unwrap();
        Db { cluster: self, name }
    }

    fn url(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.dir.display())
    }
}

impl Db {
    /// As its owner: the login of the service.
    pub(crate) fn url(&self) -> String {
        self.cluster.url("owner", &self.name)
    }

    /// As superuser, who sees everything: only for what no role of the service may look at.
    pub(crate) async fn root(&self) -> PgConnection {
        PgConnection::connect(&self.cluster.url("postgres", &self.name)).await.unwrap()
    }

    /// As superuser.
    pub(crate) fn root_url(&self) -> String {
        self.cluster.url("postgres", &self.name)
    }

    /// The settings of a pool.
    pub(crate) fn config(&self, role: Role) -> Config {
        Config::new(self.url(), role)
    }

    /// A pool.
    pub(crate) fn store(&self, role: Role) -> Store {
        Store::open(self.config(role)).unwrap()
    }
}

/// Waits until `condition` holds; fails after 30 s.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "a test has no settings; where the server programs are is a matter of the machine")]
fn binaries() -> PathBuf {
    if let Some(given) = std::env::var_os("SLIPSTREAM_POSTGRES_BIN") {
        return given.into();
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("Postgres is missing: apt install postgresql, or set SLIPSTREAM_POSTGRES_BIN");
    let with_server = |path: &PathBuf| path.join("postgres").exists();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.unwrap().path().join("bin")).filter(with_server).collect();
    found.sort();
    found.pop().expect("no Postgres server under /usr/lib/postgresql")
}

/// User and group under which Postgres runs: it refuses to run as root.
fn postgres_account() -> Option<(u32, u32)> {
    let id = |option: &str, user: &[&str]| {
        let output = Command::new("id").arg(option).args(user).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().expect("a user `postgres` to run the server as")
    };
    (id("-u", &[]) == 0).then(|| (id("-u", &["postgres"]), id("-g", &["postgres"])))
}

fn as_postgres(program: &Path) -> Command {
    let Some((user, group)) = postgres_account() else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={user}")).arg(format!("--regid={group}")).args(["--clear-groups", "--"]).arg(program).current_dir("/");
    command
}
