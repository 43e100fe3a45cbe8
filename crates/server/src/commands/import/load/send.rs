//! One batch: sent until the server has it, without what it refuses.

use tokio_util::sync::CancellationToken;

use crate::client::{Batch, Client, Error, Form, Patience, Problem, limits};
use crate::commands::import::Refusal;
use crate::commands::import::lanes::{Key, Waiting};

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Events that are new to the server.
    pub(super) accepted: u64,
    /// Events that it had.
    pub(super) duplicates: u64,
    /// Events that it refused.
    pub(super) refusals: Vec<Refusal>,
    /// Why the rest could not be sent.
    pub(super) failed: Option<Error>,
}

/// Sends a batch. A request with a faulty event stores nothing: it is repeated without that event, so that the others are not held up.
pub(super) async fn send(client: &Client, key: Key, batch: Vec<Waiting>, strict: bool, shutdown: &CancellationToken) -> (Key, Sent) {
    let mut sent = Sent::default();
    // What is still to be sent, the first part last.
    let mut parts = vec![batch];
    while let Some(mut part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let request = Batch { tenant: key.clone(), form: Form::Lines, count: part.len(), body: body(&part).into() };
        let problem = match client.ingest(&request, Patience::new(limits::PATIENCE_IMPORT), shutdown).await {
            Ok(receipts) => {
                let duplicates = receipts.iter().filter(|receipt| receipt.duplicate).count() as u64;
                sent.duplicates += duplicates;
                sent.accepted += receipts.len() as u64 - duplicates;
                continue;
            }
            Err(Error::Refused(problem)) => problem,
            Err(other) => {
                sent.failed = Some(other);
                break;
            }
        };
        let refused = take_refused(&mut part, &problem);
        if refused.is_empty() && problem.status == 413 {
            parts.extend(halve(part, &mut sent));
        } else if refused.is_empty() {
            sent.failed = Some(Error::Refused(problem));
            break;
        } else {
            sent.refusals.extend(refused);
            parts.push(part);
        }
        if strict && !sent.refusals.is_empty() {
            break;
        }
    }
    (key, sent)
}

fn body(part: &[Waiting]) -> String {
    part.iter().flat_map(|event| [event.draft.as_str(), "\n"]).collect()
}

/// Takes out of `part` what the server names as faulty.
fn take_refused(part: &mut Vec<Waiting>, problem: &Problem) -> Vec<Refusal> {
    let mut refusals: Vec<(usize, Refusal)> = Vec::new();
    for fault in &problem.fields {
        let Some((line, field)) = fault.line().filter(|(line, _)| *line <= part.len()) else { continue };
        let reason = if field.is_empty() { fault.message.clone() } else { format!("{field}: {}", fault.message) };
        match refusals.iter_mut().find(|(at, _)| *at == line - 1) {
            Some((_, refusal)) => refusal.reasons.push(reason),
            None => refusals.push((line - 1, Refusal { line: part[line - 1].line, reasons: vec![reason] })),
        }
    }
    let mut at = 0;
    part.retain(|_| {
        at += 1;
        refusals.iter().all(|(refused, _)| *refused != at - 1)
    });
    refusals.into_iter().map(|(_, refusal)| refusal).collect()
}

/// The server says that the request is too large and not which event: its halves, the first last. One event alone is too large then.
fn halve(mut part: Vec<Waiting>, sent: &mut Sent) -> Vec<Vec<Waiting>> {
    if part.len() == 1 {
        sent.refusals.extend(part.pop().map(|event| Refusal { line: event.line, reasons: vec!["the event is larger than the server takes".to_owned()] }));
        return Vec::new();
    }
    let second = part.split_off(part.len() / 2);
    vec![second, part]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lines: &[u64]) -> Vec<Waiting> {
        lines.iter().map(|line| Waiting { line: *line, draft: format!("{{{line}}}") }).collect()
    }

    fn lines(part: &[Waiting]) -> Vec<u64> {
        part.iter().map(|event| event.line).collect()
    }

    #[test]
    fn takes_out_what_is_named_and_keeps_the_order() {
        let mut batch = part(&[10, 20, 30, 40]);
        let body = br#"{"fields":[{"field":"line 2.type","code":"x","message":"bad"},{"field":"line 4","code":"x","message":"worse"},{"field":"line 2.entityId","code":"x","message":"empty"},{"field":"line 9","code":"x","message":"?"},{"field":"other","code":"x","message":"?"}]}"#;
        let refused = take_refused(&mut batch, &Problem::read(422, body));
        assert_eq!(lines(&batch), [10, 30]);
        let want = [Refusal { line: 20, reasons: vec!["type: bad".into(), "entityId: empty".into()] }, Refusal { line: 40, reasons: vec!["worse".into()] }];
        assert_eq!(refused, want);
    }

    #[test]
    fn halves_down_to_the_event_that_is_too_large() {
        let mut sent = Sent::default();
        let halves = halve(part(&[1, 2, 3]), &mut sent);
        assert_eq!(halves.iter().map(|half| lines(half)).collect::<Vec<_>>(), [vec![2, 3], vec![1]]);
        assert!(halve(part(&[7]), &mut sent).is_empty());
        assert_eq!(sent.refusals[0].line, 7);
    }

    #[test]
    fn a_body_is_one_event_a_line() {
        assert_eq!(body(&part(&[1, 2])), "{1}\n{2}\n");
    }
}
