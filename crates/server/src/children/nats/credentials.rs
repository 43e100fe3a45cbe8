//! The passwords of a private NATS server: made once per directory, never printed.

use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::children::Error;

/// The users of `nats/server.conf`, each with the least rights for its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NatsUser {
    /// Publishes events for ingest, reads streams and the live subjects.
    Gateway,
    /// Reads who is cut off; nothing else.
    Api,
    /// Publishes events from the outbox, reads the state of streams.
    Relay,
    /// Reads streams, publishes dead letters; no events.
    Archiver,
    /// Reads streams with acknowledgement, publishes dead letters; no events.
    Consumers,
    /// Makes and changes streams, puts dead letters back; cannot delete streams or messages.
    Admin,
}

impl NatsUser {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Gateway, Self::Api, Self::Relay, Self::Archiver, Self::Consumers, Self::Admin];

    /// The name to connect with.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Api => "api",
            Self::Relay => "relay",
            Self::Archiver => "archiver",
            Self::Consumers => "consumers",
            Self::Admin => "admin",
        }
    }
}

/// The passwords and the server's name. Its `Debug` shows the name only.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Credentials {
    server_name: String,
    gateway: String,
    api: String,
    relay: String,
    archiver: String,
    consumers: String,
    admin: String,
    system: String,
}

impl Credentials {
    /// Reads `credentials.json`, or makes it (mode 0600).
    pub(super) fn load_or_create(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("credentials.json");
        let known = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(known) = known {
            return Ok(known);
        }
        let fresh = Self::generate();
        let json = serde_json::to_vec_pretty(&fresh).map_err(|error| Error::file("write", &path)(error.into()))?;
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(&json)).map_err(Error::file("write", &path))?;
        Ok(fresh)
    }

    fn generate() -> Self {
        Self {
            server_name: format!("slipstream-{:016x}", rand::random::<u64>()),
            gateway: password(),
            api: password(),
            relay: password(),
            archiver: password(),
            consumers: password(),
            admin: password(),
            system: password(),
        }
    }

    pub(super) fn server_name(&self) -> &str {
        &self.server_name
    }

    pub(super) fn password(&self, user: NatsUser) -> &str {
        match user {
            NatsUser::Gateway => &self.gateway,
            NatsUser::Api => &self.api,
            NatsUser::Relay => &self.relay,
            NatsUser::Archiver => &self.archiver,
            NatsUser::Consumers => &self.consumers,
            NatsUser::Admin => &self.admin,
        }
    }

    /// The variables that `nats/server.conf` refers to.
    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let pairs = [
            ("SLIPSTREAM_NATS_GATEWAY_PASSWORD", &self.gateway),
            ("SLIPSTREAM_NATS_API_PASSWORD", &self.api),
            ("SLIPSTREAM_NATS_RELAY_PASSWORD", &self.relay),
            ("SLIPSTREAM_NATS_ARCHIVER_PASSWORD", &self.archiver),
            ("SLIPSTREAM_NATS_CONSUMERS_PASSWORD", &self.consumers),
            ("SLIPSTREAM_NATS_ADMIN_PASSWORD", &self.admin),
            ("SLIPSTREAM_NATS_SYSTEM_PASSWORD", &self.system),
        ];
        pairs.into_iter().map(|(name, value)| (name, quoted(value).into())).collect()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// A string as the configuration language reads it from a variable; unquoted, `1m` would be a number.
pub(super) fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn password() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_made_once_and_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let first = Credentials::load_or_create(dir.path()).unwrap();
        let again = Credentials::load_or_create(dir.path()).unwrap();
        for user in NatsUser::ALL {
            assert_eq!(first.password(user), again.password(user));
            assert!(!format!("{first:?}").contains(first.password(user)));
        }
        assert_ne!(first.gateway, first.relay);
    }

    #[test]
    fn quotes_in_a_path_stay_in_the_path() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }

    #[test]
    fn the_shipped_configuration_gives_every_user_a_password_variable() {
        for (name, _) in Credentials::generate().environment() {
            assert!(super::super::SERVER_CONF.contains(&format!("${name}")), "{name}");
        }
        for user in NatsUser::ALL {
            assert!(super::super::SERVER_CONF.contains(&format!("user: {}", user.name())), "{user:?}");
        }
    }
}
