//! Redaction: what a rule says, and which events tell of rules and of what was taken away.

use serde::Serialize;
use slipstream_event::{Category, Event, Tenant};
use uuid::Uuid;

use crate::declared::{Broken, By, Changes, Making};

/// What is redacted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// At most 256 characters.
    #[serde(skip)]
    pub name: String,
    /// Prefixes of types; empty for all.
    pub types: Vec<String>,
    /// Events of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Paths of the fields that are taken away.
    pub fields: Vec<String>,
    /// From this age on, in days.
    pub after_days: u32,
    /// Whether it is applied.
    pub enabled: bool,
}

/// What one transaction took away.
#[derive(Clone, Debug)]
pub struct Applied<'a> {
    /// Of the request, or of the rule.
    pub id: Uuid,
    /// Paths of the fields.
    pub fields: &'a [String],
    /// Number in the ledger and SHA-256 (hexadecimal) of what is left, of each event: what a verifier compares with.
    pub events: &'a [(u64, String)],
    /// The rule's name; `None` for a request.
    pub rule: Option<&'a str>,
    /// Why; `None` for a rule.
    pub reason: Option<&'a str>,
}

impl Applied<'_> {
    /// The event that tells of it, in the form that verifiers read.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn event(&self, tenant: &Tenant, by: By<'_>) -> Result<Event, Broken> {
        let making = Making::begin("archive.redaction.applied", tenant, self.id.to_string(), by)?;
        let making = making.with("count", &self.events.len())?.with("fields", &self.fields)?.with("events", &self.events)?;
        making.with("rule", &self.rule)?.with("reason", &self.reason)?.finish(Changes::default())
    }
}

/// The event of a rule that was made or changed.
///
/// # Errors
/// [`Broken`].
pub fn rule_saved(tenant: &Tenant, id: Uuid, rule: &Rule, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("archive.redaction_rule.saved", tenant, id.to_string(), by)?.named(&rule.name).with("rule", rule)?.finish(Changes::default())
}

/// The event of a rule that was deleted.
///
/// # Errors
/// [`Broken`].
pub fn rule_deleted(tenant: &Tenant, id: Uuid, name: &str, by: By<'_>) -> Result<Event, Broken> {
    Making::begin("archive.redaction_rule.deleted", tenant, id.to_string(), by)?.named(name).finish(Changes::default())
}

#[cfg(test)]
mod tests {
    use slipstream_event::{Actor, limits};

    use super::*;
    use crate::limits::{REASON_LEN_MAX, REDACTION_EVENTS_MAX, REDACTION_FIELDS_BYTES_MAX};

    #[test]
    fn the_largest_transaction_fits_into_one_event() {
        let (tenant, actor) = (Tenant::new(&"t".repeat(64)).unwrap(), Actor { name: Some("\u{1f600}".repeat(256)), ..Actor::user("\u{1f600}".repeat(256)) });
        let events: Vec<(u64, String)> = (0..REDACTION_EVENTS_MAX as u64).map(|n| (i64::MAX as u64 - n, "f".repeat(64))).collect();
        let (field, reason, rule) = ("x".repeat(REDACTION_FIELDS_BYTES_MAX), "\u{1f600}".repeat(REASON_LEN_MAX), "\u{1f600}".repeat(limits::NAME_LEN_MAX));
        let applied = Applied { id: Uuid::nil(), fields: &[field], events: &events, rule: Some(&rule), reason: Some(&reason) };
        let event = applied.event(&tenant, By { actor: &actor, correlation_id: Some(&rule), batch_id: None }).unwrap();
        assert!(event.to_json().len() <= limits::EVENT_BYTES_MAX, "{}", event.to_json().len());
        assert!(event.metadata.get("events").unwrap().starts_with(r#"[[9223372036854775807,"fff"#));
    }
}
