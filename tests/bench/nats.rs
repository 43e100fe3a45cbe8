//! A NATS server of a floor's own, with the same streams; and how a whole run gets a relaxed one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use slipstream_broker::{Broker, Provision};
use slipstream_server::children::{Nats, NatsConfig, NatsUser, Search, find_nats, find_setpriv};
use slipstream_server::config::variable;
use tempfile::TempDir;

/// The variable by which a run is told which server to start.
pub(crate) const NATS_BIN: &str = "SLIPSTREAM_NATS_BIN";

/// A server with provisioned streams, and nobody else on it.
pub(crate) struct Server {
    nats: Nats,
    _dir: TempDir,
}

impl Server {
    /// Starts it and makes the streams.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let setpriv = find_setpriv(&search("")).await;
        let nats = Nats::start(NatsConfig { bin: program().await, dir: dir.path().join("nats"), port: None, setpriv }).await.unwrap();
        let mut config = slipstream_broker::Config::new(nats.address(), "admin");
        config.user = Some(NatsUser::Admin.name().to_owned());
        config.password = Some(nats.password(NatsUser::Admin).to_owned());
        Broker::connect(config).await.unwrap().provision(&Provision::default()).await.unwrap();
        Self { nats, _dir: dir }
    }

    /// A plain client with the rights to publish events.
    pub(crate) async fn client(&self) -> async_nats::Client {
        client(&self.nats).await
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.nats.pid()
    }
}

/// A plain client of this server, with the rights to publish and to read events.
pub(crate) async fn client(nats: &Nats) -> async_nats::Client {
    let user = NatsUser::Admin;
    let options = async_nats::ConnectOptions::new().user_and_password(user.name().to_owned(), nats.password(user).to_owned());
    options.custom_inbox_prefix("_INBOX_admin").connect(nats.address()).await.unwrap()
}

/// A program that starts the real server with `sync_interval: 2m`: acknowledged before fsync, so that a power cut loses acknowledged events.
pub(crate) async fn relaxed(dir: &Path) -> PathBuf {
    let shim = dir.join("nats-server-relaxed");
    let script =
        "#!/bin/sh\nfor last; do :; done\n[ ! -f \"$last\" ] || sed -i 's/sync_interval: always/sync_interval: 2m/' \"$last\"\nexec 'PROGRAM' \"$@\"\n";
    std::fs::write(&shim, script.replace("PROGRAM", program().await.to_str().unwrap())).unwrap();
    std::fs::set_permissions(&shim, PermissionsExt::from_mode(0o755)).unwrap();
    shim
}

async fn program() -> PathBuf {
    find_nats(&search(NATS_BIN)).await.unwrap()
}

fn search(explicit: &str) -> Search {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    Search { explicit: variable(explicit).map(PathBuf::from), path: variable("PATH"), local: Some(root.join(".slipstream/bin")) }
}
