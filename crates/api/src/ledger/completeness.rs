//! `GET /api/ledger/completeness`: whether anything is missing between two numbers, or among the events of a time.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use slipstream_access::problem::Invalid;
use slipstream_access::{Admin, Query};
use slipstream_store::ledger::completeness::{Completeness, Part, Refused, completeness};
use slipstream_store::{ledger, limits};

use super::{answer, opened};
use crate::ApiState;
use crate::failure::Failure;
use crate::history::request::keep;

/// Counts what is there. `from` and `through` are numbers; `timeStart` and `timeEnd` ask for all numbers among which the events of that time lie. Without any of them: the whole ledger.
pub(super) async fn read(State(state): State<ApiState>, admin: Admin, query: Query) -> Result<Response, Failure> {
    let (tenant, part) = (admin.tenant(), part(&query)?);
    let found = completeness(&state.archive, tenant, part).await?.map_err(|refused| Failure::from(vec![refuse(&query, refused)]))?;
    let now = ledger::state(&state.archive, tenant).await?;
    let signed = now.checkpoint.and_then(|note| opened(&state.ledger_keys, tenant, &note)).map_or(0, |checkpoint| checkpoint.size);
    let losses: Vec<Value> =
        found.losses.iter().map(|loss| json!({"epoch": loss.epoch, "seq": loss.seq, "ofAnyTenant": loss.is_hole, "reason": loss.reason})).collect();
    Ok(answer(&json!({
        "tenant": tenant,
        "from": found.from,
        "through": found.through,
        "complete": found.is_complete(),
        "statement": statement(&found, signed),
        "present": found.present,
        "redacted": found.redacted,
        "removed": found.removed,
        "missing": found.missing,
        "losses": losses,
        "signedThrough": signed,
    })))
}

fn part(query: &Query) -> Result<Part, Failure> {
    let mut invalid: Vec<Invalid> = Vec::new();
    let mut number = |name| query.text(name).and_then(|_| keep(&mut invalid, query.integer(name, 1, 1..=i64::MAX))).map(i64::unsigned_abs);
    let (from, through) = (number("from"), number("through"));
    let mut time = |name| keep(&mut invalid, query.timestamp(name)).flatten();
    let (start, end) = (time("timeStart"), time("timeEnd"));
    let mut refuse = |name, code, what: &str| invalid.push(query.invalid(name, code, what.to_owned()));
    if from.zip(through).is_some_and(|(from, through)| from > through) {
        refuse("from", "range_inverted", "must not be more than through");
    }
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        refuse("timeStart", "range_inverted", "must not be after timeEnd");
    }
    if (from.is_some() || through.is_some()) && (start.is_some() || end.is_some()) {
        refuse("timeStart", "conflict", "asks for times, and from and through for numbers: ask for either");
    }
    match () {
        () if !invalid.is_empty() => Err(invalid.into()),
        () if start.is_some() || end.is_some() => Ok(Part::Times(start, end)),
        () => Ok(Part::Numbers(from.unwrap_or(1), through)),
    }
}

fn refuse(query: &Query, refused: Refused) -> Invalid {
    match refused {
        Refused::BeyondEnd(size) => {
            query.invalid(if query.text("through").is_some() { "through" } else { "from" }, "beyond_end", format!("the ledger ends at {size}"))
        }
        Refused::TooMany(count) => {
            let name = if query.text("timeStart").is_some() || query.text("timeEnd").is_some() { "timeEnd" } else { "through" };
            query.invalid(name, "range_too_large", format!("these are {count} events; ask for at most {}, or use slipstream verify", limits::COMPLETENESS_MAX))
        }
    }
}

fn statement(found: &Completeness, signed: u64) -> String {
    let Completeness { from, through, present, redacted, removed, missing, losses } = found;
    if through < from {
        return "There are no events in this part of the ledger.".to_owned();
    }
    let there = format!("{present} events are there ({redacted} of them redacted), and {removed} were removed by retention");
    let covered = if signed >= *through { "signed".to_owned() } else { format!("signed through {signed}") };
    match (found.is_complete(), missing.is_empty()) {
        (true, _) => format!("Nothing is missing from {from} to {through}: {there}; {covered}."),
        (false, false) => format!("Events are missing from {from} to {through}: {there}."),
        (false, true) if losses.is_empty() => format!("More is there from {from} to {through} than was archived: {there}."),
        (false, true) => {
            format!("Nothing that was archived is missing from {from} to {through}: {there}; but {} losses on the way to the archive are noted.", losses.len())
        }
    }
}
