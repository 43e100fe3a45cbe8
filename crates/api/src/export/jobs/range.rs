//! Which part of a file a request asks for (RFC 9110, chapter 14). Pure.

/// A part of a file, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) first: u64,
    pub(super) last: u64,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of it.
    Whole,
    /// A part.
    Part(Part),
    /// A part that the file does not have.
    Unsatisfiable,
}

/// Reads `Range`, unless `If-Range` names another file than `tag`. Several ranges, other units and what cannot be read ask for the whole, as the standard allows.
pub(super) fn asked(range: Option<&str>, if_range: Option<&str>, tag: &str, bytes: u64) -> Asked {
    let Some(range) = range.filter(|_| if_range.is_none_or(|given| given == tag)) else { return Asked::Whole };
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|spec| spec.split_once('-')) else { return Asked::Whole };
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|_| text.trim().bytes().all(|b| b.is_ascii_digit()));
    let end = bytes.saturating_sub(1);
    match (first.trim().is_empty(), number(first), last.trim().is_empty(), number(last)) {
        (_, Some(first), true, _) => part(first, end, bytes),
        (_, Some(first), _, Some(last)) if first <= last => part(first, last.min(end), bytes),
        (true, _, _, Some(0)) => Asked::Unsatisfiable,
        (true, _, _, Some(count)) => part(bytes.saturating_sub(count), end, bytes),
        _ => Asked::Whole,
    }
}

fn part(first: u64, last: u64, bytes: u64) -> Asked {
    if first < bytes { Asked::Part(Part { first, last }) } else { Asked::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str) -> Asked {
        asked(Some(range), None, "\"t\"", 10)
    }

    #[test]
    fn reads_one_range() {
        let part = |first, last| Asked::Part(Part { first, last });
        assert_eq!((of("bytes=0-0"), of("bytes=3-"), of("bytes=3-99"), of("bytes=-4")), (part(0, 0), part(3, 9), part(3, 9), part(6, 9)));
        assert_eq!((of("bytes=-99"), of(" bytes= 2 - 5 ")), (part(0, 9), part(2, 5)));
        assert_eq!((of("bytes=10-"), of("bytes=10-11"), of("bytes=-0")), (Asked::Unsatisfiable, Asked::Unsatisfiable, Asked::Unsatisfiable));
        for whole in ["", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=a-b"] {
            assert_eq!(of(whole), Asked::Whole, "{whole}");
        }
        assert_eq!((asked(Some("bytes=0-"), None, "\"t\"", 0), asked(None, None, "\"t\"", 10)), (Asked::Unsatisfiable, Asked::Whole));
    }

    #[test]
    fn a_part_of_another_file_is_not_given() {
        assert_eq!(asked(Some("bytes=3-"), Some("\"t\""), "\"t\"", 10), Asked::Part(Part { first: 3, last: 9 }));
        for other in ["\"u\"", "W/\"t\"", "Fri, 20 Nov 2026 22:00:00 GMT"] {
            assert_eq!(asked(Some("bytes=3-"), Some(other), "\"t\"", 10), Asked::Whole, "{other}");
        }
    }
}
