//! Events on one line, for people. Pure.

use std::fmt::Write as _;

use serde::Deserialize;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Severities in colour.
    pub colour: bool,
    /// Long ids are cut, so that columns hold.
    pub fit: bool,
}

/// Width of the columns, in characters.
const TYPE: usize = 34;
const ENTITY: usize = 30;
const ACTOR: usize = 18;

/// The heads of the columns.
pub fn heads() -> String {
    format!("{:<24} {:<8} {:<TYPE$} {:<ENTITY$} {:<ACTOR$} MESSAGE", "TIME", "SEVERITY", "TYPE", "ENTITY", "ACTOR")
}

/// What a line shows of an event. Read leniently: a newer server may send more, another one less.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    #[serde(rename = "type")]
    event_type: String,
    entity_id: String,
    entity_name: Option<String>,
    timestamp: String,
    severity: String,
    actor: Option<Actor>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Actor {
    user_id: String,
    name: Option<String>,
}

/// An event's JSON as one line: time, severity, type, entity, actor, message. What is no event is shown as it is.
pub fn line(json: &str, style: Style) -> String {
    let Ok(event) = serde_json::from_str::<Event>(json) else { return clean(json) };
    let actor = event.actor.unwrap_or_default();
    let entity = event.entity_name.unwrap_or(event.entity_id);
    let mut line = String::with_capacity(160);
    // Writing to a String cannot fail.
    write!(line, "{:<24} ", time(&event.timestamp)).unwrap_or_default();
    line.push_str(&severity(&event.severity, style.colour));
    for (text, width) in [(event.event_type, TYPE), (entity, ENTITY), (actor.name.unwrap_or(actor.user_id), ACTOR)] {
        let text = clean(&text);
        write!(line, " {:<width$}", if style.fit { cut(&text, width) } else { text }).unwrap_or_default();
    }
    write!(line, " {}", clean(&event.message.unwrap_or_default())).unwrap_or_default();
    line.truncate(line.trim_end().len());
    line
}

/// `2026-11-20 21:47:02.657Z`: to the millisecond.
fn time(timestamp: &str) -> String {
    match (timestamp.get(..10), timestamp.get(10..11), timestamp.get(11..23)) {
        (Some(day), Some("T"), Some(time)) if timestamp.ends_with('Z') => clean(&format!("{day} {time}Z")),
        _ => clean(timestamp),
    }
}

fn severity(word: &str, colour: bool) -> String {
    let padded = format!("{:<8}", clean(word));
    let code = match word {
        "critical" => "1;31",
        "error" => "31",
        "warning" => "33",
        _ => return padded,
    };
    if colour { format!("\u{1b}[{code}m{padded}\u{1b}[0m") } else { padded }
}

/// The last characters of a text count most: ids and ARNs differ there.
fn cut(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width { text.to_owned() } else { std::iter::once('…').chain(text.chars().skip(count + 1 - width)).collect() }
}

/// A text without what could steer a terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"i","type":"cloudtrail.iam.create_user","entityType":"cloudtrail.iam","entityId":"arn:aws:iam::123837392027:user/stratus-red-team","action":"create_user","timestamp":"2023-07-10T11:42:18.000001Z","actor":{"userId":"arn:x","name":"benjamin","kind":"user"},"metadata":{},"severity":"error","message":"no"}"#;

    #[test]
    fn shows_one_aligned_line() {
        let plain = line(EVENT, Style::default());
        assert_eq!(
            plain,
            "2023-07-10 11:42:18.000Z error    cloudtrail.iam.create_user         arn:aws:iam::123837392027:user/stratus-red-team benjamin           no"
        );
        let fit = line(EVENT, Style { fit: true, colour: false });
        assert_eq!(fit, "2023-07-10 11:42:18.000Z error    cloudtrail.iam.create_user         …7392027:user/stratus-red-team benjamin           no");
        assert_eq!(fit.find("no"), heads().find("MESSAGE").map(|at| at + "…".len() - 1));
        assert!(line(EVENT, Style { fit: false, colour: true }).contains("\u{1b}[31merror   \u{1b}[0m"));
    }

    #[test]
    fn never_steers_a_terminal_and_never_fails() {
        let hostile = r#"{"type":"a.b.c","message":"\u001b[2J\nx","timestamp":"\u001b]0;x","severity":"\u0007","actor":null}"#;
        let shown = line(hostile, Style { fit: true, colour: true });
        assert!(!shown.contains(char::is_control) && shown.ends_with("·[2J·x"), "{shown:?}");
        assert_eq!(line("no\tjson", Style::default()), "no·json");
        assert_eq!(line("[1]", Style::default()), "[1]");
        assert!(line(r#"{"timestamp":"2023-07-10Tééééééééééé"}"#, Style::default()).starts_with("2023-07-10T"));
    }
}
