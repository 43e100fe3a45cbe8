//! Postgres for tests: one cluster per process, one database per test.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};

use slipstream_server::children::{Postgres, PostgresConfig};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::places;

/// The database, with all migrations applied, of which every test gets a copy.
const TEMPLATE: &str = "migrated";

/// The cluster that the tests of this process share; gone when none of them runs.
static SHARED: Mutex<Weak<Cluster>> = Mutex::const_new(Weak::new());

/// A running Postgres with a migrated template.
#[derive(Debug)]
pub struct Cluster {
    /// The server.
    pub server: Postgres,
    _dir: TempDir,
}

impl Cluster {
    /// The cluster that the tests of this process share. It must be left running.
    pub async fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().await;
        if let Some(cluster) = shared.upgrade() {
            return cluster;
        }
        // What is tested on it is not what a power cut leaves: nothing here waits for a disk.
        let cluster = Arc::new(Self::start(&[("fsync", "off")]).await);
        *shared = Arc::downgrade(&cluster);
        cluster
    }

    /// A cluster for a test that ends or hangs it.
    pub async fn own() -> Arc<Self> {
        Arc::new(Self::start(&[]).await)
    }

    /// A new, migrated database; its address.
    pub async fn database(&self) -> String {
        let name = format!("t_{:016x}", rand::random::<u64>());
        self.server.create_database_from(&name, TEMPLATE).await.unwrap();
        self.server.url(&name)
    }

    /// Runs statements in a database of this cluster.
    pub async fn sql(&self, url: &str, statements: &str) -> String {
        let database = url::Url::parse(url).unwrap().path().trim_start_matches('/').to_owned();
        self.server.sql(&database, statements).await.unwrap()
    }

    async fn start(settings: &[(&str, &str)]) -> Self {
        let template = template().await;
        let dir = places::scratch();
        copy(&template, &dir.path().join("postgres"));
        let server = Postgres::start(config(dir.path(), settings).await).await.unwrap();
        Self { server, _dir: dir }
    }
}

async fn config(dir: &Path, settings: &[(&str, &str)]) -> PostgresConfig {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    PostgresConfig { bin_dir: places::postgres().await, dir: dir.join("postgres"), elsewhere: None, setpriv: places::setpriv().await, settings }
}

/// The files of a stopped, migrated cluster: made once per state of the migrations, kept for later runs.
async fn template() -> PathBuf {
    let cache = places::cache();
    let lock = File::create(cache.join("lock")).unwrap();
    lock.lock().unwrap();
    let template = cache.join(format!("postgres-{:016x}", fingerprint().await));
    if !template.exists() {
        for old in fs::read_dir(&cache).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            fs::remove_dir_all(old).unwrap();
        }
        let dir = places::scratch();
        let server = Postgres::start(config(dir.path(), &[("fsync", "off")]).await).await.unwrap();
        server.create_database(TEMPLATE).await.unwrap();
        slipstream_store::migrate::up(&server.url(TEMPLATE), None).await.unwrap();
        server.stop().await;
        drop(server);
        let unfinished = template.with_extension("new");
        copy(&dir.path().join("postgres"), &unfinished);
        fs::rename(&unfinished, &template).unwrap();
    }
    template
}

/// What the template depends on: the migrations and the version of Postgres.
async fn fingerprint() -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut files: Vec<PathBuf> = fs::read_dir(places::root().join("migrations")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        (file.file_name(), fs::read(&file).unwrap()).hash(&mut hasher);
    }
    places::postgres().await.hash(&mut hasher);
    hasher.finish()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "cp -a {} {}", from.display(), to.display());
}
