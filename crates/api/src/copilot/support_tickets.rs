//! `/copilot/support-tickets`.
//!
//! Order of refusals: a body that is no JSON (422), the caller (403), the fields (422), the account (400), the row (404), the rules (400).

mod request;
mod rows;
mod shown;

use std::collections::{BTreeSet, HashSet};

use axum::extract::State;
use axum::routing::{delete, get, post, put};
use serde_json::{Value, json};
use slipstream_access::copilot::{Accounts, Admin, Call, Reader, kind};
use slipstream_access::{Class, Json, Parameters, Problem, Query, Route};
use slipstream_domain::copilot::support_tickets::{self as rules, Bulk, Change};
use slipstream_domain::declared::By;
use slipstream_event::Tenant;
use slipstream_store::copilot::support_tickets as table;
use slipstream_store::{Scope, Tx};
use uuid::Uuid;

use super::paging::Paging;
use crate::ApiState;
use crate::failure::Failure;
use crate::id::Id;
use crate::origin::Origin;
use crate::routes::Endpoint;

pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint { route: Route::new("GET", "/copilot/support-tickets", Class::Reader), query: Parameters::Any, handler: || get(list) },
    Endpoint { route: Route::new("GET", "/copilot/support-tickets/", Class::Reader), query: Parameters::Any, handler: || get(list) },
    Endpoint { route: Route::new("GET", "/copilot/support-tickets/summary", Class::Reader), query: Parameters::Any, handler: || get(summary) },
    Endpoint { route: Route::new("GET", "/copilot/support-tickets/{id}", Class::Reader), query: Parameters::Any, handler: || get(one) },
    Endpoint { route: Route::new("POST", "/copilot/support-tickets", Class::Admin), query: Parameters::Any, handler: || post(create) },
    Endpoint { route: Route::new("POST", "/copilot/support-tickets/", Class::Admin), query: Parameters::Any, handler: || post(create) },
    Endpoint { route: Route::new("POST", "/copilot/support-tickets/bulk-update", Class::Admin), query: Parameters::Any, handler: || post(bulk_update) },
    Endpoint { route: Route::new("PUT", "/copilot/support-tickets/{id}", Class::Admin), query: Parameters::Any, handler: || put(update) },
    Endpoint { route: Route::new("DELETE", "/copilot/support-tickets/{id}", Class::Admin), query: Parameters::Any, handler: || delete(remove) },
];

type Answer = Result<Json<Value>, Failure>;
type AdminCall = Call<kind::Admin>;

async fn list(State(state): State<ApiState>, caller: Reader, query: Query) -> Answer {
    let paging = Paging::of("tickets", &query);
    let wanted = request::list(&query, &paging);
    let accounts = caller.accounts(query.text("account_id"))?;
    let (include, mut wanted) = wanted?;
    let paging = paging?;
    wanted.after = paging.after(&state.cursor_key, &accounts)?;
    let read = async |tx: &mut Tx| -> Result<_, Failure> {
        let (found, total) = table::list(tx, &wanted).await?;
        let next = paging.next(&state.cursor_key, &accounts, found.len(), found.last().map(|last| (last.created_at, last.id)));
        Ok((shown::tickets(tx, found, include).await?, total, next))
    };
    let (tickets, total, next_cursor) = state.domain.read(&scope(&accounts), read).await?;
    Ok(Json(json!({"data": tickets, "tickets": tickets, "total": total, "next_cursor": next_cursor})))
}

async fn summary(State(state): State<ApiState>, caller: Reader, query: Query) -> Answer {
    let accounts = caller.accounts(query.text("account_id"))?;
    let summary = state.domain.read(&scope(&accounts), async |tx: &mut Tx| table::summary(tx).await).await.map_err(Failure::from)?;
    Ok(Json(json!({"data": shown::summary(&summary)})))
}

async fn one(State(state): State<ApiState>, caller: Reader, id: Id, query: Query) -> Answer {
    let include = request::include(&query, true)?;
    let accounts = caller.accounts(query.text("account_id"))?;
    let id = id.known()?;
    let read = async |tx: &mut Tx| -> Result<_, Failure> {
        let found = table::get(tx, id).await?.ok_or_else(Problem::not_found)?;
        shown::tickets(tx, vec![found], include).await
    };
    let ticket = state.domain.read(&scope(&accounts), read).await?.pop();
    Ok(Json(json!({"data": ticket})))
}

async fn create(State(state): State<ApiState>, query: Query, origin: Origin, call: AdminCall) -> Answer {
    let draft = request::draft(call.body.object()?)?;
    let account = call.caller.account(query.text("account_id"))?;
    let new = draft.check()?;
    let by = origin.by(&call.caller);
    let write = async |tx: &mut Tx| -> Result<_, Failure> {
        tx.trace(origin.traceparent.clone());
        let ticket = rows::ticket(table::insert(tx, &rows::new(&account, new, by.actor)).await?)?;
        tx.emit(rules::created(&ticket, by)?);
        Ok(ticket)
    };
    let ticket = state.domain.write(&account, write).await?;
    Ok(Json(json!({"data": ticket})))
}

async fn update(State(state): State<ApiState>, id: Id, query: Query, origin: Origin, call: AdminCall) -> Answer {
    let change = request::change(call.body.object()?)?;
    let account = call.caller.account(query.text("account_id"))?;
    let id = id.known()?;
    let by = origin.by(&call.caller);
    let write = async |tx: &mut Tx| -> Result<_, Failure> {
        tx.trace(origin.traceparent.clone());
        let before = table::lock(tx, &[id]).await?.pop().ok_or_else(Problem::not_found)?;
        let change = change.check()?;
        let after = table::update(tx, &[id], &rows::change(&change, Some(by.actor))).await?.pop().ok_or_else(Problem::not_found)?;
        let after = rows::ticket(after)?;
        rules::changed(&rows::ticket(before)?, &after, by)?.into_iter().for_each(|event| tx.emit(event));
        Ok(after)
    };
    let ticket = state.domain.write(&account, write).await?;
    Ok(Json(json!({"data": ticket})))
}

async fn remove(State(state): State<ApiState>, caller: Admin, id: Id, query: Query, origin: Origin) -> Answer {
    let account = caller.account(query.text("account_id"))?;
    let id = id.known()?;
    let by = origin.by(&caller);
    let write = async |tx: &mut Tx| -> Result<_, Failure> {
        tx.trace(origin.traceparent.clone());
        let ticket = table::delete(tx, id).await?.ok_or_else(Problem::not_found)?;
        tx.emit(rules::deleted(&rows::ticket(ticket)?, by)?);
        Ok(())
    };
    state.domain.write(&account, write).await?;
    Ok(Json(json!({"status": "ok"})))
}

async fn bulk_update(State(state): State<ApiState>, origin: Origin, call: AdminCall) -> Answer {
    let (ids, change, named) = request::bulk(call.body.object()?)?;
    let accounts = call.caller.accounts(named.as_deref())?;
    let (ids, change) = (rules::targets(ids)?, change.check()?);
    let batch_id = Uuid::now_v7().to_string();
    let by = By { batch_id: Some(&batch_id), ..origin.by(&call.caller) };
    let write = async |tx: &mut Tx| {
        tx.trace(origin.traceparent.clone());
        change_all(tx, &ids, &change, by).await
    };
    let found = match &accounts {
        Accounts::One(account) => state.domain.write(account, write).await?,
        Accounts::All => state.domain.write_all_accounts(write).await?,
    };
    let (updated, skipped): (Vec<Uuid>, Vec<Uuid>) = ids.iter().partition(|id| found.contains(id));
    Ok(Json(json!({"data": {
        "updated_count": updated.len(), "skipped_count": skipped.len(), "updated_ids": updated, "skipped_ids": skipped,
    }})))
}

/// Changes all tickets among `ids` that there are in the scope, tells of each and of the whole, and returns their ids.
async fn change_all(tx: &mut Tx, ids: &[Uuid], change: &Change, by: By<'_>) -> Result<HashSet<Uuid>, Failure> {
    let before = table::lock(tx, ids).await?;
    let found: Vec<Uuid> = before.iter().map(|ticket| ticket.id).collect();
    let after = table::update(tx, &found, &rows::change(change, None)).await?;
    let (mut changed, mut accounts) = (0, BTreeSet::new());
    for (before, after) in before.into_iter().zip(after) {
        let after = rows::ticket(after)?;
        let events = rules::changed(&rows::ticket(before)?, &after, by)?;
        if !events.is_empty() {
            changed += 1;
            accounts.insert(after.account_id);
        }
        events.into_iter().for_each(|event| tx.emit(event));
    }
    let counts = Bulk { matched: found.len(), changed, skipped: ids.len() - found.len() };
    let accounts: Vec<Tenant> = accounts.into_iter().collect();
    if let Some(event) = rules::bulk_completed(tx.scope().account(), counts, &accounts, change, by)? {
        tx.emit(event);
    }
    Ok(found.into_iter().collect())
}

fn scope(accounts: &Accounts) -> Scope {
    match accounts {
        Accounts::All => Scope::AllAccounts,
        Accounts::One(account) => Scope::Account(account.clone()),
    }
}
