//! Support tickets. Every function works on the rows of the transaction's scope; a row outside of it does not exist.

use slipstream_event::Timestamp;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, Tx};

/// A row.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Ticket {
    /// Id.
    pub id: Uuid,
    /// The account it belongs to.
    pub account_id: String,
    /// Whose ticket; any text.
    pub user_profile_id: Option<String>,
    /// At most 500 characters.
    pub subject: String,
    /// Any text.
    pub description: String,
    /// OPEN, IN_PROGRESS, PENDING, RESOLVED, CLOSED or CANCELLED.
    pub status: String,
    /// LOW, MEDIUM, URGENT or IMPORTANT.
    pub priority: String,
    /// Who works on it; any text.
    pub assigned_to: Option<String>,
    /// Who made it.
    pub created_by: Option<String>,
    /// Who changed it last.
    pub updated_by: Option<String>,
    /// When it was made.
    #[sqlx(try_from = "OffsetDateTime")]
    pub created_at: Timestamp,
    /// When it was changed last.
    #[sqlx(try_from = "OffsetDateTime")]
    pub updated_at: Timestamp,
}

/// What makes a new row.
#[derive(Clone, Debug)]
pub struct New {
    /// The account; must be in the scope.
    pub account_id: String,
    /// Whose ticket.
    pub user_profile_id: Option<String>,
    /// At most 500 characters.
    pub subject: String,
    /// Any text.
    pub description: String,
    /// Status.
    pub status: String,
    /// Priority.
    pub priority: String,
    /// Who works on it.
    pub assigned_to: Option<String>,
    /// Who makes it.
    pub created_by: Option<String>,
}

/// A change: `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// New subject.
    pub subject: Option<String>,
    /// New description.
    pub description: Option<String>,
    /// New status.
    pub status: Option<String>,
    /// New priority.
    pub priority: Option<String>,
    /// New assignee; `Some(None)` takes the assignee away.
    pub assigned_to: Option<Option<String>>,
    /// Who changes it; `None` leaves the field alone.
    pub updated_by: Option<String>,
}

/// Which assignee a list asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Tickets without one.
    Nobody,
    /// Tickets of this one.
    Is(String),
}

/// What a list asks for. Empty fields ask for all.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Whose tickets.
    pub user_profile_id: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Priority.
    pub priority: Option<String>,
    /// Assignee.
    pub assigned_to: Option<Assignee>,
    /// A part of subject or description, case ignored.
    pub search_text: Option<String>,
    /// Most rows.
    pub limit: u32,
    /// Rows to leave out at the beginning.
    pub offset: u32,
    /// The last row of the page before: when it was made, and its id.
    pub after: Option<(Timestamp, Uuid)>,
}

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// All tickets.
    pub total: i64,
    /// Those that are OPEN, IN_PROGRESS or PENDING.
    pub active: i64,
    /// Those of priority URGENT.
    pub urgent: i64,
    /// Per account, most first.
    pub by_account: Vec<AccountCounts>,
    /// Per status, most first.
    pub by_status: Vec<(String, i64)>,
    /// Per priority, most first.
    pub by_priority: Vec<(String, i64)>,
}

/// Counts of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountCounts {
    /// The account.
    pub account_id: String,
    /// All its tickets.
    pub total: i64,
    /// The active ones.
    pub active: i64,
    /// The urgent ones.
    pub urgent: i64,
}

/// A page, newest first, and the number of all tickets that match.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn list(tx: &mut Tx, list: &List) -> Result<(Vec<Ticket>, i64), Error> {
    let account = tx.account();
    let (unassigned, assigned_to) = match &list.assigned_to {
        None => (false, None),
        Some(Assignee::Nobody) => (true, None),
        Some(Assignee::Is(someone)) => (false, Some(someone)),
    };
    let pattern = list.search_text.as_deref().filter(|text| !text.is_empty()).map(crate::like::contains);
    let matching = sqlx::query_as(include_str!("../../queries/support_ticket/list.sql"))
        .bind(&account)
        .bind(&list.user_profile_id)
        .bind(&list.status)
        .bind(&list.priority)
        .bind(unassigned)
        .bind(assigned_to)
        .bind(&pattern)
        .bind(i64::from(list.limit))
        .bind(i64::from(list.offset))
        .bind(list.after.map(|(at, _)| at.datetime()))
        .bind(list.after.map(|(_, id)| id));
    let tickets = matching.fetch_all(tx.connection()).await?;
    let counting = sqlx::query_scalar(include_str!("../../queries/support_ticket/count.sql"))
        .bind(&account)
        .bind(&list.user_profile_id)
        .bind(&list.status)
        .bind(&list.priority)
        .bind(unassigned)
        .bind(assigned_to)
        .bind(&pattern);
    Ok((tickets, counting.fetch_one(tx.connection()).await?))
}

/// Counts of all tickets in the scope.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn summary(tx: &mut Tx) -> Result<Summary, Error> {
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/summary.sql")).bind(account);
    let rows: Vec<Counts> = statement.fetch_all(tx.connection()).await?;
    let mut summary = Summary::default();
    for Counts { account_id, status, priority, total, active, urgent } in rows {
        match (account_id, status, priority) {
            (Some(account_id), ..) => summary.by_account.push(AccountCounts { account_id, total, active, urgent }),
            (_, Some(status), _) => summary.by_status.push((status, total)),
            (.., Some(priority)) => summary.by_priority.push((priority, total)),
            _ => (summary.total, summary.active, summary.urgent) = (total, active, urgent),
        }
    }
    Ok(summary)
}

/// One ticket.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Ticket>, Error> {
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/get.sql"));
    Ok(statement.bind(account).bind(id).fetch_optional(tx.connection()).await?)
}

/// Those of `ids` that exist, locked against other writers until the transaction ends, in the order of their ids.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn lock(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Ticket>, Error> {
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/lock.sql")).bind(account).bind(ids);
    Ok(statement.fetch_all(tx.connection()).await?)
}

/// Makes a ticket.
///
/// # Errors
/// [`Error::Refused`] when a value is not one of the words above or too long, or the account is outside of the scope.
pub async fn insert(tx: &mut Tx, new: &New) -> Result<Ticket, Error> {
    if tx.scope().account().is_some_and(|account| account.as_str() != new.account_id) {
        return Err(Error::Refused { what: "account_id".to_owned() });
    }
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/insert.sql"))
        .bind(&new.account_id)
        .bind(&new.user_profile_id)
        .bind(&new.subject)
        .bind(&new.description)
        .bind(&new.status)
        .bind(&new.priority)
        .bind(&new.assigned_to)
        .bind(&new.created_by);
    Ok(statement.fetch_one(tx.connection()).await?)
}

/// Changes the tickets among `ids` and returns them as they are now, in the order of their ids.
///
/// # Errors
/// [`Error::Refused`] when a value is not one of the words above or too long.
pub async fn update(tx: &mut Tx, ids: &[Uuid], change: &Change) -> Result<Vec<Ticket>, Error> {
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/update.sql"))
        .bind(account)
        .bind(ids)
        .bind(&change.subject)
        .bind(&change.description)
        .bind(&change.status)
        .bind(&change.priority)
        .bind(change.assigned_to.is_some())
        .bind(change.assigned_to.as_ref().and_then(Option::as_ref))
        .bind(&change.updated_by);
    Ok(statement.fetch_all(tx.connection()).await?)
}

/// Deletes a ticket and returns what it was. `None` when there was none.
///
/// # Errors
/// [`Error::Unavailable`] and the like.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Option<Ticket>, Error> {
    let account = tx.account();
    let statement = sqlx::query_as(include_str!("../../queries/support_ticket/delete.sql"));
    Ok(statement.bind(account).bind(id).fetch_optional(tx.connection()).await?)
}

/// A row of the summary's statement: counts of an account, of a status, of a priority, or of all.
#[derive(sqlx::FromRow)]
struct Counts {
    account_id: Option<String>,
    status: Option<String>,
    priority: Option<String>,
    total: i64,
    active: i64,
    urgent: i64,
}
