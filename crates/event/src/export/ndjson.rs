//! Newline-delimited JSON: a value a line, ended by LF.

/// A line. `json` must be JSON on one line, which canonical JSON is.
pub fn line(json: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(json.as_bytes());
    out.push(b'\n');
}

/// The line by which a reader knows that nothing is missing.
pub fn end(count: u64, out: &mut Vec<u8>) {
    line(&format!("{{\"_end\":true,\"count\":{count}}}"), out);
}
