//! The file that a child writes to.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::children::Error;
use crate::children::limits::{LOG_BYTES_MAX, LOG_TAIL_BYTES_MAX};

/// A log file from where it ended when the child was started.
#[derive(Debug, Clone)]
pub(in crate::children) struct Log {
    path: PathBuf,
    from: u64,
}

impl Log {
    /// Marks the present end of the file; moves a large one out of the way first.
    pub(in crate::children) fn begin(path: PathBuf) -> Result<Self, Error> {
        let mut from = std::fs::metadata(&path).map_or(0, |found| found.len());
        if from > LOG_BYTES_MAX {
            std::fs::rename(&path, path.with_extension("log.old")).map_err(Error::file("move away", &path))?;
            from = 0;
        }
        Ok(Self { path, from })
    }

    pub(in crate::children) fn path(&self) -> &Path {
        &self.path
    }

    /// Two descriptors for appending: standard output and standard error.
    pub(super) fn open(&self) -> Result<(File, File), Error> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path);
        let file = file.map_err(Error::file("open", &self.path))?;
        let second = file.try_clone().map_err(Error::file("open", &self.path))?;
        Ok((file, second))
    }

    /// The end of what was written since [`Log::begin`], at most [`LOG_TAIL_BYTES_MAX`] of it. Empty when unreadable.
    pub(in crate::children) fn tail(&self) -> String {
        self.read_tail().unwrap_or_default().trim_end().to_owned()
    }

    fn read_tail(&self) -> std::io::Result<String> {
        let mut file = File::open(&self.path)?;
        let start = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES_MAX).max(self.from);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(LOG_TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
