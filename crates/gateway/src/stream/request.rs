//! What a client asks of a stream.

use http::HeaderMap;
use slipstream_event::activity::Selection;
use slipstream_event::{Fault, Filter};

use crate::frame::Projection;

/// A stream's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Where the client says that it was: the `Last-Event-ID` header, else the query.
    pub last_event_id: Option<String>,
    /// Which events it asked for.
    pub filter: Filter,
    /// Which of them, in the view of the activity log.
    pub selection: Selection,
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
        let pairs = || pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let filter = Filter::from_query(pairs())?;
        let projection = projection(pairs())?;
        let selection = match pairs().find(|(name, _)| matches!(*name, "categories" | "severities")) {
            Some((name, _)) if projection != Projection::Activity => return Err(Fault::new(name, "field_invalid", "goes with view=activity only")),
            _ => Selection::from_query(pairs()).map_err(|mut faults| faults.swap_remove(0))?,
        };
        let from_query = pairs().find(|(name, value)| matches!(*name, "lastEventId" | "last_event_id" | "lastEventID") && !value.is_empty());
        let from_query = from_query.map(|(_, value)| value.to_owned());
        let from_header = headers.get("last-event-id").map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        Ok(Self { last_event_id: from_header.filter(|value| !value.is_empty()).or(from_query), filter, selection, projection })
    }
}

/// How the events are to be shown: `names`, `format` and `view`.
fn projection<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Projection, Fault> {
    let (mut named, mut cloudevents, mut activity) = (false, false, false);
    for pair in pairs {
        match pair {
            ("names", "type") => named = true,
            ("format", "cloudevents") => cloudevents = true,
            ("view", "activity") => activity = true,
            ("names", "" | "none") | ("format", "" | "json") | ("view", "" | "events") => {}
            ("names", _) => return Err(Fault::new("names", "field_invalid", "must be type or none")),
            ("format", _) => return Err(Fault::new("format", "field_invalid", "must be json or cloudevents")),
            ("view", _) => return Err(Fault::new("view", "field_invalid", "must be events or activity")),
            _ => {}
        }
    }
    match (activity, cloudevents, named) {
        (true, true, _) => Err(Fault::new("format", "field_invalid", "format=cloudevents does not go with view=activity")),
        (true, _, true) => Err(Fault::new("names", "field_invalid", "does not go with view=activity")),
        (_, true, true) => Err(Fault::new("names", "field_invalid", "does not go with format=cloudevents")),
        (true, ..) => Ok(Projection::Activity),
        (_, true, _) => Ok(Projection::CloudEvents),
        (.., true) => Ok(Projection::Named),
        (false, false, false) => Ok(Projection::Envelope),
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

    #[test]
    fn the_view_of_the_activity_log_goes_with_its_own_parameters_only() {
        let plain = parse(None, "view=activity&format=json&names=none").unwrap();
        assert_eq!((plain.projection, plain.selection), (Projection::Activity, Selection::default()));
        let some = parse(None, "view=activity&categories=auth,device&severities=error&types=shop").unwrap();
        assert!(some.selection != Selection::default() && some.filter.types == ["shop"]);
        assert_eq!(parse(None, "view=events").unwrap().projection, Projection::Envelope);
        let faults = [
            ("view=log", "view"),
            ("view=activity&format=cloudevents", "format"),
            ("view=activity&names=type", "names"),
            ("view=activity&categories=zoo", "categories"),
            ("view=activity&severities=critical", "severities"),
            ("categories=auth", "categories"),
            ("view=events&severities=error", "severities"),
        ];
        for (query, field) in faults {
            assert_eq!(parse(None, query).unwrap_err().field, field, "{query}");
        }
    }
}
