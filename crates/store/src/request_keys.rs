//! Keys of requests that their callers may repeat: whoever takes a key first does the work, the others get the same answer.

use slipstream_event::Tenant;

use crate::{Error, Tx};

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is new, and now stands for this request and its answer.
    New,
    /// The same request was made before; this was its answer.
    Before(String),
    /// Another request was made under it.
    Other,
}

/// Takes a key for a request and its answer. Who comes while another takes it waits for that one's commit. A key is kept for a day.
///
/// # Errors
/// [`Error::Contended`] after a long wait; [`Error::Unavailable`] and the like.
pub async fn take(tx: &mut Tx, tenant: &Tenant, key: &str, request_hash: &[u8], answer: &str) -> Result<Taken, Error> {
    let prune = sqlx::query(include_str!("../queries/request_key/prune.sql")).bind(tenant.as_str());
    prune.execute(tx.connection()).await?;
    let take = sqlx::query(include_str!("../queries/request_key/take.sql"));
    let taken = take.bind(tenant.as_str()).bind(key).bind(request_hash).bind(answer).execute(tx.connection()).await?;
    if taken.rows_affected() > 0 {
        return Ok(Taken::New);
    }
    let read = sqlx::query_as("select request_hash, answer from slipstream.request_key where tenant_id = $1 and key = $2");
    let (hash, answer): (Vec<u8>, String) = read.bind(tenant.as_str()).bind(key).fetch_one(tx.connection()).await?;
    Ok(if hash == request_hash { Taken::Before(answer) } else { Taken::Other })
}
