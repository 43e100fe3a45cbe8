//! The connection: made once, kept up, watched. Requests over it are bounded and say why they failed.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::connection::State;
use async_nats::{Client, ClientError, ConnectOptions, Event, HeaderMap, Request, ServerAddr, Subscriber};
use bytes::Bytes;
use metrics::{counter, gauge};
use rand::Rng;
use tokio::sync::Notify;

use crate::{Config, Error, limits, metrics as names};

pub(crate) struct Connection {
    client: Client,
    request_timeout: Duration,
    health: Arc<Health>,
}

/// What the client's events told.
#[derive(Default)]
struct Health {
    changed: Notify,
    last_error: Mutex<Option<(Instant, String)>>,
}

impl Connection {
    /// Starts to connect, in the background and for as long as it takes.
    pub(crate) async fn open(config: &Config) -> Result<Self, Error> {
        let servers = config.urls.iter().map(|url| url.parse::<ServerAddr>()).collect::<Result<Vec<_>, _>>();
        let servers = servers.map_err(|e| Error::Invalid(e.to_string()))?;
        if servers.is_empty() {
            return Err(Error::Invalid("no server is given".to_owned()));
        }
        let health = Arc::<Health>::default();
        let client = options(config, &health).connect(servers).await.map_err(|e| Error::Invalid(e.to_string()))?;
        Ok(Self { client, request_timeout: config.request_timeout, health })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    pub(crate) fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Number of the present connection: what the server held for an earlier one (subscriptions apart) is gone.
    pub(crate) fn number(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// Waits for a connection. What is written without one would wait in the client and leave much later, long after its caller gave up.
    pub(crate) async fn ready(&self, timeout: Duration) -> Result<(), Error> {
        let asked_at = Instant::now();
        while !self.connected() {
            let left = timeout.saturating_sub(asked_at.elapsed());
            if left.is_zero() {
                return Err(self.unavailable("no connection", asked_at));
            }
            // Elapsing is as good as the notice: the state is looked at again in either case.
            drop(tokio::time::timeout(left.min(limits::CONNECTION_POLL), self.health.changed.notified()).await);
        }
        Ok(())
    }

    /// Sends a request and waits for one answer, at most `timeout` in all. Sent again when the connection is lost meanwhile, for the answer went with it:
    /// let a request be one that may be done twice.
    pub(crate) async fn request(&self, subject: String, headers: Option<HeaderMap>, payload: Bytes, timeout: Duration) -> Result<async_nats::Message, Error> {
        let asked_at = Instant::now();
        self.within(timeout, "no answer in time", async {
            loop {
                self.ready(timeout.saturating_sub(asked_at.elapsed())).await?;
                let connection = self.number();
                let mut request = Request::new().payload(payload.clone()).timeout(None);
                if let Some(headers) = headers.clone() {
                    request = request.headers(headers);
                }
                tokio::select! {
                    biased;
                    answer = self.client.send_request(subject.clone(), request) => return answer.map_err(|e| match e.kind() {
                        RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => Error::Invalid(e.to_string()),
                        RequestErrorKind::NoResponders => self.unavailable("nothing answers on the server", asked_at),
                        _ => self.unavailable(&e.to_string(), asked_at),
                    }),
                    () = self.lost(connection) => {}
                }
            }
        })
        .await?
    }

    /// Comes when that connection is lost.
    async fn lost(&self, connection: u64) {
        while self.holds(connection) {
            drop(tokio::time::timeout(limits::CONNECTION_POLL, self.health.changed.notified()).await);
        }
    }

    /// Whether that connection is the present one.
    pub(crate) fn holds(&self, connection: u64) -> bool {
        self.connected() && self.number() == connection
    }

    /// Sends a message for which no answer is awaited here, at most waiting `timeout` for room.
    pub(crate) async fn send(&self, subject: String, reply: Option<&str>, headers: HeaderMap, payload: Bytes, timeout: Duration) -> Result<(), Error> {
        let asked_at = Instant::now();
        let send = async {
            match reply {
                Some(reply) => self.client.publish_with_reply_and_headers(subject, reply.to_owned(), headers, payload).await,
                None => self.client.publish_with_headers(subject, headers, payload).await,
            }
        };
        self.within(timeout, "the connection takes nothing", send).await?.map_err(|e| match e.kind() {
            PublishErrorKind::InvalidSubject | PublishErrorKind::MaxPayloadExceeded => Error::Invalid(e.to_string()),
            PublishErrorKind::Send => self.unavailable(&e.to_string(), asked_at),
        })
    }

    /// A reply subject of one's own, and what arrives there.
    pub(crate) async fn inbox(&self, timeout: Duration) -> Result<(String, Subscriber), Error> {
        let inbox = self.client.new_inbox();
        let subscriber = self.subscribe(inbox.clone(), timeout).await?;
        Ok((inbox, subscriber))
    }

    pub(crate) async fn subscribe(&self, subject: String, timeout: Duration) -> Result<Subscriber, Error> {
        let asked_at = Instant::now();
        self.ready(timeout).await?;
        let subscribed = self.within(timeout, "the connection takes nothing", self.client.subscribe(subject)).await?;
        subscribed.map_err(|e| self.unavailable(&e.to_string(), asked_at))
    }

    pub(crate) async fn flush(&self) -> Result<(), Error> {
        let asked_at = Instant::now();
        self.ready(self.request_timeout).await?;
        let flushed = self.within(self.request_timeout, "not flushed in time", self.client.flush()).await?;
        flushed.map_err(|e| self.unavailable(&e.to_string(), asked_at))
    }

    /// The future's outcome, or `Unavailable` with `late` and what the server said meanwhile.
    pub(crate) async fn within<T>(&self, timeout: Duration, late: &str, future: impl Future<Output = T>) -> Result<T, Error> {
        let asked_at = Instant::now();
        tokio::time::timeout(timeout, future).await.map_err(|_| self.unavailable(late, asked_at))
    }

    /// A missing right shows as silence: the reason comes as an event, so it is told along.
    fn unavailable(&self, what: &str, since: Instant) -> Error {
        let last = self.health.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        match last.as_ref().filter(|(at, _)| *at >= since || !self.connected()) {
            Some((_, why)) => Error::Unavailable(format!("{what} ({why})")),
            None => Error::Unavailable(what.to_owned()),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("connected", &self.connected()).finish_non_exhaustive()
    }
}

fn options(config: &Config, health: &Arc<Health>) -> ConnectOptions {
    // Weak: a connection that its last owner gave up is not a lost one.
    let (name, health) = (config.name.clone(), Arc::downgrade(health));
    let options = ConnectOptions::new()
        .name(&config.name)
        .custom_inbox_prefix(config.inbox_prefix())
        .retry_on_initial_connect()
        .connection_timeout(limits::CONNECTION_TIMEOUT)
        .ping_interval(limits::PING_INTERVAL)
        .request_timeout(Some(config.request_timeout))
        .subscription_capacity(limits::SUBSCRIPTION_MESSAGES_MAX)
        .reconnect_delay_callback(|attempts| reconnect_delay(attempts, rand::rng().random()))
        .event_callback(move |event| {
            if let Some(health) = health.upgrade() {
                health.take(&event, &name);
            }
            std::future::ready(())
        });
    match (&config.user, &config.password) {
        (Some(user), password) => options.user_and_password(user.clone(), password.clone().unwrap_or_default()),
        (None, _) => options,
    }
}

/// Random below a bound that doubles with each attempt, so that the clients of a restarted server do not return as one.
fn reconnect_delay(attempts: usize, random: f64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    let bound = Duration::from_millis(20).saturating_mul(2_u32.saturating_pow(doublings)).min(limits::RECONNECT_DELAY_MAX);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

impl Health {
    fn take(&self, event: &Event, connection: &str) {
        let label = || connection.to_owned();
        match event {
            Event::Connected => {
                counter!(names::CONNECTS_TOTAL, "connection" => label()).increment(1);
                gauge!(names::CONNECTED, "connection" => label()).set(1.0);
                tracing::info!(connection, "connected to the broker");
            }
            Event::Disconnected | Event::Closed => {
                gauge!(names::CONNECTED, "connection" => label()).set(0.0);
                tracing::warn!(connection, "lost the connection to the broker; connecting again");
            }
            Event::SlowConsumer(_) => counter!(names::DROPPED_TOTAL, "connection" => label()).increment(1),
            Event::ServerError(error) => {
                counter!(names::SERVER_ERRORS_TOTAL, "connection" => label()).increment(1);
                tracing::warn!(connection, %error, "the broker reported an error");
                self.keep(error.to_string());
            }
            Event::ClientError(ClientError::Other(why)) => self.keep(why.clone()),
            Event::ClientError(_) | Event::LameDuckMode | Event::Draining => tracing::info!(connection, %event, "broker connection"),
        }
        self.changed.notify_waiters();
    }

    fn keep(&self, why: String) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnects_soon_at_first_and_never_after_more_than_the_bound() {
        assert_eq!(reconnect_delay(1, 1.0), Duration::from_millis(20));
        assert_eq!(reconnect_delay(4, 0.5), Duration::from_millis(80));
        assert_eq!(reconnect_delay(usize::MAX, 1.0), limits::RECONNECT_DELAY_MAX);
        assert_eq!(reconnect_delay(9, 0.0), Duration::ZERO);
    }
}
