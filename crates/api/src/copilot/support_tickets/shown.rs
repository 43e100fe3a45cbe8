//! Tickets as clients see them.

use serde_json::{Value, json};
use slipstream_domain::copilot::support_tickets::Ticket;
use slipstream_store::Tx;
use slipstream_store::copilot::support_tickets as table;
use slipstream_store::copilot::users::{self, Person};
use uuid::Uuid;

use super::request::Include;
use super::rows;
use crate::failure::Failure;

/// The tickets, with the people that are asked for where a user of the ticket's account has that id.
pub(super) async fn tickets(tx: &mut Tx, found: Vec<table::Ticket>, include: Include) -> Result<Vec<Value>, Failure> {
    let tickets = found.into_iter().map(rows::ticket).collect::<Result<Vec<Ticket>, Failure>>()?;
    let wanted =
        |ticket: &Ticket| [ticket.user_profile_id.clone().filter(|_| include.user_profile), ticket.assigned_to.clone().filter(|_| include.assigned_to)];
    let ids: Vec<String> = tickets.iter().flat_map(wanted).flatten().collect();
    let people = if ids.is_empty() { Vec::new() } else { users::find(tx, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await? };
    let mut shown = Vec::with_capacity(tickets.len());
    for ticket in &tickets {
        let mut value = json!(ticket);
        for (name, id) in ["userProfile", "assignedTo"].into_iter().zip(wanted(ticket)) {
            if let Some(person) = id.and_then(|id| person(&people, ticket, &id)) {
                value[name] = person;
            }
        }
        shown.push(value);
    }
    Ok(shown)
}

/// The counts.
pub(super) fn summary(summary: &table::Summary) -> Value {
    let by_account = summary.by_account.iter().map(|of| json!({"account_id": of.account_id, "total": of.total, "active": of.active, "urgent": of.urgent}));
    let by_status = summary.by_status.iter().map(|(status, total)| json!({"status": status, "total": total}));
    let by_priority = summary.by_priority.iter().map(|(priority, total)| json!({"priority": priority, "total": total}));
    json!({
        "totals": {"total": summary.total, "active": summary.active, "urgent": summary.urgent},
        "by_account": by_account.collect::<Vec<_>>(),
        "by_status": by_status.collect::<Vec<_>>(),
        "by_priority": by_priority.collect::<Vec<_>>(),
    })
}

fn person(people: &[Person], ticket: &Ticket, id: &str) -> Option<Value> {
    let id = Uuid::try_parse(id).ok()?;
    let of = people.iter().find(|person| person.id == id && person.account_id == ticket.account_id.as_str())?;
    Some(json!({
        "id": of.id, "displayName": of.name, "name": of.name, "email": of.email, "profile_image": of.profile_image, "is_active": of.is_active,
    }))
}
