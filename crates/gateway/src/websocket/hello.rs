//! What a client says: its first message, and its pings. Pure, and fed with hostile input.

use serde_json::{Map, Value};
use url::form_urlencoded::Serializer;

use super::ending::Close;

/// The answer to a client's `ping`.
pub(super) const PONG: &[u8] = b"{\"type\":\"pong\"}\n";

/// The members of the first message that are a stream's parameters; they mean what they mean in a query.
const PARAMETERS: [&str; 14] = [
    "lastEventId",
    "last_event_id",
    "lastEventID",
    "types",
    "module",
    "entityType",
    "entityId",
    "actor",
    "severity",
    "format",
    "view",
    "categories",
    "severities",
    "account_id",
];

/// The first message: `{"type":"auth","token":"…"}` or `{"type":"auth","ticket":"…"}`, with parameters beside it. Never shown: it holds a credential.
pub struct Hello {
    /// The credential; not empty, and not checked.
    pub proof: Proof,
    /// As a query string.
    pub parameters: String,
}

/// What a client shows. When it shows both, the token counts.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A token.
    Token(String),
    /// A ticket.
    Ticket(String),
}

impl Hello {
    /// Reads the message. Members that are not known are not looked at.
    ///
    /// # Errors
    /// 4401 when it is no such message or has no credential; 4400 when a parameter is neither a text nor a list of texts.
    pub fn parse(text: &str) -> Result<Self, Close> {
        let message: Map<String, Value> = serde_json::from_str(text).map_err(|_| Close::MALFORMED)?;
        if message.get("type").and_then(Value::as_str) != Some("auth") {
            return Err(Close::MALFORMED);
        }
        let text = |member: &str| match message.get(member) {
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
            Some(Value::String(_) | Value::Null) | None => Ok(None),
            Some(_) => Err(Close::MALFORMED),
        };
        let proof = match (text("token")?, text("ticket")?) {
            (Some(token), _) => Proof::Token(token),
            (None, Some(ticket)) => Proof::Ticket(ticket),
            (None, None) => return Err(Close::MISSING),
        };
        let mut parameters = Serializer::new(String::new());
        for name in PARAMETERS {
            for value in texts(message.get(name)).ok_or(Close::FAULTY)? {
                parameters.append_pair(name, value);
            }
        }
        Ok(Self { proof, parameters: parameters.finish() })
    }
}

/// Whether a message is `{"type":"ping"}`.
pub fn is_ping(text: &str) -> bool {
    serde_json::from_str::<Map<String, Value>>(text).is_ok_and(|message| message.get("type").and_then(Value::as_str) == Some("ping"))
}

/// The texts of a member that is a text, a list of texts, or not there.
fn texts(value: Option<&Value>) -> Option<Vec<&str>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::String(text)) => Some(vec![text]),
        Some(Value::Array(values)) => values.iter().map(Value::as_str).collect(),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<(String, String), Close> {
        Hello::parse(text).map(|hello| match hello.proof {
            Proof::Token(token) => (token, hello.parameters),
            Proof::Ticket(ticket) => (format!("ticket {ticket}"), hello.parameters),
        })
    }

    #[test]
    fn parameters_become_those_of_a_query() {
        let text = r#"{"type":"auth","token":"t","types":["shop.order","fleet"],"lastEventId":"a b&c","severity":null,"unknown":{}}"#;
        assert_eq!(parse(text).unwrap(), ("t".into(), "lastEventId=a+b%26c&types=shop.order&types=fleet".into()));
    }

    #[test]
    fn a_ticket_counts_where_there_is_no_token() {
        assert_eq!(parse(r#"{"type":"auth","ticket":"x"}"#).unwrap().0, "ticket x");
        assert_eq!(parse(r#"{"type":"auth","ticket":"x","token":"t"}"#).unwrap().0, "t");
    }

    #[test]
    fn what_is_no_credential_is_told_from_a_faulty_parameter() {
        for text in ["", "hello", "[]", r#"{"token":"t"}"#, r#"{"type":"ping"}"#, r#"{"type":"auth","token":5}"#] {
            assert_eq!(parse(text), Err(Close::MALFORMED), "{text}");
        }
        for text in [r#"{"type":"auth"}"#, r#"{"type":"auth","token":""}"#] {
            assert_eq!(parse(text), Err(Close::MISSING), "{text}");
        }
        for text in [r#"{"type":"auth","token":"t","types":5}"#, r#"{"type":"auth","token":"t","types":["a",1]}"#] {
            assert_eq!(parse(text), Err(Close::FAULTY), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,80}") {
            let _ignored = (parse(&text).is_ok(), is_ping(&text));
        }
    }
}
