//! One leader per shard group.

use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions, Connection};
use tokio::time::timeout;

use crate::{Error, Store, Wake, limits};

/// Key of the session locks; the group is the second part.
const LOCK_CLASS: i32 = 1_819_045_998;

/// The right to publish the rows of a shard group. Given up by dropping it, or better by [`Leadership::release`].
///
/// It is a session lock in Postgres on a connection of its own: it ends with that connection, whatever happens to this process. While a
/// lost connection is not yet noticed, two leaders may publish the same rows: the broker drops the second copies.
#[derive(Debug)]
pub struct Leadership {
    group: u16,
    connection: PgConnection,
    backend: i32,
    _presence: Presence,
}

/// Tells the writers of this process that the leader is here, as long as it lives.
#[derive(Debug)]
struct Presence(Wake);

pub(super) async fn lead(store: &Store, group: u16) -> Result<Option<Leadership>, Error> {
    // A leader that vanished without a word is noticed by Postgres within about ten seconds.
    let options = store.pool.connect_options().as_ref().clone().application_name("slipstream_relay_leader").options([
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        ("idle_session_timeout", "0"),
    ]);
    let locking = async {
        let mut connection = options.connect().await?;
        let lock = sqlx::query_as("select pg_try_advisory_lock($1, $2), pg_backend_pid()").bind(LOCK_CLASS).bind(i32::from(group));
        let (locked, backend): (bool, i32) = lock.fetch_one(&mut connection).await?;
        if !locked {
            connection.close().await?;
            return Ok::<_, Error>(None);
        }
        Ok(Some((connection, backend)))
    };
    let answer = timeout(limits::LEADERSHIP_ANSWER_WAIT, locking).await.map_err(|_| Error::Unavailable("no answer to a new connection".to_owned()))??;
    Ok(answer.map(|(connection, backend)| {
        store.wake.leader_began();
        Leadership { group, connection, backend, _presence: Presence(store.wake.clone()) }
    }))
}

impl Leadership {
    /// The group.
    pub fn group(&self) -> u16 {
        self.group
    }

    /// Whether the lock is still held: asks Postgres over the connection that holds it. After `false` lead anew.
    pub async fn is_held(&mut self) -> bool {
        // Another backend behind the same connection (a pooler in between) does not hold the lock.
        let asking = sqlx::query_scalar::<_, i32>("select pg_backend_pid()").fetch_one(&mut self.connection);
        matches!(timeout(limits::LEADERSHIP_ANSWER_WAIT, asking).await, Ok(Ok(backend)) if backend == self.backend)
    }

    /// Gives the lock up, so that another process can lead at once, and closes its connection.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the connection was gone already.
    pub async fn release(mut self) -> Result<(), Error> {
        let releasing = async {
            let unlock = sqlx::query("select pg_advisory_unlock($1, $2)").bind(LOCK_CLASS).bind(i32::from(self.group));
            unlock.execute(&mut self.connection).await?;
            self.connection.close().await
        };
        let released = timeout(limits::LEADERSHIP_ANSWER_WAIT, releasing).await;
        Ok(released.map_err(|_| Error::Unavailable("no answer to the end of a leadership".to_owned()))??)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.leader_ended();
    }
}
