//! Ingest: repeated with the same ids until the server has it.

use std::time::Instant;

use slipstream_server::client::{Batch, Error, Form, Patience, limits};
use tokio::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::fake::{Fake, Fault};

const EVENTS: &str = "{\"id\":\"1\",\"type\":\"a.b.c\",\"entityId\":\"1\"}\n{\"id\":\"2\",\"type\":\"a.b.c\",\"entityId\":\"2\"}\n{\"id\":\"3\",\"type\":\"a.b.c\",\"entityId\":\"3\"}\n";
const PATIENCE: Patience = Patience::new(Duration::from_secs(20));

fn batch(body: &'static str, count: usize) -> Batch {
    Batch { tenant: None, form: Form::Lines, count, body: body.into() }
}

fn unavailable(retry_after: Option<&'static str>, stored: usize) -> Fault {
    Fault::Status { status: 503, retry_after, stored }
}

#[tokio::test]
async fn repeats_the_same_ids_until_the_server_has_all() {
    let fake = Fake::start().await;
    fake.meet([unavailable(Some("1"), 1), Fault::Status { status: 429, retry_after: None, stored: 0 }, Fault::Cut]);
    let began = Instant::now();
    let receipts = fake.client().ingest(&batch(EVENTS, 3), PATIENCE, &CancellationToken::new()).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is honoured");
    assert_eq!(receipts.iter().map(|receipt| (receipt.cursor.as_str(), receipt.duplicate)).collect::<Vec<_>>(), [("c1", true), ("c2", true), ("c3", true)]);
    assert_eq!(fake.events().len(), 3);
    let seen = fake.seen();
    assert_eq!(seen.len(), 4);
    assert!(seen.iter().all(|request| request.body == EVENTS.as_bytes()));
}

#[tokio::test]
async fn a_refusal_names_the_fields_and_is_not_repeated() {
    let fake = Fake::start().await;
    let faulty = "{\"id\":\"1\",\"type\":\"a.b.c\",\"entityId\":\"1\"}\n{\"id\":\"2\",\"type\":\"A\",\"entityId\":\"\"}\n";
    let error = fake.client().ingest(&batch(faulty, 2), PATIENCE, &CancellationToken::new()).await.unwrap_err();
    let Error::Refused(problem) = &error else { panic!("{error}") };
    assert_eq!(problem.fields.iter().map(|field| field.line()).collect::<Vec<_>>(), [Some((2, "type")), Some((2, "entityId"))]);
    assert!(error.to_string().contains("line 2.entityId: must not be empty"), "{error}");
    assert_eq!((fake.seen().len(), fake.events().len()), (1, 0));
}

#[tokio::test]
async fn ends_when_told_to_and_when_its_patience_does() {
    let fake = Fake::start().await;
    fake.meet([unavailable(Some("300"), 0)]);
    let (client, shutdown) = (fake.client(), CancellationToken::new());
    let batch = batch(EVENTS, 3);
    let stop = async {
        while fake.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let (answer, ()) = tokio::join!(client.ingest(&batch, Patience::new(Duration::from_secs(1_000)), &shutdown), stop);
    assert!(matches!(answer.unwrap_err(), Error::Interrupted));

    fake.meet([unavailable(Some("300"), 0)]);
    let error = client.ingest(&batch, PATIENCE, &CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(limits::RETRY_AFTER_MAX));
    assert!(error.to_string().contains("503 scripted"), "{error}");
}

#[tokio::test]
async fn is_not_fooled_by_other_servers() {
    let fake = Fake::start().await;
    let ingest = async |fault: Fault| {
        fake.meet([fault]);
        fake.client().ingest(&batch(EVENTS, 3), PATIENCE, &CancellationToken::new()).await.unwrap_err().to_string()
    };
    let page = Fault::Answer { status: 200, headers: vec![("content-type", "text/html".into())], body: "<html>".into() };
    assert!(ingest(page).await.contains("not one of a Slipstream server"));
    let moved = Fault::Answer { status: 307, headers: vec![("location", "http://elsewhere.example/".into())], body: String::new() };
    assert!(ingest(moved).await.contains("redirects to http://elsewhere.example/"));
    let short = Fault::Answer { status: 202, headers: vec![], body: r#"{"accepted":1,"results":[{"id":"1","cursor":"c","duplicate":false}]}"#.into() };
    assert!(ingest(short).await.contains("3 events were sent and 1 acknowledged"));
}

#[tokio::test]
async fn says_who_calls_and_for_whom() {
    let fake = Fake::start().await;
    let mut batch = batch(EVENTS, 3);
    batch.tenant = Some("other".parse().unwrap());
    fake.client().ingest(&batch, PATIENCE, &CancellationToken::new()).await.unwrap();
    assert!(fake.events().iter().all(|event| event.tenant_id.as_str() == "other"));

    let mut target = fake.target();
    target.token = slipstream_access::Secret::new("wrong");
    let client = slipstream_server::client::Client::new(target, |_| {}).unwrap();
    let error = client.ingest(&batch, PATIENCE, &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.starts_with("401 auth_invalid") && error.contains("slipstream token mint") && !error.contains("wrong"), "{error}");
}

#[tokio::test]
async fn says_what_it_cannot_reach() {
    let fake = Fake::start().await;
    let mut target = fake.target();
    target.url = "http://127.0.0.1:1/".parse().unwrap();
    target.hint = Some("is it running?".into());
    let client = slipstream_server::client::Client::new(target, |_| {}).unwrap();
    let error = client.ingest(&batch(EVENTS, 3), Patience::new(Duration::from_millis(300)), &CancellationToken::new()).await.unwrap_err().to_string();
    assert!(error.contains("cannot reach http://127.0.0.1:1/") && error.contains("refused") && error.contains("is it running?"), "{error}");
}
