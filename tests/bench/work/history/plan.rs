//! A plan as Postgres tells it (`explain analyze` as text), cut down to what says how much is read.

use std::collections::BTreeSet;
use std::fmt::Write;

/// Longest line that is shown. Longer: cut, with dots.
const LINE_LEN_MAX: usize = 180;
/// What says how something is read.
const DETAILS: [&str; 5] = ["Index Cond:", "Recheck Cond:", "Filter:", "Rows Removed by Filter:", "Sort Key:"];

/// One statement that was run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The statement.
    pub(super) sql: String,
    root: Node,
}

/// A node of the plan with those below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    indent: usize,
    header: String,
    details: Vec<String>,
    children: Vec<Self>,
}

impl Plan {
    /// From the lines of the log behind `duration:`.
    pub(super) fn parse(lines: &[&str]) -> Option<Self> {
        let at = lines.iter().position(|line| is_header(line))?;
        let sql: Vec<&str> =
            lines[..at].iter().map(|line| line.trim().trim_start_matches("Query Text:").trim()).filter(|line| !line.starts_with("--")).collect();
        let mut stack: Vec<Node> = Vec::new();
        for line in &lines[at..] {
            let indent = line.len() - line.trim_start().len();
            let text = line.trim();
            if is_header(line) {
                while stack.last().is_some_and(|node| node.indent >= indent && stack.len() > 1) {
                    close(&mut stack);
                }
                stack.push(Node { indent, header: text.trim_start_matches("->").trim().to_owned(), details: Vec::new(), children: Vec::new() });
            } else if let Some(node) = stack.last_mut() {
                node.details.push(text.to_owned());
            }
        }
        while stack.len() > 1 {
            close(&mut stack);
        }
        Some(Self { sql: sql.join(" ").split_whitespace().collect::<Vec<_>>().join(" "), root: stack.pop()? })
    }

    /// The months of events that were read.
    pub(super) fn partitions(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        self.root.each(&mut |node| {
            let scanned = node.header.split_whitespace().find(|word| word.starts_with("event_2") || word.starts_with("event_past"));
            found.extend(scanned.filter(|_| node.is_run()).map(|name| name.get(..13).unwrap_or(name).trim_end_matches('_').to_owned()));
        });
        found
    }

    /// How many pages it touched, from memory or not.
    pub(super) fn pages(&self) -> u64 {
        let buffers = self.root.details.iter().find(|detail| detail.starts_with("Buffers:"));
        let numbers = buffers.into_iter().flat_map(|detail| detail.split([' ', ',']));
        numbers.filter_map(|word| word.strip_prefix("hit=").or_else(|| word.strip_prefix("read="))?.parse::<u64>().ok()).sum()
    }

    /// The nodes that were run, each with its conditions; of those alike beside each other the first.
    pub(super) fn shown(&self) -> String {
        let mut text = cut(&self.sql);
        self.root.show(1, &mut text);
        text
    }
}

impl Node {
    fn is_run(&self) -> bool {
        !self.header.contains("never executed")
    }

    fn each<'a>(&'a self, see: &mut impl FnMut(&'a Self)) {
        see(self);
        self.children.iter().for_each(|child| child.each(see));
    }

    /// The check of the tenant that every statement has around it, and says nothing here.
    fn is_check(&self) -> bool {
        self.header.starts_with("Result") && self.children.len() == 1 && self.details.iter().any(|detail| detail.starts_with("One-Time Filter:"))
    }

    fn show(&self, depth: usize, text: &mut String) {
        if self.is_check() {
            return self.children[0].show(depth, text);
        }
        let indent = "  ".repeat(depth);
        write!(text, "\n{indent}{}", cut(&without_cost(&self.header))).unwrap();
        for detail in self.details.iter().filter(|detail| DETAILS.iter().any(|name| detail.starts_with(name))) {
            write!(text, "\n{indent}  {}", cut(detail)).unwrap();
        }
        let left_out = self.children.iter().filter(|child| !child.is_run()).count();
        let run: Vec<&Self> = self.children.iter().filter(|child| child.is_run()).collect();
        for alike in run.chunk_by(|a, b| a.shape() == b.shape()) {
            alike[0].show(depth + 1, text);
            if alike.len() > 1 {
                write!(text, "\n{indent}  … and {} more like it", alike.len() - 1).unwrap();
            }
        }
        if left_out > 0 {
            write!(text, "\n{indent}  … {left_out} never executed").unwrap();
        }
    }

    /// What it does, but not to which partition.
    fn shape(&self) -> String {
        let own = if self.is_check() { &self.children[0] } else { self };
        own.header.split(" on ").next().unwrap_or_default().split(" using ").next().unwrap_or_default().to_owned()
    }
}

/// Gives the last node to the one above it.
fn close(stack: &mut Vec<Node>) {
    if let (Some(child), Some(parent)) = (stack.pop(), stack.last_mut()) {
        parent.children.push(child);
    }
}

fn is_header(line: &str) -> bool {
    line.contains("(cost=")
}

fn without_cost(header: &str) -> String {
    let Some((before, after)) = header.split_once("(cost=") else { return header.to_owned() };
    let rest = after.split_once(") ").map_or("", |(_, rest)| rest);
    format!("{} {rest}", before.trim_end())
}

fn cut(line: &str) -> String {
    let short: String = line.chars().take(LINE_LEN_MAX).collect();
    if short.len() < line.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "Query Text: -- what it is\nselect a\n  from b\nLimit  (cost=0.84..59.65 rows=51 width=617) (actual rows=51 loops=1)\n  Buffers: shared hit=15 read=1\n  \
->  Append  (cost=0.84..136130.84 rows=3 width=617) (actual rows=51 loops=1)\n        Buffers: shared hit=15 read=1\n        \
->  Result  (cost=0.42..5 rows=4 width=617) (actual rows=51 loops=1)\n              One-Time Filter: ((NULLIF(x)) = 'o')\n              \
->  Index Scan Backward using event_2026_11_pkey on event_2026_11 e_2  (cost=0.42..5 rows=4 width=617) (actual rows=51 loops=1)\n                    Index Cond: (tenant_id = 'o')\n        \
->  Index Scan using event_2026_10_pkey on event_2026_10 e_1  (cost=0.42..5 rows=4 width=617) (actual rows=0 loops=1)\n        \
->  Index Scan using event_2026_09_pkey on event_2026_09 e_1  (cost=0.42..5 rows=4 width=617) (actual rows=0 loops=1)\n        \
->  Index Scan using event_2026_08_pkey on event_2026_08 e_1  (cost=0.42..5 rows=4 width=617) (never executed)";

    #[test]
    fn says_what_was_read() {
        let plan = Plan::parse(&LINES.lines().collect::<Vec<_>>()).unwrap();
        assert_eq!((plan.sql.as_str(), plan.pages()), ("select a from b", 16));
        assert_eq!(plan.partitions().into_iter().collect::<Vec<_>>(), ["event_2026_09", "event_2026_10", "event_2026_11"]);
        assert_eq!(
            plan.shown(),
            "select a from b\n  Limit (actual rows=51 loops=1)\n    Append (actual rows=51 loops=1)\n      \
             Index Scan Backward using event_2026_11_pkey on event_2026_11 e_2 (actual rows=51 loops=1)\n        Index Cond: (tenant_id = 'o')\n      \
             Index Scan using event_2026_10_pkey on event_2026_10 e_1 (actual rows=0 loops=1)\n      … and 1 more like it\n      … 1 never executed"
        );
    }
}
