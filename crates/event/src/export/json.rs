//! One JSON array, an element a line. Cut off, it is no JSON.

/// The opening.
pub fn begin(out: &mut Vec<u8>) {
    out.push(b'[');
}

/// An element, which must be JSON.
pub fn item(is_first: bool, json: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
    out.extend_from_slice(json.as_bytes());
}

/// The closing.
pub fn end(is_empty: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if is_empty { b"]\n" } else { b"\n]\n" });
}
