//! What a client asks of a stream.

use http::HeaderMap;
use slipstream_event::{Fault, Filter};

use crate::frame::Projection;

/// A stream's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Where the client says that it was: the `Last-Event-ID` header, else the query.
    pub last_event_id: Option<String>,
    /// Which events it asked for.
    pub filter: Filter,
    /// How it wants to see them.
    pub projection: Projection,
}

impl Request {
    /// Reads headers and query. Parameters that are not known are not looked at.
    ///
    /// # Errors
    /// A [`Fault`] that names the parameter. A cursor is never a fault: it leads to a `reset`.
    pub fn parse(headers: &HeaderMap, query: &str) -> Result<Self, Fault> {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let filter = Filter::from_query(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())))?;
        let (mut named, mut cloudevents, mut from_query) = (false, false, None);
        for (name, value) in &pairs {
            match (name.as_ref(), value.as_ref()) {
                ("names", "type") => named = true,
                ("names", "" | "none") | ("format", "" | "json") => {}
                ("names", _) => return Err(Fault::new("names", "field_invalid", "must be type or none")),
                ("format", "cloudevents") => cloudevents = true,
                ("format", _) => return Err(Fault::new("format", "field_invalid", "must be json or cloudevents")),
                ("lastEventId" | "last_event_id" | "lastEventID", value) if !value.is_empty() && from_query.is_none() => from_query = Some(value.to_owned()),
                _ => {}
            }
        }
        let projection = match (cloudevents, named) {
            (true, true) => return Err(Fault::new("names", "field_invalid", "does not go with format=cloudevents")),
            (true, false) => Projection::CloudEvents,
            (false, true) => Projection::Named,
            (false, false) => Projection::Envelope,
        };
        let from_header = headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(Self { last_event_id: from_header.filter(|value| !value.is_empty()).or(from_query), filter, projection })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: Option<&'static str>, query: &str) -> Result<Request, Fault> {
        let headers = header.map(|value| ("last-event-id".parse().unwrap(), value.parse().unwrap()));
        Request::parse(&headers.into_iter().collect(), query)
    }

    #[test]
    fn the_header_wins_unless_it_is_empty() {
        let last = |header, query| parse(header, query).unwrap().last_event_id;
        assert_eq!(last(Some("h"), "lastEventId=q").as_deref(), Some("h"));
        assert_eq!(last(Some(""), "lastEventId=q").as_deref(), Some("q"));
        assert_eq!(last(None, "last_event_id=q").as_deref(), Some("q"));
        assert_eq!(last(None, "lastEventID=q&other=1").as_deref(), Some("q"));
        assert_eq!(last(None, "lastEventId="), None);
    }

    #[test]
    fn names_the_faulty_parameter() {
        assert_eq!(parse(None, "names=x").unwrap_err().field, "names");
        assert_eq!(parse(None, "format=xml").unwrap_err().field, "format");
        assert_eq!(parse(None, "severity=high").unwrap_err().field, "severity");
        assert_eq!(parse(None, "names=type").unwrap().projection, Projection::Named);
        assert_eq!(parse(None, "format=cloudevents").unwrap().projection, Projection::CloudEvents);
    }
}
