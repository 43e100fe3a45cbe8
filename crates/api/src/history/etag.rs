//! Entity tags of pages: what a page depends on, without reading it.

use sha2::{Digest, Sha256};
use slipstream_event::Tenant;

use crate::limits;

/// The weak tag of a page: of its tenant, the tenant's archive head, the reader's rights, and all that was asked for.
pub(crate) fn of(tenant: &Tenant, head: u64, query: &impl std::fmt::Debug) -> String {
    // The debug form names every field, those of later versions too.
    let hash = Sha256::digest(format!("{tenant}\n{head}\n{query:?}"));
    let hex: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{hex}\"")
}

/// Whether an `If-None-Match` header names the tag: `*`, or a list with it. Compared weakly, as GET requires.
pub(crate) fn matches(header: &[u8], tag: &str) -> bool {
    let Ok(header) = std::str::from_utf8(header) else { return false };
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let wanted = opaque(tag);
    header.len() <= limits::IF_NONE_MATCH_BYTES_MAX && (header.trim() == "*" || header.split(',').any(|given| opaque(given) == wanted))
}

#[cfg(test)]
mod tests {
    use slipstream_store::history::Query;

    use super::*;

    #[test]
    fn depends_on_everything_that_a_page_depends_on() {
        let (tenant, query) = (Tenant::new("acme").unwrap(), Query { limit: 50, ..Query::default() });
        let tag = of(&tenant, 1, &query);
        assert_eq!((tag.len(), &tag[..3]), (36, "W/\""));
        assert_eq!(tag, of(&tenant, 1, &query.clone()));
        let mut seeing = query.clone();
        seeing.viewer.admin = true;
        let others =
            [of(&Tenant::new("other").unwrap(), 1, &query), of(&tenant, 2, &query), of(&tenant, 1, &seeing), of(&tenant, 1, &Query { limit: 51, ..query })];
        assert!(others.iter().all(|other| *other != tag));
    }

    #[test]
    fn is_found_in_lists() {
        let tag = "W/\"ab\"";
        for good in ["W/\"ab\"", "\"ab\"", "\"x\", W/\"ab\"", "*", " * "] {
            assert!(matches(good.as_bytes(), tag), "{good}");
        }
        for bad in ["", "\"x\"", "ab", "W/ab", "\"a\", \"b\"", "\"*\""] {
            assert!(!matches(bad.as_bytes(), tag), "{bad}");
        }
        assert!(!matches(&[0xff], tag) && !matches(format!("{}\"ab\"", "\"x\",".repeat(2000)).as_bytes(), tag));
    }
}
