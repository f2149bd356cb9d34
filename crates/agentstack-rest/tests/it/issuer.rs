//! An OAuth issuer: it signs tokens, and serves its keys on this machine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agentstack_core::{Clock, SystemClock};
use agentstack_rest::{HttpSettings, OAuthKeys, OAuthSettings};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::world::settings;

pub(crate) const ISSUER: &str = "https://login.example/realms/team";
pub(crate) const AUDIENCE: &str = "https://memory.example/mcp";

/// A key that signs with ES256.
pub(crate) struct SigningKey {
    pub(crate) id: String,
    pair: EcdsaKeyPair,
}

impl SigningKey {
    pub(crate) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { id: id.to_owned(), pair: pair.unwrap() }
    }

    /// The public half, as a JWK.
    pub(crate) fn jwk(&self) -> Value {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": self.id })
    }

    /// A token with just this header and these claims.
    pub(crate) fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A good token, but for what is changed in its claims; `null` takes one away.
    pub(crate) fn token(&self, change: &Value) -> String {
        self.sign(&self.header().to_string(), &changed(claims(), change).to_string())
    }

    /// A good token of this subject with this scope.
    pub(crate) fn token_of(&self, subject: &str, scope: &str) -> String {
        self.token(&json!({ "sub": subject, "scope": scope }))
    }
}

/// In seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemClock.now().as_millis() / 1_000
}

/// Claims by RFC 9068.
pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": AUDIENCE, "exp": now() + 300, "iat": now(), "jti": "1", "sub": "ann",
        "client_id": "editor", "scope": "openid agentstack:developer" })
}

pub(crate) fn changed(mut whole: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    whole
}

/// A server of keys.
pub(crate) struct KeyServer {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl KeyServer {
    /// One that serves the public halves of these keys.
    pub(crate) async fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(vec![])));
        let (says, log) = (Arc::clone(&answer), Arc::clone(&asked));
        let serving = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = vec![];
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    head.push(byte);
                }
                log.lock().unwrap().push(String::from_utf8(head).unwrap());
                let answer = says.lock().unwrap().clone();
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let server = Self { address, answer, asked, serving };
        server.publish(keys);
        server
    }

    /// From now on it serves these keys.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.answer("200 OK", "Content-Type: application/json", &json!({ "keys": keys }).to_string());
    }

    /// From now on it answers this.
    pub(crate) fn answer(&self, status: &str, header: &str, body: &str) {
        let answer = format!(
            "HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn uri(&self) -> String {
        format!("http://{}/jwks", self.address)
    }

    /// What it was asked, heads and all.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// It is gone.
    pub(crate) fn stop(&self) {
        self.serving.abort();
    }

    /// The settings of a server that accepts the issuer's tokens.
    pub(crate) fn settings(&self) -> HttpSettings {
        settings_with(OAuthKeys::Uri(self.uri()))
    }
}

pub(crate) fn settings_with(keys: OAuthKeys) -> HttpSettings {
    let oauth = OAuthSettings { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), keys };
    HttpSettings { oauth: Some(oauth), failed_authentications_per_minute: 10_000, ..settings() }
}
