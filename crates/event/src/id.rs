//! Event ids: the idempotency key everywhere.

use uuid::Uuid;

use crate::{Fault, Tenant, fault, limits};

/// Namespace of the UUIDv5 that stands for a producer's own id.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_3f0e_0f5b_5c7e_9a59_3f1a_8d1c_5e11);

/// A new id: UUIDv7, so that ids sort roughly by time.
pub fn new() -> Uuid {
    Uuid::now_v7()
}

/// The event id for an id that a producer gave: the id itself when it is a UUID, else UUIDv5 of tenant and id.
/// The second part is the producer's id, when it is to be kept as `sourceId`.
///
/// # Errors
/// A [`Fault`] of `id` when it is empty, too long, holds control characters, or is the nil UUID.
pub fn of(tenant: &Tenant, given: &str) -> Result<(Uuid, Option<String>), Fault> {
    fault::text("id", given, limits::SOURCE_ID_LEN_MAX)?;
    match Uuid::try_parse(given) {
        Ok(id) if id.is_nil() => Err(Fault::new("id", "id_invalid", "must not be the nil UUID")),
        Ok(id) => Ok((id, None)),
        Err(_) => Ok((Uuid::new_v5(&NAMESPACE, format!("{tenant}\0{given}").as_bytes()), Some(given.to_owned()))),
    }
}

/// The message id under which the broker deduplicates: the window is per stream and not per subject, so the tenant is part of it.
pub fn message_id(tenant: &Tenant, id: Uuid) -> String {
    format!("{tenant}:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_foreign_ids_per_tenant() {
        let (a, b) = (Tenant::new("a").unwrap(), Tenant::new("b").unwrap());
        assert_eq!(of(&a, "req-1").unwrap(), of(&a, "req-1").unwrap());
        assert_ne!(of(&a, "req-1").unwrap().0, of(&b, "req-1").unwrap().0);
        assert_eq!(of(&a, "req-1").unwrap().1.as_deref(), Some("req-1"));
        let own = new();
        assert_eq!(of(&a, &own.to_string()).unwrap(), (own, None));
        assert!(of(&a, "").is_err() && of(&a, &"x".repeat(257)).is_err() && of(&a, &Uuid::nil().to_string()).is_err());
    }
}
