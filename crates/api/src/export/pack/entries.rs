//! The files of a pack, written one after the other within its limit.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A zip file that is handed on while it grows.
pub(super) struct Entries {
    zip: ZipWriter<StreamWriter<Pipe>>,
    pipe: Pipe,
    bytes: usize,
    current: Current,
    left_out: Vec<Value>,
}

/// The file that is being written.
#[derive(Default)]
struct Current {
    name: String,
    bytes_max: usize,
    written: u64,
    left_out: u64,
}

/// What the zip's writer has written and nobody has taken.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Entries {
    pub(super) fn new() -> Self {
        let pipe = Pipe::default();
        Self { zip: ZipWriter::new_stream(pipe.clone()), pipe, bytes: 0, current: Current::default(), left_out: Vec::new() }
    }

    /// Begins a file that may fill the pack up to `bytes_max`.
    pub(super) fn begin(&mut self, name: &str, bytes_max: usize) -> Result<(), ZipError> {
        self.close();
        self.current = Current { name: name.to_owned(), bytes_max, ..Current::default() };
        self.zip.start_file(name, options())
    }

    /// An element of a JSON array, which [`Entries::end_array`] closes.
    pub(super) fn element(&mut self, json: &str) -> Result<(), ZipError> {
        let before = if self.current.written == 0 { "[\n" } else { ",\n" };
        self.add(&[before, json])
    }

    /// A line.
    pub(super) fn line(&mut self, line: &str) -> Result<(), ZipError> {
        self.add(&[line, "\n"])
    }

    /// Closes an array.
    pub(super) fn end_array(&mut self) -> Result<(), ZipError> {
        let end: &[u8] = if self.current.written == 0 { b"[]\n" } else { b"\n]\n" };
        Ok(self.zip.write_all(end)?)
    }

    /// A small file, which is never left out.
    pub(super) fn whole(&mut self, name: &str, text: &str) -> Result<(), ZipError> {
        self.begin(name, usize::MAX)?;
        self.line(text)
    }

    /// What can be sent.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.pipe.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was left out so far, by file.
    pub(super) fn left_out(&mut self) -> Vec<Value> {
        self.close();
        std::mem::take(&mut self.left_out)
    }

    /// The end of the zip file.
    pub(super) fn finish(self) -> Result<Vec<u8>, ZipError> {
        let Self { zip, pipe, .. } = self;
        drop(zip.finish()?);
        Ok(std::mem::take(&mut *pipe.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Once something of a file is left out, all that follows in it is.
    fn add(&mut self, parts: &[&str]) -> Result<(), ZipError> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if self.current.left_out > 0 || self.bytes.saturating_add(bytes) > self.current.bytes_max {
            self.current.left_out += 1;
            return Ok(());
        }
        for part in parts {
            self.zip.write_all(part.as_bytes())?;
        }
        self.bytes += bytes;
        self.current.written += 1;
        Ok(())
    }

    fn close(&mut self) {
        let Current { name, written, left_out, .. } = std::mem::take(&mut self.current);
        if left_out > 0 {
            self.left_out.push(json!({"file": name, "events": left_out, "eventsWritten": written}));
        }
    }
}

fn options() -> SimpleFileOptions {
    // The earliest time that the format knows.
    SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).last_modified_time(DateTime::default()).unix_permissions(0o644)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn pack() -> Vec<u8> {
        let mut entries = Entries::new();
        entries.begin("a.json", 12).unwrap();
        entries.element("{\"n\":1}").unwrap();
        entries.element("{\"n\":2}").unwrap();
        entries.element("3").unwrap();
        entries.end_array().unwrap();
        assert_eq!(entries.left_out(), [json!({"file": "a.json", "events": 2, "eventsWritten": 1})]);
        entries.begin("b.json", 1_000).unwrap();
        entries.end_array().unwrap();
        entries.whole("c.json", "{}").unwrap();
        assert!(entries.left_out().is_empty());
        let mut bytes = entries.take();
        bytes.extend(entries.finish().unwrap());
        bytes
    }

    #[test]
    fn is_a_zip_that_says_what_it_lacks_and_is_the_same_each_time() {
        let bytes = pack();
        assert_eq!(bytes, pack());
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut text = |name: &str| {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!((text("a.json"), text("b.json"), text("c.json")), ("[\n{\"n\":1}\n]\n".into(), "[]\n".into(), "{}\n".into()));
    }
}
