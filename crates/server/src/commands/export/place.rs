//! Where an export is written to: standard output, or a file that appears when it is whole.

use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::commands::Output;

/// What is read at a time of a file that is gone on with, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// The place, and what is written there.
pub(super) struct Place<'a> {
    to: To<'a>,
    bytes: u64,
    hash: Sha256,
}

enum To<'a> {
    Stdout(&'a mut Output),
    File { file: File, part: PathBuf, whole: PathBuf },
}

impl<'a> Place<'a> {
    /// Opens the place. A file is written beside its name, as `<name>.part`; `resumed` goes on with one that is there.
    pub(super) async fn open(path: Option<&Path>, output: &'a mut Output, resumed: bool) -> anyhow::Result<Self> {
        let Some(path) = path else { return Ok(Self { to: To::Stdout(output), bytes: 0, hash: Sha256::new() }) };
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut options = OpenOptions::new();
        options.create(true).read(true).write(true).truncate(!resumed);
        let mut file = options.open(&part).await.with_context(|| format!("cannot write {}", part.display()))?;
        let (mut bytes, mut hash, mut buffer) = (0, Sha256::new(), vec![0; READ_BYTES]);
        loop {
            // To its end, where writing goes on.
            let read = file.read(&mut buffer).await.with_context(|| format!("cannot read {}", part.display()))?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
        Ok(Self { to: To::File { file, part, whole: path.to_owned() }, bytes, hash })
    }

    /// Bytes that are there.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// SHA-256 of what is there, in hexadecimal.
    pub(super) fn sha256(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Adds bytes.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        match &mut self.to {
            To::Stdout(output) => output.bytes(bytes).await?,
            To::File { file, part, .. } => file.write_all(bytes).await.with_context(|| format!("cannot write {}", part.display()))?,
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Begins anew: what is there is no part of the file.
    pub(super) async fn clear(&mut self) -> anyhow::Result<()> {
        let To::File { file, part, .. } = &mut self.to else { anyhow::bail!("what was written is no part of the file") };
        file.set_len(0).await.with_context(|| format!("cannot write {}", part.display()))?;
        tokio::io::AsyncSeekExt::rewind(file).await?;
        (self.bytes, self.hash) = (0, Sha256::new());
        Ok(())
    }

    /// Gives the file its name; the number of its bytes.
    pub(super) async fn finish(self) -> anyhow::Result<u64> {
        match self.to {
            To::Stdout(output) => output.flush().await?,
            To::File { file, part, whole } => {
                file.sync_all().await.with_context(|| format!("cannot write {}", part.display()))?;
                tokio::fs::rename(&part, &whole).await.with_context(|| format!("cannot write {}", whole.display()))?;
            }
        }
        Ok(self.bytes)
    }
}
