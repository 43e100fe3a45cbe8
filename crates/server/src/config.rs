//! Settings: the documented defaults, overridden by a file, then by the environment; checked whole.
//!
//! The only place that reads the environment.

mod layers;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use slipstream_access::service::ServiceKey;
use slipstream_access::{Issuer, Preset, Secret};
use slipstream_event::ledger::{Signer, Signers, Verifier, Verifiers};
use slipstream_gateway::websocket::Origins;
use slipstream_store::retention;

pub use layers::Faults;

/// The documented defaults.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Request/response HTTP: domain writes, history, audit, activity log, exports' jobs, the ledger.
    Api,
    /// The realtime edge: ingest and streams.
    Gateway,
    /// Publishes the outbox.
    Relay,
    /// Archives the log, keeps and signs ledgers, redacts, counts for analytics.
    Archiver,
    /// Makes the files of exports.
    Exports,
    /// Removes from the archive what tenants no longer keep.
    Retention,
}

/// All settings. See `config.default.toml` for their meaning and bounds.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "each is documented in config.default.toml, which is the one place for it")]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub roles: Vec<Role>,
    pub listen: SocketAddr,
    pub connections_max: usize,
    pub database_url: Secret,
    pub database_url_admin: Secret,
    pub database_connections_max: u32,
    pub nats_url: Secret,
    pub nats_url_gateway: Secret,
    pub nats_url_api: Secret,
    pub nats_url_relay: Secret,
    pub nats_url_archiver: Secret,
    pub nats_url_admin: Secret,
    pub shards: u16,
    pub stream_replicas: usize,
    pub stream_max_age_hours: u64,
    pub stream_duplicate_window_seconds: u64,
    pub token_secret: Secret,
    pub master_key: Secret,
    pub portal_secret: Secret,
    pub query_token: bool,
    pub cursor_secret: Secret,
    pub issuers: Vec<Issuer>,
    pub ledger_key: Secret,
    pub ledger_key_next: Secret,
    pub ledger_known_keys: Vec<String>,
    pub ledger_checkpoint_seconds: u64,
    pub heartbeat_ms: u64,
    pub stream_threads: usize,
    pub stream_stall_seconds: u64,
    pub ws_origins: Vec<String>,
    pub replay_tenant_read_bytes_per_second: u64,
    pub replay_tenant_shown_bytes_per_second: u64,
    pub streams_node_max: usize,
    pub streams_tenant_max: usize,
    pub streams_user_max: usize,
    pub stream_opens_user_per_minute: NonZeroU32,
    pub stream_opens_tenant_per_second: NonZeroU32,
    pub archive_months_ahead: u32,
    pub archive_max_days: u32,
    pub retention_seconds: u64,
    pub retention_keep_hours: u64,
    pub drain_wait_ms: u64,
    pub drain_seconds: u64,
    pub log_format: LogFormat,
    pub log: String,
    pub fail_points: String,
}

/// The keys of the ledger.
#[derive(Clone, Debug)]
pub struct LedgerKeys {
    /// Those that sign.
    pub signers: Option<Signers>,
    /// Those whose checkpoints hold: these, and those of before.
    pub trusted: Verifiers,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the settings: defaults, then `file`, then the environment.
    ///
    /// # Errors
    /// All [`Faults`] of names and kinds, at once. What a command needs beyond that it checks with [`Config::check_serving`].
    pub fn load(file: Option<&Path>) -> Result<Self, Faults> {
        layers::read(file, environment())
    }

    /// What is missing or out of bounds for serving `roles`.
    ///
    /// # Errors
    /// All [`Faults`], at once.
    pub fn check_serving(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let mut expect = |holds: bool, fault: &str| faults.extend((!holds).then(|| fault.to_owned()));
        expect(!self.roles.is_empty(), "roles: at least one is needed");
        expect(!self.database_url.is_empty(), "database_url: is needed (SLIPSTREAM_DATABASE_URL)");
        expect(
            self.roles.iter().filter_map(|role| self.nats_url_of(*role)).all(|url| !self.nats_url(url).is_empty()),
            "nats_url: is needed (SLIPSTREAM_NATS_URL)",
        );
        expect(self.cursor_secret.expose().len() >= 16, "cursor_secret: at least 16 characters are needed (SLIPSTREAM_CURSOR_SECRET)");
        expect((100..=60_000).contains(&self.heartbeat_ms), "heartbeat_ms: must be 100 to 60000");
        expect((1..=3_600).contains(&self.stream_stall_seconds), "stream_stall_seconds: must be 1 to 3600");
        expect(self.stream_threads <= 256, "stream_threads: must be 0 to 256");
        expect(self.replay_tenant_read_bytes_per_second >= 65_536, "replay_tenant_read_bytes_per_second: must be at least 65536");
        expect(self.replay_tenant_shown_bytes_per_second >= 65_536, "replay_tenant_shown_bytes_per_second: must be at least 65536");
        expect((1..=slipstream_event::limits::SHARDS_MAX).contains(&self.shards), "shards: must be 1 to 64");
        expect(matches!(self.stream_replicas, 1 | 3 | 5), "stream_replicas: must be 1, 3 or 5");
        expect((1..=86_400).contains(&self.ledger_checkpoint_seconds), "ledger_checkpoint_seconds: must be 1 to 86400");
        expect(self.archive_max_days <= 36_500, "archive_max_days: must be 0 to 36500");
        expect((1..=86_400).contains(&self.retention_seconds), "retention_seconds: must be 1 to 86400");
        expect(self.retention_keep_hours <= 8_760, "retention_keep_hours: must be 0 to 8760");
        expect(self.fail_points.is_empty() || cfg!(debug_assertions), "fail_points: only in debug builds");
        faults.extend(Origins::parse(&self.ws_origins).err().map(|fault| format!("ws_origins: {fault}")));
        faults.extend(self.ledger().err());
        faults.extend(self.access().faults());
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// Who is trusted to issue tokens.
    pub fn access(&self) -> slipstream_access::Config {
        let mut issuers = Vec::new();
        if !self.token_secret.is_empty() {
            issuers.push(Issuer::slipstream("slipstream", self.token_secret.clone()));
        }
        if !self.master_key.is_empty() {
            issuers.push(Issuer::service("master-key", vec![ServiceKey::master(self.master_key.clone())]));
            // Its session tokens need no `exp`; one that is there is held to.
            issuers.push(Issuer { exp_required: false, ..Issuer::hmac("copilot", Preset::Copilot, self.master_key.clone()) });
        }
        if !self.portal_secret.is_empty() {
            issuers.push(Issuer::hmac("portal", Preset::Portal, self.portal_secret.clone()));
        }
        issuers.extend(self.issuers.iter().cloned());
        slipstream_access::Config { issuers, query_token: self.query_token }
    }

    /// The keys of the ledger; no signers when no key is configured.
    ///
    /// # Errors
    /// What is wrong with one of them.
    pub fn ledger(&self) -> Result<LedgerKeys, String> {
        let signer = |name: &str, secret: &Secret| -> Result<Option<Signer>, String> {
            if secret.is_empty() { Ok(None) } else { secret.expose().parse().map(Some).map_err(|fault| format!("{name}: {fault}")) }
        };
        let (first, next) = (signer("ledger_key", &self.ledger_key)?, signer("ledger_key_next", &self.ledger_key_next)?);
        let known = self.ledger_known_keys.iter().map(|key| key.parse().map_err(|fault| format!("ledger_known_keys: {fault}")));
        let known = known.collect::<Result<Vec<Verifier>, String>>()?;
        let signers = match (first, next) {
            (Some(first), next) => Some(Signers::new(first, next.into_iter().collect())),
            (None, None) => None,
            (None, Some(_)) => return Err("ledger_key: is needed beside ledger_key_next".to_owned()),
        };
        let own = signers.as_ref().map(Signers::verifiers).unwrap_or_default();
        Ok(LedgerKeys { trusted: Verifiers(own.into_iter().chain(known).collect()), signers })
    }

    /// How retention works.
    pub fn retention(&self) -> retention::Settings {
        retention::Settings {
            keep: Duration::from_secs(self.retention_keep_hours * 60 * 60),
            every: Duration::from_secs(self.retention_seconds),
            max_days: (self.archive_max_days > 0).then_some(self.archive_max_days),
        }
    }

    /// How many threads write streams.
    pub fn stream_threads(&self) -> usize {
        let all = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.stream_threads == 0 { all } else { self.stream_threads }
    }

    /// The database address for `slipstream migrate`.
    pub fn database_url_admin(&self) -> &str {
        or(&self.database_url_admin, &self.database_url)
    }

    /// The broker's address for a role; `None` for a role that needs no broker.
    fn nats_url_of(&self, role: Role) -> Option<&Secret> {
        Some(match role {
            // In one process both use the gateway's connection.
            Role::Api if !self.roles.contains(&Role::Gateway) => &self.nats_url_api,
            Role::Api | Role::Gateway => &self.nats_url_gateway,
            Role::Relay => &self.nats_url_relay,
            Role::Archiver => &self.nats_url_archiver,
            Role::Exports | Role::Retention => return None,
        })
    }

    /// The NATS address of a service's own user.
    pub fn nats_url(&self, own: &Secret) -> String {
        or(own, &self.nats_url).to_owned()
    }
}

fn or<'a>(own: &'a Secret, common: &'a Secret) -> &'a str {
    if own.is_empty() { common.expose() } else { own.expose() }
}

/// The file named by `SLIPSTREAM_CONFIG`.
pub fn file_from_environment() -> Option<PathBuf> {
    variable("SLIPSTREAM_CONFIG").map(PathBuf::from)
}

/// The settings in force, as TOML, without secrets.
///
/// # Errors
/// All [`Faults`] of names and kinds, at once.
pub fn render(file: Option<&Path>) -> Result<String, Faults> {
    layers::render(file, environment())
}

/// One variable of the environment, for what is no setting (`PATH`, paths of programs).
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
