//! How Postgres goes about the statements of each kind of request, as its own log tells (auto_explain): what was really run, not what a test thinks is run.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use sqlx::AssertSqlSafe;

use super::plan::Plan;
use super::{Kind, client};
use crate::filled::Filled;

/// The requests whose plans are shown.
const SHOWN: [&str; 10] = [
    "page 1",
    "page 1,000",
    "one entity",
    "one entity's timeline",
    "one actor",
    "what belongs together",
    "one day, 8 months ago",
    "text that is somewhere",
    "page 1 with its total",
    "activity log",
];
/// What reads events says so.
const EVENTS: &str = "slipstream.event ";
/// Statements that every request has around its own.
const AROUND: [&str; 5] = ["begin", "set local", "commit", "rollback", "select set_config"];

/// Writes the plans of one request of each kind, with what was really read.
pub(super) async fn write(file: &Path, filled: &Filled, kinds: impl Iterator<Item = Kind>) {
    let database = url::Url::parse(&filled.stack.database_url).unwrap().path().trim_start_matches('/').to_owned();
    let settings = [
        ("session_preload_libraries", "auto_explain"),
        ("auto_explain.log_min_duration", "0"),
        ("auto_explain.log_analyze", "on"),
        ("auto_explain.log_buffers", "on"),
        ("auto_explain.log_timing", "off"),
    ];
    let mut owner = filled.owner().await;
    for (name, value) in settings {
        sqlx::raw_sql(AssertSqlSafe(format!("alter database \"{database}\" set {name} = '{value}'"))).execute(&mut owner).await.unwrap();
    }
    // Its connections are new.
    let node = filled.stack.node("api").await;
    let (mut table, mut text) = (String::new(), String::new());
    for kind in kinds.filter(|kind| SHOWN.contains(&kind.label.as_str())) {
        let http = client(filled, &node, kind.caller);
        let from = log(filled).len();
        http.get(&kind.path).await;
        let plans = plans(&log(filled)[from..]);
        let partitions: BTreeSet<String> = plans.iter().flat_map(Plan::partitions).collect();
        let pages: u64 = plans.iter().map(Plan::pages).sum();
        writeln!(table, "| {} | {} | {} | {pages} |", kind.label, plans.len(), partitions.len()).unwrap();
        let query = kind.path.split_once("cursor=").map_or(kind.path.clone(), |(before, _)| format!("{before}cursor=…"));
        write!(text, "\n## {}\n\n`GET {query}`\n", kind.label).unwrap();
        let mut seen: Vec<&str> = Vec::new();
        for plan in &plans {
            if !seen.contains(&plan.sql.as_str()) && plan.sql.contains(EVENTS) {
                write!(text, "\n```text\n{}\n```\n", plan.shown()).unwrap();
            }
            seen.push(&plan.sql);
        }
    }
    for (name, _) in settings {
        sqlx::raw_sql(AssertSqlSafe(format!("alter database \"{database}\" reset {name}"))).execute(&mut owner).await.unwrap();
    }
    std::fs::write(file, format!("{}{table}{text}", head(filled))).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}

fn log(filled: &Filled) -> String {
    String::from_utf8_lossy(&std::fs::read(filled.stack.cluster.server.log_path()).unwrap()).into_owned()
}

fn head(filled: &Filled) -> String {
    format!(
        "# Plans\n\nHow Postgres answers what is asked most of an archive of {} events and {} tenants, one of which has half of them and asks here; the events happened within a year, so there are 13 \
         partitions with rows. Written by `scripts/bench history --plans docs/plans.md`: each plan is what was really run (auto_explain), with the rows that it really read. Of statements that a request \
         runs more than once, with other numbers, the first is shown; those that read no events are only counted. `never executed` marks a partition that was left out while the statement ran; those \
         that were left out before do not occur.\n\n| request | statements | partitions read | pages touched |\n|---|---|---|---|\n",
        filled.corpus.events(),
        filled.tenants
    )
}

/// The plans of a part of the server's log, without the statements that are around each.
fn plans(log: &str) -> Vec<Plan> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut is_plan = false;
    for line in log.lines() {
        if line.contains("LOG:  duration:") {
            is_plan = line.contains("plan:");
            if is_plan {
                found.push(Vec::new());
            }
        } else if let (true, Some(plan), Some(line)) = (is_plan, found.last_mut(), line.strip_prefix('\t')) {
            plan.push(line);
        } else {
            is_plan = false;
        }
    }
    let plans = found.iter().filter_map(|lines| Plan::parse(lines));
    plans.filter(|plan| !AROUND.iter().any(|around| plan.sql.starts_with(around))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plans_from_a_log_and_nothing_else() {
        let log = "2026 LOG:  checkpoint starting\n2026 LOG:  duration: 0.1 ms  plan:\n\tQuery Text: select set_config('a')\n\tResult  (cost=0 rows=1) (actual rows=1)\n\
                   2026 LOG:  duration: 2.5 ms  plan:\n\tQuery Text: select 1\n\tIndex Scan  (cost=0 rows=1) (actual rows=1)\n\t  Index Cond: x\n\
                   2026 LOG:  checkpoint complete\n\tnot ours";
        let shown: Vec<String> = plans(log).iter().map(Plan::shown).collect();
        assert_eq!(shown, ["select 1\n  Index Scan (actual rows=1)\n    Index Cond: x"]);
    }
}
