//! Key sets (RFC 7517): which keys of a remote document may be used. Pure, and fed with other people's input.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::Key;
use crate::config::{Algorithm, Issuer};
use crate::limits;

/// What is accepted of a key set when the issuer's configuration does not say.
const ALGORITHMS_DEFAULT: [Algorithm; 5] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];

/// The usable keys of a document. Keys that may not be used are left out: symmetric and private ones, short RSA keys, keys for encryption, algorithms
/// that the issuer is not configured for.
///
/// # Errors
/// A sentence when the document is no key set at all.
pub(crate) fn parse(issuer: &Issuer, document: &[u8]) -> Result<Vec<Key>, &'static str> {
    let document: Value = serde_json::from_slice(document).map_err(|_| "not JSON")?;
    let keys = document.get("keys").and_then(Value::as_array).ok_or("no array `keys`")?;
    Ok(keys.iter().take(limits::KEYS_PER_SET_MAX).flat_map(|jwk| usable(issuer, jwk)).collect())
}

/// The keys that one entry gives: one per algorithm that it may be used with.
fn usable(issuer: &Issuer, jwk: &Value) -> Vec<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let for_signatures = matches!(text("use"), None | Some("sig"));
    let verifies = jwk.get("key_ops").is_none_or(|ops| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify")));
    let private = jwk.get("d").is_some() || jwk.get("k").is_some();
    let kid = text("kid").map(str::to_owned);
    if !for_signatures || !verifies || private || kid.as_ref().is_some_and(|kid| kid.len() > limits::KID_BYTES_MAX) {
        return Vec::new();
    }
    let Some((key, fitting)) = material(jwk) else { return Vec::new() };
    let configured: &[Algorithm] = if issuer.algorithms.is_empty() { &ALGORITHMS_DEFAULT } else { &issuer.algorithms };
    let named = |algorithm: &Algorithm| text("alg").is_none_or(|name| name == algorithm.as_str() || (name == "Ed25519" && *algorithm == Algorithm::EdDSA));
    let usable = fitting.iter().copied().filter(|algorithm| configured.contains(algorithm) && named(algorithm));
    usable.map(|algorithm| Key::new(issuer, algorithm, kid.clone(), key.clone())).collect()
}

/// The key material, and the algorithms that fit its type.
fn material(jwk: &Value) -> Option<(DecodingKey, &'static [Algorithm])> {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk.get(name)?.as_str()?).ok();
    let curve = jwk.get("crv").and_then(Value::as_str);
    match (jwk.get("kty")?.as_str()?, curve) {
        ("RSA", _) => {
            let (n, e) = (bytes("n")?, bytes("e")?);
            let fits = (limits::RSA_BITS_MIN..=limits::RSA_BITS_MAX).contains(&bits(&n)) && (2..=33).contains(&bits(&e)) && e.last()? % 2 == 1;
            const RSA: &[Algorithm] = &[Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];
            fits.then(|| (DecodingKey::from_rsa_raw_components(&n, &e), RSA))
        }
        ("EC", Some(curve @ ("P-256" | "P-384"))) => {
            let (len, algorithms): (usize, &[Algorithm]) = if curve == "P-256" { (32, &[Algorithm::ES256]) } else { (48, &[Algorithm::ES384]) };
            let (x, y) = (bytes("x")?, bytes("y")?);
            let point: Vec<u8> = std::iter::once(4).chain(x.iter().copied()).chain(y.iter().copied()).collect();
            (x.len() == len && y.len() == len).then(|| (DecodingKey::from_ec_der(&point), algorithms))
        }
        ("OKP", Some("Ed25519")) => {
            let x = bytes("x")?;
            (x.len() == 32).then(|| (DecodingKey::from_ed_der(&x), [Algorithm::EdDSA].as_slice()))
        }
        _ => None,
    }
}

/// The length of a big-endian number, in bits.
pub(super) fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.get(zeros).map_or(0, |first| (number.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::{Jwks, Keys, Preset};

    fn issuer() -> Issuer {
        Issuer::new("idp", Preset::Copilot, Keys::Jwks(Jwks::new("https://idp.example/keys")))
    }

    fn count(jwk: Value) -> usize {
        parse(&issuer(), json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap().len()
    }

    fn encoded(len: usize) -> String {
        URL_SAFE_NO_PAD.encode(vec![0xff; len])
    }

    #[test]
    fn takes_public_signature_keys_only() {
        let rsa = json!({"kty": "RSA", "kid": "1", "n": encoded(256), "e": "AQAB"});
        let with = |name: &str, value: Value| {
            let mut jwk = rsa.clone();
            jwk[name] = value;
            count(jwk)
        };
        assert_eq!(count(rsa.clone()), 2, "RS256 and PS256");
        assert_eq!((with("alg", json!("RS256")), with("use", json!("sig")), with("key_ops", json!(["verify"]))), (1, 2, 2));
        let refused = [
            ("alg", json!("HS256")),
            ("alg", json!("RS512")),
            ("use", json!("enc")),
            ("key_ops", json!(["encrypt"])),
            ("d", json!("AQ")),
            ("n", json!(encoded(128))),
            ("e", json!("AA")),
            ("kty", json!("oct")),
        ];
        for (name, value) in refused {
            assert_eq!(with(name, value.clone()), 0, "{name} {value}");
        }
        assert_eq!(count(json!({"kty": "oct", "k": encoded(32), "alg": "HS256"})), 0);
    }

    #[test]
    fn takes_both_curves_and_ed25519() {
        assert_eq!(count(json!({"kty": "EC", "crv": "P-256", "x": encoded(32), "y": encoded(32)})), 1);
        assert_eq!(count(json!({"kty": "EC", "crv": "P-384", "x": encoded(48), "y": encoded(48)})), 1);
        assert_eq!(count(json!({"kty": "EC", "crv": "P-256", "x": encoded(31), "y": encoded(32)})), 0);
        assert_eq!(count(json!({"kty": "OKP", "crv": "Ed25519", "x": encoded(32)})), 1);
        assert_eq!(count(json!({"kty": "OKP", "crv": "Ed448", "x": encoded(57)})), 0);
    }

    proptest! {
        #[test]
        fn never_panics(document in prop::collection::vec(any::<u8>(), 0..200), n in ".{0,20}", kty in "(RSA|EC|OKP|oct|x)") {
            let _ignored = parse(&issuer(), &document);
            let jwk = json!({"keys": [{"kty": kty, "n": n, "e": n, "x": n, "y": n, "crv": "P-256", "kid": n}]});
            prop_assert!(parse(&issuer(), jwk.to_string().as_bytes()).is_ok());
        }
    }
}
