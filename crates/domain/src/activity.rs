//! The activity log's settings: what they may be, and which events tell of a change of the log.

use serde::Serialize;
use slipstream_event::{Event, Tenant, Timestamp};

use crate::Refusal;
use crate::declared::{Broken, By, Changes, Making};
use crate::limits::REASON_LEN_MAX;
use crate::refusal::optional;

/// Id of the one log of a tenant, as an entity of events.
const LOG: &str = "activity-log";

/// What a tenant's activity log shows. The default holds where a tenant has set nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Whether it records.
    pub enabled: bool,
    /// Older entries are not shown, in days.
    pub max_days: u32,
    /// The oldest beyond so many are not shown.
    pub max_entries: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: true, max_days: 90, max_entries: 100_000 }
    }
}

/// The reason that a caller gives for a change: trimmed; blank is none.
///
/// # Errors
/// [`Refusal::Invalid`] for one of more than [`REASON_LEN_MAX`] characters, or with a NUL.
pub fn reason(given: Option<&str>) -> Result<Option<String>, Refusal> {
    optional("reason", given, REASON_LEN_MAX)
}

/// A change of a tenant's log: whose it is, when it happens, why, and who does it.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The time of all its events: what the log shows is decided by it.
    pub at: Timestamp,
    /// Why.
    pub reason: Option<&'a str>,
    /// Who.
    pub by: By<'a>,
}

impl Change<'_> {
    /// The events of new settings, also of the same ones. What comes into the log between the one that turns it off and the one that turns it on is not shown, so the
    /// first of these is the last of its change, and the second the first.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn settings(&self, before: &Settings, after: &Settings) -> Result<Vec<Event>, Broken> {
        let turned = match (before.enabled, after.enabled) {
            (true, false) => Some("activity.log.disabled"),
            (false, true) => Some("activity.log.enabled"),
            _ => None,
        };
        let turned = turned.map(|event_type| self.finish(self.begin(event_type)?)).transpose()?;
        let updated = self.begin("activity.settings.updated")?.with("before", before)?.with("after", after)?;
        let updated = self.finish(updated)?;
        Ok(match turned {
            Some(off) if before.enabled => vec![updated, off],
            Some(on) => vec![on, updated],
            None => vec![updated],
        })
    }

    /// The event of a clearing of `cleared` entries.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn cleared(&self, cleared: u64) -> Result<Event, Broken> {
        self.finish(self.begin("activity.log.cleared")?.with("cleared", &cleared)?)
    }

    fn begin(&self, event_type: &str) -> Result<Making, Broken> {
        let making = Making::begin(event_type, self.tenant, LOG.to_owned(), self.by)?;
        match self.reason {
            Some(reason) => making.with("reason", &reason),
            None => Ok(making),
        }
    }

    fn finish(&self, making: Making) -> Result<Event, Broken> {
        let mut event = making.finish(Changes::default())?;
        event.timestamp = self.at;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::Actor;

    use super::*;

    fn types(before: bool, after: bool) -> Vec<String> {
        let (tenant, actor, at) = (Tenant::new("acme").unwrap(), Actor::user("u1"), Timestamp::parse("2026-11-20T10:00:00Z").unwrap());
        let change = Change { tenant: &tenant, at, reason: Some("audit"), by: By { actor: &actor, correlation_id: Some("c1"), batch_id: None } };
        let of = |enabled| Settings { enabled, ..Settings::default() };
        let events = change.settings(&of(before), &of(after)).unwrap();
        for event in &events {
            assert_eq!((event.timestamp, event.metadata.text("reason").as_deref(), event.correlation_id.as_deref()), (at, Some("audit"), Some("c1")));
        }
        let updated = events.iter().find(|event| event.event_type.as_str() == "activity.settings.updated").unwrap();
        assert!(updated.metadata.get("after").unwrap().contains("\"maxDays\":90"));
        events.iter().map(|event| event.event_type.to_string()).collect()
    }

    #[test]
    fn turning_the_log_off_is_told_last_and_on_first_and_every_change_is_told() {
        assert_eq!(types(true, false), ["activity.settings.updated", "activity.log.disabled"]);
        assert_eq!(types(false, true), ["activity.log.enabled", "activity.settings.updated"]);
        assert_eq!(types(true, true), ["activity.settings.updated"]);
        assert_eq!(types(false, false), ["activity.settings.updated"]);
    }

    #[test]
    fn a_reason_is_short() {
        assert_eq!(reason(Some("  why ")).unwrap().as_deref(), Some("why"));
        assert_eq!(reason(Some(" ")).unwrap(), None);
        assert!(reason(Some(&"x".repeat(REASON_LEN_MAX + 1))).is_err() && reason(Some("\0")).is_err());
    }
}
