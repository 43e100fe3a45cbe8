//! Exports: the event that tells who took a copy of what.

use std::collections::BTreeMap;

use slipstream_event::{Event, Tenant};
use uuid::Uuid;

use crate::declared::{Broken, By, Changes, Making};

/// Filters as they were asked for: the values of each parameter.
pub type Filters = BTreeMap<String, Vec<String>>;

/// An export that is about to be handed out.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// Its id.
    pub id: Uuid,
    /// What is copied, for people: `the history`.
    pub what: &'a str,
    /// Its format.
    pub format: &'a str,
    /// What was asked for.
    pub filters: &'a Filters,
    /// How many events it holds, when that is known beforehand.
    pub rows: Option<u64>,
    /// The job that makes it, when there is one.
    pub job: Option<Uuid>,
}

/// The event of an export, which is committed before its first byte goes out.
///
/// # Errors
/// [`Broken`], which the tests exclude.
pub fn created(export: &Export<'_>, tenant: &Tenant, by: By<'_>) -> Result<Event, Broken> {
    let mut making = Making::begin("audit.export.created", tenant, export.id.to_string(), by)?
        .named(export.what)
        .with("what", &export.what)?
        .with("format", &export.format)?
        .with("filters", export.filters)?;
    if let Some(rows) = export.rows {
        making = making.with("rows", &rows)?;
    }
    if let Some(job) = export.job {
        making = making.with("job", &job)?;
    }
    making.finish(Changes::default())
}

#[cfg(test)]
mod tests {
    use slipstream_event::Actor;

    use super::*;

    #[test]
    fn says_who_took_what() {
        let (tenant, actor) = (Tenant::new("acme").unwrap(), Actor::user("ann"));
        let filters = Filters::from([("severity".to_owned(), vec!["error".to_owned()])]);
        let export = Export { id: Uuid::nil(), what: "the history", format: "csv", filters: &filters, rows: Some(7), job: None };
        let event = created(&export, &tenant, By { actor: &actor, correlation_id: None, batch_id: None }).unwrap();
        assert_eq!(event.message.as_deref(), Some("ann exported the history as csv"));
        assert_eq!(
            (event.metadata.get("filters"), event.metadata.get("rows"), event.metadata.get("job")),
            (Some(r#"{"severity":["error"]}"#), Some("7"), None)
        );
        let job =
            created(&Export { rows: None, job: Some(Uuid::nil()), ..export }, &tenant, By { actor: &actor, correlation_id: None, batch_id: None }).unwrap();
        assert_eq!((job.metadata.get("rows"), job.metadata.text("job")), (None, Some(Uuid::nil().to_string())));
    }
}
