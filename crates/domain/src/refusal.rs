//! Why a command was refused.

use slipstream_event::Fault;

/// A violated rule. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The command names nothing to change.
    #[error("there is nothing to change: name at least one field")]
    NoFields,
    /// A bulk command names no rows.
    #[error("there is nothing to act on: name at least one row")]
    NoTargets,
    /// A required field is blank.
    #[error("{0} must not be blank")]
    Blank(&'static str),
    /// A field cannot be kept as it is.
    #[error("{0}")]
    Invalid(Fault),
}

impl Refusal {
    /// The stable machine word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoFields => "no_fields",
            Self::NoTargets => "no_targets",
            Self::Blank(_) => "field_empty",
            Self::Invalid(_) => "validation",
        }
    }
}

/// A text that is required: trimmed, not blank, at most `len_max` characters, without NUL.
pub(crate) fn required(field: &'static str, text: &str, len_max: usize) -> Result<String, Refusal> {
    optional(field, Some(text), len_max)?.ok_or(Refusal::Blank(field))
}

/// A text that may be absent: trimmed; blank is absent; at most `len_max` characters, without NUL.
pub(crate) fn optional(field: &'static str, text: Option<&str>, len_max: usize) -> Result<Option<String>, Refusal> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > len_max {
        return Err(Refusal::Invalid(Fault::new(field, "string_too_long", format!("must be at most {len_max} characters"))));
    }
    // What no text of the database can hold.
    if text.contains('\0') {
        return Err(Refusal::Invalid(Fault::new(field, "string_invalid", "must not hold the NUL character")));
    }
    Ok(Some(text.to_owned()))
}
