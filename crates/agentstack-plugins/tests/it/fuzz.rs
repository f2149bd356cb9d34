//! Whatever a manifest, a signature or a key says, reading it ends and does not fail in another way than by saying so (S52).

use agentstack_core::Secret;
use agentstack_plugins::{
    Manifest, Package, PublicKey, SIGNATURE, SecretKey, Statement, TrustedKeys, verify,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::Value;

use crate::support::{KEY, files, manifest, trusting};

/// What is put into a good manifest: pieces of manifests and schemas, and what parsers have stumbled over.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "1e999",
    "-0",
    "18446744073709551616",
    "\"$ref\":",
    "\"#/$defs/a\"",
    "\"#\"",
    "\"$defs\":",
    "\"allOf\":[",
    "\"pattern\":\"(a+)+$\"",
    "\"type\":\"object\"",
    "\"name\":",
    "\"requests\":{",
    "\"\"",
    "\u{0}",
    "\u{feff}",
    "\u{202e}",
    "👍",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":",
];

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<Index>(), 0_usize..12, select(PIECES), any::<Option<u8>>());
    proptest::collection::vec(change, 1..8).prop_map(|changes| {
        let mut bytes = manifest().to_string().into_bytes();
        for (place, cut, piece, byte) in changes {
            let at = place.index(bytes.len() + 1);
            let end = (at + cut).min(bytes.len());
            let new = byte.map_or_else(|| piece.as_bytes().to_vec(), |byte| vec![byte]);
            bytes.splice(at..end, new);
        }
        bytes
    })
}

/// A JSON value of any form, with the names that manifests have.
fn any_json() -> impl Strategy<Value = Value> {
    let name = select(vec![
        "format",
        "name",
        "version",
        "description",
        "tools",
        "requests",
        "memory",
        "limits",
        "inputSchema",
        "type",
        "$ref",
        "$defs",
        "properties",
        "items",
        "allOf",
        "pattern",
        "a",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        select(vec!["object", "1.0.0", "greeter", "#/$defs/a", "get"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|all| all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn s52_any_manifest_is_read_or_refused(bytes in mutated()) {
        if let Ok(read) = Manifest::parse(&bytes) {
            // What was read obeys the rules, whatever it was written like.
            prop_assert!(read.tools().iter().all(|tool| read.name().offered(tool.name()).len() <= 64));
            prop_assert!(read.requests().limits().higher_than(&agentstack_plugins::CallLimits::CEILINGS).is_none());
        }
    }

    #[test]
    fn s52_any_bytes_are_a_manifest_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(Manifest::parse(&bytes).is_err());
    }

    #[test]
    fn s52_any_json_in_the_place_of_any_part_is_read_or_refused(part in any_json(), place in 0_usize..6) {
        let mut value = manifest();
        let pointer = ["/tools/0/inputSchema", "/tools/0/outputSchema", "/tools", "/requests", "/requests/memory", "/name"][place];
        *value.pointer_mut(pointer).unwrap() = part;
        let _ = Manifest::parse(value.to_string().as_bytes());
    }

    #[test]
    fn s52_any_signature_is_refused(text in ".{0,200}", place: Index, cut in 0_usize..40) {
        let statement = Package::new(files()).unwrap().statement().unwrap();
        let mut signature = KEY.sign(&statement);
        let mut at = place.index(signature.len());
        let mut end = (at + cut).min(signature.len());
        while !signature.is_char_boundary(at) { at -= 1; }
        while !signature.is_char_boundary(end) { end -= 1; }
        let untrusted = signature.find('\n').unwrap();
        prop_assume!(end > untrusted && at > untrusted && signature.get(at..end) != Some(text.as_str()));
        signature.replace_range(at..end, &text);
        let mut files = files();
        files.push((SIGNATURE.to_owned(), signature.into_bytes()));
        if let Ok(package) = Package::new(files) {
            prop_assert!(verify(package, &trusting(&[&KEY])).is_err());
        }
    }

    #[test]
    fn s52_any_text_is_no_key_and_no_statement(text in ".{0,200}") {
        prop_assert!(text.parse::<PublicKey>().is_err());
        prop_assert!(text.parse::<Statement>().is_err());
        prop_assert!(TrustedKeys::parse(&[&text], &[]).is_err());
        let nothing = Secret::new(String::new());
        prop_assert!(SecretKey::open(&Secret::new(text), &nothing).is_err());
    }
}
