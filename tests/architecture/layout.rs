//! Sizes and places of files.

use std::collections::BTreeMap;

use crate::expect_none;
use crate::source::{production, sources};
use crate::workspace::{files, shown};

/// Longest file, without its tests.
const FILE_LINES_MAX: usize = 400;
/// Longest function.
const FUNCTION_LINES_MAX: usize = 70;
/// Where our Rust is.
const RUST: &[&str] = &["crates", "tests", "fuzz"];

#[test]
fn no_file_is_called_mod_rs() {
    let found = RUST.iter().flat_map(|folder| files(folder, "rs")).filter(|path| path.ends_with("mod.rs"));
    let faults = found.map(|path| format!("{}: rename it to the name of its folder, one level up", shown(&path)));
    expect_none("A module is `foo.rs` beside `foo/`.", faults);
}

#[test]
fn files_can_be_read_in_one_sitting() {
    let of_tests = sources(&["tests", "fuzz"]).into_iter().map(|source| (source.path.clone(), source.lines));
    let of_crates = production().into_iter().map(|source| (source.path.clone(), source.production_lines()));
    let faults = of_crates.chain(of_tests).filter(|(_, lines)| *lines > FILE_LINES_MAX);
    let faults = faults.map(|(path, lines)| format!("{path}: {lines} lines; split it by the questions that it answers (at most {FILE_LINES_MAX})"));
    expect_none("A file is too long.", faults);
}

#[test]
fn functions_fit_on_a_screen() {
    let faults = sources(RUST).into_iter().flat_map(|source| {
        let long = source.functions().into_iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
        let fault = move |f: crate::source::Function| {
            format!("{}:{}: {} has {} lines; move its leaves out (at most {FUNCTION_LINES_MAX})", source.path, f.line, f.name, f.lines)
        };
        long.map(fault).collect::<Vec<_>>()
    });
    expect_none("A function is too long.", faults);
}

#[test]
fn every_file_says_what_it_is() {
    let faults = production().into_iter().chain(sources(&["tests", "fuzz"])).filter(|source| {
        let documented = source.syntax.attrs.iter().any(|attribute| attribute.path().is_ident("doc"));
        !documented || source.syntax.items.is_empty()
    });
    expect_none(
        "A file answers one question.",
        faults.map(|source| format!("{}: begin it with `//!` and the question it answers; remove it when it is empty", source.path)),
    );
}

#[test]
fn every_migration_has_a_way_back() {
    let mut numbers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut faults = Vec::new();
    for path in files("migrations", "sql") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match [".up.sql", ".down.sql"].into_iter().find_map(|way| Some((name.strip_suffix(way)?.to_owned(), way))) {
            Some((step, way)) => numbers.entry(step).or_default().push(way),
            None => faults.push(format!("{}: call it NNNN_name.up.sql or NNNN_name.down.sql", shown(&path))),
        }
    }
    faults.extend(
        numbers
            .iter()
            .filter(|(_, ways)| ways.len() != 2)
            .map(|(step, ways)| format!("migrations/{step}: has only {}; write the other way too", ways.concat())),
    );
    for (i, step) in numbers.keys().enumerate() {
        if step.split('_').next() != Some(format!("{:04}", i + 1).as_str()) {
            faults.push(format!("migrations/{step}: is step {}; number the steps from 0001 without a gap", i + 1));
        }
    }
    expect_none("Migrations go up and down.", faults);
}
