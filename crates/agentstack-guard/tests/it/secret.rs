//! Secrets: each provider's form, near misses, and what only stands for a secret.

use agentstack_core::{ApiToken, ResumeToken};
use agentstack_guard::{Confidence, Kind};

use crate::support::{self, assert_found, assert_not, confidence};

/// Random-looking characters, the same in every run, so that no file here holds anything a scanner of this repository
/// would stop at.
fn text(characters: &str, length: usize) -> String {
    let characters: Vec<char> = characters.chars().collect();
    let mut state = 41_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        characters[usize::try_from(state >> 33).unwrap() % characters.len()]
    })
    .take(length)
    .collect()
}

fn alnum(length: usize) -> String {
    text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", length)
}

fn hex(length: usize) -> String {
    text("0123456789abcdef", length)
}

fn upper(length: usize) -> String {
    text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", length)
}

#[test]
fn keys_of_the_common_providers_are_found_whole() {
    for (kind, key) in [
        (Kind::SecretAgeKey, format!("AGE-SECRET-KEY-1{}", text("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58))),
        (Kind::SecretAnthropicKey, format!("sk-ant-api03-{}AA", alnum(93))),
        (Kind::SecretAwsAccessKey, format!("AKIA{}", upper(16))),
        (Kind::SecretAzureClient, format!("abc8Q~{}", alnum(34))),
        (Kind::SecretAzureStorageKey, format!("AccountKey={}==", alnum(86))),
        (Kind::SecretDatabricksToken, format!("dapi{}", hex(32))),
        (Kind::SecretDigitaloceanToken, format!("dop_v1_{}", hex(64))),
        (Kind::SecretDopplerToken, format!("dp.pt.{}", alnum(43))),
        (Kind::SecretGithubToken, format!("ghp_{}", alnum(36))),
        (Kind::SecretGithubToken, format!("github_pat_{}_{}", alnum(22), alnum(59))),
        (Kind::SecretGitlabToken, format!("glpat-{}", alnum(20))),
        (Kind::SecretGoogleKey, format!("AIza{}", alnum(35))),
        (Kind::SecretHerokuKey, format!("HRKU-AA{}", alnum(58))),
        (Kind::SecretHuggingfaceToken, format!("hf_{}", alnum(34))),
        (Kind::SecretJwt, format!("eyJ{}.eyJ{}.{}", alnum(33), alnum(80), alnum(43))),
        (Kind::SecretLinearKey, format!("lin_api_{}", alnum(40))),
        (Kind::SecretMailgunKey, format!("key-{}", hex(32))),
        (Kind::SecretNotionToken, format!("ntn_{}{}", text("0123456789", 11), alnum(35))),
        (Kind::SecretNpmToken, format!("npm_{}", alnum(36))),
        (Kind::SecretOpenaiKey, format!("sk-proj-{}T3BlbkFJ{}", alnum(74), alnum(74))),
        (Kind::SecretOpenaiKey, format!("sk-{}T3BlbkFJ{}", alnum(20), alnum(20))),
        (Kind::SecretPostmanKey, format!("PMAK-{}-{}", hex(24), hex(34))),
        (Kind::SecretPypiToken, format!("pypi-AgEIcHlwaS5vcmc{}", alnum(120))),
        (Kind::SecretSendgridKey, format!("SG.{}.{}", alnum(22), alnum(43))),
        (Kind::SecretSentryToken, format!("sntryu_{}", hex(64))),
        (Kind::SecretShopifyToken, format!("shpat_{}", hex(32))),
        (Kind::SecretSlackToken, format!("xoxb-{}-{}", text("0123456789", 12), alnum(24))),
        (Kind::SecretSlackToken, format!("https://hooks.slack.com/services/{}", alnum(44))),
        (Kind::SecretSquareToken, format!("sq0atp-{}", alnum(22))),
        (Kind::SecretStripeKey, format!("sk_live_{}", alnum(24))),
        (Kind::SecretTelegramToken, format!("{}:AA{}", text("123456789", 9), alnum(33))),
        (Kind::SecretTerraformToken, format!("{}.atlasv1.{}", alnum(14), alnum(67))),
        (Kind::SecretTwilioKey, format!("SK{}", hex(32))),
        (Kind::SecretVaultToken, format!("hvs.{}", alnum(95))),
        (Kind::SecretProviderKey, format!("rubygems_{}", hex(48))),
        (Kind::SecretProviderKey, format!("{}-us12", hex(32))),
    ] {
        assert_found(kind, &key);
        // In the middle of a word nothing begins, and what goes on is something else.
        assert_not(kind, &format!("x{key}"));
    }
}

#[test]
fn a_key_that_is_one_character_short_or_long_is_none() {
    for (kind, prefix, body) in [
        (Kind::SecretAwsAccessKey, "AKIA", upper(17)),
        (Kind::SecretGithubToken, "ghp_", alnum(37)),
        (Kind::SecretGoogleKey, "AIza", alnum(36)),
        (Kind::SecretTwilioKey, "SK", hex(33)),
        (Kind::SecretDigitaloceanToken, "dop_v1_", hex(65)),
        (Kind::SecretHuggingfaceToken, "hf_", alnum(35)),
    ] {
        let length = body.len();
        assert_not(kind, &format!("{prefix}{body}"));
        assert_not(kind, &format!("{prefix}{} and more", &body[..length - 2]));
        assert_found(kind, &format!("{prefix}{}", &body[..length - 1]));
    }
}

#[test]
fn our_own_tokens_are_found_by_their_form_and_checksum() {
    let token = ApiToken::generate().unwrap().reveal().to_owned();
    assert_found(Kind::SecretAgentstackToken, &token);
    assert_eq!(confidence(Kind::SecretAgentstackToken, &token), Confidence::High);
    let last = if token.ends_with('0') { '1' } else { '0' };
    assert_not(Kind::SecretAgentstackToken, &format!("{}{last}", &token[..token.len() - 1]));
    assert_found(Kind::SecretAgentstackToken, ResumeToken::generate().unwrap().reveal());
}

#[test]
fn a_checksum_that_holds_makes_it_surer() {
    // Published by GitHub as an example of a token that was never given out.
    let example = ["ghp_", "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17"].concat();
    assert_eq!(confidence(Kind::SecretGithubToken, &example), Confidence::High);
    assert_eq!(confidence(Kind::SecretGithubToken, &example.replace("q17", "q18")), Confidence::Medium);
}

#[test]
fn what_stands_for_a_secret_is_none() {
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk_live_your_key_goes_here",
        "password = \"changeme123\"",
        "password: <your password>",
        "password: ${DB_PASSWORD}",
        "PASSWORD={{ vault.password }}",
        "api_key = \"YOUR_API_KEY_123456\"",
        "api_key: 0123456789abcdef0123",
        "token = os.environ[\"TOKEN\"]",
        "postgres://user:password@localhost/db",
        "https://user:${TOKEN}@host/",
        "secret: aaaaaaaaaaaaaaaaaaaaaaaa1",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
        "The key is to write it down. The token costs 3 coins, the secret is patience.",
        "The password is checked by the server, and passwords are never logged.",
        "let token = parse_token_from_header(&request);",
        "key: 2024-05-01, token: v1.22.333-beta4",
        "agentstack::tests::s03_a_token_is_256_random_bits",
    ] {
        assert!(
            support::found(text).iter().all(|(kind, _)| !kind.starts_with("secret")),
            "{text}: {:?}",
            support::found(text)
        );
    }
}

#[test]
fn a_value_is_a_secret_because_of_the_word_before_it() {
    let hex32 = hex(32);
    for (kind, before, value) in [
        (Kind::SecretDatadogKey, "DATADOG_API_KEY=", hex32.as_str()),
        (Kind::SecretDatadogKey, "myDatadogKey: \"", hex32.as_str()),
        (Kind::SecretAwsSecretKey, "aws_secret_access_key = ", &alnum(40)),
        (Kind::SecretGcpServiceAccount, "\"private_key_id\": \"", &hex(40)),
        (Kind::SecretGeneric, "api_key = \"", &alnum(24)),
        (Kind::SecretGeneric, "\"clientSecret\": \"", &alnum(32)),
        (Kind::SecretGeneric, "access-token := ", &alnum(30)),
        (Kind::SecretPassword, "password = \"", "Tr0ub4dor&3"),
        (Kind::SecretPassword, "\"passwd\": '", "hunter2!"),
        (Kind::SecretPassword, "Passwort: ", "hunter22x"),
        (Kind::SecretPassword, "PGPASSWORD=", "s3cr3tPa55"),
        (Kind::SecretUrlPassword, "postgres://app:", "v3ryS3cretThing"),
        (Kind::SecretUrlPassword, "https://x:", "p@"),
    ] {
        let closing = if kind == Kind::SecretUrlPassword {
            "@db.host.io/x"
        } else if before.ends_with(['"', '\'']) {
            &before[before.len() - 1..]
        } else {
            "\n"
        };
        if value == "p@" {
            assert_not(kind, &format!("{before}{value}{closing}"));
            continue;
        }
        let text = format!("{before}{value}{closing}");
        let found = support::found(&text);
        assert!(found.contains(&(kind.word(), value.to_owned())), "{text}: {found:?}");
    }
}

#[test]
fn a_private_key_is_found_from_its_first_line_to_its_last() {
    let lines: String = (0..12).map(|_| alnum(64) + "\n").collect();
    for title in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
        "ENCRYPTED PRIVATE KEY",
    ] {
        let key = format!("-----BEGIN {title}-----\n{lines}-----END {title}-----");
        assert_found(Kind::SecretPrivateKey, &key);
        assert_found(Kind::SecretPrivateKey, &key.replace('\n', "\\n"));
        // Without its end it is one as far as its lines go.
        let cut = format!("-----BEGIN {title}-----\n{lines}!");
        assert_eq!(support::found(&cut), [("secret-private-key", cut.trim_end_matches('!').to_owned())]);
    }
}

#[test]
fn a_secret_beats_what_it_holds() {
    let text = format!("https://anna:{}@mail.firma.de/", alnum(16));
    assert_eq!(support::found(&text), [("secret-url-password", alnum(16))]);
}
