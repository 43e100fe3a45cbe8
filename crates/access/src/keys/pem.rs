//! One public key from a PEM text.

use jsonwebtoken::{AlgorithmFamily, DecodingKey};

use super::Key;
use crate::config::{Algorithm, Issuer};
use crate::limits;

/// The keys of a PEM text: one per algorithm, all with the same key material.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn keys(issuer: &Issuer, pem: &str) -> Result<Vec<Key>, String> {
    if !pem.contains("BEGIN PUBLIC KEY") && !pem.contains("BEGIN RSA PUBLIC KEY") {
        return Err("its key must be a PEM public key (BEGIN PUBLIC KEY); no private key and no certificate".into());
    }
    let (key, family_default) = read(pem.as_bytes())?;
    let algorithms = if issuer.algorithms.is_empty() { vec![family_default] } else { issuer.algorithms.clone() };
    let fits = |algorithm: &&Algorithm| match (key.family(), **algorithm) {
        (AlgorithmFamily::Ec, algorithm) => algorithm == family_default,
        (family, algorithm) => jsonwebtoken::Algorithm::from(algorithm).family() == family,
    };
    match algorithms.iter().find(|algorithm| !fits(algorithm)) {
        Some(algorithm) => Err(format!("its key cannot be used with {}", algorithm.as_str())),
        None => Ok(algorithms.into_iter().map(|algorithm| Key::new(issuer, algorithm, None, key.clone())).collect()),
    }
}

fn read(pem: &[u8]) -> Result<(DecodingKey, Algorithm), String> {
    if let Ok(key) = DecodingKey::from_ec_pem(pem) {
        return match key.try_get_as_bytes().map(<[u8]>::len) {
            Ok(65) => Ok((key, Algorithm::ES256)),
            Ok(97) => Ok((key, Algorithm::ES384)),
            _ => Err("its elliptic curve must be P-256 or P-384".into()),
        };
    }
    if let Ok(key) = DecodingKey::from_ed_pem(pem) {
        return Ok((key, Algorithm::EdDSA));
    }
    let key = DecodingKey::from_rsa_pem(pem).map_err(|_| "its key is no PEM public key".to_owned())?;
    let bits = key.try_get_as_bytes().ok().and_then(modulus_bits).unwrap_or(0);
    if (limits::RSA_BITS_MIN..=limits::RSA_BITS_MAX).contains(&bits) {
        Ok((key, Algorithm::RS256))
    } else {
        Err(format!("its RSA key must have {} to {} bits", limits::RSA_BITS_MIN, limits::RSA_BITS_MAX))
    }
}

/// The length of the modulus in the DER form of an `RSAPublicKey`: a sequence whose first element is the modulus.
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let sequence = contents(der, 0x30)?;
    Some(super::set::bits(contents(sequence, 0x02)?))
}

/// The contents of the element that `der` begins with, when it has `tag`.
fn contents(der: &[u8], tag: u8) -> Option<&[u8]> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    if first < 0x80 {
        return rest.get(..usize::from(first));
    }
    let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    let length = length.iter().try_fold(0_usize, |sum, &byte| Some(sum.checked_mul(256)? + usize::from(byte)))?;
    rest.get(..length)
}
