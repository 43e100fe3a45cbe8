//! Where the files of one Postgres are.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::PostgresConfig;
use crate::children::account::Account;
use crate::children::limits::SOCKET_PATH_BYTES_MAX;
use crate::children::{Error, private_dir};

/// The name that Postgres gives its socket at our port.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// Where a socket goes whose own path would not do.
const SHORT_PARENT: &str = "/tmp";

/// The file that remembers a directory elsewhere.
const ELSEWHERE: &str = "elsewhere";

#[derive(Debug, Clone)]
pub(super) struct Layout {
    pub(super) data: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) log: PathBuf,
}

impl Layout {
    /// Where an earlier start put the database, if there was one.
    pub(super) fn present_data(dir: &Path) -> PathBuf {
        let elsewhere = std::fs::read_to_string(dir.join(ELSEWHERE)).ok();
        elsewhere.map_or_else(|| dir.to_owned(), |path| PathBuf::from(path.trim())).join("data")
    }

    /// Chooses the places and makes all that is needed but the database itself.
    pub(super) fn choose(config: &PostgresConfig, account: &Account) -> Result<Self, Error> {
        let base = base(config, account)?;
        let layout = Self { data: base.join("data"), sockets: sockets(&config.dir, &base, account)?, log: config.dir.join("postgres.log") };
        private_dir::ensure(&layout.sockets, account)?;
        Ok(layout)
    }
}

fn base(config: &PostgresConfig, account: &Account) -> Result<PathBuf, Error> {
    private_dir::open_passage(&config.dir, account)?;
    if private_dir::enterable(&config.dir, account)? {
        return Ok(config.dir.clone());
    }
    let Some(parent) = &config.elsewhere else {
        return Err(Error::NotEnterable { dir: config.dir.clone(), account: account.name.clone() });
    };
    let chosen = private_dir::elsewhere(&config.dir.join(ELSEWHERE), parent, account)?;
    tracing::info!("Postgres runs as {}, which cannot enter {}: the database is in {}", account.name, config.dir.display(), chosen.display());
    Ok(chosen)
}

fn sockets(dir: &Path, base: &Path, account: &Account) -> Result<PathBuf, Error> {
    let beside = base.join("run");
    let bytes = beside.as_os_str().as_bytes();
    // In the address of a server, Postgres' client library takes a comma as the start of another host.
    let fits = bytes.len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_BYTES_MAX && !bytes.contains(&b',');
    if fits {
        return Ok(beside);
    }
    private_dir::elsewhere(&dir.join("sockets"), Path::new(SHORT_PARENT), account)
}
