//! Headers: names of our own, and reading them.

use async_nats::HeaderMap;
use async_nats::header::IntoHeaderName;
use slipstream_event::Timestamp;
use time::OffsetDateTime;

/// W3C trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// On a second copy that was put back from the dead letters: the consumer for whom.
pub(crate) const REDRIVEN: &str = "Slipstream-Redriven";
/// On a dead letter: why.
pub(crate) const REASON: &str = "Slipstream-Reason";
/// On a dead letter: the message's stored subject.
pub(crate) const SUBJECT: &str = "Slipstream-Subject";
/// On what is left of a dead letter that was put back: when.
pub(crate) const REDRIVEN_AT: &str = "Slipstream-Redriven-At";

/// The last value of a header: the server adds its own after what a publisher sent.
pub(crate) fn text(headers: Option<&HeaderMap>, name: impl IntoHeaderName) -> Option<&str> {
    headers?.get_last(name).map(async_nats::HeaderValue::as_str)
}

/// As [`text`], as a number.
pub(crate) fn number(headers: Option<&HeaderMap>, name: impl IntoHeaderName) -> Option<u64> {
    text(headers, name)?.parse().ok()
}

/// As [`text`], as a moment.
pub(crate) fn moment(headers: Option<&HeaderMap>, name: impl IntoHeaderName) -> Option<OffsetDateTime> {
    Timestamp::parse(text(headers, name)?).map(|t| t.datetime())
}

/// `value` on one line, at most `len_max` characters: what a header can carry.
pub(crate) fn line(value: &str, len_max: usize) -> String {
    value.chars().take(len_max).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_servers_value() {
        let mut headers = HeaderMap::new();
        headers.append("Nats-Sequence", "1");
        headers.append("Nats-Sequence", "7");
        assert_eq!(number(Some(&headers), "Nats-Sequence"), Some(7));
        assert_eq!(number(Some(&headers), "Other"), None);
    }

    #[test]
    fn keeps_a_reason_on_one_line() {
        assert_eq!(line("a\r\nb\u{0}é", 4), "a  b");
        assert_eq!(line("é", 4), "é");
    }
}
