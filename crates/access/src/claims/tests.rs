use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Class;

fn principal(map: &ClaimMap, roles: &RoleMap, claims: Value) -> Result<Principal, Denied> {
    let Value::Object(claims) = claims else { panic!("an object") };
    map.principal(&"test".into(), roles, &claims)
}

fn copilot(claims: Value) -> Result<Principal, Denied> {
    principal(&ClaimMap::copilot(), &RoleMap::copilot(), claims)
}

fn portal(claims: Value) -> Result<Principal, Denied> {
    principal(&ClaimMap::portal(), &RoleMap::portal(), claims)
}

fn own(claims: Value) -> Result<Principal, Denied> {
    principal(&ClaimMap::slipstream(), &RoleMap::slipstream(), claims)
}

#[test]
fn reads_copilot_claims() {
    let p = copilot(json!({"account_id": "acc-1", "user_role": " Tenant_Admin", "user_id": "u1", "sub": "s", "email": "a@b.example", "exp": 1_800_000_000}))
        .unwrap();
    assert_eq!((p.tenant.unwrap().as_str(), p.user_id.as_deref(), p.email.as_deref()), ("acc-1", Some("u1"), Some("a@b.example")));
    assert!(p.classes.admin && p.viewer.admin && !p.super_admin);
    assert_eq!(p.expires_at.unwrap().unix_timestamp(), 1_800_000_000);
    assert_eq!(copilot(json!({"sub": "s", "account_id": "a"})).unwrap().user_id.as_deref(), Some("s"));
}

#[test]
fn a_copilot_super_admin_has_no_tenant_of_its_own() {
    let p = copilot(json!({"account_id": "acc-1", "is_super_admin": true, "user_role": "user"})).unwrap();
    assert!(p.super_admin && p.tenant.is_none() && p.is(Class::SuperAdmin) && p.viewer.platform);
    assert!(!copilot(json!({"is_super_admin": "true", "account_id": "acc-1"})).unwrap().super_admin);
}

#[test]
fn reads_portal_claims() {
    let claims = json!({"sub": "ID-1", "amo_id": "AMO-1", "role": "TECHNICIAN", "is_amo_admin": true, "is_superuser": false, "department_id": "line", "auth_session_id": "s1"});
    let p = portal(claims).unwrap();
    assert!(p.classes.admin && p.viewer.admin);
    assert_eq!((p.viewer.department.as_deref(), p.session_id.as_deref()), (Some("line"), Some("s1")));
    let root = portal(json!({"sub": "ID-2", "amo_id": "AMO-1", "is_superuser": true})).unwrap();
    assert_eq!((root.super_admin, root.tenant.unwrap().as_str()), (true, "AMO-1"));
    assert_eq!(portal(json!({"amo_id": "AMO-1"})).unwrap_err(), Denied::ClaimMissing("user"));
}

#[test]
fn reads_our_own_claims() {
    let p = own(json!({"sub": "svc", "name": "Importer", "tenant": "acme", "roles": ["reader"], "scopes": "events:write events:write-as", "kind": "service"}))
        .unwrap();
    assert!(p.is(Class::Writer) && !p.classes.writer && p.may_write_as() && !p.is(Class::Admin));
    assert_eq!((p.actor.kind, p.actor.name.as_deref()), (ActorKind::Service, Some("Importer")));
}

#[test]
fn fails_closed() {
    let bare = own(json!({"sub": "u", "tenant": "acme"})).unwrap();
    assert!(!bare.is(Class::User) && bare.viewer == Viewer { user_id: Some("u".into()), ..Viewer::default() });
    for tenant in [json!("a.b"), json!("platform"), json!("*"), json!(["acme"]), json!(true), json!("x".repeat(65))] {
        assert_eq!(own(json!({"sub": "u", "tenant": tenant})).unwrap_err(), Denied::ClaimInvalid("tenant"), "{tenant}");
    }
    for (claim, value) in
        [("roles", json!([1])), ("roles", json!({})), ("sub", json!("a\nb")), ("exp", json!("soon")), ("exp", json!(-1)), ("kind", json!("god"))]
    {
        let claims = json!({"sub": "u", "tenant": "acme", claim: value});
        assert!(matches!(own(claims).unwrap_err(), Denied::ClaimInvalid(_)), "{claim} {value}");
    }
    let many: Vec<String> = (0..=limits::WORDS_MAX).map(|i| i.to_string()).collect();
    assert_eq!(own(json!({"sub": "u", "roles": many})).unwrap_err(), Denied::ClaimInvalid("roles"));
}

#[test]
fn walks_into_objects_by_path() {
    let map = ClaimMap { roles: vec!["realm_access.roles".into()], ..ClaimMap::slipstream() };
    let p = principal(&map, &RoleMap::slipstream(), json!({"sub": "u", "tenant": "t", "realm_access": {"roles": ["admin"]}})).unwrap();
    assert!(p.classes.admin);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from)
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4).prop_map(|kv| Value::Object(kv.into_iter().collect()))
        ]
    })
}

proptest! {
    #[test]
    fn never_panics_and_never_gives_more_than_it_says(values in prop::collection::vec((prop::sample::select(vec!["sub", "tenant", "roles", "scopes", "super_admin", "exp", "iat", "name", "kind"]), any_json()), 0..9)) {
        let claims: Map<String, Value> = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let Ok(p) = ClaimMap::slipstream().principal(&"test".into(), &RoleMap::slipstream(), &claims) {
            prop_assert_eq!(p.super_admin, claims.get("super_admin") == Some(&Value::Bool(true)));
            prop_assert!(p.tenant.is_none_or(|tenant| Some(tenant.as_str()) == claims["tenant"].as_str() || claims["tenant"].is_number()));
        }
    }
}
