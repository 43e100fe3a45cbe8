//! Directories that one account can use and no other can.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use super::Error;
use super::account::Account;

/// Makes `dir` when absent (its parents too), and in any case gives it to `account` alone (mode 0700).
pub(super) fn ensure(dir: &Path, account: &Account) -> Result<(), Error> {
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).map_err(Error::file("create", parent))?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Error::file("create", dir)(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(dir).map_err(Error::file("read", dir))?;
    if found.uid() != account.uid {
        chown(dir, Some(account.uid), Some(account.gid)).map_err(Error::file("change the owner of", dir))?;
    }
    if found.permissions().mode() & 0o777 != 0o700 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(Error::file("protect", dir))?;
    }
    Ok(())
}

/// A private directory somewhere below `parent`, remembered in the file `record` so that the next start finds it again.
/// Its name is random: nobody can put a directory of that name there first.
pub(super) fn elsewhere(record: &Path, parent: &Path, account: &Account) -> Result<PathBuf, Error> {
    if let Some(known) = recorded(record, parent, account) {
        return Ok(known);
    }
    let dir = parent.join(format!("slipstream-{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff));
    DirBuilder::new().mode(0o700).create(&dir).map_err(Error::file("create", &dir))?;
    ensure(&dir, account)?;
    let line = dir.to_string_lossy().into_owned();
    fs::write(record, line).map_err(Error::file("write", record))?;
    Ok(dir)
}

/// The remembered directory, if it is still there, below `parent`, and still private to `account`.
fn recorded(record: &Path, parent: &Path, account: &Account) -> Option<PathBuf> {
    let dir = PathBuf::from(fs::read_to_string(record).ok()?.trim());
    let found = fs::symlink_metadata(&dir).ok()?;
    let private = found.is_dir() && found.uid() == account.uid && found.permissions().mode() & 0o077 == 0;
    (private && dir.parent() == Some(parent)).then_some(dir)
}

/// Lets another account pass through (not list) `dir`, which is our own.
pub(super) fn open_passage(dir: &Path, account: &Account) -> Result<(), Error> {
    let mode = fs::metadata(dir).map_err(Error::file("read", dir))?.permissions().mode();
    if !account.is_other() || mode & 0o111 == 0o111 {
        return Ok(());
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o111)).map_err(Error::file("open", dir))
}

/// Whether `account` can reach and enter `dir`, by the permission bits of it and of every directory above.
pub(super) fn enterable(dir: &Path, account: &Account) -> Result<bool, Error> {
    for step in dir.ancestors() {
        let found = fs::metadata(step).map_err(Error::file("read", step))?;
        if !admits(&found, account) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn admits(found: &Metadata, account: &Account) -> bool {
    let search = if account.uid == 0 {
        0o111
    } else if found.uid() == account.uid {
        0o100
    } else if found.gid() == account.gid {
        0o010
    } else {
        0o001
    };
    found.permissions().mode() & search != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger() -> Account {
        Account { name: "stranger".into(), uid: 4_000_000, gid: 4_000_000 }
    }

    #[test]
    fn a_closed_directory_above_stops_a_stranger_only() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!enterable(&inner, &stranger()).unwrap());
        assert!(enterable(&inner, &Account::own()).unwrap());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o711)).unwrap();
        assert!(enterable(&inner, &stranger()).unwrap());
    }

    #[test]
    fn elsewhere_is_remembered_and_not_trusted_once_others_can_enter() {
        let dir = tempfile::tempdir().unwrap();
        let (record, own) = (dir.path().join("record"), Account::own());
        let first = elsewhere(&record, dir.path(), &own).unwrap();
        assert_eq!(elsewhere(&record, dir.path(), &own).unwrap(), first);
        fs::set_permissions(&first, fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(elsewhere(&record, dir.path(), &own).unwrap(), first);
    }
}
