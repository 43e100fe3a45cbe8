//! Subjects: the one place that joins and splits them.
//!
//! Stored subject: `events.<tenant>.<type>`. Republished to gateways as `live.<tenant>.<type>`. With more than one shard a
//! message is sent to `shard.<i>.events.<tenant>.<type>` and its stream transforms that to the stored subject, so that
//! consumers, filters and reads see the same grammar for every number of shards.

use crate::{EventType, Tenant};

/// All stored subjects.
pub const EVENTS_ALL: &str = "events.>";
/// All republished subjects.
pub const LIVE_ALL: &str = "live.>";

/// The subject under which an event is stored.
pub fn stored(tenant: &Tenant, event_type: &EventType) -> String {
    format!("events.{tenant}.{event_type}")
}

/// All stored subjects of one tenant.
pub fn stored_of(tenant: &Tenant) -> String {
    format!("events.{tenant}.>")
}

/// The subject to which an event is sent, for a deployment with `shards` shards.
pub fn published(shards: u16, tenant: &Tenant, event_type: &EventType) -> String {
    if shards <= 1 { stored(tenant, event_type) } else { format!("shard.{}.events.{tenant}.{event_type}", shard_of(tenant, shards)) }
}

/// The subjects that the stream of `shard` takes.
pub fn taken(shards: u16, shard: u16) -> String {
    if shards <= 1 { EVENTS_ALL.to_owned() } else { format!("shard.{shard}.events.>") }
}

/// The name of the stream of `shard`.
pub fn stream(shards: u16, shard: u16) -> String {
    if shards <= 1 { "EVENTS".to_owned() } else { format!("EVENTS_{shard}") }
}

/// Tenant and type of a stored or republished subject; `None` for every other subject.
pub fn parse(subject: &str) -> Option<(Tenant, EventType)> {
    let rest = subject.strip_prefix("events.").or_else(|| subject.strip_prefix("live."))?;
    let (tenant, event_type) = rest.split_once('.')?;
    Some((Tenant::new(tenant).ok()?, EventType::new(event_type).ok()?))
}

/// The shard of a tenant: FNV-1a (64 bit) of its id modulo `shards`. Stable for ever: changing it would move tenants between streams.
pub fn shard_of(tenant: &Tenant, shards: u16) -> u16 {
    let hash = tenant.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    u16::try_from(hash % u64::from(shards.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_splits() {
        let (tenant, event_type) = (Tenant::new("acme").unwrap(), EventType::new("a.b.c").unwrap());
        assert_eq!(stored(&tenant, &event_type), "events.acme.a.b.c");
        assert_eq!(published(1, &tenant, &event_type), "events.acme.a.b.c");
        assert_eq!(published(3, &tenant, &event_type), format!("shard.{}.events.acme.a.b.c", shard_of(&tenant, 3)));
        assert_eq!(parse("live.acme.a.b.c"), Some((tenant.clone(), event_type.clone())));
        assert_eq!(parse("events.acme.a.b.c"), Some((tenant, event_type)));
        for bad in ["", "events", "events.acme", "events.acme.a", "other.acme.a.b.c", "events.*.a.b.c", "events.acme.>"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn shards_are_stable() {
        // Fixed values: a change here would move tenants between the streams of running deployments.
        let shard = |tenant: &str| shard_of(&Tenant::new(tenant).unwrap(), 3);
        assert_eq!((shard("acme"), shard("ec2"), shard("platform")), (2, 0, 1));
        assert_eq!(shard_of(&Tenant::new("acme").unwrap(), 1), 0);
    }
}
