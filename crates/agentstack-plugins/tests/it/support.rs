//! A small plugin, and a key that signs it.

use std::sync::LazyLock;

use agentstack_plugins::{COMPONENT, Grants, MANIFEST, Package, SIGNATURE, SecretKey, TrustedKeys};
use serde_json::{Value, json};

/// One key for all tests of a run.
pub(crate) static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::generate().unwrap());

pub(crate) fn manifest() -> Value {
    let any = json!({"type": "object"});
    json!({
        "format": 1,
        "name": "greeter",
        "version": "1.2.0",
        "description": "Greets whoever is named.",
        "tools": [{
            "name": "say_hello",
            "description": "Greets.",
            "inputSchema": {
                "type": "object",
                "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 10}},
                "required": ["name"],
                "additionalProperties": false,
            },
            "outputSchema": any,
        }],
        "requests": {
            "memory": {"session": ["get", "store"], "shared": {"team-notes": ["get", "search"]}},
            "hosts": ["api.example.com", "api.example.com:8443"],
            "config": ["apiKey"],
            "limits": {"fuel": 2_000_000_000_u64, "hostCalls": 7},
        },
    })
}

pub(crate) fn files() -> Vec<(String, Vec<u8>)> {
    files_of(&manifest())
}

pub(crate) fn files_of(manifest: &Value) -> Vec<(String, Vec<u8>)> {
    vec![
        (MANIFEST.to_owned(), manifest.to_string().into_bytes()),
        (COMPONENT.to_owned(), b"\0asm and what follows".to_vec()),
        ("README.md".to_owned(), b"# Greeter\n".to_vec()),
    ]
}

/// The files with a signature over them.
pub(crate) fn sign(key: &SecretKey, mut files: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    let statement = Package::new(files.clone()).unwrap().statement().unwrap();
    files.push((SIGNATURE.to_owned(), key.sign(&statement).into_bytes()));
    files
}

pub(crate) fn trusting(keys: &[&SecretKey]) -> TrustedKeys {
    let texts: Vec<String> = keys.iter().map(|key| key.public_key().unwrap().to_string()).collect();
    TrustedKeys::parse(&texts, &[]).unwrap()
}

pub(crate) fn grants(value: Value) -> Grants {
    serde_json::from_value(value).unwrap()
}
