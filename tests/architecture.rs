//! The rules of the code that a program can check: who may know whom, how large a file may be, where names stand.
//!
//! Each failure names the file and says what to do. `UPDATE=1` rewrites what is generated.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail by panicking, as the tests do")]

#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/workspace.rs"]
mod workspace;

#[path = "architecture/crates.rs"]
mod crates;
#[path = "architecture/generated.rs"]
mod generated;
#[path = "architecture/layout.rs"]
mod layout;
#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/signatures.rs"]
mod signatures;

/// Fails with all faults at once.
fn expect_none(rule: &str, faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "{rule}\n  {}\n", faults.join("\n  "));
}
