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

/// Whether `name` can name a consumer: one subject token, 1 to 64 characters of `[A-Za-z0-9_-]`.
pub(crate) fn valid_consumer(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !name.is_empty() && name.len() <= crate::limits::CONSUMER_NAME_LEN_MAX && name.bytes().all(valid)
}
