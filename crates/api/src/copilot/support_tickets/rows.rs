//! Between the rules' tickets and the table's rows.

use slipstream_domain::copilot::support_tickets::{Change, New, Priority, Status, Ticket};
use slipstream_event::{Actor, Tenant};
use slipstream_store::copilot::support_tickets as table;

use crate::failure::Failure;

/// The ticket of a row.
pub(super) fn ticket(row: table::Ticket) -> Result<Ticket, Failure> {
    // The table's own checks admit no other words.
    let odd = || slipstream_store::Error::Bug(format!("the ticket {} holds a word that the rules do not know", row.id));
    Ok(Ticket {
        id: row.id,
        account_id: Tenant::new(&row.account_id).map_err(|_| odd())?,
        status: Status::parse(&row.status).ok_or_else(odd)?,
        priority: Priority::parse(&row.priority).ok_or_else(odd)?,
        user_profile_id: row.user_profile_id,
        subject: row.subject,
        description: row.description,
        assigned_to: row.assigned_to,
        created_by: row.created_by,
        updated_by: row.updated_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// What makes the row of a new ticket.
pub(super) fn new(account: &Tenant, new: New, actor: &Actor) -> table::New {
    table::New {
        account_id: account.to_string(),
        user_profile_id: new.user_profile_id,
        subject: new.subject,
        description: new.description,
        status: new.status.as_str().to_owned(),
        priority: new.priority.as_str().to_owned(),
        assigned_to: new.assigned_to,
        created_by: Some(actor.user_id.clone()),
    }
}

/// The change of rows; without an actor, `updated_by` stays as it is.
pub(super) fn change(change: &Change, actor: Option<&Actor>) -> table::Change {
    table::Change {
        subject: change.subject.clone(),
        description: change.description.clone(),
        status: change.status.map(|status| status.as_str().to_owned()),
        priority: change.priority.map(|priority| priority.as_str().to_owned()),
        assigned_to: change.assigned_to.clone(),
        updated_by: actor.map(|actor| actor.user_id.clone()),
    }
}
