//! The keys of signers.

use agentstack_core::Secret;
use agentstack_plugins::{InvalidKeys, KeyId, Package, PublicKey, SecretKey, SecretKeyProblem, TrustedKeys};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{KEY, files};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn public() -> PublicKey {
    KEY.public_key().unwrap()
}

#[test]
fn s40_a_secret_key_does_not_print_itself() {
    let sealed = KEY.seal(&secret("correct horse")).unwrap();
    let shown = format!("{:?} {sealed:?}", *KEY);
    assert_eq!(shown, format!("SecretKey({}, …) Secret(…)", public().id()));
}

#[test]
fn a_sealed_key_opens_with_its_password_alone() {
    let sealed = KEY.seal(&secret("correct horse")).unwrap();
    let again = SecretKey::open(&sealed, &secret("correct horse")).unwrap();
    let statement = Package::new(files()).unwrap().statement().unwrap();
    assert_eq!(again.sign(&statement), KEY.sign(&statement));
    assert_eq!(again.public_key().unwrap(), public());
    for wrong in ["", "correct horsf", "Correct horse"] {
        assert_eq!(SecretKey::open(&sealed, &secret(wrong)).unwrap_err(), SecretKeyProblem::Password);
    }
    assert_eq!(KEY.seal(&secret("")).unwrap_err(), SecretKeyProblem::NoPassword);
}

#[test]
fn a_text_that_is_no_sealed_key_is_refused() {
    let sealed = KEY.seal(&secret("p")).unwrap();
    let bytes = STANDARD.decode(sealed.expose().lines().nth(1).unwrap()).unwrap();
    let open = |bytes: &[u8]| {
        let text = secret(&format!("untrusted comment: x\n{}\n", STANDARD.encode(bytes)));
        SecretKey::open(&text, &secret("p")).map(|_| ()).unwrap_err()
    };
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    assert_eq!(open(&with(0, b"Ee")), SecretKeyProblem::Malformed);
    assert_eq!(open(&with(2, &[0, 0])), SecretKeyProblem::NotSealed);
    assert_eq!(open(&with(2, b"Xx")), SecretKeyProblem::Malformed);
    assert_eq!(open(&with(4, b"B3")), SecretKeyProblem::Malformed);
    // A file cannot make us take a terabyte, or a year.
    assert_eq!(open(&with(46, &(1_u64 << 40).to_le_bytes())), SecretKeyProblem::Work);
    assert_eq!(open(&with(38, &u64::MAX.to_le_bytes())), SecretKeyProblem::Work);
    for cut in [0, 1, 5, 37, 53, bytes.len() - 1] {
        assert_eq!(open(&bytes[..cut]), SecretKeyProblem::Malformed, "{cut}");
    }
    let long = [bytes.as_slice(), &[0]].concat();
    assert_eq!(open(&long), SecretKeyProblem::Malformed);
    for text in ["", "one line", "one\n\n", "one\n!\n"] {
        assert_eq!(SecretKey::open(&secret(text), &secret("p")).unwrap_err(), SecretKeyProblem::Malformed);
    }
}

#[test]
fn a_key_id_has_one_spelling() {
    let id = public().id();
    assert_eq!(id.to_string().parse::<KeyId>(), Ok(id));
    for bad in ["", "0", "00000000000000ab", "+0000000000000AB", "00000000000000AB0", "x000000000000000"] {
        assert!(bad.parse::<KeyId>().is_err(), "{bad}");
    }
}

#[test]
fn s48_a_weak_or_broken_key_is_no_key() {
    let text = public().to_string();
    assert_eq!(text.parse::<PublicKey>().unwrap(), public());
    let bytes = STANDARD.decode(&text).unwrap();
    // The neutral element and a point of order 4: almost anything would be their signature.
    let (mut one, zero) = ([0_u8; 32], [0_u8; 32]);
    one[0] = 1;
    for weak in [one, zero] {
        let key = STANDARD.encode([&bytes[..10], &weak].concat());
        assert!(key.parse::<PublicKey>().is_err(), "{key}");
    }
    let other_algorithm = STANDARD.encode([b"EE", &bytes[2..]].concat());
    for bad in
        ["", "RW", text.get(..55).unwrap(), &format!("{text}\n"), &format!("{text}A"), &other_algorithm]
    {
        assert!(bad.parse::<PublicKey>().is_err(), "{bad}");
    }
}

#[test]
fn the_lists_of_keys_name_what_is_wrong_with_them() {
    let text = public().to_string();
    let parse = |trusted: &[&str], revoked: &[&str]| TrustedKeys::parse(trusted, revoked);
    assert!(parse(&[], &[]).unwrap().is_empty());
    assert!(!parse(&[&text, &text], &[]).unwrap().is_empty());
    let bad = parse(&[&text, "x"], &[]).unwrap_err().to_string();
    assert!(bad.starts_with("the trusted key number 2 must be"), "{bad}");
    let bad = parse(&[], &["x"]).unwrap_err().to_string();
    assert!(bad.starts_with("the revoked key number 1 must be"), "{bad}");
}

#[test]
fn s48_two_trusted_keys_with_one_id_are_refused() {
    let (ours, theirs) = (public().to_string(), SecretKey::generate().unwrap().public_key().unwrap());
    let mut bytes = STANDARD.decode(theirs.to_string()).unwrap();
    bytes[2..10].copy_from_slice(&STANDARD.decode(&ours).unwrap()[2..10]);
    let same_id = STANDARD.encode(bytes);
    let refused = TrustedKeys::parse(&[&ours, &same_id], &[]).unwrap_err();
    assert_eq!(refused, InvalidKeys::SameId(public().id()));
}
