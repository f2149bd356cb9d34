//! Checkpoints and the keys that sign them (S44).

use agentstack_audit::{Checkpoint, GENESIS, Hash, Head, Malformed, SigningKey, VerifyingKey, link};
use agentstack_core::{Secret, Timestamp};
use proptest::prelude::*;

use crate::logs::{at, signing_key, text};

fn checkpoint() -> Checkpoint {
    Checkpoint::sign(&signing_key(1), &Head { sequence: 42, hash: Hash::from_bytes([5; 32]) }, at(0))
}

#[test]
fn s44_the_chain_is_what_its_description_says() {
    // Computed with Python's hashlib.
    assert_eq!(GENESIS.to_string(), "2e050905730379bc95d56a0ddc9b1a8d9ac9f7db419f6037a3f2489f17f6b3ab");
    assert_eq!(
        link(&GENESIS, 1, "{}").to_string(),
        "f86bbe60d5d6d18e37f53968c99c7f5046a32765a3970ae43cfb3c3bfb6b869d"
    );
    assert_eq!(Head::EMPTY, Head { sequence: 0, hash: GENESIS });
}

#[test]
fn s44_a_link_depends_on_all_it_covers() {
    let hash = link(&GENESIS, 1, "body");
    for other in
        [link(&hash, 1, "body"), link(&GENESIS, 2, "body"), link(&GENESIS, 1, "bodx"), link(&GENESIS, 1, "")]
    {
        assert_ne!(other, hash);
    }
}

#[test]
fn a_hash_has_one_spelling() {
    let text = GENESIS.to_string();
    assert_eq!(text.parse(), Ok(GENESIS));
    for bad in
        [text.to_uppercase(), format!("{text}0"), format!("0x{text}"), text.replace('9', "g"), String::new()]
    {
        assert_eq!(bad.parse::<Hash>(), Err(Malformed::Hash), "{bad}");
    }
}

#[test]
fn s44_a_checkpoint_is_one_line_that_is_read_back_as_it_was() {
    let text = checkpoint().to_string();
    assert!(text.starts_with("agentstack-checkpoint:v1:42:0505"), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    let again: Checkpoint = text.parse().unwrap();
    assert_eq!(again, checkpoint());
    assert!(again.is_genuine());
}

#[test]
fn s44_a_checkpoint_with_any_character_changed_is_refused() {
    let text = checkpoint().to_string();
    for place in 0..text.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64] {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= mask;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!changed.parse::<Checkpoint>().is_ok_and(|c| c.is_genuine()), "{place}: {changed}");
        }
        let mut shorter = text.clone();
        shorter.remove(place);
        assert!(!shorter.parse::<Checkpoint>().is_ok_and(|c| c.is_genuine()), "{place}: {shorter}");
    }
}

#[test]
fn s44_a_checkpoint_has_one_spelling() {
    let text = checkpoint().to_string();
    for bad in [
        text.replacen(":42:", ":042:", 1),
        text.replacen(":42:", ":+42:", 1),
        text.replacen(":v1:", ":v2:", 1),
        format!("{text}:"),
        format!("{text}\n"),
        format!(" {text}"),
        text.to_uppercase(),
        String::new(),
    ] {
        assert!(bad.parse::<Checkpoint>().is_err(), "{bad}");
    }
}

#[test]
fn s44_a_signature_is_of_one_key_one_head_and_one_time() {
    let other = signing_key(2).verifying_key();
    assert!(!Checkpoint { key: other, ..checkpoint() }.is_genuine());
    // What was signed of another head or at another time proves nothing here.
    assert!(!Checkpoint { at: at(1), ..checkpoint() }.is_genuine());
    assert!(!Checkpoint { sequence: 43, ..checkpoint() }.is_genuine());
    assert!(!Checkpoint { hash: GENESIS, ..checkpoint() }.is_genuine());
}

#[test]
fn s44_a_key_is_that_of_rfc_8032() {
    // RFC 8032, section 7.1, test 1.
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let seed: Hash = seed.parse().unwrap();
    let key = SigningKey::new(&Secret::new(*seed.as_bytes()));
    assert_eq!(key.verifying_key().to_string(), public);
    assert_eq!(public.parse(), Ok(key.verifying_key()));
    assert_eq!(key.verifying_key().id(), "d75a980182b10ab7");
    assert_eq!(format!("{key:?}"), "SigningKey(d75a980182b10ab7, …)");
}

#[test]
fn s44_a_weak_or_malformed_key_is_refused() {
    let zeros = "0".repeat(64);
    let identity = format!("01{}", "0".repeat(62));
    for bad in [zeros.as_str(), &identity, "", "d75a", &"D".repeat(64), &"f".repeat(64)] {
        assert_eq!(bad.parse::<VerifyingKey>(), Err(Malformed::VerifyingKey), "{bad}");
    }
}

proptest! {
    #[test]
    fn s44_any_checkpoint_is_read_back(seed: u8, sequence: u64, hash: [u8; 32], millis: i64) {
        let head = Head { sequence, hash: Hash::from_bytes(hash) };
        let checkpoint = Checkpoint::sign(&signing_key(seed), &head, Timestamp::from_millis(millis));
        prop_assert!(checkpoint.is_genuine());
        prop_assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
    }

    #[test]
    fn no_text_makes_reading_a_checkpoint_panic(text in text(100)) {
        prop_assert!(text.parse::<Checkpoint>().is_err());
        let text = format!("agentstack-checkpoint:v1:{text}");
        prop_assert!(text.parse::<Checkpoint>().is_err());
    }
}
