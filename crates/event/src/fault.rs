//! What is wrong with one field of an input.

use std::fmt;

use serde::Serialize;

/// One refused field: which, why (a stable machine word), and a sentence for people.
///
/// The sentence never repeats the refused value: it may be hostile or secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Path of the field in the input, such as `metadata` or `actor.userId`. Empty when the input as a whole is meant.
    pub field: String,
    /// Stable machine word, such as `too_long`.
    pub code: &'static str,
    /// Sentence for people.
    pub message: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }

    /// The same fault, of a field that lies below `parent`.
    #[must_use]
    pub fn below(mut self, parent: &str) -> Self {
        self.field = if self.field.is_empty() { parent.to_owned() } else { format!("{parent}.{}", self.field) };
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

impl std::error::Error for Fault {}

/// Refuses a text that is empty, longer than `len_max` characters, or holds control characters.
///
/// # Errors
/// A [`Fault`] of `field` with code `empty`, `too_long` or `control_character`.
pub fn text(field: &str, value: &str, len_max: usize) -> Result<(), Fault> {
    if value.is_empty() {
        return Err(Fault::new(field, "empty", "must not be empty"));
    }
    if value.len() > len_max && value.chars().count() > len_max {
        return Err(Fault::new(field, "too_long", format!("must be at most {len_max} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err(Fault::new(field, "control_character", "must not hold control characters"));
    }
    Ok(())
}
