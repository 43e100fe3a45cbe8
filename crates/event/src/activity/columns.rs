//! The columns of the activity log's CSV.

use std::borrow::Cow;

use super::Entry;
use crate::export::csv::Column;

type Row = Entry<'static>;

/// In the order of the file. What is not there is empty; metadata is compact JSON.
pub const COLUMNS: &[Column<Row>] = &[
    Column::own("seq", |entry| entry.seq.map(|seq| seq.to_string()).unwrap_or_default().into()),
    Column::text("id", |entry| cell(&entry.id)),
    Column::own("ts", |entry| entry.ts.to_string().into()),
    Column::text("category", |entry| entry.category.as_str().into()),
    Column::text("action", |entry| cell(&entry.action)),
    Column::text("severity", |entry| entry.severity.as_str().into()),
    Column::text("actor", |entry| cell(&entry.actor)),
    Column::text("entity_type", |entry| optional(entry.entity_type.as_ref())),
    Column::text("entity_id", |entry| optional(entry.entity_id.as_ref())),
    Column::text("entity_name", |entry| optional(entry.entity_name.as_ref())),
    Column::text("message", |entry| cell(&entry.message)),
    Column::text("metadata", |entry| serde_json::to_string(&entry.metadata).unwrap_or_default().into()),
];

fn cell(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

fn optional<'a>(text: Option<&'a Cow<'static, str>>) -> Cow<'a, str> {
    text.map_or(Cow::Borrowed(""), |text| cell(text))
}
