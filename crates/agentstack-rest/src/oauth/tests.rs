//! Properties of the verification as a whole.

use agentstack_access::Role;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use tokio::runtime::Runtime;

use super::*;

const NOW: i64 = 1_800_000_000;

/// A server that trusts one key, and a token that the key has signed.
fn trusting() -> (tempfile::TempDir, ResourceServer, String) {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key());
    let keys = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "k", "x": x }] });
    std::fs::write(&path, keys.to_string()).unwrap();
    let (issuer, audience) = ("https://login.example".to_owned(), "https://memory.example".to_owned());
    let header = json!({ "typ": "at+jwt", "alg": "EdDSA", "kid": "k" }).to_string();
    let claims = json!({ "iss": issuer, "aud": audience, "exp": NOW + 60, "sub": "ann", "client_id": "c",
        "scope": "agentstack:agent" });
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())));
    let settings = OAuthSettings { issuer, audience, keys: OAuthKeys::File(path) };
    (folder, ResourceServer::new(&settings).unwrap(), token)
}

fn ask(runtime: &Runtime, server: &ResourceServer, token: &str) -> Result<Principal, Unauthenticated> {
    runtime.block_on(server.principal(token, Timestamp::from_millis(NOW * 1_000)))
}

#[test]
fn no_text_but_the_token_is_the_token() {
    let runtime = Runtime::new().unwrap();
    let (_folder, server, token) = trusting();
    let principal = ask(&runtime, &server, &token).unwrap();
    assert_eq!((principal.name(), principal.role()), ("oauth:https://login.example ann", Role::Agent));
    let places = 0..token.len();
    let bytes = token.as_bytes().to_vec();
    proptest!(ProptestConfig::with_cases(2_000), |(at in places, with in "[ -~]{0,3}", keep in any::<bool>(), text in "[A-Za-z0-9_.-]{0,120}")| {
        let (before, after) = bytes.split_at(at);
        let after = if keep { after } else { &after[1..] };
        let bent = String::from_utf8([before, with.as_bytes(), after].concat()).unwrap();
        for other in [bent, text] {
            prop_assert_eq!(ask(&runtime, &server, &other).is_ok(), other == token, "{}", other);
        }
    });
}
