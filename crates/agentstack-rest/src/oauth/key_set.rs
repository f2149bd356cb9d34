//! The keys of an issuer: RFC 7517, as far as they verify signatures.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self as verify, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use serde_json::{Map, Value};

/// Largest set, in bytes.
pub(crate) const SET_BYTES: usize = 1024 * 1024;
/// Most keys of a set that are looked at.
const KEYS: usize = 100;

/// The ways of signing that are accepted: asymmetric ones alone, so that nobody can sign with what is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

impl Algorithm {
    /// By its name in RFC 7518 and RFC 8037, which is case-sensitive.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "RS384" => Self::Rs384,
            "RS512" => Self::Rs512,
            "PS256" => Self::Ps256,
            "PS384" => Self::Ps384,
            "PS512" => Self::Ps512,
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" => Self::EdDsa,
            _ => return None,
        })
    }
}

/// What a key consists of.
#[derive(Debug, Clone)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// One key.
#[derive(Debug, Clone)]
struct Key {
    id: String,
    /// The one algorithm it is for, if the issuer says so. `Err` for one that we do not have.
    algorithm: Option<Result<Algorithm, ()>>,
    material: Material,
}

/// The keys of an issuer that can verify something.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// Why there are no keys in a text. Holds nothing of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeySetProblem {
    #[error("the key set is not strict JSON")]
    Json(#[source] agentstack_api::json::JsonError),
    #[error("the key set is no object with a list `keys` of at most {KEYS}")]
    Form,
    #[error("the key set is larger than {SET_BYTES} bytes")]
    TooLarge,
}

impl KeySet {
    /// Reads a JWK set. A key of a kind that is not known, or not for signatures, is passed over: RFC 7517, section 5.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, KeySetProblem> {
        if bytes.len() > SET_BYTES {
            return Err(KeySetProblem::TooLarge);
        }
        let text = agentstack_api::json::check(bytes).map_err(KeySetProblem::Json)?;
        let set: Map<String, Value> = serde_json::from_str(text).map_err(|_| KeySetProblem::Form)?;
        let keys = set.get("keys").and_then(Value::as_array).filter(|keys| keys.len() <= KEYS);
        let keys = keys.ok_or(KeySetProblem::Form)?;
        Ok(Self { keys: keys.iter().filter_map(Key::read).collect() })
    }

    /// Whether a key goes by this name.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// Whether a key of this name is for this algorithm.
    pub(crate) fn has(&self, id: &str, algorithm: Algorithm) -> bool {
        self.fitting(id, algorithm).next().is_some()
    }

    /// Whether a key of this name, and for this algorithm, has signed the message.
    pub(crate) fn verifies(&self, id: &str, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.fitting(id, algorithm).any(|key| key.material.verifies(algorithm, message, signature))
    }

    fn fitting<'a>(&'a self, id: &'a str, algorithm: Algorithm) -> impl Iterator<Item = &'a Key> {
        self.keys.iter().filter(move |key| key.id == id && key.is_for(algorithm))
    }
}

impl Key {
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let signs = jwk.get("use").is_none_or(|used| used == "sig");
        let operations = jwk.get("key_ops");
        let verifies = operations
            .is_none_or(|all| all.as_array().is_some_and(|all| all.iter().any(|one| one == "verify")));
        if !signs || !verifies {
            return None;
        }
        let id = text("kid")?.to_owned();
        let algorithm = jwk.get("alg").map(|name| name.as_str().and_then(Algorithm::named).ok_or(()));
        let number = |name| text(name).and_then(decode);
        let material = match (text("kty")?, text("crv")) {
            ("RSA", _) => Material::Rsa { n: unsigned(number("n")?), e: unsigned(number("e")?) },
            ("EC", Some("P-256")) => Material::P256(point(&number("x")?, &number("y")?, 32)?),
            ("EC", Some("P-384")) => Material::P384(point(&number("x")?, &number("y")?, 48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(number("x").filter(|x| x.len() == 32)?),
            _ => return None,
        };
        Some(Self { id, algorithm, material })
    }

    fn is_for(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let named = self.algorithm.is_none_or(|named| named == Ok(algorithm));
        named
            && match self.material {
                Material::Rsa { .. } => matches!(algorithm, Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512),
                Material::P256(_) => algorithm == Es256,
                Material::P384(_) => algorithm == Es384,
                Material::Ed25519(_) => algorithm == EdDsa,
            }
    }
}

impl Material {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by = |method: &'static dyn VerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(method, point).verify(message, signature).is_ok()
        };
        match self {
            Self::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &verify::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &verify::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &verify::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &verify::RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &verify::RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &verify::RSA_PSS_2048_8192_SHA512,
                    Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return false,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            Self::P256(point) => by(&verify::ECDSA_P256_SHA256_FIXED, point),
            Self::P384(point) => by(&verify::ECDSA_P384_SHA384_FIXED, point),
            Self::Ed25519(point) => by(&verify::ED25519, point),
        }
    }
}

/// Base64url without padding and without stray bits: RFC 7515, section 2.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number without the zeros that some issuers write before it.
fn unsigned(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.into_iter().skip(zeros).collect()
}

/// An uncompressed point of a curve.
fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    (x.len() == length && y.len() == length).then(|| [&[4], x, y].concat())
}

#[cfg(test)]
mod tests;
