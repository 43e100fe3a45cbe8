//! What requests about holds ask for.

use serde_json::{Map, Value};
use slipstream_access::{Parameters, Query};
use slipstream_domain::holds::Hold;
use slipstream_domain::limits::REASON_LEN_MAX;
use slipstream_event::limits::{ENTITY_ID_LEN_MAX, NAME_LEN_MAX, TYPE_LEN_MAX};
use uuid::Uuid;

use crate::failure::Failure;
use crate::limits::{ARCHIVE_LIST_LIMIT_DEFAULT, ARCHIVE_LIST_LIMIT_MAX};
use crate::strict::Strict;

/// A part of a list.
pub(crate) struct Page {
    /// The last item of the page before.
    pub(crate) after: Option<Uuid>,
    pub(crate) limit: u32,
}

/// What a list takes.
pub(crate) const PAGE_TAKES: Parameters = Parameters::Only(&[&["limit", "after"]]);

/// Reads `limit` and `after`. All faults are reported at once.
pub(crate) fn page(query: &Query) -> Result<Page, Failure> {
    let limit = query.integer("limit", ARCHIVE_LIST_LIMIT_DEFAULT, 1..=ARCHIVE_LIST_LIMIT_MAX);
    let after =
        query.text("after").map(|text| Uuid::try_parse(text).map_err(|_| query.invalid("after", "uuid_parsing", "must be the id of an item".to_owned())));
    match (limit, after.transpose()) {
        (Ok(limit), Ok(after)) => Ok(Page { after, limit: u32::try_from(limit).unwrap_or_default() }),
        (limit, after) => Err(limit.err().into_iter().chain(after.err()).collect::<Vec<_>>().into()),
    }
}

/// What is to be held. All faults are reported at once; a criterion that is not known is one, for a hold without it would hold more.
pub(super) fn hold(body: Map<String, Value>) -> Result<Hold, Failure> {
    let mut body = Strict::new(body);
    let (occurred_from, occurred_to) = body.times("occurredFrom", "occurredTo");
    let hold = Hold {
        name: body.required_text("name", NAME_LEN_MAX),
        reason: body.required_text("reason", REASON_LEN_MAX),
        category: body.category("category"),
        entity_type: body.text("entityType", TYPE_LEN_MAX),
        entity_id: body.text("entityId", ENTITY_ID_LEN_MAX),
        actor_user_id: body.text("actorUserId", NAME_LEN_MAX),
        occurred_from,
        occurred_to,
    };
    body.finish()?;
    Ok(hold)
}

/// Why a hold is released.
pub(super) fn release(body: Map<String, Value>) -> Result<Option<String>, Failure> {
    let mut body = Strict::new(body);
    let reason = body.text("reason", REASON_LEN_MAX);
    body.finish()?;
    Ok(reason)
}
