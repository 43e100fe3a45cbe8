//! Server-sent events as a browser reads them (WHATWG HTML §9.2.6), written from the standard and not from our encoder.

/// One block of a stream: the fields between two blank lines. A browser dispatches it when it has data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The `id` that the block sets; an id with a NUL is passed over.
    pub id: Option<String>,
    /// The name of the event; a browser calls an unnamed one `message`.
    pub event: Option<String>,
    /// The `data` lines, joined by line feeds.
    pub data: Option<String>,
    /// The time to wait before connecting anew, in milliseconds.
    pub retry: Option<u64>,
}

/// Reads a stream piece by piece, wherever it is cut.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    block: Block,
    has_begun: bool,
    after_cr: bool,
}

impl Parser {
    /// The blocks that `bytes` complete, those without any field left out.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Block> {
        let mut blocks = Vec::new();
        for &byte in bytes {
            let ends_crlf = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                _ if ends_crlf => {}
                b'\r' | b'\n' => {
                    self.after_cr = byte == b'\r';
                    blocks.extend(self.end_line());
                }
                _ => self.line.push(byte),
            }
        }
        blocks
    }

    fn end_line(&mut self) -> Option<Block> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&bytes).into_owned();
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.trim_start_matches('\u{feff}').to_owned();
        }
        if line.is_empty() {
            return Some(std::mem::take(&mut self.block)).filter(|block| *block != Block::default());
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "data" => match &mut self.block.data {
                Some(data) => *data = format!("{data}\n{value}"),
                None => self.block.data = Some(value),
            },
            "event" => self.block.event = Some(value),
            "id" if !value.contains('\0') => self.block.id = Some(value),
            "retry" if value.bytes().all(|b| b.is_ascii_digit()) => self.block.retry = value.parse().ok(),
            _ => {}
        }
        None
    }
}
