//! The database directory: made once, by `initdb`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use super::layout::Layout;
use super::{PostgresConfig, client};
use crate::children::account::Account;
use crate::children::limits::INITDB_TIMEOUT;
use crate::children::process::{Log, Process, Spec};
use crate::children::{Error, private_dir};

/// Who may connect: everybody who reaches the socket, which is in a directory of the server's account alone.
const HBA: &str = "local all all trust\n";

/// Makes the database when there is none; refuses one that these programs cannot read.
pub(super) async fn ensure(config: &PostgresConfig, account: &Account, layout: &Layout) -> Result<(), Error> {
    match fs::read_to_string(layout.data.join("PG_VERSION")) {
        Ok(made_by) => check_version(config, layout, made_by.trim()).await,
        Err(_) => create(config, account, layout).await,
    }
}

async fn check_version(config: &PostgresConfig, layout: &Layout, made_by: &str) -> Result<(), Error> {
    let found = client::major_version(&config.bin_dir).await;
    match found {
        Some(found) if found != made_by => {
            Err(Error::Version { dir: layout.data.clone(), made_by: made_by.to_owned(), bin_dir: config.bin_dir.clone(), found })
        }
        _ => Ok(()),
    }
}

/// Works in `data.new` and renames it when complete: a database that is there is a whole one.
async fn create(config: &PostgresConfig, account: &Account, layout: &Layout) -> Result<(), Error> {
    let unfinished = layout.data.with_extension("new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::file("remove", &unfinished))?;
    }
    private_dir::ensure(&unfinished, account)?;
    initdb(config, account, layout, &unfinished).await?;
    let hba = unfinished.join("pg_hba.conf");
    fs::write(&hba, HBA).map_err(Error::file("write", &hba))?;
    chown(&hba, Some(account.uid), Some(account.gid)).map_err(Error::file("change the owner of", &hba))?;
    fs::rename(&unfinished, &layout.data).map_err(Error::file("rename", &unfinished))
}

async fn initdb(config: &PostgresConfig, account: &Account, layout: &Layout, data: &Path) -> Result<(), Error> {
    let log = Log::begin(layout.log.clone())?;
    let options = ["--username", client::SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"];
    let mut args: Vec<OsString> = options.iter().map(OsString::from).collect();
    args.extend(["--pgdata".into(), data.into()]);
    let spec = Spec {
        name: "initdb",
        program: config.bin_dir.join("initdb"),
        args,
        env: Vec::new(),
        cwd: data.to_owned(),
        account: account.clone(),
        setpriv: config.setpriv.clone(),
    };
    let process = Process::spawn(spec, &log).await?;
    let failed = |reason: String| Error::Failed { name: "initdb", reason, log_tail: log.tail(), log: log.path().to_owned() };
    match tokio::time::timeout(INITDB_TIMEOUT, process.handle().exited()).await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("could not make a database ({status})"))),
        Err(_) => Err(failed(format!("did not end within {} s", INITDB_TIMEOUT.as_secs()))),
    }
}
