//! The position of a tail, in a file that is always whole.

use std::path::{Path, PathBuf};

use anyhow::Context;
use slipstream_event::limits;
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// A file with one cursor.
#[derive(Debug)]
pub(super) struct CursorFile {
    path: PathBuf,
    cursor: Option<String>,
    is_saved: bool,
}

impl CursorFile {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else: then it is left alone.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("the cursor file {}", path.display());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(named),
        };
        let cursor = text.trim();
        let is_cursor = cursor.len() <= limits::CURSOR_LEN_MAX.max(limits::SOURCE_ID_LEN_MAX) && cursor.bytes().all(|b| b.is_ascii_graphic());
        anyhow::ensure!(is_cursor, "{} does not hold a cursor; remove it to start from now, or name another file", named());
        Ok(Self { path: path.to_owned(), cursor: (!cursor.is_empty()).then(|| cursor.to_owned()), is_saved: true })
    }

    /// The position.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Moves on, in memory.
    pub(super) fn step_to(&mut self, cursor: &str) {
        if !cursor.is_empty() && self.cursor() != Some(cursor) {
            self.cursor = Some(cursor.to_owned());
            self.is_saved = false;
        }
    }

    /// Writes the position, when it moved: beside the file, then over it, so that a crash leaves the old one or the new one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) async fn save(&mut self) -> anyhow::Result<()> {
        let Some(cursor) = self.cursor.as_ref().filter(|_| !self.is_saved) else { return Ok(()) };
        replace(&self.path, cursor).await.with_context(|| format!("cannot write the cursor file {}", self.path.display()))?;
        self.is_saved = true;
        Ok(())
    }
}

async fn replace(path: &Path, cursor: &str) -> std::io::Result<()> {
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it names no file"))?;
    let beside = path.with_file_name(format!(".{}.{}.new", name.to_string_lossy(), std::process::id()));
    let mut file = fs::File::create(&beside).await?;
    file.write_all(format!("{cursor}\n").as_bytes()).await?;
    file.sync_data().await?;
    fs::rename(&beside, path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_the_position_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("position");
        let mut file = CursorFile::open(&path).unwrap();
        assert_eq!(file.cursor(), None);
        file.save().await.unwrap();
        assert!(!path.exists());
        file.step_to("c1");
        file.step_to("c2");
        file.save().await.unwrap();
        assert_eq!(CursorFile::open(&path).unwrap().cursor(), Some("c2"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn leaves_other_files_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes");
        std::fs::write(&path, "dear diary").unwrap();
        assert!(CursorFile::open(&path).unwrap_err().to_string().contains("does not hold a cursor"));
        let mut nowhere = CursorFile::open(&dir.path().join("no/such/dir")).unwrap();
        nowhere.step_to("c");
        assert!(nowhere.save().await.is_err());
    }
}
