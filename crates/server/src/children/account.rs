//! The account that a child runs as.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Uid, User, getegid, geteuid};

use super::Error;

/// An account of this machine, by the numbers that the kernel checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The account of this process.
    pub(super) fn own() -> Self {
        let (uid, gid) = (geteuid(), getegid());
        let name = User::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |user| user.name);
        Self { name, uid: uid.as_raw(), gid: gid.as_raw() }
    }

    /// The account that may run Postgres on `data`: our own, unless we are root, which Postgres refuses. Then it is the
    /// owner of existing data, else `postgres`, else `nobody`.
    pub(super) fn for_postgres(data: &Path) -> Result<Self, Error> {
        let own = Self::own();
        if own.uid != 0 {
            return Ok(own);
        }
        let owner = std::fs::metadata(data).ok().filter(|found| found.uid() != 0).map(|found| Self::owner_of(&found));
        owner.or_else(|| Self::named("postgres")).or_else(|| Self::named("nobody")).ok_or(Error::NoAccount)
    }

    fn owner_of(found: &Metadata) -> Self {
        let user = User::from_uid(Uid::from_raw(found.uid())).ok().flatten();
        let name = user.map_or_else(|| found.uid().to_string(), |user| user.name);
        Self { name, uid: found.uid(), gid: found.gid() }
    }

    fn named(name: &str) -> Option<Self> {
        let user = User::from_name(name).ok().flatten()?;
        Some(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Whether it is another than this process's own.
    pub(super) fn is_other(&self) -> bool {
        self.uid != geteuid().as_raw()
    }
}
