//! Short texts that decide much: names, subjects, cursors, credentials and their claims.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use http::Method;
use serde_json::{Map, Value};
use slipstream_access::config::Preset;
use slipstream_access::service::ServiceKey;
use slipstream_access::{Access, Config, Issuer, Revocations, Secret, credential as credentials, mint};
use slipstream_event::{CursorKey, EventType, Keyset, Position, Tenant, Timestamp, Visibility, event_type, id, subject as subjects};

use crate::{head_and_rest, text};

/// Tenants, types, visibility classes, timestamps and ids: what is taken stays what it was, and is one token where it must be.
pub fn names(data: &[u8]) {
    let given = text(data);
    if let Ok(tenant) = Tenant::new(&given) {
        assert_eq!(tenant.as_str(), given);
        assert!((1..=64).contains(&given.len()) && !given.contains(['.', '*', '>', ' ', '/']) && given.is_ascii(), "{given}");
    }
    if let Ok(event_type) = EventType::new(&given) {
        assert_eq!(format!("{}.{}", event_type.entity_type(), event_type.action()), given);
        assert!(given.starts_with(event_type.module()) && (3..=5).contains(&given.split('.').count()));
        assert!(
            given.split('.').all(|token| event_type::token(token) == token.trim_matches('_') || token.contains("__") || token.trim_matches('_').is_empty())
        );
    }
    if let Ok(visibility) = Visibility::parse(&given) {
        assert_eq!(visibility.to_string(), given);
    }
    if let Some(timestamp) = Timestamp::parse(&given) {
        assert_eq!(Timestamp::parse(&timestamp.to_string()), Some(timestamp));
        assert_eq!(Timestamp::from_micros(timestamp.micros()), Some(timestamp));
    }
    let token = event_type::token(&given);
    assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{token}");
    assert_eq!(event_type::token(&token), token);
    let (one, other) = (tenant("a"), tenant("b"));
    if let Ok((made, source)) = id::of(&one, &given) {
        assert!(!made.is_nil());
        assert_eq!(id::of(&one, &given).expect("as before"), (made, source.clone()));
        assert!(source.is_none() || id::of(&other, &given).expect("as before").0 != made, "a producer's id means another event in another tenant");
    }
}

/// Subjects: what is read as one is the one that is written for the same tenant and type.
pub fn subject(data: &[u8]) {
    let given = text(data);
    let Some((tenant, event_type)) = subjects::parse(&given) else { return };
    let tail = format!("{tenant}.{event_type}");
    assert!(given == format!("events.{tail}") || given == format!("live.{tail}"), "{given}");
    assert_eq!(subjects::stored(&tenant, &event_type), format!("events.{tail}"));
    assert!((5..=7).contains(&given.split('.').count()) && !given.contains(['*', '>', ' ']), "{given}");
    for shards in [1, 3, 64] {
        assert!(subjects::shard_of(&tenant, shards) < shards);
        assert!(subjects::published(shards, &tenant, &event_type).ends_with(&format!("events.{tail}")));
    }
}

/// Cursors: no text that was not sealed for this tenant opens, and one changed character is enough to close one.
pub fn cursor(data: &[u8]) {
    let (key, one, other) = (CursorKey::new(b"key"), tenant("a"), tenant("b"));
    // Under a key that seals nothing here: a fuzzer learns from comparisons what the other one sealed.
    assert!(CursorKey::new(b"unused").open(&one, &text(data)).is_err(), "a text that nobody sealed was opened");
    let mut numbers = data.iter().copied().chain(std::iter::repeat(0));
    let mut number = || numbers.by_ref().take(8).fold(0, |sum, byte| sum << 8 | u64::from(byte));
    let (epoch, seq, at, instead) = (number(), number(), number(), number());
    let position = Position::new((epoch >> 3) as u16, epoch, seq);
    let sealed = key.seal(&one, position);
    assert_eq!(key.open(&one, &sealed), Ok(position));
    assert!(key.open(&other, &sealed).is_err(), "opened by another tenant");
    let mut changed = sealed.clone().into_bytes();
    let at = at as usize % changed.len();
    changed[at] = instead as u8;
    let changed = text(&changed);
    assert!(changed == sealed || key.open(&one, &changed).is_err(), "{changed} opened as {sealed}");
}

/// Pages of history: a sealed keyset opens for its tenant only; the older form is read whole or not at all.
pub fn keyset(data: &[u8]) {
    let (key, one, other) = (CursorKey::new(b"key"), tenant("a"), tenant("b"));
    let given = text(data);
    // Under a key that seals nothing here, as in `cursor`.
    let Ok(keyset) = Keyset::open(&CursorKey::new(b"unused"), &one, "query", &given) else { return };
    assert!(given.contains('|'), "a text that nobody sealed was opened");
    let sealed = keyset.seal(&key, &one, "query");
    assert_eq!(Keyset::open(&key, &one, "query", &sealed), Ok(keyset));
    assert!(Keyset::open(&key, &other, "query", &sealed).is_err(), "opened by another tenant");
    assert!(Keyset::open(&key, &one, "another", &sealed).is_err(), "opened by another query");
    assert!(key.open(&one, &sealed).is_err(), "a page opened as a place in a stream");
}

/// A request's credentials: found where they may stand, and never accepted unsigned.
pub fn credential(data: &[u8]) {
    let (headers, rest) = head_and_rest(data);
    let found = [credentials::of_platform(&headers), credentials::of_product(&Method::GET, &headers), credentials::of_product(&Method::POST, &headers)];
    for token in found.into_iter().flatten() {
        assert!(!token.is_empty());
        refused(token);
    }
    let given = text(rest);
    if let Some(token) = credentials::parse_bearer(&given) {
        assert!(!token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()));
    }
    for token in [credentials::parse_cookie(&given, "token").map(str::to_owned), credentials::parse_query(&given, "token")].into_iter().flatten() {
        assert!(!token.is_empty());
    }
    refused(&given);
    if let Ok((header, _)) = mint::inspect(&given) {
        assert!(given.trim().split('.').count() == 3, "{header}");
    }
}

/// Claims that a trusted issuer signed: whatever they hold, nobody gets the platform's tenant or its rights by a claim that does not say so.
pub fn claims(data: &[u8]) {
    let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(data) else { return };
    let issuer: Arc<str> = "issuer".into();
    for preset in [Preset::Slipstream, Preset::Copilot, Preset::Portal] {
        let Ok(principal) = preset.claims().principal(&issuer, &preset.roles(), &claims) else { continue };
        let says_so = ["super_admin", "is_super_admin", "is_superuser"].into_iter().any(|claim| claims.get(claim) == Some(&Value::Bool(true)));
        assert!(!principal.super_admin || says_so, "{claims:?}");
        assert!(!principal.viewer.platform || principal.super_admin, "{claims:?}");
        if let Some(tenant) = &principal.tenant {
            assert!(principal.super_admin || tenant.as_str() != Tenant::PLATFORM, "{claims:?}");
            assert!(Tenant::new(tenant.as_str()).is_ok());
        }
        assert!(!principal.actor.user_id.is_empty());
    }
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).expect("a tenant")
}

/// Nobody signed it, so nobody comes in with it.
fn refused(token: &str) {
    static ACCESS: OnceLock<Access> = OnceLock::new();
    let access = ACCESS.get_or_init(|| {
        let secret = || Secret::new("a secret that is in no seed");
        let keys = vec![ServiceKey::master(secret())];
        let issuers = vec![Issuer::slipstream("own", secret()), Issuer::hmac("portal", Preset::Portal, secret()), Issuer::service("service", keys)];
        Access::new(&Config { issuers, query_token: true }, Revocations::none()).expect("a configuration")
    });
    // With local keys there is nothing to wait for.
    let verified = pin!(access.verify(token)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(verified, Poll::Ready(Err(_))), "{token} was taken for a credential");
}
