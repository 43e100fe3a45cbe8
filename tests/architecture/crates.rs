//! The crate table: who may know whom. It is the one of `ARCHITECTURE.md`; change both together, and give the reason there.

use crate::expect_none;
use crate::workspace::{PREFIX, packages, root};

/// Each crate, and which of our crates it may use. Three absences hold the platform together: `api` cannot publish, `gateway` cannot query,
/// `workers` cannot serve.
const MAY_USE: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("domain", &["event"]),
    ("store", &["event", "domain"]),
    ("broker", &["event"]),
    ("access", &["event"]),
    ("api", &["event", "domain", "store", "access"]),
    ("gateway", &["event", "broker", "access"]),
    ("workers", &["event", "domain", "store", "broker"]),
    ("server", &["event", "domain", "store", "broker", "access", "api", "gateway", "workers"]),
    ("tests", &["event", "domain", "store", "broker", "access", "api", "gateway", "workers", "server", "fuzz"]),
];

/// What only some crates may depend on, and what they know by it.
const ONLY: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["store"], "`store` knows Postgres"),
    ("async-nats", &["broker"], "`broker` knows JetStream"),
    ("jsonwebtoken", &["access"], "`access` knows credentials"),
    ("clap", &["server"], "`server` knows the command line"),
    ("anyhow", &["server"], "`server` tells people what went wrong; libraries have an `Error` of their own"),
    ("axum", &["access", "api", "gateway", "server"], "nothing else answers HTTP"),
    ("hyper", &["gateway", "server"], "nothing else accepts connections"),
];

/// What the crates of pure rules must not depend on: anything that reads a clock, a socket or a file for them.
const IO: &[&str] = &["tokio", "reqwest", "axum", "hyper", "sqlx", "async-nats", "tracing", "metrics"];

#[test]
fn every_crate_has_its_row_in_the_table() {
    let packages = packages();
    let rows = MAY_USE.iter().map(|(name, _)| *name);
    let without_crate = rows.clone().filter(|name| !packages.contains_key(*name)).map(|name| format!("{name}: no such member; remove its row"));
    let without_row = packages
        .keys()
        .filter(|name| !rows.clone().any(|row| row == *name))
        .map(|name| format!("{name}: add a row, with what Cargo can refuse because it exists"));
    let misplaced =
        packages.iter().filter(|(name, package)| package.folder() != root().join(if *name == "tests" { "tests".into() } else { format!("crates/{name}") }));
    let misplaced = misplaced.map(|(name, _)| format!("{name}: must be in crates/{name} and be called {PREFIX}{name}"));
    expect_none("The crate table and the members of the workspace differ.", without_crate.chain(without_row).chain(misplaced));
}

#[test]
fn crates_use_only_what_the_table_allows() {
    let packages = packages();
    let faults = MAY_USE.iter().flat_map(|(name, allowed)| {
        let used = packages[*name].normal_dependencies().filter_map(|dependency| dependency.strip_prefix(PREFIX));
        used.filter(|used| !allowed.contains(used)).map(move |used| {
            format!("{name} depends on {used}: remove it from crates/{name}/Cargo.toml, and give {name} what it needs as a value or a trait that `server` implements")
        })
    });
    expect_none("A crate knows one that it must not know.", faults);
}

#[test]
fn outside_systems_are_known_by_their_crate_only() {
    let packages = packages();
    let faults = ONLY.iter().flat_map(|(library, allowed, why)| {
        let users = packages.iter().filter(|(_, package)| package.normal_dependencies().any(|dependency| dependency == *library));
        users
            .filter(|(name, _)| !allowed.contains(&name.as_str()))
            .map(move |(name, _)| format!("{name} depends on {library}, but {why}: move the code there, or make it a dev-dependency"))
    });
    expect_none("A library is used outside of its crate.", faults);
}

#[test]
fn rules_are_pure() {
    let packages = packages();
    let faults = ["event", "domain"].into_iter().flat_map(|name| {
        let used = packages[name].normal_dependencies().filter(|dependency| IO.contains(dependency));
        used.map(move |used| format!("{name} depends on {used}: it has no I/O; move what needs it to a crate that has")).collect::<Vec<_>>()
    });
    expect_none("A crate of pure rules has I/O.", faults);
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    let faults = packages().into_iter().filter_map(|(name, package)| {
        let manifest: toml::Table = std::fs::read_to_string(&package.manifest_path).unwrap().parse().unwrap();
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool) == Some(true);
        (!inherits).then(|| format!("{name}: add `[lints]` with `workspace = true` to its Cargo.toml"))
    });
    expect_none("A crate goes without the lints.", faults);
}
