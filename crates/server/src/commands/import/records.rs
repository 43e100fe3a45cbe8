//! Cuts an input into records. Pure: bytes in, records out, wherever the bytes are cut.
//!
//! An input is either lines (one record each), or an array of records: bare, or as AWS delivers them, `{"Records": […]}`.

use std::collections::VecDeque;

/// Longest record, in bytes. Longer: passed over and reported, so that an input without line breaks cannot fill the memory.
pub(super) const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// How an array begins, without white space.
const ENVELOPE: &[u8] = b"{\"Records\":[";

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its line, or its place in the array; from 1.
    pub(super) number: u64,
    /// Its bytes; `None` when it is too long.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Cuts an input.
#[derive(Debug)]
pub(super) struct Splitter {
    mode: Mode,
    number: u64,
    bytes: Vec<u8>,
    is_too_long: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Mode {
    /// Not known yet; what was read so far, without white space.
    Begin(Vec<u8>),
    Lines,
    Array {
        depth: u32,
        in_string: bool,
        is_escaped: bool,
    },
    /// What follows an array.
    Rest,
}

impl Splitter {
    pub(super) fn new() -> Self {
        Self { mode: Mode::Begin(Vec::new()), number: 0, bytes: Vec::new(), is_too_long: false }
    }

    /// Whether the records are lines.
    pub(super) fn is_lines(&self) -> bool {
        !matches!(self.mode, Mode::Array { .. } | Mode::Rest)
    }

    /// Takes the next bytes and adds the records that they complete.
    pub(super) fn push(&mut self, bytes: &[u8], records: &mut VecDeque<Record>) {
        for &byte in bytes {
            match &mut self.mode {
                Mode::Begin(_) => self.begin(byte, records),
                Mode::Lines => self.line(byte, records),
                Mode::Array { .. } => self.array(byte, records),
                Mode::Rest => return,
            }
        }
    }

    /// The input has ended: its last line may lack its line break, its last record may be cut off.
    pub(super) fn end(&mut self, records: &mut VecDeque<Record>) {
        match self.mode {
            Mode::Begin(_) => {
                self.replay(records);
                self.line(b'\n', records);
            }
            Mode::Lines => self.line(b'\n', records),
            Mode::Array { depth, .. } if depth > 0 => self.give(records),
            Mode::Array { .. } | Mode::Rest => {}
        }
    }

    fn begin(&mut self, byte: u8, records: &mut VecDeque<Record>) {
        self.keep(byte);
        let Mode::Begin(seen) = &mut self.mode else { return };
        if byte.is_ascii_whitespace() {
            return;
        }
        seen.push(byte);
        if seen == b"[" || seen == ENVELOPE {
            self.mode = Mode::Array { depth: 0, in_string: false, is_escaped: false };
            self.is_too_long = false;
            self.bytes.clear();
        } else if !ENVELOPE.starts_with(seen) {
            self.replay(records);
        }
    }

    /// The first bytes turned out to be lines.
    fn replay(&mut self, records: &mut VecDeque<Record>) {
        self.mode = Mode::Lines;
        for byte in std::mem::take(&mut self.bytes) {
            self.line(byte, records);
        }
    }

    fn line(&mut self, byte: u8, records: &mut VecDeque<Record>) {
        if byte != b'\n' {
            return self.keep(byte);
        }
        if self.is_too_long || !self.bytes.trim_ascii().is_empty() {
            return self.give(records);
        }
        self.number += 1;
        self.bytes.clear();
    }

    fn array(&mut self, byte: u8, records: &mut VecDeque<Record>) {
        let Mode::Array { depth, in_string, is_escaped } = &mut self.mode else { return };
        if *in_string {
            *in_string = *is_escaped || byte != b'"';
            *is_escaped = !*is_escaped && byte == b'\\';
            return self.keep(byte);
        }
        match byte {
            b'"' => *in_string = true,
            b'{' | b'[' => *depth += 1,
            b']' if *depth == 0 => {
                self.mode = Mode::Rest;
                return;
            }
            b'}' | b']' => {
                *depth = depth.saturating_sub(1);
                if *depth == 0 {
                    self.keep(byte);
                    return self.give(records);
                }
            }
            _ => {}
        }
        // Between records stand commas and white space, and nothing else is looked for there.
        let is_between = matches!(self.mode, Mode::Array { depth: 0, in_string: false, .. });
        if !is_between {
            self.keep(byte);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.bytes.len() >= RECORD_BYTES_MAX {
            self.is_too_long = true;
            self.bytes.clear();
        }
        if !self.is_too_long {
            self.bytes.push(byte);
        }
    }

    fn give(&mut self, records: &mut VecDeque<Record>) {
        self.number += 1;
        let bytes = std::mem::take(&mut self.bytes);
        let bytes = (!std::mem::take(&mut self.is_too_long)).then_some(bytes);
        records.push_back(Record { number: self.number, bytes });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(chunks: &[&[u8]]) -> Vec<(u64, String)> {
        let (mut splitter, mut records) = (Splitter::new(), VecDeque::new());
        chunks.iter().for_each(|chunk| splitter.push(chunk, &mut records));
        splitter.end(&mut records);
        let text = |bytes: Option<Vec<u8>>| bytes.map_or("too long".into(), |bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        records.into_iter().map(|record| (record.number, text(record.bytes))).collect()
    }

    fn numbered(records: &[(u64, &str)]) -> Vec<(u64, String)> {
        records.iter().map(|(number, text)| (*number, (*text).to_owned())).collect()
    }

    #[test]
    fn cuts_lines_and_counts_empty_ones() {
        assert_eq!(
            split(&[b"{\"a\":1}\n\n{\"b\":2}\r\nnonsense\n{\"c\":3}"]),
            numbered(&[(1, "{\"a\":1}"), (3, "{\"b\":2}"), (4, "nonsense"), (5, "{\"c\":3}")])
        );
        assert_eq!(split(&[b"\n  \n{\"Rec\":1}\n"]), numbered(&[(3, "{\"Rec\":1}")]));
        assert_eq!(split(&[b"{\n{\"a\":1}\n"]), numbered(&[(1, "{"), (2, "{\"a\":1}")]));
        assert_eq!(split(&[b""]), []);
        assert_eq!(split(&[b"{"]), numbered(&[(1, "{")]));
    }

    #[test]
    fn cuts_arrays() {
        let want = numbered(&[(1, "{\"a\":\"}]\\\"\"}"), (2, "{\"b\":[{}]}")]);
        for text in [
            "[{\"a\":\"}]\\\"\"}, {\"b\":[{}]}]",
            "{\"Records\":[{\"a\":\"}]\\\"\"},{\"b\":[{}]}]}\n",
            " {\n \"Records\" : [\n{\"a\":\"}]\\\"\"},\n{\"b\":[{}]}\n]}",
        ] {
            assert_eq!(split(&[text.as_bytes()]), want, "{text}");
        }
        assert_eq!(split(&[b"[]"]), []);
        assert_eq!(split(&[b"[{\"a\":1},{\"b\""]), numbered(&[(1, "{\"a\":1}"), (2, "{\"b\"")]));
    }

    #[test]
    fn passes_over_what_is_too_long() {
        let long = vec![b'x'; RECORD_BYTES_MAX + 1];
        assert_eq!(split(&[&long, b"\n{}\n"]), numbered(&[(1, "too long"), (2, "{}")]));
        assert_eq!(split(&[b"{}\n", &long]), numbered(&[(1, "{}"), (2, "too long")]));
        assert_eq!(split(&[b"[{\"", &long, b"\"},{}]"]), numbered(&[(1, "too long"), (2, "{}")]));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in r#"(\{"Records":\[|\[|\]|\{|\}|"|\\|,|a|\n| ){0,40}"#) {
            let whole = split(&[text.as_bytes()]);
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            prop_assert_eq!(split(&bytes), whole);
        }
    }
}
