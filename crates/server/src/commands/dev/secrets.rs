//! The secrets of a private deployment: made once, kept beside its data, readable by nobody else.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use rand::distr::{Alphanumeric, SampleString};
use serde::{Deserialize, Serialize};
use slipstream_event::ledger::Signer;

/// Name of the file.
const FILE: &str = "secrets.json";

/// The secrets.
#[derive(Deserialize, Serialize)]
pub(super) struct Secrets {
    /// Signs tokens.
    pub(super) token: String,
    /// Seals cursors.
    pub(super) cursor: String,
    /// The master key.
    pub(super) master: String,
    /// Signs ledgers. Directories of before have none.
    #[serde(default)]
    pub(super) ledger: String,
}

impl Secrets {
    /// The secrets of a directory that has some.
    pub(super) fn load(dir: &Path) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(dir.join(FILE)).ok()?).ok()
    }

    pub(super) fn load_or_create(dir: &Path) -> anyhow::Result<Self> {
        let file = dir.join(FILE);
        if let Ok(text) = std::fs::read_to_string(&file) {
            let mut secrets: Self =
                serde_json::from_str(&text).with_context(|| format!("{} cannot be read: remove it, and all logins and cursors end", file.display()))?;
            if secrets.ledger.is_empty() {
                secrets.ledger = ledger_key()?;
                write_private(&file, &serde_json::to_string_pretty(&secrets)?)?;
            }
            return Ok(secrets);
        }
        let random = || Alphanumeric.sample_string(&mut rand::rng(), 43);
        let secrets = Self { token: random(), cursor: random(), master: format!("sk-{}", random()), ledger: ledger_key()? };
        write_private(&file, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }
}

fn ledger_key() -> anyhow::Result<String> {
    Ok(Signer::generate("slipstream-dev")?.to_secret())
}

/// Writes a file that only its owner can read, whole or not at all.
pub(super) fn write_private(file: &Path, text: &str) -> anyhow::Result<()> {
    let new = file.with_extension("new");
    let failed = || format!("cannot write {}", file.display());
    let mut open = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).with_context(failed)?;
    open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).with_context(failed)?;
    std::fs::rename(&new, file).with_context(failed)
}
