//! Following who is cut off: from the broker's bucket into this process's memory.
//!
//! Within a second of its acknowledgement an entry is in force in every process that reaches the bucket's leader. While it cannot be reached the last known entries hold, and
//! none can be added either.

use std::convert::Infallible;
use std::time::Instant;

use metrics::{counter, gauge};
use slipstream_access::Revocations;
use slipstream_access::revocation::{Change, Revocation};
use slipstream_broker::{Broker, Bucket, Entry, Update, limits as broker_limits};
use slipstream_event::Tenant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::metrics::{REVOCATIONS, REVOCATIONS_AGE, REVOCATIONS_UNREADABLE};

/// Keeps `revocations` as the bucket is, until `shutdown`.
///
/// # Errors
/// None: it goes on through every outage.
pub async fn run(broker: Broker, revocations: Revocations, shutdown: CancellationToken) -> Result<(), Infallible> {
    let mut watch = broker.kv_watch(Bucket::Revocations);
    let (mut compared_at, mut is_current) = (Instant::now(), true);
    loop {
        let update = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            update = watch.next() => update,
        };
        match update {
            Ok(update) => {
                if !is_current || !revocations.is_read() {
                    info!("the revocations are known");
                }
                (compared_at, is_current) = (Instant::now(), true);
                take(&revocations, update);
            }
            Err(error) => {
                if is_current {
                    warn!(%error, is_read = revocations.is_read(), "the revocations cannot be compared with the broker's; the last known ones hold");
                }
                is_current = false;
                tokio::time::sleep(broker_limits::WATCH_RETRY).await;
            }
        }
        gauge!(REVOCATIONS_AGE).set(compared_at.elapsed().as_secs_f64());
        gauge!(REVOCATIONS).set(u32::try_from(revocations.count()).map_or(f64::INFINITY, f64::from));
    }
}

fn take(revocations: &Revocations, update: Update) {
    match update {
        Update::Same => {}
        Update::Whole(entries) => revocations.replace(entries.iter().filter_map(change).filter_map(|change| match change {
            Change::Put(entry) => Some(entry),
            Change::Gone(..) => None,
        })),
        Update::Changes(entries) => revocations.change(entries.iter().filter_map(change)),
    }
}

/// What an entry of the bucket says. One whose value does not fit its key has no force: a key is its tenant's, a value could name any.
fn change(entry: &Entry) -> Option<Change> {
    let read = read(entry);
    if read.is_none() {
        counter!(REVOCATIONS_UNREADABLE).increment(1);
        error!(key = entry.key, "an entry of the bucket of revocations cannot be read and has no force");
    }
    read
}

fn read(entry: &Entry) -> Option<Change> {
    let (tenant, id) = entry.key.split_once('.')?;
    let (tenant, id) = (Tenant::new(tenant).ok()?, id.parse::<Uuid>().ok()?);
    let Some(value) = &entry.value else { return Some(Change::Gone(tenant, id)) };
    let revocation: Revocation = serde_json::from_slice(value).ok()?;
    (revocation.tenant_id == tenant && revocation.id == id).then_some(Change::Put(revocation))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0199f3a2-5e8c-7d10-9c39-6a2f6c1d7b11";

    fn entry(tenant: &str, value: Option<&str>) -> Entry {
        Entry { key: format!("{tenant}.{ID}"), revision: 1, value: value.map(|value| value.to_owned().into()) }
    }

    #[test]
    fn reads_what_fits_its_key_only() {
        let value = format!(
            r#"{{"id":"{ID}","tenantId":"acme","userId":"u1","reason":"user_disabled","revokedAt":"2026-11-20T22:44:39Z","revokedBy":{{"userId":"a"}},"later":1}}"#
        );
        assert!(matches!(read(&entry("acme", Some(&value))), Some(Change::Put(read)) if read.tenant_id.as_str() == "acme"));
        assert!(matches!(read(&entry("acme", None)), Some(Change::Gone(tenant, _)) if tenant.as_str() == "acme"));
        assert_eq!(read(&entry("other", Some(&value))), None, "a value under another tenant's key");
        assert_eq!(read(&entry("acme", Some("{}"))), None);
        assert_eq!(read(&Entry { key: "acme".to_owned(), revision: 1, value: None }), None);
    }
}
