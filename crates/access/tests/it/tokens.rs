//! Tokens of issuers with keys of their own: what is taken, and what is refused.

use serde_json::{Value, json};
use slipstream_access::mint::{self, Grant};
use slipstream_access::service::{ServiceKey, hash};
use slipstream_access::{Access, Algorithm, Class, Config, Denied, Error, Issuer, Keys, Preset, Principal, Revocations, Secret};
use slipstream_event::Tenant;

use crate::keys::{Signer, forged, hs256, soon};

fn access(issuers: Vec<Issuer>) -> Access {
    Access::new(&Config { issuers, query_token: false }, Revocations::none()).unwrap()
}

fn own(secret: &str) -> Access {
    access(vec![Issuer::slipstream("own", Secret::new(secret))])
}

async fn refused(access: &Access, token: &str) -> Denied {
    access.verify(token).await.unwrap_err()
}

fn claims(more: Value) -> Value {
    let mut claims = json!({"sub": "u1", "tenant": "acme", "roles": ["reader"], "exp": soon(60)});
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

#[tokio::test]
async fn takes_what_it_minted() {
    let secret = Secret::new("a secret that is long enough for HS256");
    let grant = Grant { scopes: vec![Principal::SCOPE_WRITE.into()], ..Grant::new("u1", Tenant::new("acme").ok(), &["reader"]) };
    let token = grant.sign(&secret, time::OffsetDateTime::now_utc(), time::Duration::hours(1)).unwrap();
    let principal = own(secret.expose()).verify(&token).await.unwrap();
    assert_eq!((principal.tenant.as_ref().unwrap().as_str(), &*principal.issuer), ("acme", "own"));
    assert!(principal.is(Class::Writer) && !principal.is(Class::Admin) && principal.token_id.is_some());
    assert_eq!((principal.expires_at.unwrap() - principal.issued_at.unwrap()).whole_minutes(), 60);
    let (header, shown) = mint::inspect(&token).unwrap();
    assert_eq!((header["alg"].as_str(), shown["sub"].as_str()), (Some("HS256"), Some("u1")));
    assert!(mint::inspect("a.b").is_err() && mint::inspect(&format!("{token}.x")).is_err());
}

#[tokio::test]
async fn takes_secrets_of_any_length() {
    for secret in ["s", "sk-1234", &"x".repeat(500)] {
        assert!(own(secret).verify(&hs256(secret.as_bytes(), &claims(json!({})))).await.is_ok(), "{} bytes", secret.len());
    }
}

#[tokio::test]
async fn refuses_the_wrong_time() {
    let access = own("s");
    let with = |more: Value| hs256(b"s", &claims(more));
    assert_eq!(refused(&access, &with(json!({"exp": soon(-10)}))).await, Denied::Expired);
    assert!(access.verify(&with(json!({"exp": soon(-2)}))).await.is_ok(), "within the leeway");
    assert_eq!(refused(&access, &with(json!({"nbf": soon(30)}))).await, Denied::NotYetValid);
    assert_eq!(refused(&access, &with(json!({"iat": soon(30)}))).await, Denied::NotYetValid);
    assert_eq!(refused(&access, &hs256(b"s", &json!({"sub": "u", "tenant": "acme"}))).await, Denied::ClaimMissing("exp"));
    for exp in [json!("tomorrow"), json!(-5), json!([]), json!(1e300)] {
        let denied = refused(&access, &with(json!({"exp": exp}))).await;
        assert!(matches!(denied, Denied::ClaimMissing("exp") | Denied::ClaimInvalid("exp")), "{exp}: {denied:?}");
    }
}

#[tokio::test]
async fn an_issuer_may_do_without_exp_but_not_with_a_past_one() {
    let access = access(vec![Issuer { exp_required: false, ..Issuer::hmac("copilot", Preset::Copilot, Secret::new("sk-1234")) }]);
    let with = |claims: Value| hs256(b"sk-1234", &claims);
    assert!(access.verify(&with(json!({"account_id": "acc-1", "user_role": "tenant_admin"}))).await.unwrap().expires_at.is_none());
    assert_eq!(refused(&access, &with(json!({"account_id": "acc-1", "exp": soon(-60)}))).await, Denied::Expired);
    assert_eq!(refused(&access, &with(json!({"account_id": "acc-1", "aud": "x"}))).await, Denied::Audience);
}

#[tokio::test]
async fn refuses_other_issuers_and_audiences() {
    let issuer = Issuer { issuer: Some("https://idp".into()), audience: vec!["slipstream".into()], ..Issuer::slipstream("own", Secret::new("s")) };
    let access = access(vec![issuer]);
    let with = |more: Value| hs256(b"s", &claims(more));
    assert!(access.verify(&with(json!({"iss": "https://idp", "aud": ["x", "slipstream"]}))).await.is_ok());
    assert_eq!(refused(&access, &with(json!({"iss": "https://idp", "aud": "x"}))).await, Denied::Audience);
    assert_eq!(refused(&access, &with(json!({"iss": "https://idp"}))).await, Denied::ClaimMissing("aud"));
    assert_eq!(refused(&access, &with(json!({"aud": "slipstream"}))).await, Denied::ClaimMissing("iss"));
    assert_eq!(refused(&access, &with(json!({"iss": "https://evil", "aud": "slipstream"}))).await, Denied::Unrecognised);
    assert_eq!(refused(&access, &with(json!({"iss": ["https://evil"], "aud": "slipstream"}))).await, Denied::Issuer);
}

#[tokio::test]
async fn each_kind_of_public_key_verifies_its_own_algorithm_only() {
    let signers = [Signer::rsa(), Signer::ec(), Signer::ed()];
    for (i, signer) in signers.iter().enumerate() {
        let access = access(vec![Issuer::new("pem", Preset::Slipstream, Keys::Pem(signer.pem.clone()))]);
        for (j, other) in signers.iter().enumerate() {
            let result = access.verify(&other.sign(None, &claims(json!({})))).await;
            assert_eq!(result.is_ok(), i == j, "{i} {j}");
        }
    }
}

#[tokio::test]
async fn refuses_forged_algorithms() {
    let signer = Signer::rsa();
    let access = access(vec![Issuer::new("pem", Preset::Slipstream, Keys::Pem(signer.pem.clone()))]);
    let claims = claims(json!({"roles": ["admin"]}));
    // The public key is public: whoever signs with it as a shared secret must not come in.
    assert_eq!(refused(&access, &hs256(signer.pem.as_bytes(), &claims)).await, Denied::Unrecognised);
    for alg in ["none", "None", "HS256", "RS256", ""] {
        let token = forged(&json!({"alg": alg, "typ": "JWT"}), &claims, |_| String::new());
        assert!(matches!(refused(&access, &token).await, Denied::Unrecognised | Denied::Malformed), "{alg}");
    }
    let embedded = json!({"alg": "RS256", "jwk": signer.jwk, "jku": "http://127.0.0.1:1/", "kid": "../../etc/passwd"});
    assert!(access.verify(&forged(&embedded, &claims, |_| "AAAA".into())).await.is_err());
}

#[tokio::test]
async fn refuses_critical_extensions() {
    let header = json!({"alg": "HS256", "crit": ["exp"]});
    let sign =
        |message: &str| jsonwebtoken::crypto::sign(message.as_bytes(), &jsonwebtoken::EncodingKey::from_secret(b"s"), jsonwebtoken::Algorithm::HS256).unwrap();
    assert_eq!(refused(&own("s"), &forged(&header, &claims(json!({})), sign)).await, Denied::Malformed);
}

#[tokio::test]
async fn refuses_what_is_no_token() {
    let access = own("s");
    assert_eq!(refused(&access, "").await, Denied::Missing);
    assert_eq!(refused(&access, &"x".repeat(9000)).await, Denied::Malformed);
    for bad in ["x", "..", "a.b.c", "a.b.c.d", "e30.e30.e30", "e30.e30.", "\u{0}.\u{0}.\u{0}"] {
        assert_eq!(refused(&access, bad).await, Denied::Unrecognised, "{bad:?}");
    }
    let token = hs256(b"s", &claims(json!({})));
    let (head, _) = token.rsplit_once('.').unwrap();
    assert_eq!(refused(&access, &format!("{head}.")).await, Denied::Unrecognised);
    assert_eq!(refused(&access, &hs256(b"another", &claims(json!({})))).await, Denied::Unrecognised);
    assert!(access.verify(&hs256(b"s", &json!(["an", "array"]))).await.is_err());
}

#[tokio::test]
async fn issuers_stand_side_by_side() {
    let copilot = Issuer { exp_required: false, ..Issuer::hmac("copilot", Preset::Copilot, Secret::new("sk-1234")) };
    let portal = Issuer::hmac("portal", Preset::Portal, Secret::new("portal-secret"));
    let keys = Issuer::service("keys", vec![ServiceKey::master(Secret::new("sk-1234")), key("importer")]);
    let access = access(vec![copilot, portal, keys]);
    let of_portal = hs256(b"portal-secret", &json!({"sub": "ID-1", "amo_id": "AMO-1", "role": "AUDITOR", "exp": soon(60), "iat": soon(0)}));
    assert_eq!(&*access.verify(&of_portal).await.unwrap().issuer, "portal");
    assert!(access.verify("sk-1234").await.unwrap().super_admin);
    let importer = access.verify("importer").await.unwrap();
    assert!(importer.is(Class::Writer) && !importer.is(Class::Reader) && importer.tenant.as_ref().unwrap().as_str() == "acme");
}

fn key(name: &str) -> ServiceKey {
    ServiceKey {
        tenant: Tenant::new("acme").ok(),
        super_admin: false,
        key: None,
        sha256: Some(hash(name)),
        name: name.into(),
        roles: vec![],
        scopes: vec![Principal::SCOPE_WRITE.into()],
    }
}

#[test]
fn unusable_keys_are_faults_of_the_configuration() {
    let fault = |keys: Keys, algorithms: Vec<Algorithm>| {
        let issuer = Issuer { algorithms, ..Issuer::new("x", Preset::Slipstream, keys) };
        match Access::new(&Config { issuers: vec![issuer], query_token: false }, Revocations::none()) {
            Err(Error::Config(faults)) => faults.join("\n"),
            other => panic!("{other:?}"),
        }
    };
    let rsa = Signer::rsa();
    assert!(fault(Keys::Pem(include_str!("weak.pem").into()), vec![]).contains("2048"));
    assert!(fault(Keys::Pem("nonsense".into()), vec![]).contains("PEM"));
    assert!(fault(Keys::Pem(rsa.pem.replace("PUBLIC", "PRIVATE")), vec![]).contains("no private key"));
    assert!(fault(Keys::Pem(rsa.pem.clone()), vec![Algorithm::ES256]).contains("ES256"));
    assert!(fault(Keys::Pem(rsa.pem), vec![Algorithm::HS256]).contains("HS algorithm"));
    assert!(fault(Keys::Hmac(Secret::new("s")), vec![Algorithm::RS256]).contains("HS256"));
}
