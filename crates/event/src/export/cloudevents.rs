//! CloudEvents 1.0 in structured JSON mode, one a line. The mapping is the one of [`crate::cloudevents`]; `changes` have no place in it.

use super::ndjson;
use crate::Event;

/// An event's line.
pub fn line(event: &Event, out: &mut Vec<u8>) {
    ndjson::line(&crate::cloudevents::to_json(event), out);
}
