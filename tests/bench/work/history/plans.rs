//! How Postgres goes about the statements of each kind of request, as its own log tells (auto_explain): what was really run, not what a test thinks is run.

use std::fmt::Write;
use std::path::Path;

use sqlx::AssertSqlSafe;

use super::{Kind, client};
use crate::filled::Filled;

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
    let mut text = head(filled);
    for kind in kinds {
        let http = client(filled, &node, kind.is_large);
        let from = log(filled).len();
        http.get(&kind.path).await;
        let plans = plans(&log(filled)[from..]);
        let query = kind.path.split_once("cursor=").map_or(kind.path.clone(), |(before, _)| format!("{before}cursor=…"));
        write!(text, "\n## {}\n\n`GET {query}`\n", kind.label).unwrap();
        plans.iter().for_each(|plan| write!(text, "\n```text\n{plan}\n```\n").unwrap());
    }
    for (name, _) in settings {
        sqlx::raw_sql(AssertSqlSafe(format!("alter database \"{database}\" reset {name}"))).execute(&mut owner).await.unwrap();
    }
    std::fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}

fn log(filled: &Filled) -> String {
    String::from_utf8_lossy(&std::fs::read(filled.stack.cluster.server.log_path()).unwrap()).into_owned()
}

fn head(filled: &Filled) -> String {
    format!(
        "# Plans\n\nHow Postgres answers what is asked most of an archive of {} events and {} tenants, one of which has half of them; the events happened within a year, so there are \
         13 partitions with rows. Written by `scripts/bench history --plans docs/plans.md`: each plan is what was really run (auto_explain), with the rows and pages that it \
         really read. `never executed` marks a partition that was left out while the statement ran.\n",
        filled.corpus.events(),
        filled.tenants
    )
}

/// The plans of a part of the server's log, without the statements that are around each.
fn plans(log: &str) -> Vec<String> {
    let mut plans: Vec<String> = Vec::new();
    let mut is_plan = false;
    for line in log.lines() {
        if let Some(at) = line.find("LOG:  duration:") {
            is_plan = line.contains("plan:");
            if is_plan {
                plans.push(line[at + "LOG:  ".len()..].to_owned());
            }
        } else if let (true, Some(plan), Some(line)) = (is_plan, plans.last_mut(), line.strip_prefix('\t')) {
            plan.push('\n');
            plan.push_str(line);
        } else {
            is_plan = false;
        }
    }
    let is_around = |plan: &String| {
        plan.lines()
            .nth(1)
            .and_then(|line| line.strip_prefix("Query Text: "))
            .is_some_and(|sql| AROUND.iter().any(|around| sql.trim_start().starts_with(around)))
    };
    plans.retain(|plan| !is_around(plan));
    plans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_plans_from_a_log_and_nothing_else() {
        let log = "2026 LOG:  checkpoint starting\n2026 LOG:  duration: 0.1 ms  plan:\n\tQuery Text: select set_config('a')\n\tResult\n2026 LOG:  duration: 2.5 ms  plan:\n\
                   \tQuery Text: select 1\n\tIndex Scan\n\t  Index Cond: x\n2026 LOG:  checkpoint complete\n\tnot ours";
        assert_eq!(plans(log), ["duration: 2.5 ms  plan:\nQuery Text: select 1\nIndex Scan\n  Index Cond: x"]);
    }
}
