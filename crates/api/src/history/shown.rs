//! Pages, as clients read them.

use serde_json::{Value, json};
use slipstream_store::history::{Page, Total};
use slipstream_store::limits::HISTORY_COUNT_MAX;

/// The body. The items go in as they came out of the archive: they are JSON. `members` follow them, then the total when it was asked for.
pub(crate) fn page(page: &Page, next_cursor: Option<&str>, members: &[(&str, Value)]) -> String {
    let mut body = String::with_capacity(page.items.iter().map(|item| item.payload.len() + 1).sum::<usize>() + 256);
    body.push_str("{\"items\":[");
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            body.push(',');
        }
        body.push_str(&item.payload);
    }
    body.push(']');
    let mut push = |name: &str, value: &Value| body.push_str(&format!(",{}:{value}", json!(name)));
    push("next_cursor", &json!(next_cursor));
    members.iter().for_each(|(name, value)| push(name, value));
    if let Some(total) = page.total {
        let (count, is_estimate) = count(total);
        push("total", &json!(count));
        push("total_is_estimate", &json!(is_estimate));
    }
    body.push('}');
    body
}

/// A total, and whether there may be more. One that took too long to count is not known.
fn count(total: Total) -> (Option<u64>, bool) {
    match total {
        Total::Exact(count) => (Some(count), false),
        Total::AtLeast(count) => (Some(count.max(u64::from(HISTORY_COUNT_MAX))), true),
        Total::Unknown => (None, true),
    }
}
