//! How to reach the broker.

use std::fmt;
use std::time::Duration;

/// Settings of a connection.
#[derive(Clone)]
pub struct Config {
    /// Servers, such as `nats://127.0.0.1:4222`; at least one. One that answers is enough, the client learns the others from it.
    pub urls: Vec<String>,
    /// NATS user, of a server that asks for one. Also names the inbox: `_INBOX_<user>`.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<String>,
    /// Name of the connection, as operators see it on the server. Names the inbox when there is no `user`.
    pub name: String,
    /// Number of shards, 1 to [`slipstream_event::limits::SHARDS_MAX`]. The same in every process of a deployment.
    pub shards: u16,
    /// Longest wait for one answer of the broker, including the wait for a connection.
    pub request_timeout: Duration,
    /// Longest wait of [`crate::Broker::connect`] for the first connection.
    pub connect_timeout: Duration,
}

impl Config {
    /// One server without user, one shard, answers within 5 s, first connection within 10 s.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            urls: vec![url.into()],
            user: None,
            password: None,
            name: name.into(),
            shards: 1,
            request_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// The prefix of this connection's reply subjects. The NATS user needs the right to subscribe to `<prefix>.>`.
    pub fn inbox_prefix(&self) -> String {
        let name = self.user.as_deref().unwrap_or(&self.name);
        let token: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect();
        format!("_INBOX_{token}")
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither the password nor the URLs, which may hold one.
        f.debug_struct("Config").field("name", &self.name).field("user", &self.user).field("shards", &self.shards).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_inbox_after_the_user() {
        let mut config = Config::new("nats://127.0.0.1", "gateway 1.x");
        assert_eq!(config.inbox_prefix(), "_INBOX_gateway_1_x");
        config.user = Some("gateway".to_owned());
        assert_eq!(config.inbox_prefix(), "_INBOX_gateway");
    }

    #[test]
    fn hides_secrets() {
        let config = Config { password: Some("hunter2".to_owned()), ..Config::new("nats://u:hunter2@h", "n") };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
