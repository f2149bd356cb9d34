//! What is trusted and what is not (S48).

use agentstack_plugins::{
    COMPONENT, MANIFEST, Package, SIGNATURE, SecretKey, TrustedKeys, Unverified, Verified, verify,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{KEY, files, files_of, manifest, sign, trusting};

type Files = Vec<(String, Vec<u8>)>;

fn signed() -> Files {
    sign(&KEY, files())
}

fn check(files: Files) -> Result<Verified, Unverified> {
    verify(Package::new(files).unwrap(), &trusting(&[&KEY]))
}

fn content<'a>(files: &'a mut Files, name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn s48_a_signed_plugin_is_what_was_signed() {
    let verified = check(signed()).unwrap();
    assert_eq!(verified.manifest().name().as_str(), "greeter");
    assert_eq!(verified.signer(), KEY.public_key().unwrap().id());
    assert_eq!(verified.component(), b"\0asm and what follows");
    assert_eq!(verified.hash(), Package::new(files()).unwrap().hash());
    assert_eq!(verified.matches(&verified.pin()), Ok(()));
}

#[test]
fn s48_an_unsigned_plugin_is_refused() {
    assert_eq!(check(files()).unwrap_err(), Unverified::Unsigned);
    let mut empty = files();
    empty.push((SIGNATURE.to_owned(), Vec::new()));
    assert_eq!(check(empty).unwrap_err(), Unverified::Malformed);
    // A manifest that nobody signed is not even read.
    let mut garbage = files();
    *content(&mut garbage, MANIFEST) = b"{".to_vec();
    assert_eq!(check(garbage).unwrap_err(), Unverified::Unsigned);
}

#[test]
fn s48_the_signature_of_another_key_is_refused() {
    let other = SecretKey::generate().unwrap();
    let id = other.public_key().unwrap().id();
    assert_eq!(check(sign(&other, files())).unwrap_err(), Unverified::UnknownKey(id));
    let nobody = verify(Package::new(signed()).unwrap(), &TrustedKeys::default()).unwrap_err();
    assert_eq!(nobody, Unverified::UnknownKey(KEY.public_key().unwrap().id()));
}

#[test]
fn s48_a_signature_that_only_names_a_trusted_key_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let other = SecretKey::generate().unwrap();
    let statement = Package::new(files()).unwrap().statement().unwrap();
    let (theirs, ours) = (other.sign(&statement), KEY.sign(&statement));
    let decode = |text: &str| STANDARD.decode(text.lines().nth(1).unwrap()).unwrap();
    let (mut forged, genuine) = (decode(&theirs), decode(&ours));
    forged[2..10].copy_from_slice(&genuine[2..10]);
    let forged = theirs.replace(theirs.lines().nth(1).unwrap(), &STANDARD.encode(forged));
    let mut files = files();
    files.push((SIGNATURE.to_owned(), forged.into_bytes()));
    assert_eq!(check(files).unwrap_err(), Unverified::Forged);
}

#[test]
fn s48_a_revoked_key_counts_no_more() {
    let key = KEY.public_key().unwrap();
    let keys = TrustedKeys::parse(&[key.to_string()], &[key.to_string()]).unwrap();
    assert_eq!(verify(Package::new(signed()).unwrap(), &keys).unwrap_err(), Unverified::Revoked(key.id()));
    assert!(keys.is_empty());
}

#[test]
fn s48_every_flipped_bit_of_every_file_is_found() {
    let whole = signed();
    for (name, content) in &whole {
        for bit in 0..content.len() * 8 {
            let mut files = whole.clone();
            self::content(&mut files, name)[bit / 8] ^= 1 << (bit % 8);
            let Ok(package) = Package::new(files) else {
                assert_eq!(name, SIGNATURE, "only the signature has to be text");
                continue;
            };
            let result = verify(package, &trusting(&[&KEY]));
            // What stands behind `untrusted comment: ` is for people, and no part of what is signed.
            let comment = name == SIGNATURE && bit / 8 < content.iter().position(|b| *b == b'\n').unwrap();
            assert!(result.is_err() || comment, "{name}, bit {bit}");
            if name != SIGNATURE {
                assert_eq!(result.unwrap_err(), Unverified::Altered, "{name}, bit {bit}");
            }
        }
    }
}

#[test]
fn s48_a_file_that_was_added_removed_or_exchanged_is_found() {
    let mut added = signed();
    added.push(("LICENSE".to_owned(), Vec::new()));
    let mut removed = signed();
    removed.retain(|(name, _)| name != "README.md");
    let mut renamed = signed();
    renamed.iter_mut().find(|(name, _)| name == "README.md").unwrap().0 = "LICENSE".to_owned();
    let mut moved = signed();
    let tail = content(&mut moved, "README.md").split_off(3);
    content(&mut moved, COMPONENT).extend(tail);
    for files in [added, removed, renamed, moved] {
        assert_eq!(check(files).unwrap_err(), Unverified::Altered);
    }
}

#[test]
fn s48_a_signature_does_not_fit_another_plugin() {
    let mut other = manifest();
    other["version"] = "1.2.1".into();
    let mut files = files_of(&other);
    let signature = signed().pop().unwrap();
    assert_eq!(signature.0, SIGNATURE);
    files.push(signature);
    assert_eq!(check(files).unwrap_err(), Unverified::Altered);
}

#[test]
fn s48_what_the_signature_names_is_what_the_manifest_names() {
    let statement = Package::new(files()).unwrap().statement().unwrap();
    for (name, version) in [("greeter", "9.0.0"), ("greeter-two", "1.2.0")] {
        let mut lying = statement.clone();
        (lying.name, lying.version) = (name.parse().unwrap(), version.parse().unwrap());
        let mut files = files();
        files.push((SIGNATURE.to_owned(), KEY.sign(&lying).into_bytes()));
        assert_eq!(check(files).unwrap_err(), Unverified::OtherName);
    }
}

#[test]
fn s48_a_plugin_that_is_not_the_pinned_one_is_not_loaded() {
    let pin = check(signed()).unwrap().pin();
    let mut other = files();
    content(&mut other, COMPONENT).push(0);
    let other = check(sign(&KEY, other)).unwrap();
    assert_eq!(other.manifest().version(), &pin.version);
    assert_eq!(other.matches(&pin), Err(Unverified::NotPinned));
}

#[test]
fn s48_a_signed_manifest_has_to_be_a_good_one() {
    let mut bad = manifest();
    bad["tools"] = serde_json::json!([]);
    let statement = Package::new(files()).unwrap().statement().unwrap();
    let mut files = files_of(&bad);
    let hash = Package::new(files.clone()).unwrap().hash();
    let statement = agentstack_plugins::Statement { hash, ..statement };
    files.push((SIGNATURE.to_owned(), KEY.sign(&statement).into_bytes()));
    assert!(matches!(check(files).unwrap_err(), Unverified::Manifest(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn s48_no_change_to_a_signed_package_is_accepted(
        file: Index,
        place: Index,
        bytes in proptest::collection::vec(any::<u8>(), 1..16),
        replaces: bool,
    ) {
        let whole = signed();
        let mut changed = whole.clone();
        // The signature comes last, and has tests of its own.
        let content = &mut changed[file.index(whole.len() - 1)].1;
        let at = place.index(content.len());
        let end = if replaces { (at + bytes.len()).min(content.len()) } else { at };
        content.splice(at..end, bytes);
        prop_assume!(changed != whole);
        prop_assert_eq!(check(changed).unwrap_err(), Unverified::Altered);
    }
}
