//! What requests ask for.

use serde_json::{Map, Value};
use slipstream_access::Query;
use slipstream_access::problem::Invalid;
use slipstream_domain::copilot::support_tickets::{Change, Draft, Priority, Status};
use slipstream_event::fault;
use slipstream_store::copilot::support_tickets::{Assignee, List};
use uuid::Uuid;

use crate::copilot::fields::Fields;
use crate::copilot::paging::Paging;
use crate::failure::Failure;
use crate::limits::SEARCH_LEN_MAX;

const STATUS_WORDS: &str = "OPEN, IN_PROGRESS, PENDING, RESOLVED, CLOSED or CANCELLED";
const PRIORITY_WORDS: &str = "LOW, MEDIUM, URGENT or IMPORTANT";

/// Which people are shown with a ticket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Include {
    pub(super) user_profile: bool,
    pub(super) assigned_to: bool,
}

/// What a list asks for. All faults are reported at once, those of the paging too.
pub(super) fn list(query: &Query, paging: &Result<Paging, Vec<Invalid>>) -> Result<(Include, List), Failure> {
    let mut invalid: Vec<Invalid> = paging.as_ref().err().cloned().unwrap_or_default();
    let text = |name: &str| query.text(name).map(str::to_owned);
    if query.text("status").is_some_and(|word| Status::parse(word).is_none()) {
        invalid.push(query.invalid("status", "enum", format!("must be {STATUS_WORDS}")));
    }
    if query.text("priority").is_some_and(|word| Priority::parse(word).is_none()) {
        invalid.push(query.invalid("priority", "enum", format!("must be {PRIORITY_WORDS}")));
    }
    if let Some(fault) = query.text("search_text").and_then(|text| fault::text("search_text", text, SEARCH_LEN_MAX).err()) {
        invalid.push(query.refuse(fault));
    }
    let include = include(query, false).map_err(|faults| invalid.extend(faults)).ok();
    let (Some(include), Ok(paging), true) = (include, paging, invalid.is_empty()) else { return Err(invalid.into()) };
    let assigned_to = text("assigned_to").map(|who| if who.eq_ignore_ascii_case("null") { Assignee::Nobody } else { Assignee::Is(who) });
    let list = List {
        user_profile_id: text("user_profile_id"),
        status: text("status"),
        priority: text("priority"),
        assigned_to,
        search_text: text("search_text"),
        limit: paging.limit,
        offset: paging.offset,
        after: None,
    };
    Ok((include, list))
}

/// Which people are to be shown.
pub(super) fn include(query: &Query, default: bool) -> Result<Include, Vec<Invalid>> {
    match (query.boolean("include_user_profile", default), query.boolean("include_assigned_to", default)) {
        (Ok(user_profile), Ok(assigned_to)) => Ok(Include { user_profile, assigned_to }),
        (one, other) => Err([one.err(), other.err()].into_iter().flatten().collect()),
    }
}

/// A new ticket. `created_by` and `updated_by` of the body are not looked at: the actor is the caller.
pub(super) fn draft(body: Map<String, Value>) -> Result<Draft, Failure> {
    let mut fields = Fields::new(body);
    let draft = Draft {
        subject: fields.required_text("subject"),
        description: fields.required_text("description"),
        user_profile_id: fields.text("user_profile_id"),
        status: fields.word("status", Status::parse, STATUS_WORDS),
        priority: fields.word("priority", Priority::parse, PRIORITY_WORDS),
        assigned_to: fields.text("assigned_to"),
    };
    fields.finish()?;
    Ok(draft)
}

/// A change of one ticket.
pub(super) fn change(body: Map<String, Value>) -> Result<Change, Failure> {
    let mut fields = Fields::new(body);
    let change = Change {
        subject: fields.text("subject"),
        description: fields.text("description"),
        status: fields.word("status", Status::parse, STATUS_WORDS),
        priority: fields.word("priority", Priority::parse, PRIORITY_WORDS),
        assigned_to: fields.nullable_text("assigned_to"),
    };
    fields.finish()?;
    Ok(change)
}

/// A change of many tickets: their ids, the change, and the account that is named.
pub(super) fn bulk(body: Map<String, Value>) -> Result<(Vec<Uuid>, Change, Option<String>), Failure> {
    let mut fields = Fields::new(body);
    let ids = fields.ids("ticket_ids");
    let change = Change {
        subject: None,
        description: None,
        status: fields.word("status", Status::parse, STATUS_WORDS),
        priority: fields.word("priority", Priority::parse, PRIORITY_WORDS),
        assigned_to: fields.nullable_text("assigned_to"),
    };
    let account = fields.text("account_id");
    fields.finish()?;
    Ok((ids, change, account))
}
