//! Query strings, decoded, with readers that name the parameter they refuse.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde_json::Value;
use slipstream_event::{Fault, Timestamp};

use crate::problem::{Invalid, Location};
use crate::{Problem, limits};

/// The parameters of a query string, in order. Of a parameter given more than once, the last counts where one is read.
///
/// As extractor it never refuses a parameter that nobody asks for; more than [`limits::QUERY_PAIRS_MAX`] of them are 422.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string, without its question mark.
    ///
    /// # Errors
    /// 422 when it has too many parameters.
    pub fn parse(query: &str) -> Result<Self, Problem> {
        let pairs: Vec<_> =
            url::form_urlencoded::parse(query.as_bytes()).take(limits::QUERY_PAIRS_MAX + 1).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        if pairs.len() > limits::QUERY_PAIRS_MAX {
            let fault = Fault::new("", "too_many_parameters", format!("at most {} parameters", limits::QUERY_PAIRS_MAX));
            return Err(Problem::invalid(vec![Invalid::new(Location::Query, fault)]));
        }
        Ok(Self(pairs))
    }

    /// Parameters that come from elsewhere than a query string.
    pub fn of_pairs(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter, `None` when absent or empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs().filter(|(key, _)| *key == name).last().map(|(_, value)| value).filter(|value| !value.is_empty())
    }

    /// A whole number within `range`; `default` when absent or empty.
    ///
    /// # Errors
    /// What is wrong with it, for [`Problem::invalid`].
    pub fn integer(&self, name: &str, default: i64, range: RangeInclusive<i64>) -> Result<i64, Invalid> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let number: i64 = text.parse().map_err(|_| self.invalid(name, "int_parsing", "must be a whole number".into()))?;
        let (low, high) = (*range.start(), *range.end());
        match number {
            _ if number < low => Err(self.invalid(name, "greater_than_equal", format!("must be at least {low}"))),
            _ if number > high => Err(self.invalid(name, "less_than_equal", format!("must be at most {high}"))),
            _ => Ok(number),
        }
    }

    /// A boolean in any of the usual words; `default` when absent or empty.
    ///
    /// # Errors
    /// What is wrong with it, for [`Problem::invalid`].
    pub fn boolean(&self, name: &str, default: bool) -> Result<bool, Invalid> {
        let Some(text) = self.text(name) else { return Ok(default) };
        boolean_word(text).ok_or_else(|| self.invalid(name, "bool_parsing", "must be true or false".into()))
    }

    /// An RFC 3339 timestamp. A time without an offset is UTC; a `+` that nobody encoded, and that therefore arrived as a space, is a `+`.
    ///
    /// # Errors
    /// What is wrong with it, for [`Problem::invalid`].
    pub fn timestamp(&self, name: &str) -> Result<Option<Timestamp>, Invalid> {
        let read = |text: &str| lenient(text).ok_or_else(|| self.invalid(name, "datetime_parsing", "must be an RFC 3339 timestamp".into()));
        self.text(name).map(read).transpose()
    }

    /// A refusal of a parameter's value, which is repeated, cut short.
    pub fn invalid(&self, name: &str, code: &'static str, message: String) -> Invalid {
        self.refuse(Fault::new(name, code, message))
    }

    /// A refusal for a fault whose field is a parameter.
    pub fn refuse(&self, fault: Fault) -> Invalid {
        let input = self.text(&fault.field).map_or(Value::Null, |text| Value::String(text.chars().take(100).collect()));
        Invalid { location: Location::Query, fault, input: Box::new(input) }
    }
}

fn lenient(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| Timestamp::parse(&text.replace(' ', "+"))).or_else(|| Timestamp::parse(&format!("{text}Z")))
}

/// The boolean of a word that clients send: `true/false`, `1/0`, `yes/no`, `on/off`, `t/f`, `y/n`, in any case.
pub fn boolean_word(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Some(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Some(false),
        _ => None,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_names_what_it_refuses() {
        let query = Query::parse("limit=7&limit=501&b=Yes&x=&t=2024-01-01T00:00:00%2B01:00&u=2024-01-01T00:00:00+01:00&n=2024-01-01T00:00:00&s=a+b").unwrap();
        assert_eq!((query.text("x"), query.text("s"), query.boolean("b", false).unwrap()), (None, Some("a b"), true));
        assert_eq!(query.integer("none", 50, 1..=500).unwrap(), 50);
        let refused = query.integer("limit", 50, 1..=500).unwrap_err();
        assert_eq!((refused.fault.field.as_str(), refused.fault.code, *refused.input), ("limit", "less_than_equal", "501".into()));
        assert_eq!(query.timestamp("t").unwrap().unwrap().to_string(), "2023-12-31T23:00:00.000000Z");
        assert_eq!(query.timestamp("u").unwrap(), query.timestamp("t").unwrap());
        assert_eq!(query.timestamp("n").unwrap().unwrap().to_string(), "2024-01-01T00:00:00.000000Z");
        assert!(query.timestamp("s").is_err() && query.boolean("s", true).is_err() && query.integer("s", 0, 0..=1).is_err());
        assert!(Query::parse(&"a&".repeat(300)).is_err());
    }
}
