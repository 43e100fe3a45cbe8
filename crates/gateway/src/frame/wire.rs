//! What surrounds the frames of a stream, by kind of writer.

use bytes::{Bytes, BytesMut};

/// How the frames of a stream are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Server-sent events as they are: HTTP/2, and HTTP/1.0 up to the end of the connection.
    #[default]
    Sse,
    /// Server-sent events in HTTP/1.1 chunks (RFC 9112 §7.1), each frame in one of its own.
    Chunked,
    /// A line of JSON for each frame, which the writer sends as a message of its own: WebSocket.
    Message,
}

impl Wire {
    /// What ends the body of a stream, after its last frame.
    pub fn end(self) -> &'static [u8] {
        match self {
            Self::Chunked => b"0\r\n\r\n",
            Self::Sse | Self::Message => b"",
        }
    }
}

/// One after the other, in one piece; copied only when there are two.
pub(crate) fn joined(first: Bytes, then: Bytes) -> Bytes {
    if first.is_empty() {
        return then;
    }
    if then.is_empty() {
        return first;
    }
    let mut both = BytesMut::with_capacity(first.len() + then.len());
    both.extend_from_slice(&first);
    both.extend_from_slice(&then);
    both.freeze()
}

/// One HTTP/1.1 chunk of these parts.
pub(super) fn chunk(parts: &[&str]) -> Bytes {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = format!("{length:x}\r\n");
    out.reserve_exact(length + 2);
    parts.iter().for_each(|part| out.push_str(part));
    out.push_str("\r\n");
    Bytes::from(out)
}

/// What is in a chunk that [`chunk`] made, without copying it.
pub(super) fn unwrap_chunk(chunk: &Bytes) -> Bytes {
    let from = chunk.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    chunk.slice(from..chunk.len().saturating_sub(2).max(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_what_the_rfc_says_and_can_be_unwrapped() {
        for parts in [&["x"][..], &["data: ", "{}\n\n"], &["0123456789", "0123456789"]] {
            let whole = parts.concat();
            let chunk = chunk(parts);
            assert_eq!(chunk, format!("{:x}\r\n{whole}\r\n", whole.len()));
            assert_eq!(unwrap_chunk(&chunk), whole);
        }
    }
}
