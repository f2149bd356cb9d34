//! What we sign and what minisign signs is the same (<https://jedisct1.github.io/minisign/>).

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use agentstack_core::Secret;
use agentstack_plugins::{
    COMPONENT, MANIFEST, Package, SIGNATURE, SecretKey, TrustedKeys, Unverified, verify,
};

use crate::support::{KEY, files};

/// A key and two signatures that minisign 0.11 made; the second in the form of before 2021 (`minisign -S -l`).
const PUBLIC: &str = "RWQav4G96s1H9fmiCJazdcxkt/7QUc5bbFPuQRV1TUpoWPJjpJb9mGoR";
const STATEMENT: &str =
    "agentstack-plugin:v1:fixture:1.0.0:12f4af0539512fdc08bc1ea451086146b508b9ffa6d9b0a6fcdaa6797ca9f02e";
const SIGNATURES: [[&str; 2]; 2] = [
    [
        "RUQav4G96s1H9QFFXzAw10WfFxHD6oDtN7L3semT5bKJ0ubC+canOMubKN7r5hNcoyyHJpMYl2Hev1yuj1Kx+FR1MZf8do9N/w0=",
        "Zs0sx/nA0fp+Z5Uk282p+CxR0F/kHVdFkXYDGcqXc5le7+OME4oHj2yT3xpV89GLOMdB+Mx4sq8gPYIAeqwTCQ==",
    ],
    [
        "RWQav4G96s1H9V11kOpNltnBWayl7T73RUfZhO436OFsmjkKJMl6b5KVhVbjQTtB1AtaQ7fKNDSaNIemRYc53mDCzPJo6ho/YwA=",
        "iDdXOyeM5VGMsoKy7xxFGlKbJK6RjKAq2GTTLb1DkfiuLMumQjVQbWvDn0LpxQ926AMxM4TAeOslGJPVAzPuBA==",
    ],
];
const FIXTURE: &str = r#"{"format":1,"name":"fixture","version":"1.0.0","description":"Signed with minisign 0.11.","tools":[{"name":"nothing","description":"Nothing.","inputSchema":{"type":"object"},"outputSchema":{"type":"object"}}]}"#;

fn text([signature, global]: [&str; 2]) -> String {
    format!(
        "untrusted comment: signature from minisign secret key\n{signature}\ntrusted comment: {STATEMENT}\n{global}\n"
    )
}

fn fixture(signature: String) -> Result<(), Unverified> {
    let files = [
        (MANIFEST, FIXTURE.as_bytes().to_vec()),
        (COMPONENT, b"\0asm".to_vec()),
        (SIGNATURE, signature.into_bytes()),
    ];
    let keys = TrustedKeys::parse(&[PUBLIC], &[]).unwrap();
    verify(Package::new(files).unwrap(), &keys).map(drop)
}

#[test]
fn s48_what_minisign_signed_is_accepted() {
    assert_eq!(fixture(text(SIGNATURES[0])), Ok(()));
    assert_eq!(fixture(text(SIGNATURES[0]).trim_end().to_owned()), Ok(()));
}

#[test]
fn s48_a_signature_over_the_message_itself_is_refused() {
    assert_eq!(fixture(text(SIGNATURES[1])), Err(Unverified::Malformed));
}

#[test]
fn s48_the_comment_is_signed_too() {
    for (from, to) in
        [("1.0.0", "9.0.0"), ("fixture", "picture"), ("2e\n", "2f\n"), ("agentstack", "Agentstack")]
    {
        assert_eq!(fixture(text(SIGNATURES[0]).replacen(from, to, 1)), Err(Unverified::Forged), "{to}");
    }
}

#[test]
fn s48_a_signature_has_four_lines_and_no_other_form() {
    let good = text(SIGNATURES[0]);
    let lines: Vec<&str> = good.lines().collect();
    for bad in [
        String::new(),
        lines[..3].join("\n"),
        format!("{good}\n"),
        format!("{good}trusted comment: more\n"),
        good.replace('\n', "\r\n"),
        good.replacen("untrusted comment: ", "comment: ", 1),
        good.replacen("\ntrusted comment: ", "\ncomment: ", 1),
        good.replacen("RUQ", "RUE", 1),
        good.replacen("RUQ", " RUQ", 1),
        good.replacen("w0=", "w0", 1),
        good.replacen("CQ==", "", 1),
        format!("\n{good}"),
    ] {
        assert_eq!(fixture(bad.clone()), Err(Unverified::Malformed), "{bad}");
    }
}

#[test]
fn what_we_sign_the_author_of_minisign_accepts() {
    let statement = Package::new(files()).unwrap().statement().unwrap();
    let key = minisign_verify::PublicKey::decode(&KEY.public_key().unwrap().to_file()).unwrap();
    let signature = minisign_verify::Signature::decode(&KEY.sign(&statement)).unwrap();
    assert_eq!(signature.trusted_comment(), statement.to_string());
    key.verify(statement.to_string().as_bytes(), &signature, false).unwrap();
    key.verify(b"something else", &signature, false).unwrap_err();
}

/// `cargo xtask test-minisign` says where minisign is; without it, that this did not run.
#[test]
fn minisign_itself_proves_our_signatures_and_signs_with_our_keys() {
    #[expect(clippy::disallowed_methods, reason = "minisign is not part of the repository")]
    let Some(program) = std::env::var_os("AGENTSTACK_MINISIGN") else { return };
    let folder = tempfile::tempdir().unwrap();
    let minisign = |arguments: &[&str], password: &str| {
        #[expect(clippy::disallowed_methods, reason = "the yardstick is a program")]
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let read = |name: &str| fs::read_to_string(Path::new(folder.path()).join(name)).unwrap();

    let password = Secret::new("correct horse".to_owned());
    let statement = Package::new(files()).unwrap().statement().unwrap();
    let public = KEY.public_key().unwrap();
    write("ours.pub", &public.to_file());
    write("ours.key", KEY.seal(&password).unwrap().expose());
    write("statement", &statement.to_string());
    write("ours.minisig", &KEY.sign(&statement));
    minisign(&["-Vm", "statement", "-x", "ours.minisig", "-p", "ours.pub"], "");
    let comment = statement.to_string();
    let sign = ["-Sm", "statement", "-x", "again.minisig", "-s", "ours.key", "-t", &comment];
    minisign(&sign, "correct horse\n");
    let mut again = files();
    again.push((SIGNATURE.to_owned(), read("again.minisig").into_bytes()));
    let keys = TrustedKeys::parse(&[public.to_string()], &[]).unwrap();
    assert!(verify(Package::new(again).unwrap(), &keys).is_ok());

    minisign(&["-G", "-p", "theirs.pub", "-s", "theirs.key"], "correct horse\ncorrect horse\n");
    let theirs = SecretKey::open(&Secret::new(read("theirs.key")), &password).unwrap();
    assert_eq!(theirs.public_key().unwrap().to_string(), read("theirs.pub").lines().nth(1).unwrap());
}
