//! Subjects and stream names that are the broker's own; those of events stand in [`slipstream_event::subject`].

use slipstream_event::Position;

/// The stream of dead letters.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";
/// All dead letters.
pub const DEAD_LETTERS_ALL: &str = "dead.>";

/// The subject of one dead letter. The stream keeps one message per subject, so that a letter's successor replaces it.
pub(crate) fn dead_letter(consumer: &str, at: Position) -> String {
    format!("dead.{consumer}.{}.{}.{}", at.shard, at.epoch, at.seq)
}

/// The consumer and the position of a dead letter's subject.
pub(crate) fn parse_dead_letter(subject: &str) -> Option<(&str, Position)> {
    let mut tokens = subject.strip_prefix("dead.")?.split('.');
    let consumer = tokens.next()?;
    let position = Position::new(tokens.next()?.parse().ok()?, tokens.next()?.parse().ok()?, tokens.next()?.parse().ok()?);
    tokens.next().is_none().then_some((consumer, position))
}

/// All dead letters of one consumer.
pub(crate) fn dead_letters_of(consumer: &str) -> String {
    format!("dead.{consumer}.>")
}

/// A subject of the JetStream API.
pub(crate) fn api(verb: &str, stream: &str) -> String {
    format!("$JS.API.{verb}.{stream}")
}

/// A subject of the JetStream API that names a consumer.
pub(crate) fn api_of_consumer(verb: &str, stream: &str, consumer: &str) -> String {
    format!("$JS.API.{verb}.{stream}.{consumer}")
}

/// Where a consumer is made; the filter is part of the subject, so that the server can restrict it by user.
pub(crate) fn api_create_consumer(stream: &str, consumer: &str, filter: &str) -> String {
    let subject = api_of_consumer("CONSUMER.CREATE", stream, consumer);
    if filter.is_empty() { subject } else { format!("{subject}.{filter}") }
}

/// The stream of a key-value bucket.
pub fn bucket_stream(name: &str) -> String {
    format!("KV_{name}")
}

/// All keys of a bucket.
pub(crate) fn bucket(name: &str) -> String {
    format!("$KV.{name}.>")
}

/// Where the headers of a bucket's changes are republished.
pub(crate) fn changed_keys(name: &str) -> String {
    format!("kv.{name}.>")
}

/// The subject of a key; `None` for what cannot be a key: tokens of `[A-Za-z0-9_-]` with dots between them.
pub(crate) fn of_key(bucket: &str, key: &str) -> Option<String> {
    let valid = |token: &str| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    (key.len() <= crate::limits::KEY_BYTES_MAX && key.split('.').all(valid)).then(|| format!("$KV.{bucket}.{key}"))
}

/// The key of a subject.
pub(crate) fn parse_key<'a>(bucket: &str, subject: &'a str) -> Option<&'a str> {
    subject.strip_prefix("$KV.")?.strip_prefix(bucket)?.strip_prefix('.')
}

/// Whether `name` can name a consumer: one subject token, 1 to 64 characters of `[A-Za-z0-9_-]`.
pub(crate) fn valid_consumer(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= crate::limits::CONSUMER_NAME_LEN_MAX && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_subjects_of_dead_letters() {
        let at = Position::new(2, 1_795_214_679_702, 30);
        assert_eq!(parse_dead_letter(&dead_letter("alerts", at)), Some(("alerts", at)));
        for bad in ["", "dead", "dead.c.1.2", "dead.c.1.2.3.4", "dead.c.x.2.3", "events.c.1.2.3"] {
            assert_eq!(parse_dead_letter(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_key_is_tokens() {
        assert_eq!(of_key("b", "acme.x-1_Y").as_deref(), Some("$KV.b.acme.x-1_Y"));
        assert_eq!(parse_key("b", "$KV.b.acme.x"), Some("acme.x"));
        assert_eq!((parse_key("b", "$KV.bb.x"), parse_key("b", "kv.b.x")), (None, None));
        for bad in ["", ".", "a.", ".a", "a..b", "a b", "*", ">", "a.>", "é", &"x".repeat(257)] {
            assert_eq!(of_key("b", bad), None, "{bad}");
        }
    }

    #[test]
    fn a_consumer_is_one_token() {
        assert!(valid_consumer("copilot_audit-2") && valid_consumer(&"x".repeat(64)));
        for bad in ["", "a.b", "a b", "*", ">", "é", &"x".repeat(65)] {
            assert!(!valid_consumer(bad), "{bad}");
        }
    }
}
