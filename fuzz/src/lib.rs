//! What is fuzzed: one function for each parser of outside input, with what must hold of it whatever the input is.
//!
//! The same functions run in the project's tests, over the seeds and over random bytes.

mod events;
mod ledger;
mod requests;
pub mod sse;
mod tokens;

pub use events::{cloudevents, draft, frame, object};
pub use ledger::{note, vkey};
pub use requests::{control, filter, ingest_body, stream_request, websocket};
pub use tokens::{claims, credential, cursor, keyset, names, subject};

/// A body: takes any bytes; panics when a promise is broken.
pub type Target = fn(&[u8]);

/// All of them, by the name of their fuzz target and of their folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("claims", claims),
    ("cloudevents", cloudevents),
    ("control", control),
    ("credential", credential),
    ("cursor", cursor),
    ("draft", draft),
    ("filter", filter),
    ("frame", frame),
    ("ingest_body", ingest_body),
    ("keyset", keyset),
    ("names", names),
    ("note", note),
    ("object", object),
    ("stream_request", stream_request),
    ("subject", subject),
    ("vkey", vkey),
    ("websocket", websocket),
];

/// The input as text, as a server that fails on no byte reads it.
fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

/// A head of lines `name: value` up to a blank line, and what comes after it. Lines that are no header are passed over.
fn head_and_rest(data: &[u8]) -> (http::HeaderMap, &[u8]) {
    let end = data.windows(2).position(|pair| pair == b"\n\n");
    let (head, rest) = end.map_or((data, &data[data.len()..]), |at| (&data[..at], &data[at + 2..]));
    let mut headers = http::HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(64) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = http::HeaderName::from_bytes(&line[..colon]);
        let value = http::HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, rest)
}
