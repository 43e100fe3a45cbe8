//! What is made from the code, and what must not stand in the project.

use std::process::Command;

use crate::expect_none;
use crate::workspace::root;

/// The registry as the cockpit's client reads it.
const REGISTRY: &str = "dashboards/cockpit/src/client/src/registry.generated.ts";

/// Places of one person's machine. Split, so that this file does not hold them.
const PLACES: &[&str] =
    &[concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("../sha", "red"), concat!("/tmp/", "plan")];

#[test]
fn the_cockpit_knows_the_registry() {
    let (path, want) = (root().join(REGISTRY), slipstream_event::registry::typescript::module());
    if std::env::vars().any(|(name, value)| name == "UPDATE" && value == "1") {
        std::fs::write(&path, &want).unwrap();
    }
    let have = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(have == want, "{REGISTRY} is not what the registry gives: run `UPDATE=1 cargo test -p slipstream-tests --test architecture`");
}

#[test]
fn nothing_speaks_of_one_machine() {
    let checkout = root().display().to_string();
    let is_own = checkout.matches('/').count() > 1;
    let mut faults = Vec::new();
    for file in tracked() {
        let Ok(text) = std::fs::read_to_string(root().join(&file)) else { continue };
        for (i, line) in text.lines().enumerate() {
            let place = PLACES.iter().copied().find(|place| holds(line, place)).or_else(|| (is_own && line.contains(&checkout)).then_some(checkout.as_str()));
            faults.extend(place.map(|place| format!("{file}:{}: holds {place:?}; say it without a place of one machine", i + 1)));
        }
    }
    expect_none("The project's files name places that only one machine has.", faults);
}

/// Whether `place` stands in a line as the start of a path.
fn holds(line: &str, place: &str) -> bool {
    let starts_there = |at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "./_-}".contains(before));
    line.match_indices(place).any(|(at, _)| starts_there(at))
}

/// The files that belong to the project: none outside of a checkout. Not those of others' making (lock files), nor the recipe of an image, which has
/// directories of its own.
fn tracked() -> Vec<String> {
    let listed = Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root()).output();
    let listed = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let is_ours = |file: &&str| !file.ends_with(".lock") && !file.ends_with("Dockerfile") && !file.ends_with("package-lock.json");
    listed.lines().filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn a_place_is_seen_where_a_path_starts() {
    let place = PLACES[0];
    assert!(holds(&format!("see {place}anna/x"), place) && holds(&format!("\"{place}x\""), place));
    assert!(!holds(&format!("/srv{place}x"), place) && !holds("nothing", place));
}
