//! CSV by RFC 4180: a header, CRLF, quotes doubled, empty for what is not there.
//!
//! A cell is quoted when it holds a comma, a quote, a line break, or a blank at its edge. What is a cell's own text is guarded ([`formula`]).

use std::borrow::Cow;

use super::formula;
use crate::{Actor, ActorKind, Event};

/// A column of things of type `T`.
#[derive(Debug)]
pub struct Column<T: 'static> {
    /// Its name in the header.
    pub name: &'static str,
    /// Whether its cells are texts that came from outside. Only what this program writes itself (times, numbers) may go unguarded.
    pub guarded: bool,
    /// The cell of a thing.
    pub cell: for<'a> fn(&'a T) -> Cow<'a, str>,
}

impl<T> Column<T> {
    /// A column of texts.
    pub const fn text(name: &'static str, cell: for<'a> fn(&'a T) -> Cow<'a, str>) -> Self {
        Self { name, guarded: true, cell }
    }

    /// A column of what this program writes itself, and so never begins with a sign: times, numbers from 0.
    pub const fn own(name: &'static str, cell: for<'a> fn(&'a T) -> Cow<'a, str>) -> Self {
        Self { name, guarded: false, cell }
    }
}

/// The columns of history.
pub const HISTORY: &[Column<Event>] = &[
    ID,
    TIMESTAMP,
    TYPE,
    ENTITY_TYPE,
    ENTITY_ID,
    ENTITY_NAME,
    ACTION,
    SEVERITY,
    CATEGORY,
    MODULE,
    ACTOR_ID,
    ACTOR_NAME,
    ACTOR_KIND,
    MESSAGE,
    CORRELATION_ID,
    METADATA,
];

/// The columns of history for readers that asked for the changes.
pub const HISTORY_WITH_CHANGES: &[Column<Event>] = &[
    ID,
    TIMESTAMP,
    TYPE,
    ENTITY_TYPE,
    ENTITY_ID,
    ENTITY_NAME,
    ACTION,
    SEVERITY,
    CATEGORY,
    MODULE,
    ACTOR_ID,
    ACTOR_NAME,
    ACTOR_KIND,
    MESSAGE,
    CORRELATION_ID,
    METADATA,
    CHANGES,
];

const ID: Column<Event> = Column::text("id", |event| event.id.to_string().into());
const TIMESTAMP: Column<Event> = Column::own("timestamp", |event| event.timestamp.to_string().into());
const TYPE: Column<Event> = Column::text("type", |event| event.event_type.as_str().into());
const ENTITY_TYPE: Column<Event> = Column::text("entityType", |event| event.entity_type.as_str().into());
const ENTITY_ID: Column<Event> = Column::text("entityId", |event| event.entity_id.as_str().into());
const ENTITY_NAME: Column<Event> = Column::text("entityName", |event| optional(event.entity_name.as_deref()));
const ACTION: Column<Event> = Column::text("action", |event| event.action.as_str().into());
const SEVERITY: Column<Event> = Column::text("severity", |event| event.severity.as_str().into());
const CATEGORY: Column<Event> = Column::text("category", |event| event.category.as_str().into());
const MODULE: Column<Event> = Column::text("module", |event| event.module.as_str().into());
const ACTOR_ID: Column<Event> = Column::text("actorId", |event| event.actor.user_id.as_str().into());
const ACTOR_NAME: Column<Event> = Column::text("actorName", |event| optional(event.actor.name.as_deref()));
const ACTOR_KIND: Column<Event> = Column::text("actorKind", |event| kind(&event.actor).into());
const MESSAGE: Column<Event> = Column::text("message", |event| optional(event.message.as_deref()));
const CORRELATION_ID: Column<Event> = Column::text("correlationId", |event| optional(event.correlation_id.as_deref()));
const METADATA: Column<Event> = Column::text("metadata", |event| json(Some(&event.metadata)));
const CHANGES: Column<Event> = Column::text("changes", |event| json(event.changes.as_ref()));

/// The first row: the columns' names.
pub fn header<T>(columns: &[Column<T>], out: &mut Vec<u8>) {
    line(columns.iter().map(|column| Cow::Borrowed(column.name)), out);
}

/// The row of a thing.
pub fn row<T>(columns: &[Column<T>], thing: &T, out: &mut Vec<u8>) {
    line(
        columns.iter().map(|column| {
            let cell = (column.cell)(thing);
            if column.guarded && formula::starts_formula(&cell) { formula::guard(&cell).into_owned().into() } else { cell }
        }),
        out,
    );
}

fn line<'a>(cells: impl Iterator<Item = Cow<'a, str>>, out: &mut Vec<u8>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if needs_quotes(&cell) {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        } else {
            out.extend_from_slice(cell.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn needs_quotes(cell: &str) -> bool {
    cell.contains([',', '"', '\r', '\n']) || cell.starts_with(char::is_whitespace) || cell.ends_with(char::is_whitespace)
}

fn optional(text: Option<&str>) -> Cow<'_, str> {
    text.unwrap_or_default().into()
}

fn json(object: Option<&crate::Object>) -> Cow<'static, str> {
    // Strings and raw JSON only: nothing in it can fail to serialise.
    object.map(|object| serde_json::to_string(object).unwrap_or_default()).unwrap_or_default().into()
}

/// The word for a kind of actor.
pub(super) fn kind(actor: &Actor) -> &'static str {
    match actor.kind {
        ActorKind::User => "user",
        ActorKind::Service => "service",
        ActorKind::Agent => "agent",
        ActorKind::System => "system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_by_the_rules() {
        const CELLS: &[Column<[&str; 2]>] = &[Column::text("a", |cells| cells[0].into()), Column::own("b,", |cells| cells[1].into())];
        let shown = |cells: [&'static str; 2]| {
            let mut out = Vec::new();
            row(CELLS, &cells, &mut out);
            String::from_utf8(out).unwrap()
        };
        let mut out = Vec::new();
        header(CELLS, &mut out);
        assert_eq!(out, b"a,\"b,\"\r\n");
        assert_eq!(shown(["x", ""]), "x,\r\n");
        assert_eq!(shown(["say \"hi\", x", " y"]), "\"say \"\"hi\"\", x\",\" y\"\r\n");
        assert_eq!(shown(["a\r\nb", "c "]), "\"a\r\nb\",\"c \"\r\n");
        assert_eq!(shown(["=1", "-1"]), "'=1,-1\r\n", "only texts are guarded");
    }
}
