//! AWS CloudTrail records as events. Pure.
//!
//! | event | record |
//! |---|---|
//! | tenant | first label of `eventSource` (`ec2`, `iam`, …) |
//! | type | `cloudtrail.<first label of eventSource>.<eventName in snake_case>` |
//! | entityId | first of `resources[].ARN`, `requestParameters.*Id` and `*Name`, else `requestID`, else `eventID` |
//! | id, timestamp | `eventID`, `eventTime` |
//! | actor | `userIdentity.arn`, else `userIdentity.type` |
//! | severity | `error` with an `errorCode`, else `info` |
//! | metadata.record | the record itself |

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use slipstream_event::{Actor, ActorKind, Fault, Object, Severity, Tenant, event_type, fault, limits};

use super::Mapped;

/// The module of these events.
const MODULE: &str = "cloudtrail";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(rename = "eventID")]
    event_id: String,
    event_time: String,
    event_source: String,
    event_name: String,
    #[serde(default)]
    user_identity: Identity,
    #[serde(default)]
    request_parameters: Value,
    #[serde(default)]
    resources: Option<Vec<Resource>>,
    #[serde(rename = "requestID")]
    request_id: Option<String>,
    error_code: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    arn: Option<String>,
    user_name: Option<String>,
    invoked_by: Option<String>,
    account_id: Option<String>,
    session_context: Option<Session>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Session {
    session_issuer: Issuer,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Issuer {
    user_name: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN")]
    arn: Option<String>,
}

/// The event of a record.
///
/// # Errors
/// What is wrong with the record.
pub fn map(json: &[u8]) -> Result<Mapped, Fault> {
    let record: Record = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
    let service = record.event_source.split('.').next().unwrap_or_default();
    let tenant = Tenant::new(service).map_err(|fault| Fault { field: "eventSource".to_owned(), ..fault })?;
    let raw: &RawValue = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
    let mut metadata = Object::new();
    let mut draft = Object::new();
    let entity = event_type::token(service);
    metadata
        .set("record", &raw)
        .and_then(|()| draft.set("id", &record.event_id))
        .and_then(|()| draft.set("type", &format!("{MODULE}.{entity}.{}", event_type::token(&record.event_name))))
        .and_then(|()| draft.set("entityType", &format!("{MODULE}.{entity}")))
        .and_then(|()| draft.set("entityId", &record.entity_id()))
        .and_then(|()| draft.set("timestamp", &record.event_time))
        .and_then(|()| draft.set("actor", &record.user_identity.actor()))
        .and_then(|()| draft.set("metadata", &metadata))
        .and_then(|()| draft.set("severity", &record.severity()))
        .and_then(|()| draft.set("message", &record.message(service)))
        .and_then(|()| serde_json::to_string(&draft))
        .map(|draft| Mapped { tenant: Some(tenant), draft })
        .map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Fault {
    slipstream_event::draft::reader_fault(String::new(), error)
}

impl Record {
    /// An id that does not fit the envelope is no id of it: then the next one counts.
    fn entity_id(&self) -> &str {
        let arns = self.resources.iter().flatten().filter_map(|resource| resource.arn.as_deref());
        let parameters = self.request_parameters.as_object().into_iter().flat_map(ids);
        let fits = |id: &&str| fault::text("entityId", id, limits::ENTITY_ID_LEN_MAX).is_ok();
        arns.chain(parameters).chain(self.request_id.as_deref()).find(fits).unwrap_or(&self.event_id)
    }

    fn severity(&self) -> Severity {
        if self.error_code.is_some() { Severity::Error } else { Severity::Info }
    }

    /// `benjamin called CreateUser on iam`, and how it failed.
    fn message(&self, service: &str) -> String {
        let who = self.user_identity.name();
        let failed = self.error_code.as_deref().map(|code| format!(", which failed: {code}")).unwrap_or_default();
        let message = format!("{who} called {} on {service}{failed}", self.event_name);
        message.chars().filter(|c| !c.is_control()).take(limits::MESSAGE_LEN_MAX).collect()
    }
}

/// The texts of the parameters that are named as ids or names are, in the record's order.
fn ids(parameters: &Map<String, Value>) -> impl Iterator<Item = &str> {
    parameters.iter().filter(|(name, _)| name.ends_with("Id") || name.ends_with("Name")).filter_map(|(_, value)| value.as_str())
}

impl Identity {
    fn actor(&self) -> Actor {
        let given = [&self.arn, &self.kind, &self.invoked_by, &self.account_id].into_iter().flatten();
        let user_id = given.map(String::as_str).find(|id| fits(id)).unwrap_or("unknown");
        let name = Some(self.name()).filter(|name| *name != user_id && fits(name)).map(str::to_owned);
        Actor { name, kind: self.actor_kind(), ..Actor::user(user_id) }
    }

    /// People sign in as one of these; all other identities are programs and services.
    fn actor_kind(&self) -> ActorKind {
        match self.kind.as_deref() {
            Some("IAMUser" | "Root" | "IdentityCenterUser" | "SAMLUser" | "WebIdentityUser" | "FederatedUser" | "Directory") => ActorKind::User,
            _ => ActorKind::Service,
        }
    }

    fn name(&self) -> &str {
        let issuer = self.session_context.as_ref().and_then(|session| session.session_issuer.user_name.as_deref());
        let of_arn = self.arn.as_deref().and_then(|arn| arn.rsplit(['/', ':']).next());
        let given = [self.user_name.as_deref(), issuer, of_arn, self.invoked_by.as_deref(), self.kind.as_deref(), self.account_id.as_deref()];
        given.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or("someone")
    }
}

fn fits(text: &str) -> bool {
    fault::text("actor", text, limits::NAME_LEN_MAX).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipstream_event::draft::Context;
    use slipstream_event::{Draft, Event, Timestamp};

    use super::*;

    fn finish(mapped: &Mapped) -> Event {
        let tenant = mapped.tenant.clone().unwrap();
        let context = Context { tenant: &tenant, actor: &Actor::system(), may_write_as: true, now: Timestamp::now() };
        let event = Draft::from_json(mapped.draft.as_bytes()).unwrap().finish(&context);
        event.unwrap_or_else(|faults| panic!("{faults:?} in {}", mapped.draft))
    }

    fn lines() -> impl Iterator<Item = &'static str> {
        std::str::from_utf8(super::super::SAMPLE).unwrap().lines()
    }

    fn record(more: &str) -> String {
        format!(r#"{{"eventID":"e1","eventTime":"2023-07-10T11:42:18Z","eventSource":"s3.amazonaws.com","eventName":"GetBucketACL"{more}}}"#)
    }

    #[test]
    fn every_record_of_the_sample_becomes_an_event_of_its_own() {
        let events: Vec<(Event, &str)> = lines().map(|line| (finish(&map(line.as_bytes()).unwrap()), line)).collect();
        assert!(events.len() <= 500 && events.len() > 100);
        let mut ids = std::collections::HashSet::new();
        let mut tenants = std::collections::HashSet::new();
        for (event, line) in &events {
            let record: Value = serde_json::from_str(line).unwrap();
            assert!(ids.insert(event.id) && event.id.to_string() == record["eventID"].as_str().unwrap());
            assert_eq!(event.metadata.get("record"), Some(*line), "the record is kept to the letter");
            assert_eq!(
                (event.module.as_str(), event.entity_type.as_str()),
                ("cloudtrail", format!("cloudtrail.{}", event.tenant_id.as_str().replace('-', "_")).as_str())
            );
            assert_eq!(event.severity == Severity::Error, record.get("errorCode").is_some());
            assert_eq!(event.actor.user_id, record["userIdentity"]["arn"].as_str().or(record["userIdentity"]["type"].as_str()).unwrap_or(&event.actor.user_id));
            tenants.insert(event.tenant_id.clone());
        }
        assert!(tenants.len() >= 5 && events.iter().any(|(event, _)| event.severity == Severity::Error));
    }

    #[test]
    fn maps_a_real_record() {
        let line = lines().nth(1).unwrap();
        let mapped = map(line.as_bytes()).unwrap();
        let event = finish(&mapped);
        assert_eq!(event.tenant_id.as_str(), "s3");
        assert_eq!(event.event_type.as_str(), "cloudtrail.s3.get_bucket_logging");
        assert_eq!(event.entity_id, "arn:aws:s3:::baker221b-bucketsevidenceeeedc25d-1q9cl0tuy4gbm");
        assert_eq!(event.timestamp.to_string(), "2023-07-10T11:42:23.000000Z");
        assert_eq!(
            (event.actor.user_id.as_str(), event.actor.name.as_deref(), event.actor.kind),
            ("arn:aws:iam::123837392027:user/benjamin", Some("benjamin"), ActorKind::User)
        );
        assert_eq!(event.message.as_deref(), Some("benjamin called GetBucketLogging on s3"));
    }

    #[test]
    fn takes_the_first_id_that_fits() {
        let entity = |more: &str| finish(&map(record(more).as_bytes()).unwrap()).entity_id;
        let parameters = r#","requestParameters":{"name":"x","count":1,"roleName":"r","bucketId":"b"}"#;
        assert_eq!(entity(&format!(r#","resources":[{{}},{{"ARN":"arn:1"}}]{parameters}"#)), "arn:1");
        assert_eq!(entity(&format!(r#","resources":null,"requestID":"q"{parameters}"#)), "r");
        assert_eq!(entity(r#","requestParameters":"text","requestID":"q""#), "q");
        assert_eq!(entity(""), "e1");
        let long = "x".repeat(300);
        assert_eq!(entity(&format!(r#","resources":[{{"ARN":"{long}"}}],"requestParameters":{{"aId":"","bId":"a\nb","cId":"c"}}"#)), "c");
    }

    #[test]
    fn names_who_it_was() {
        let actor = |identity: &str| finish(&map(record(&format!(r#","userIdentity":{identity},"errorCode":"AccessDenied""#)).as_bytes()).unwrap());
        let service = actor(r#"{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}"#);
        assert_eq!((service.actor.user_id.as_str(), service.actor.kind), ("AWSService", ActorKind::Service));
        assert_eq!(service.message.as_deref(), Some("ec2.amazonaws.com called GetBucketACL on s3, which failed: AccessDenied"));
        let role = actor(r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/r/session","sessionContext":{"sessionIssuer":{"userName":"r"}}}"#);
        assert_eq!((role.actor.name.as_deref(), role.actor.kind, role.event_type.action()), (Some("r"), ActorKind::Service, "get_bucket_acl"));
        assert_eq!(actor(r#"{"accountId":"1","invokedBy":"x.amazonaws.com"}"#).actor.user_id, "x.amazonaws.com");
        assert_eq!(actor("{}").actor.user_id, "unknown");
    }

    #[test]
    fn names_what_is_missing() {
        let fault = |text: &str| map(text.as_bytes()).unwrap_err();
        assert_eq!(fault("{").code, "json_invalid");
        assert!(fault(r#"{"eventTime":"x"}"#).message.contains("eventID"));
        assert_eq!(fault(&record("").replace("s3.", "a b.")).field, "eventSource");
        assert_eq!(fault("[]").code, "field_invalid");
    }

    proptest! {
        #[test]
        fn takes_any_text(text in ".{0,80}") {
            let _ignored = map(text.as_bytes());
        }
    }
}
