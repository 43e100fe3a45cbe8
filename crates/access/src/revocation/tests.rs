use proptest::prelude::*;
use slipstream_event::Viewer;
use time::OffsetDateTime;

use super::*;
use crate::Classes;

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

fn at(second: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000 + second).unwrap()
}

fn caller(user: &str, of: Option<&str>, issued_at: Option<i64>) -> Principal {
    Principal {
        issuer: "own".into(),
        tenant: of.map(tenant),
        super_admin: false,
        user_id: Some(user.into()),
        email: None,
        actor: Actor::user(user),
        viewer: Viewer::default(),
        classes: Classes::default(),
        roles: Vec::new(),
        scopes: Vec::new(),
        session_id: Some("s1".into()),
        token_id: Some("t1".into()),
        issued_at: issued_at.map(at),
        expires_at: None,
    }
}

/// An entry of second 100 and a half.
fn entry(of: &str, target: Target, reason: Reason) -> Revocation {
    let revoked_at = Timestamp::from(at(100) + time::Duration::milliseconds(500));
    Revocation { id: Uuid::now_v7(), tenant_id: tenant(of), target, reason, revoked_at, until: None, revoked_by: Actor::user("admin"), note: None }
}

fn by_user(reason: Reason) -> Revocation {
    entry("acme", Target::UserId("u1".into()), reason)
}

fn now() -> Timestamp {
    Timestamp::from(at(1_000))
}

#[test]
fn a_users_credentials_are_cut_up_to_the_leeway_and_a_later_login_works() {
    for reason in [Reason::AccessRevoked, Reason::PermissionsChanged, Reason::TenantChanged] {
        let refuses = |issued_at| by_user(reason).refuses(&caller("u1", Some("acme"), issued_at), now());
        assert!(refuses(Some(0)) && refuses(Some(100)) && refuses(Some(105)), "before, in the same second, within the leeway");
        assert!(refuses(None), "without a time of issue");
        assert!(!refuses(Some(106)) && !refuses(Some(999)));
    }
    for reason in [Reason::UserDisabled, Reason::TenantSuspended] {
        assert!(by_user(reason).refuses(&caller("u1", Some("acme"), Some(999)), now()), "{reason:?} bars new logins");
    }
}

#[test]
fn an_entry_cuts_in_its_tenant_only_and_super_admins_on_the_platform_only() {
    let cut = by_user(Reason::UserDisabled);
    assert!(!cut.refuses(&caller("u1", Some("other"), Some(0)), now()) && !cut.refuses(&caller("u2", Some("acme"), Some(0)), now()));
    let root = Principal { super_admin: true, ..caller("u1", Some("acme"), Some(0)) };
    assert!(!cut.refuses(&root, now()), "no tenant cuts a super-admin that has its home there");
    let platform = entry(Tenant::PLATFORM, Target::UserId("u1".into()), Reason::AccessRevoked);
    assert!(platform.refuses(&root, now()) && platform.refuses(&Principal { tenant: None, ..root }, now()));
    assert!(!platform.refuses(&caller("u1", Some("acme"), Some(0)), now()));
    for target in [Target::SessionId("s1".into()), Target::TokenId("t1".into())] {
        let cut = entry("acme", target, Reason::AccessRevoked);
        assert!(cut.refuses(&caller("u9", Some("acme"), Some(999)), now()) && !cut.refuses(&caller("u9", Some("other"), Some(0)), now()));
        let without = Principal { session_id: None, token_id: None, ..caller("u9", Some("acme"), None) };
        assert!(!cut.refuses(&without, now()));
    }
}

#[test]
fn until_ends_it() {
    let cut = Revocation { until: Some(Timestamp::from(at(200))), ..by_user(Reason::UserDisabled) };
    let refuses = |second| cut.refuses(&caller("u1", Some("acme"), Some(0)), Timestamp::from(at(second)));
    assert!(refuses(199) && !refuses(200));
}

#[test]
fn only_a_lasting_lockout_of_oneself_counts_as_one() {
    let own = caller("u1", Some("acme"), Some(0));
    assert!(by_user(Reason::UserDisabled).locks_out(&own) && by_user(Reason::TenantSuspended).locks_out(&own));
    assert!(!by_user(Reason::AccessRevoked).locks_out(&own), "it can sign in again");
    assert!(by_user(Reason::AccessRevoked).locks_out(&Principal { issued_at: None, ..own.clone() }), "a service key cannot");
    assert!(!by_user(Reason::UserDisabled).locks_out(&caller("u2", Some("acme"), Some(0))));
    assert!(!by_user(Reason::UserDisabled).locks_out(&Principal { super_admin: true, ..own }));
}

#[test]
fn reasons_have_their_words_and_say_who_should_come_again() {
    for (reason, word, reconnect) in [
        (Reason::AccessRevoked, "access_revoked", false),
        (Reason::UserDisabled, "user_disabled", false),
        (Reason::PermissionsChanged, "permissions_changed", true),
        (Reason::TenantSuspended, "tenant_suspended", false),
        (Reason::TenantChanged, "tenant_changed", true),
    ] {
        assert_eq!((reason.as_str(), reason.reconnect()), (word, reconnect));
        assert_eq!(serde_json::to_value(reason).unwrap(), word);
    }
}

#[test]
fn keeps_its_json() {
    let entry = Revocation { until: Some(now()), note: Some("lost phone".into()), ..entry("acme", Target::SessionId("s1".into()), Reason::AccessRevoked) };
    let json = serde_json::to_value(&entry).unwrap();
    assert_eq!((json["sessionId"].as_str(), json["tenantId"].as_str(), json["revokedBy"]["userId"].as_str()), (Some("s1"), Some("acme"), Some("admin")));
    assert_eq!(serde_json::from_value::<Revocation>(json).unwrap(), entry);
}

#[test]
fn the_weightiest_reason_is_told_and_every_change_counts() {
    let revocations = Revocations::unread();
    let version = revocations.subscribe();
    assert!(!revocations.is_read() && revocations.check(&caller("u1", Some("acme"), None)).is_none());
    let (weak, strong) = (by_user(Reason::PermissionsChanged), by_user(Reason::UserDisabled));
    revocations.replace([weak.clone()]);
    revocations.change([Change::Put(strong.clone())]);
    assert_eq!(revocations.check(&caller("u1", Some("acme"), None)), Some(Reason::UserDisabled));
    assert_eq!(revocations.of(&tenant("acme")).iter().map(|entry| entry.id).collect::<Vec<_>>(), [strong.id, weak.id], "newest first");
    revocations.change([Change::Gone(tenant("other"), strong.id)]);
    assert_eq!(revocations.count(), 2, "an id of another tenant takes nothing away");
    revocations.change([Change::Gone(tenant("acme"), strong.id)]);
    assert_eq!(revocations.check(&caller("u1", Some("acme"), None)), Some(Reason::PermissionsChanged));
    revocations.replace([]);
    assert_eq!((revocations.check(&caller("u1", Some("acme"), None)), *version.borrow()), (None, 5));
}

fn any_entry() -> impl Strategy<Value = Revocation> {
    let target = prop_oneof![Just(Target::UserId("u1".into())), Just(Target::SessionId("s1".into())), Just(Target::TokenId("t1".into()))];
    let reason = prop_oneof![Just(Reason::AccessRevoked), Just(Reason::UserDisabled), Just(Reason::TenantChanged)];
    (0..4_u128, prop_oneof![Just("acme"), Just("other")], target, reason).prop_map(|(id, of, target, reason)| {
        let mut made = entry(of, target, reason);
        made.id = Uuid::from_u128(id);
        made
    })
}

proptest! {
    /// Whatever comes and goes, the set refuses what the plain list of entries refuses.
    #[test]
    fn finds_what_a_plain_list_finds(changes in proptest::collection::vec((any_entry(), any::<bool>()), 0..30)) {
        let revocations = Revocations::none();
        let mut plain: Vec<Revocation> = Vec::new();
        for (entry, put) in changes {
            plain.retain(|known| (known.id, &known.tenant_id) != (entry.id, &entry.tenant_id));
            if put {
                plain.push(entry.clone());
                revocations.change([Change::Put(entry)]);
            } else {
                revocations.change([Change::Gone(entry.tenant_id, entry.id)]);
            }
            for principal in [caller("u1", Some("acme"), Some(0)), caller("u2", Some("other"), Some(900))] {
                let want = plain.iter().filter(|known| known.refuses(&principal, Timestamp::now())).map(|known| known.reason).min();
                prop_assert_eq!(revocations.check(&principal), want);
            }
            prop_assert_eq!(revocations.count(), plain.len());
        }
    }
}
