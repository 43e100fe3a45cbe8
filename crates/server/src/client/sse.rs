//! Server-sent events, by the rules of WHATWG HTML §9.2.6. Pure: bytes in, frames out.

use super::limits;

/// One dispatched event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The last event id as of this frame, when this frame set it.
    pub id: Option<String>,
    /// Its name; empty for an unnamed one.
    pub name: String,
    /// Its data; `None` for a frame that only moves the id.
    pub data: Option<String>,
}

/// What the bytes of a stream hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// An event, or a move of the id.
    Frame(Frame),
    /// How long to wait before connecting anew, in milliseconds.
    Retry(u64),
}

/// A frame is longer than [`limits::FRAME_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the stream is longer than {} bytes", limits::FRAME_BYTES_MAX)]
pub struct TooLong;

/// Reads the bytes of one connection. What was not closed by an empty line when the connection ends is not dispatched.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    after_cr: bool,
    has_begun: bool,
    frame: Frame,
    bytes: usize,
}

impl Parser {
    /// Takes the next bytes, wherever they are cut, and adds what they complete to `parts`.
    ///
    /// # Errors
    /// [`TooLong`]; the connection is of no use then.
    pub fn push(&mut self, bytes: &[u8], parts: &mut impl Extend<Part>) -> Result<(), TooLong> {
        for &byte in bytes {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    parts.extend(self.end_line());
                }
                _ => {
                    self.bytes += 1;
                    if self.bytes > limits::FRAME_BYTES_MAX {
                        return Err(TooLong);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Option<Part> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.has_begun, true) && line.starts_with(b"\xef\xbb\xbf") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(&line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.frame.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.frame.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.frame.name),
            "id" if !value.contains('\0') => self.frame.id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => return value.parse().ok().map(Part::Retry),
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Part> {
        self.bytes = 0;
        let frame = std::mem::take(&mut self.frame);
        (frame.id.is_some() || frame.data.is_some()).then_some(Part::Frame(frame))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(chunks: &[&[u8]]) -> Vec<Part> {
        let (mut parser, mut parts) = (Parser::default(), Vec::new());
        chunks.iter().for_each(|chunk| parser.push(chunk, &mut parts).unwrap());
        parts
    }

    fn frame(id: Option<&str>, name: &str, data: &str) -> Part {
        Part::Frame(Frame { id: id.map(str::to_owned), name: name.into(), data: Some(data.into()) })
    }

    fn moved(id: &str) -> Part {
        Part::Frame(Frame { id: Some(id.into()), ..Frame::default() })
    }

    #[test]
    fn reads_what_the_gateway_writes() {
        let text = b"retry: 2000\n: slipstream\nid: c0\n\nid: c1\ndata: {\"a\":1}\n\nevent: ready\ndata: {}\n\n";
        assert_eq!(parse(&[text]), [Part::Retry(2_000), moved("c0"), frame(Some("c1"), "", "{\"a\":1}"), frame(None, "ready", "{}")]);
    }

    #[test]
    fn follows_the_general_rules() {
        assert_eq!(parse(&[b"\xef\xbb\xbfdata:a\rdata: b\r\ndata\n\n"]), [frame(None, "", "a\nb\n")]);
        assert_eq!(parse(&[b"event: x\n\n", b": only a comment\n\n"]), []);
        assert_eq!(parse(&[b"data\n\n"]), [frame(None, "", "")]);
        assert_eq!(parse(&[b"id: a\0b\ndata:  x\nnonsense\nretry: 1x\nretry:\n\n"]), [frame(None, "", " x")]);
        assert_eq!(parse(&[b"data: never ended\n"]), []);
        assert_eq!(parse(&[b"id\ndata: x\n\n"]), [frame(Some(""), "", "x")]);
    }

    #[test]
    fn refuses_a_frame_without_end() {
        let (mut parser, mut parts) = (Parser::default(), Vec::new());
        assert_eq!(parser.push(&vec![b'x'; limits::FRAME_BYTES_MAX + 1], &mut parts), Err(TooLong));
        let mut parser = Parser::default();
        let line = [b"data: ".as_slice(), &[b'x'; 1_000], b"\n"].concat();
        let error = (0..limits::FRAME_BYTES_MAX / 1_000 + 1).find_map(|_| parser.push(&line, &mut parts).err());
        assert_eq!(error, Some(TooLong));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(text in "(id: [a-z]{0,3}|data: [a-z:]{0,5}|event: [a-z]{0,3}|: c|\r|\n|\r\n){0,40}", at in 0_usize..200) {
            let whole = parse(&[text.as_bytes()]);
            let (one, two) = text.as_bytes().split_at(at.min(text.len()));
            prop_assert_eq!(parse(&[one, two]), whole.clone());
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            prop_assert_eq!(parse(&bytes), whole);
        }

        #[test]
        fn takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            parse(&[&bytes]);
        }
    }
}
