//! Event types: `<module>.<entity>.<action>`.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Fault, limits};

/// The type of an event: 3 to 5 tokens of `[a-z0-9_]+` joined by dots; the first is the module, the last the action. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventType(Arc<str>);

impl EventType {
    /// Checks and takes `value`.
    ///
    /// # Errors
    /// A [`Fault`] of `type` with code `type_invalid`.
    pub fn new(value: &str) -> Result<Self, Fault> {
        let tokens = value.split('.');
        let valid = |token: &str| !token.is_empty() && token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let count = tokens.clone().count();
        let fits = (limits::TYPE_TOKENS_MIN..=limits::TYPE_TOKENS_MAX).contains(&count) && value.len() <= limits::TYPE_LEN_MAX;
        if !fits || !tokens.clone().all(valid) {
            return Err(Fault::new(
                "type",
                "type_invalid",
                "must be <module>.<entity>.<action>: 3 to 5 tokens of a-z, 0-9 and _, joined by dots, at most 200 characters",
            ));
        }
        Ok(Self(value.into()))
    }

    /// The whole type.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first token.
    pub fn module(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// The type without its last token.
    pub fn entity_type(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(entity, _)| entity)
    }

    /// The last token.
    pub fn action(&self) -> &str {
        self.0.rsplit_once('.').map_or("", |(_, action)| action)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EventType {
    type Error = Fault;
    fn try_from(value: String) -> Result<Self, Fault> {
        Self::new(&value)
    }
}

impl From<EventType> for String {
    fn from(value: EventType) -> Self {
        value.0.as_ref().to_owned()
    }
}

/// `value` as one token of a type: words split where case, digits or other characters say so, in lower case, joined by `_`.
///
/// `GetBucketACL` becomes `get_bucket_acl`. Never empty: what holds no letter or digit becomes `unknown`.
pub fn token(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    let chars: Vec<char> = value.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        if !c.is_ascii_alphanumeric() {
            if !out.is_empty() && !out.ends_with('_') {
                out.push('_');
            }
            continue;
        }
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || (b.is_ascii_uppercase() && after.is_some_and(char::is_ascii_lowercase)));
        if starts_word && !out.ends_with('_') {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    let out = out.trim_matches('_');
    if out.is_empty() { "unknown".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_into_module_entity_and_action() {
        let t = EventType::new("qms.car.response.submitted").unwrap();
        assert_eq!((t.module(), t.entity_type(), t.action()), ("qms", "qms.car.response", "submitted"));
    }

    #[test]
    fn refuses_what_is_no_type() {
        for bad in ["", "a.b", "a.b.c.d.e.f", "A.b.c", "a..c", "a.b.", "a.b.c d", "a.b.*", "a.b.é", &format!("a.b.{}", "c".repeat(200))] {
            assert_eq!(EventType::new(bad).unwrap_err().code, "type_invalid", "{bad:?}");
        }
    }

    #[test]
    fn makes_tokens_of_names() {
        for (name, want) in [
            ("GetBucketACL", "get_bucket_acl"),
            ("RunInstances", "run_instances"),
            ("ListS3Objects", "list_s3_objects"),
            ("a--b", "a_b"),
            ("ÄÖ", "unknown"),
            ("DescribeDBInstances", "describe_db_instances"),
        ] {
            assert_eq!(token(name), want);
        }
    }
}
