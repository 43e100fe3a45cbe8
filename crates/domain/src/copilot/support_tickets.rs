//! Support tickets: what they are, and what may be done to them.

mod words;

use serde::Serialize;
use slipstream_event::{Event, Severity, Tenant, Timestamp};
use uuid::Uuid;

use crate::declared::{Broken, By, Changes, Making};
use crate::limits::{TICKET_BULK_MAX, TICKET_DESCRIPTION_LEN_MAX, TICKET_PERSON_LEN_MAX, TICKET_SUBJECT_LEN_MAX};
use crate::refusal::{Refusal, optional, required};
pub use words::{Priority, Status};

/// A ticket, as clients read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ticket {
    /// Id.
    pub id: Uuid,
    /// The account it belongs to.
    pub account_id: Tenant,
    /// Whose ticket: any text.
    pub user_profile_id: Option<String>,
    /// What it is about.
    pub subject: String,
    /// In full.
    pub description: String,
    /// Where it stands.
    pub status: Status,
    /// How urgent.
    pub priority: Priority,
    /// Who works on it: any text.
    pub assigned_to: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What a new ticket is made of, as it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Required, not blank.
    pub subject: String,
    /// Required, not blank.
    pub description: String,
    /// Any text; blank is none.
    pub user_profile_id: Option<String>,
    /// [`Status::Open`] when absent.
    pub status: Option<Status>,
    /// [`Priority::Medium`] when absent.
    pub priority: Option<Priority>,
    /// Blank is none.
    pub assigned_to: Option<String>,
}

/// What a new ticket is made of, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// Not blank.
    pub subject: String,
    /// Not blank.
    pub description: String,
    /// Whose ticket.
    pub user_profile_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// How urgent.
    pub priority: Priority,
    /// Who works on it.
    pub assigned_to: Option<String>,
}

/// A change, as it was asked for and as it is made. `None` leaves a field alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Not blank.
    pub subject: Option<String>,
    /// Not blank.
    pub description: Option<String>,
    /// Any status may follow any other.
    pub status: Option<Status>,
    /// Priority.
    pub priority: Option<Priority>,
    /// `Some(None)` takes the assignee away.
    pub assigned_to: Option<Option<String>>,
}

/// The counts of a bulk update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulk {
    /// Rows that the command reached.
    pub matched: usize,
    /// Rows that are different now.
    pub changed: usize,
    /// Rows that are not there, or not in the scope.
    pub skipped: usize,
}

impl Draft {
    /// Checks what was asked for.
    ///
    /// # Errors
    /// [`Refusal::Blank`] and [`Refusal::Invalid`].
    pub fn check(self) -> Result<New, Refusal> {
        Ok(New {
            subject: required("subject", &self.subject, TICKET_SUBJECT_LEN_MAX)?,
            description: required("description", &self.description, TICKET_DESCRIPTION_LEN_MAX)?,
            user_profile_id: optional("user_profile_id", self.user_profile_id.as_deref(), TICKET_PERSON_LEN_MAX)?,
            status: self.status.unwrap_or_default(),
            priority: self.priority.unwrap_or_default(),
            assigned_to: optional("assigned_to", self.assigned_to.as_deref(), TICKET_PERSON_LEN_MAX)?,
        })
    }
}

impl Change {
    /// Checks what was asked for: trims, and turns a blank assignee into none.
    ///
    /// # Errors
    /// [`Refusal::NoFields`] when there is nothing to change; [`Refusal::Blank`]; [`Refusal::Invalid`].
    pub fn check(self) -> Result<Self, Refusal> {
        if self == Self::default() {
            return Err(Refusal::NoFields);
        }
        Ok(Self {
            subject: self.subject.map(|text| required("subject", &text, TICKET_SUBJECT_LEN_MAX)).transpose()?,
            description: self.description.map(|text| required("description", &text, TICKET_DESCRIPTION_LEN_MAX)).transpose()?,
            status: self.status,
            priority: self.priority,
            assigned_to: self.assigned_to.map(|text| optional("assigned_to", text.as_deref(), TICKET_PERSON_LEN_MAX)).transpose()?,
        })
    }
}

/// The event of a new ticket.
///
/// # Errors
/// [`Broken`].
pub fn created(ticket: &Ticket, by: By<'_>) -> Result<Event, Broken> {
    let severity = if ticket.priority == Priority::Urgent { Severity::Warning } else { Severity::Info };
    let mut changes = Changes::default();
    for (field, after) in fields(ticket) {
        changes.field(field, None, after)?;
    }
    begin("created", ticket, by)?
        .severity(severity)
        .with("status", &ticket.status)?
        .with("priority", &ticket.priority)?
        .with("assignedTo", &ticket.assigned_to)?
        .finish(changes)
}

/// The events of a change, from the row before to the row after: `status_changed`, `assigned` and `updated`, each when it applies; none when
/// nothing that a client sees has changed.
///
/// # Errors
/// [`Broken`].
pub fn changed(before: &Ticket, after: &Ticket, by: By<'_>) -> Result<Vec<Event>, Broken> {
    let mut events = Vec::new();
    if before.status != after.status {
        let mut changes = Changes::default();
        changes.field("status", Some(before.status.as_str()), Some(after.status.as_str()))?;
        events.push(begin("status_changed", after, by)?.with("from", &before.status)?.with("to", &after.status)?.finish(changes)?);
    }
    if before.assigned_to != after.assigned_to {
        let mut changes = Changes::default();
        changes.field("assigned_to", before.assigned_to.as_deref(), after.assigned_to.as_deref())?;
        events.push(begin("assigned", after, by)?.with("from", &before.assigned_to)?.with("to", &after.assigned_to)?.finish(changes)?);
    }
    let mut changes = Changes::default();
    for ((field, was), (_, is)) in fields(before).into_iter().zip(fields(after)) {
        if field != "status" && field != "assigned_to" {
            changes.field(field, was, is)?;
        }
    }
    let names: Vec<String> = changes.names().into_iter().map(str::to_owned).collect();
    if !names.is_empty() {
        events.push(begin("updated", after, by)?.with("fields", &names)?.finish(changes)?);
    }
    Ok(events)
}

/// The event of a deleted ticket.
///
/// # Errors
/// [`Broken`].
pub fn deleted(ticket: &Ticket, by: By<'_>) -> Result<Event, Broken> {
    let mut changes = Changes::default();
    for (field, before) in fields(ticket) {
        changes.field(field, before, None)?;
    }
    begin("deleted", ticket, by)?.finish(changes)
}

/// The targets of a bulk update: without doubles, in the order given.
///
/// # Errors
/// [`Refusal::NoTargets`]; [`Refusal::Invalid`] when there are more than [`TICKET_BULK_MAX`].
pub fn targets(ids: Vec<Uuid>) -> Result<Vec<Uuid>, Refusal> {
    let mut seen = std::collections::HashSet::new();
    let ids: Vec<Uuid> = ids.into_iter().filter(|id| seen.insert(*id)).collect();
    match ids.len() {
        0 => Err(Refusal::NoTargets),
        len if len > TICKET_BULK_MAX => {
            Err(Refusal::Invalid(slipstream_event::Fault::new("ticket_ids", "too_long", format!("must name at most {TICKET_BULK_MAX} tickets"))))
        }
        _ => Ok(ids),
    }
}

/// The event of a bulk update as a whole, under the id of the batch; `None` when nothing changed. It belongs to the one account that was meant, or to the
/// platform when a super-admin reached into several.
///
/// # Errors
/// [`Broken`].
pub fn bulk_completed(account: Option<&Tenant>, counts: Bulk, account_ids: &[Tenant], change: &Change, by: By<'_>) -> Result<Option<Event>, Broken> {
    if counts.changed == 0 {
        return Ok(None);
    }
    let applied = serde_json::json!({"status": change.status, "priority": change.priority, "assigned_to": change.assigned_to.as_ref().map(Option::as_deref)});
    let tenant = account.cloned().unwrap_or_else(Tenant::platform);
    let event = Making::begin("copilot.bulk.completed", &tenant, by.batch_id.unwrap_or_default().to_owned(), by)?
        .with("operation", &"support_tickets.bulk_update")?
        .with("matched", &counts.matched)?
        .with("changed", &counts.changed)?
        .with("skipped", &counts.skipped)?
        .with("applied", &applied)?
        .with("accountIds", &account_ids)?
        .finish(Changes::default())?;
    Ok(Some(event))
}

fn begin(action: &str, ticket: &Ticket, by: By<'_>) -> Result<Making, Broken> {
    Ok(Making::begin(&format!("copilot.support_ticket.{action}"), &ticket.account_id, ticket.id.to_string(), by)?.named(&ticket.subject))
}

/// The fields whose change is told.
fn fields(ticket: &Ticket) -> [(&'static str, Option<&str>); 6] {
    [
        ("subject", Some(&ticket.subject)),
        ("description", Some(&ticket.description)),
        ("status", Some(ticket.status.as_str())),
        ("priority", Some(ticket.priority.as_str())),
        ("assigned_to", ticket.assigned_to.as_deref()),
        ("user_profile_id", ticket.user_profile_id.as_deref()),
    ]
}

#[cfg(test)]
mod tests;
