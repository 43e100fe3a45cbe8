//! Finds events in what a stream shows, wherever the reads cut it.

use memchr::memmem::Finder;

use crate::serial::{DIGITS, Serial};

/// What stands before a serial number.
const MARK: &[u8] = br#""entityId":"n-"#;
/// Longest part of a mark with its number that can stand at the end of a read.
const KEEP: usize = MARK.len() + DIGITS - 1;
/// Bytes that are read at once.
const READ: usize = 256 * 1024;

/// The end of a read, where a mark may have begun.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carry {
    bytes: [u8; KEEP],
    length: usize,
}

/// The one buffer of a thread of readers. There is room in it before what is read, for what was carried.
pub(crate) struct Scan {
    buffer: Box<[u8]>,
    mark: Finder<'static>,
    opened: Finder<'static>,
}

impl Scan {
    /// `opened` is the text that tells that a stream is open; no longer than a mark.
    pub(crate) fn new(opened: &'static [u8]) -> Self {
        assert!(opened.len() <= KEEP);
        Self { buffer: vec![0; KEEP + READ].into(), mark: Finder::new(MARK), opened: Finder::new(opened) }
    }

    /// Where to read to.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.buffer[KEEP..]
    }

    /// The beginning of what was read.
    pub(crate) fn head(&self, length: usize) -> &[u8] {
        &self.buffer[KEEP..KEEP + length]
    }

    /// Looks through the `length` bytes that were read of the stream with this carry. Whether it is open.
    pub(crate) fn look(&mut self, carry: &mut Carry, length: usize, is_open: bool, mut found: impl FnMut(Serial)) -> bool {
        let from = KEEP - carry.length;
        self.buffer[from..KEEP].copy_from_slice(&carry.bytes[..carry.length]);
        let text = &self.buffer[from..KEEP + length];
        let mut rest = text;
        while let Some(at) = self.mark.find(rest) {
            let digits = at + MARK.len();
            let Some(serial) = rest.get(digits..digits + DIGITS) else { break };
            Serial::parse(serial).into_iter().for_each(&mut found);
            rest = &rest[digits + DIGITS..];
        }
        carry.keep(rest);
        is_open || self.opened.find(text).is_some()
    }
}

impl Carry {
    fn keep(&mut self, rest: &[u8]) {
        let end = &rest[rest.len().saturating_sub(KEEP)..];
        self.bytes[..end.len()].copy_from_slice(end);
        self.length = end.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_wherever_the_reads_are_cut() {
        let text = b"event: ready\n\nid: x\ndata: {\"entityId\":\"n-1000041\",\"action\":\"updated\"}\n\ndata: {\"entityId\":\"n-0000042\"}";
        for cut in 0..text.len() {
            let (mut scan, mut carry, mut found, mut opened) = (Scan::new(b"event: ready"), Carry::default(), Vec::new(), false);
            for part in [&text[..cut], &text[cut..]] {
                scan.room()[..part.len()].copy_from_slice(part);
                opened = scan.look(&mut carry, part.len(), opened, |serial| found.push(serial.to_string()));
            }
            assert_eq!((found.join(" "), opened), ("1000041 0000042".to_owned(), true), "cut at {cut}");
        }
    }
}
