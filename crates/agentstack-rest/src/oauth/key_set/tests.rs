//! Tests of key sets: what a key is for, and signatures of each kind.

use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use serde_json::json;

use super::*;

/// Of the text `signed`, made with OpenSSL: ring makes no RSA keys. The private key is gone.
const MODULUS: &str = "nDApgGdjwMhS-Kbea6sjTw1DvMnJWYndehK-I6gzbJfZa3Ao5ViK25rxnnnOmDJokJe5fFxT9IdJJa6GILJDyYy92P112pQ3MchShSSgej03qA8lkfzQQhpsInnIOFhq_cwNzaoABRRArZSYk76KU4cBdCgvmx2HZ5IFOeWs5kmjNUxweaOffvABR3Wtr3fyw7umPbqraB0OmwiEe-u2Jr6UHZEOU4BxmePCN4MtiV0yxXBHfdx2VteJDgqGkF7zM0Ef08vGLvINh3IrhOMy5vlXREbkoo3T5_UnM_vSCO9-QbR4ktq9S0-ZbIUNIxxoBvBdWOwmwZ3EUMAyqUs6dQ";
/// By the name of the algorithm.
const SIGNATURES: [(&str, &str); 6] = [
    (
        "RS256",
        "HL2W_JGmpj4uNbltlfd_5ilVu6V4-hehPsxhuqH7YnJoU0XsDrzFEyXb5yXuVp2ecLt7J5sS6SgAn6yOhmMZLli_x-1ssAtKpucUJobNDPLVYcD8qU_G7hx-ygak7QAplFN5l6cYtoGqoJKmznomhz-exz8x1G70tOjrV0E0tWtH-ryd9rVARFMW7RhNIfd8-p1C3fJ8ijRXp8WH5PZWK339WxG1PGc5j7h_Kr3LViBMFeKZHvtze_ynHYDrnulW_iN-l4cDrHBzY44GASqBf7X1pr0rFullI2xcr5NRAlqGra7weMQAXA5c1XOR_T771Rw25syXt4tNlVLf08UCAQ",
    ),
    (
        "PS256",
        "SM3mDF0-igEcKoCnLojWWwULCMf6nwGTU4cm2vH-TgAV7MQ63_o0spTIam3bJzFnAquivdJfnHJIv5O4K1bbNRNAJad6oFf9Poi8RUg7nJSjjhXhaLUGBAkRi4bOOQBNjuG1eQCmjCceo7podUJCt85owmZ3mmUJknvKZrsRQMTrtt2-qI85OI_4m-ZMYlYq3vnGzZ4qU8SiU11ECbx0lSqsTHwXER86j-ysNg1RLfrplwJ6mTQNaeAMfhMny44K76t9I5S8X04RE0bkqGX81Mfm8E_kqTRjxoo3p0aWgGbRHELlezkNl1MYh7bFlrdueoorrJXWY3Lh4JMrR-G5Rw",
    ),
    (
        "RS384",
        "QLJSPqi55ROnwhPA45vEirqlIq-k_RIh46bQyh-MP81FtcMwJ_zwUSOwbX_4FF5t-K2H3JLO01aaFQ4-8P-ko6_WHzF1cHLA1qIU0T0A7134_fFk-e2TBQRgw0OyQwIdFzETqWBiIXEdk3zzWcGvonoT5I3YazKy3hXwfaBacsJfO9y5bM38Ej38Mm7h-GlDL_X6VgPsMS6OsuNSAgV_8K1cczuYnBs2I6siiRU_ame1gJQO-Ukwo8Q7ptot_WVwVINaaRo46CeDdAM2Uc5OTu7ahQAtSj1YKi__Ltsb0UB2B7WVBcoEwa-YJqXWZ8J418m05pH0nnshDEYvtXNQ0w",
    ),
    (
        "PS384",
        "biMHT_DgeZ_cXUDnIM8trghVvWv_HpxYlNIHaabYjHyVxFsd5azK71a-0APN1KoiJSVVXsuJC1ev0KZlxnP0nkQrvYyXAaSGT6X-vnapkjcAlbCzcOyKpm3kqnqJ6K4fbOdXpVE0t7cc-SoFkWKEm3Ko1YaUNzpQh9ram4ycagFDwbtshuyMnojycupmu6VYr3hBsxRdK_IAL_DGqfLjtra8uxGPqk4u8owuU10ey-3izGM8F3L5Zpc2QWcnYIoHY1QQVDj-9xXwm8g4MMASU3aRScPhSUw_7-dVOXzCMGRK8yH_rzD_Vzvd9bmn6IotyxjubnL3tAp71t8ZBlfQnA",
    ),
    (
        "RS512",
        "Aj10RhHBwo01OorYl_5Tez6tk9j4Ec2qN-oeAO7iiPQurPYQkANnoyMpbPxDh2hzvldeKlwBYuc0reOn4oxLc8gtYBtXzkNVL3G6Ittc4jjtdzDAjCCbctE5k4Cl4Bvc37lVKZ1E06n_j7cyr7HTbzDQ_Cf5GM2NaIVWsH6mrQPDz4PseW5QetrgLYL6sU7R7k4D0oOGzfkekkz5nLZ6ZTHia5fVrMG-eCrnlY2skvQCI56atFAYa7-2gsYXF-n8nUmEgzROjtKJPMxXM8mv9Kpm5E13HGM5YCUEn1vOJCKOV_v8I23Nj3wCJxyntK5-XKtwRO88IlHBZdu-zpy6ng",
    ),
    (
        "PS512",
        "kvRUwkApkcL7r1E6kRliR-ImFJDVWmLgAnWnp74doiZIgLDen_PhTl3GG-VocQuvFyfO_mmZrOQBEHVzz8N9B4NM8RSCUB5Dmy8hJUc1bBcDPZhCPvkcoVKFu30RBcux4jYhxqmNFUjqAl98xiaTvUguKjJegIbWh8Lm_83In-w6zBIuCe7eUg3AesfGAP6t7ti7uWiv2J4h4hNYvGNsr_MHp54hVbVQOLSyWiMZuPdgCdknZziT-Z9mtCV-tZR-8TEE9bNeIk8TmQQkCQqwUd7zwaJbfodqCKeforQlB6i7Fm880djaKUXj9byOaNUcJwBn9c5hbnqR5UNYqgMTpA",
    ),
];

fn set(keys: &Value) -> KeySet {
    KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

#[test]
fn a_key_is_for_what_it_says_and_for_nothing_else() {
    let x = URL_SAFE_NO_PAD.encode([1; 32]);
    let keys = set(&json!([
        { "kty": "RSA", "kid": "any", "n": x, "e": "AQAB" },
        { "kty": "RSA", "kid": "ps", "n": x, "e": "AQAB", "alg": "PS256", "use": "sig", "key_ops": ["verify"] },
        { "kty": "RSA", "kid": "foreign", "n": x, "e": "AQAB", "alg": "RSA-OAEP" },
        { "kty": "EC", "crv": "P-256", "kid": "ec", "x": x, "y": x },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": x },
        { "kty": "oct", "kid": "secret", "k": x },
        { "kty": "RSA", "kid": "enc", "n": x, "e": "AQAB", "use": "enc" },
        { "kty": "RSA", "kid": "wrap", "n": x, "e": "AQAB", "key_ops": ["wrapKey"] },
        { "kty": "RSA", "n": x, "e": "AQAB" },
        { "kty": "EC", "crv": "P-384", "kid": "short", "x": x, "y": x },
        "nonsense",
    ]));
    for (id, fits) in [
        ("any", vec!["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        ("ps", vec!["PS256"]),
        ("foreign", vec![]),
        ("ec", vec!["ES256"]),
        ("ed", vec!["EdDSA"]),
    ] {
        let all = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];
        let found = all.into_iter().filter(|name| keys.has(id, Algorithm::named(name).unwrap()));
        assert_eq!(found.collect::<Vec<_>>(), fits, "{id}");
    }
    for passed_over in ["secret", "enc", "wrap", "", "short"] {
        assert!(!keys.knows(passed_over), "{passed_over}");
    }
}

#[test]
fn only_asymmetric_algorithms_have_a_name() {
    for bad in ["none", "None", "", "HS256", "HS384", "HS512", "rs256", "ES512", "ES256K", "RS1", "dir"] {
        assert_eq!(Algorithm::named(bad), None, "{bad}");
    }
}

#[test]
fn a_set_is_strict_json_of_the_right_form() {
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "{\"keys\":[]} x"] {
        assert!(KeySet::read(bad.as_bytes()).is_err(), "{bad}");
    }
    let many = json!({ "keys": vec![json!({}); 101] }).to_string();
    assert!(matches!(KeySet::read(many.as_bytes()), Err(KeySetProblem::Form)));
    assert!(matches!(KeySet::read(&vec![b' '; SET_BYTES + 1]), Err(KeySetProblem::TooLarge)));
    for padded in ["AQAB=", "AQA+", "AR", "A QAB", "AQAB\n"] {
        assert_eq!(decode(padded), None, "{padded}");
    }
}

#[test]
fn a_signature_is_good_under_its_own_key_and_algorithm_and_message_alone() {
    let random = SystemRandom::new();
    let ed = Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let ec = |method| {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(method, &random).unwrap();
        EcdsaKeyPair::from_pkcs8(method, pkcs8.as_ref(), &random).unwrap()
    };
    let (p256, p384) = (ec(&ECDSA_P256_SHA256_FIXED_SIGNING), ec(&ECDSA_P384_SHA384_FIXED_SIGNING));
    let half = |key: &[u8], second: bool| {
        let (x, y) = key[1..].split_at((key.len() - 1) / 2);
        URL_SAFE_NO_PAD.encode(if second { y } else { x })
    };
    let (q256, q384) = (p256.public_key().as_ref(), p384.public_key().as_ref());
    let keys = set(&json!([
        { "kty": "RSA", "kid": "rsa", "n": format!("AA{MODULUS}"), "e": "AQAB" },
        { "kty": "RSA", "kid": "plain", "n": MODULUS, "e": "AQAB" },
        { "kty": "EC", "crv": "P-256", "kid": "p256", "x": half(q256, false), "y": half(q256, true) },
        { "kty": "EC", "crv": "P-384", "kid": "p384", "x": half(q384, false), "y": half(q384, true) },
        { "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode(ed.public_key()) },
    ]));
    let mut made: Vec<(&str, &str, Vec<u8>)> =
        SIGNATURES.iter().map(|(name, text)| ("plain", *name, decode(text).unwrap())).collect();
    made.push(("p256", "ES256", p256.sign(&random, b"signed").unwrap().as_ref().to_vec()));
    made.push(("p384", "ES384", p384.sign(&random, b"signed").unwrap().as_ref().to_vec()));
    made.push(("ed", "EdDSA", ed.sign(b"signed").as_ref().to_vec()));
    for (id, name, signature) in &made {
        let algorithm = Algorithm::named(name).unwrap();
        assert!(keys.verifies(id, algorithm, b"signed", signature), "{name}");
        assert!(!keys.verifies(id, algorithm, b"signet", signature), "{name}");
        assert!(!keys.verifies(id, algorithm, b"signed", &signature[1..]), "{name}");
        for (other, others, _) in made.iter().filter(|(_, others, _)| others != name) {
            let others = Algorithm::named(others).unwrap();
            assert!(!keys.verifies(other, others, b"signed", signature), "{name} as {others:?}");
        }
    }
}
