//! The table of shapes, provider by provider.
//!
//! The forms are facts about the providers' keys, as their documentation gives them and as the rules of gitleaks (MIT)
//! collect them; `docs/guard.md` says which of those rules this table answers, and the tests measure it.

use super::shape::{Check, Part, Shape};
use crate::bytes::Set;
use crate::{Confidence, Kind};

use Kind::SecretProviderKey as Provider;
use Part::{Pad, Run, Text};

const ALNUM: Set = Set::ALNUM;
const HEX: Set = Set::HEX;
const LHEX: Set = Set::LOWER_HEX;
const UPPER: Set = Set::UPPER;
const TOKEN: Set = Set::TOKEN;
const EQ: Set = Set::TOKEN_EQ;
const DOTTED: Set = Set::DOTTED;
const B64: Set = Set::BASE64;
const DIGIT: Set = Set::DIGIT;
/// Letters and digits of AWS's key ids.
const B32: Set = Set::range(b'A', b'Z').or(Set::range(b'2', b'7'));
/// Bech32, in upper case, as age writes it.
const BECH32: Set = UPPER;
const ENTRA: Set = Set::DOTTED.and(b'~');
const JWT: Set = Set::TOKEN.and(b'/').and(b'\\');
/// The `://` of a URL, and what may stand before a webhook.
const SCHEME: Set = Set::range(b'/', b'/').and(b':');
const WEB: &[(Set, usize, usize)] = &[(SCHEME, 0, 3), (Set::LETTER, 0, 5)];

/// What follows the name of a key of Authress.
const AUTHRESS: &[Part] = &[
    Run(ALNUM, 5, 30),
    Text("."),
    Run(ALNUM, 4, 6),
    Text(".acc"),
    Run(Set::range(b'_', b'_').and(b'-'), 1, 1),
    Run(ALNUM.and(b'-'), 10, 32),
    Text("."),
    Run(EQ.or(B64), 30, 120),
];

/// One whose constant part is that in every case.
const fn any_case(kind: Kind, literal: &'static str, after: &'static [Part]) -> Shape {
    Shape {
        kind,
        literal,
        exact: false,
        before: &[],
        after,
        confidence: Confidence::High,
        check: Check::Nothing,
    }
}

/// One whose constant part counts as written.
const fn exact(kind: Kind, literal: &'static str, after: &'static [Part]) -> Shape {
    Shape { exact: true, ..any_case(kind, literal, after) }
}

const fn checked(check: Check, shape: Shape) -> Shape {
    Shape { check, confidence: Confidence::Medium, ..shape }
}

/// One with something before its constant part, from right to left.
const fn around(before: &'static [(Set, usize, usize)], shape: Shape) -> Shape {
    Shape { before, ..shape }
}

/// One whose shape has other uses too.
const fn medium(shape: Shape) -> Shape {
    Shape { confidence: Confidence::Medium, ..shape }
}

/// A run that may hold its own constant part again is kept short, so that nothing is read more than some hundred times.
pub(crate) static SHAPES: &[Shape] = &[
    checked(Check::Agentstack, exact(Kind::SecretAgentstackToken, "ast_", &[Run(LHEX, 72, 72)])),
    exact(Kind::SecretAgentstackToken, "asr_", &[Run(LHEX, 64, 64)]),
    any_case(Kind::SecretAgeKey, "AGE-SECRET-KEY-1", &[Run(BECH32, 58, 58)]),
    // Anthropic
    any_case(Kind::SecretAnthropicKey, "sk-ant-", &[Run(TOKEN, 40, 200)]),
    // AWS
    exact(Kind::SecretAwsAccessKey, "AKIA", &[Run(B32, 16, 16)]),
    exact(Kind::SecretAwsAccessKey, "ASIA", &[Run(B32, 16, 16)]),
    exact(Kind::SecretAwsAccessKey, "ABIA", &[Run(B32, 16, 16)]),
    exact(Kind::SecretAwsAccessKey, "ACCA", &[Run(B32, 16, 16)]),
    exact(Kind::SecretAwsAccessKey, "A3T", &[Run(UPPER, 1, 1), Run(B32, 16, 16)]),
    exact(Kind::SecretAwsAccessKey, "ABSK", &[Run(B64, 109, 269), Pad(b'=', 2)]),
    any_case(
        Kind::SecretAwsAccessKey,
        "bedrock-api-key-",
        &[Text("YmVkcm9jay5hbWF6b25hd3MuY29t"), Run(EQ.or(B64), 0, 1024)],
    ),
    // Azure: three characters and a digit before the mark.
    around(&[(DIGIT, 1, 1), (ENTRA, 3, 3)], exact(Kind::SecretAzureClient, "Q~", &[Run(ENTRA, 31, 34)])),
    any_case(Kind::SecretAzureStorageKey, "AccountKey=", &[Run(B64, 86, 86), Text("==")]),
    exact(Kind::SecretDatabricksToken, "dapi", &[Run(LHEX, 32, 32)]),
    exact(Kind::SecretDatabricksToken, "dapi", &[Run(LHEX, 32, 32), Text("-"), Run(DIGIT, 1, 1)]),
    any_case(Kind::SecretDigitaloceanToken, "doo_v1_", &[Run(LHEX, 64, 64)]),
    any_case(Kind::SecretDigitaloceanToken, "dop_v1_", &[Run(LHEX, 64, 64)]),
    any_case(Kind::SecretDigitaloceanToken, "dor_v1_", &[Run(HEX, 64, 64)]),
    any_case(Kind::SecretDopplerToken, "dp.pt.", &[Run(ALNUM, 43, 43)]),
    any_case(Kind::SecretDopplerToken, "dp.st.", &[Run(EQ.and(b'.'), 40, 80)]),
    // GitHub
    checked(Check::Crc32, any_case(Kind::SecretGithubToken, "ghp_", &[Run(ALNUM, 36, 36)])),
    checked(Check::Crc32, any_case(Kind::SecretGithubToken, "gho_", &[Run(ALNUM, 36, 36)])),
    checked(Check::Crc32, any_case(Kind::SecretGithubToken, "ghu_", &[Run(ALNUM, 36, 36)])),
    checked(Check::Crc32, any_case(Kind::SecretGithubToken, "ghs_", &[Run(ALNUM, 36, 36)])),
    checked(Check::Crc32, any_case(Kind::SecretGithubToken, "ghr_", &[Run(ALNUM, 36, 36)])),
    any_case(Kind::SecretGithubToken, "github_pat_", &[Run(Set::WORD, 82, 82)]),
    // GitLab
    any_case(Kind::SecretGitlabToken, "glpat-", &[Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "glpat-", &[Run(TOKEN, 27, 300), Text("."), Run(ALNUM, 9, 9)]),
    any_case(Kind::SecretGitlabToken, "glrt-", &[Run(TOKEN, 20, 20)]),
    any_case(
        Kind::SecretGitlabToken,
        "glrt-t",
        &[Run(DIGIT, 1, 1), Text("_"), Run(TOKEN, 27, 300), Text("."), Run(ALNUM, 9, 9)],
    ),
    any_case(Kind::SecretGitlabToken, "glcbt-", &[Run(ALNUM, 1, 5), Text("_"), Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "gldt-", &[Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "glffct-", &[Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "glft-", &[Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "glimt-", &[Run(TOKEN, 25, 25)]),
    any_case(Kind::SecretGitlabToken, "glagent-", &[Run(TOKEN, 50, 50)]),
    any_case(Kind::SecretGitlabToken, "gloas-", &[Run(TOKEN, 64, 64)]),
    any_case(Kind::SecretGitlabToken, "glptt-", &[Run(LHEX, 40, 40)]),
    any_case(Kind::SecretGitlabToken, "glsoat-", &[Run(TOKEN, 20, 20)]),
    exact(Kind::SecretGitlabToken, "GR1348941", &[Run(TOKEN, 20, 20)]),
    any_case(Kind::SecretGitlabToken, "_gitlab_session=", &[Run(ALNUM, 32, 32)]),
    exact(Kind::SecretGoogleKey, "AIza", &[Run(TOKEN, 35, 35)]),
    // HashiCorp
    around(&[(ALNUM, 14, 14)], any_case(Kind::SecretTerraformToken, ".atlasv1.", &[Run(EQ, 60, 70)])),
    any_case(Kind::SecretVaultToken, "hvs.", &[Run(TOKEN, 24, 120)]),
    any_case(Kind::SecretVaultToken, "hvb.", &[Run(TOKEN, 138, 300)]),
    checked(Check::TwoDigits, exact(Kind::SecretVaultToken, "s.", &[Run(ALNUM, 24, 24)])),
    exact(Kind::SecretHerokuKey, "HRKU-AA", &[Run(TOKEN, 58, 58)]),
    exact(Kind::SecretHuggingfaceToken, "hf_", &[Run(ALNUM, 34, 34)]),
    any_case(Kind::SecretHuggingfaceToken, "api_org_", &[Run(ALNUM, 34, 34)]),
    // The second part is JSON as the first one is; the signature may be missing.
    exact(
        Kind::SecretJwt,
        "ey",
        &[Run(ALNUM, 17, 4096), Text(".ey"), Run(JWT, 17, 8192), Text("."), Run(JWT, 0, 2048), Pad(b'=', 2)],
    ),
    exact(Kind::SecretJwt, "ZXlK", &[Run(ALNUM, 60, 8192), Pad(b'=', 2)]),
    any_case(Kind::SecretLinearKey, "lin_api_", &[Run(ALNUM, 40, 40)]),
    any_case(Kind::SecretMailgunKey, "pubkey-", &[Run(HEX, 32, 32)]),
    any_case(Kind::SecretMailgunKey, "key-", &[Run(HEX, 32, 32)]),
    any_case(Kind::SecretNotionToken, "ntn_", &[Run(DIGIT, 11, 11), Run(ALNUM, 35, 35)]),
    checked(Check::Crc32, any_case(Kind::SecretNpmToken, "npm_", &[Run(ALNUM, 36, 36)])),
    // OpenAI: the middle of every key is its name in base 64.
    exact(Kind::SecretOpenaiKey, "sk-proj-", &[Run(TOKEN, 40, 200)]),
    exact(Kind::SecretOpenaiKey, "sk-svcacct-", &[Run(TOKEN, 40, 200)]),
    exact(Kind::SecretOpenaiKey, "sk-admin-", &[Run(TOKEN, 40, 200)]),
    exact(Kind::SecretOpenaiKey, "sk-", &[Run(ALNUM, 20, 20), Text("T3BlbkFJ"), Run(ALNUM, 20, 20)]),
    medium(exact(Kind::SecretOpenaiKey, "sk-", &[Run(ALNUM, 40, 64)])),
    exact(Kind::SecretPostmanKey, "PMAK-", &[Run(HEX, 24, 24), Text("-"), Run(HEX, 34, 34)]),
    any_case(Kind::SecretPypiToken, "pypi-AgEIcHlwaS5vcmc", &[Run(TOKEN, 50, 1000)]),
    any_case(Kind::SecretPypiToken, "pypi-AgENdGVzdC5weXBpLm9yZw", &[Run(TOKEN, 50, 1000)]),
    exact(Kind::SecretSendgridKey, "SG.", &[Run(DOTTED, 66, 66)]),
    any_case(
        Kind::SecretSentryToken,
        "sntrys_",
        &[Text("eyJpYXQiO"), Run(B64, 20, 600), Pad(b'=', 2), Text("_"), Run(B64, 43, 43)],
    ),
    any_case(Kind::SecretSentryToken, "sntryu_", &[Run(LHEX, 64, 64)]),
    any_case(Kind::SecretShopifyToken, "shpat_", &[Run(HEX, 32, 32)]),
    any_case(Kind::SecretShopifyToken, "shpca_", &[Run(HEX, 32, 32)]),
    any_case(Kind::SecretShopifyToken, "shppa_", &[Run(HEX, 32, 32)]),
    any_case(Kind::SecretShopifyToken, "shpss_", &[Run(HEX, 32, 32)]),
    // Slack: the second letter says whose the token is.
    any_case(Kind::SecretSlackToken, "xapp-", &[Run(DIGIT, 1, 1), Text("-"), Run(TOKEN, 4, 250)]),
    any_case(Kind::SecretSlackToken, "xoxb-", &[Run(TOKEN, 16, 250)]),
    any_case(Kind::SecretSlackToken, "xoxe-", &[Run(TOKEN, 16, 250)]),
    any_case(Kind::SecretSlackToken, "xoxp-", &[Run(TOKEN, 16, 250)]),
    any_case(Kind::SecretSlackToken, "xoxe.xoxb-", &[Run(TOKEN, 16, 250)]),
    any_case(Kind::SecretSlackToken, "xoxe.xoxp-", &[Run(TOKEN, 16, 250)]),
    any_case(Kind::SecretSlackToken, "xoxo-", &[Run(TOKEN, 7, 250)]),
    any_case(Kind::SecretSlackToken, "xoxs-", &[Run(TOKEN, 7, 250)]),
    any_case(Kind::SecretSlackToken, "xoxa-", &[Run(TOKEN, 8, 250)]),
    any_case(Kind::SecretSlackToken, "xoxr-", &[Run(TOKEN, 8, 250)]),
    around(WEB, any_case(Kind::SecretSlackToken, "hooks.slack.com/services/", &[Run(B64, 40, 80)])),
    around(WEB, any_case(Kind::SecretSlackToken, "hooks.slack.com/workflows/", &[Run(B64, 40, 80)])),
    around(WEB, any_case(Kind::SecretSlackToken, "hooks.slack.com/triggers/", &[Run(B64, 40, 80)])),
    exact(Kind::SecretSquareToken, "EAAA", &[Run(TOKEN, 22, 60)]),
    any_case(Kind::SecretSquareToken, "sq0atp-", &[Run(TOKEN, 22, 60)]),
    any_case(Kind::SecretSquareToken, "sq0csp-", &[Run(TOKEN, 43, 43)]),
    any_case(Kind::SecretStripeKey, "sk_live_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "sk_test_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "sk_prod_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "rk_live_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "rk_test_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "rk_prod_", &[Run(ALNUM, 10, 250)]),
    any_case(Kind::SecretStripeKey, "whsec_", &[Run(B64, 32, 64), Pad(b'=', 2)]),
    around(&[(DIGIT, 5, 16)], exact(Kind::SecretTelegramToken, ":A", &[Run(TOKEN, 34, 34)])),
    exact(Kind::SecretTwilioKey, "SK", &[Run(HEX, 32, 32)]),
    // The others.
    exact(
        Provider,
        "A3-",
        &[
            Run(UPPER, 6, 6),
            Text("-"),
            Run(UPPER, 11, 11),
            Text("-"),
            Run(UPPER, 5, 5),
            Text("-"),
            Run(UPPER, 5, 5),
            Text("-"),
            Run(UPPER, 5, 5),
        ],
    ),
    exact(
        Provider,
        "A3-",
        &[
            Run(UPPER, 6, 6),
            Text("-"),
            Run(UPPER, 6, 6),
            Text("-"),
            Run(UPPER, 5, 5),
            Text("-"),
            Run(UPPER, 5, 5),
            Text("-"),
            Run(UPPER, 5, 5),
            Text("-"),
            Run(UPPER, 5, 5),
        ],
    ),
    any_case(Provider, "ops_eyJ", &[Run(B64, 250, 2000), Pad(b'=', 3)]),
    any_case(Provider, "p8e-", &[Run(ALNUM, 32, 32)]),
    exact(Provider, "pat", &[Run(ALNUM, 14, 14), Text("."), Run(LHEX, 64, 64)]),
    exact(Provider, "LTAI", &[Run(ALNUM, 20, 20)]),
    exact(Provider, "AKCp", &[Run(ALNUM, 69, 69)]),
    exact(Provider, "cmVmd", &[Run(ALNUM, 59, 59)]),
    any_case(Provider, "ATATT3", &[Run(EQ, 186, 186)]),
    exact(Provider, "4b1d", &[Run(ALNUM, 38, 38)]),
    any_case(Provider, "clojars_", &[Run(ALNUM, 60, 60)]),
    any_case(Provider, "v1.0-", &[Run(LHEX, 24, 24), Text("-"), Run(LHEX, 146, 146)]),
    any_case(Provider, "duffel_test_", &[Run(EQ, 43, 43)]),
    any_case(Provider, "duffel_live_", &[Run(EQ, 43, 43)]),
    any_case(Provider, "dt0c01.", &[Run(ALNUM, 24, 24), Text("."), Run(ALNUM, 64, 64)]),
    exact(Provider, "EZAK", &[Run(ALNUM, 54, 54)]),
    exact(Provider, "EZTK", &[Run(ALNUM, 54, 54)]),
    exact(Provider, "EAAM", &[Run(ALNUM, 100, 400)]),
    exact(Provider, "EAAC", &[Run(ALNUM, 100, 400)]),
    any_case(Provider, "FLWSECK_TEST-", &[Run(ALNUM, 12, 12)]),
    any_case(Provider, "FLWSECK_TEST-", &[Run(ALNUM, 32, 32), Text("-X")]),
    any_case(Provider, "FLWPUBK_TEST-", &[Run(ALNUM, 32, 32), Text("-X")]),
    any_case(Provider, "fo1_", &[Run(TOKEN, 43, 43)]),
    any_case(Provider, "fm1a_", &[Run(B64, 100, 2000), Pad(b'=', 3)]),
    any_case(Provider, "fm1r_", &[Run(B64, 100, 2000), Pad(b'=', 3)]),
    any_case(Provider, "fm2_", &[Run(B64, 100, 2000), Pad(b'=', 3)]),
    any_case(Provider, "fio-u-", &[Run(EQ, 64, 64)]),
    any_case(Provider, "eyJrIjoi", &[Run(ALNUM, 70, 400), Pad(b'=', 3)]),
    any_case(Provider, "glc_", &[Run(B64, 32, 400), Pad(b'=', 3)]),
    any_case(Provider, "glsa_", &[Run(ALNUM, 32, 32), Text("_"), Run(HEX, 8, 8)]),
    any_case(
        Provider,
        "pat.",
        &[Run(TOKEN, 22, 22), Text("."), Run(ALNUM, 24, 24), Text("."), Run(ALNUM, 20, 20)],
    ),
    any_case(
        Provider,
        "sat.",
        &[Run(TOKEN, 22, 22), Text("."), Run(ALNUM, 24, 24), Text("."), Run(ALNUM, 20, 20)],
    ),
    any_case(Provider, "ico-", &[Run(ALNUM, 32, 32)]),
    any_case(Provider, "s-s4t2ud-", &[Run(HEX, 64, 64)]),
    any_case(Provider, "s-s4t2af-", &[Run(HEX, 64, 64)]),
    around(
        &[(ALNUM, 29, 29), (Set::range(b'_', b'_'), 1, 1), (ALNUM, 6, 6)],
        any_case(Provider, "_mmk", &[]),
    ),
    exact(Provider, "API-", &[Run(UPPER, 26, 26)]),
    any_case(Provider, "sha256~", &[Run(TOKEN, 43, 43)]),
    any_case(Provider, "pplx-", &[Run(ALNUM, 48, 48)]),
    any_case(Provider, "pscale_tkn_", &[Run(DOTTED, 32, 64)]),
    any_case(Provider, "pscale_oauth_", &[Run(DOTTED, 32, 64)]),
    any_case(Provider, "pscale_pw_", &[Run(DOTTED, 32, 64)]),
    any_case(Provider, "pnu_", &[Run(ALNUM, 36, 36)]),
    any_case(Provider, "pul-", &[Run(LHEX, 40, 40)]),
    any_case(Provider, "rdme_", &[Run(ALNUM, 70, 70)]),
    any_case(Provider, "rubygems_", &[Run(LHEX, 48, 48)]),
    any_case(Provider, "tk-us-", &[Run(TOKEN, 48, 48)]),
    any_case(Provider, "xkeysib-", &[Run(LHEX, 64, 64), Text("-"), Run(ALNUM, 16, 16)]),
    any_case(Provider, "sm_aat_", &[Run(ALNUM, 16, 16)]),
    any_case(Provider, "sm_pat_", &[Run(ALNUM, 16, 16)]),
    any_case(Provider, "sm_sat_", &[Run(ALNUM, 16, 16)]),
    any_case(Provider, "shippo_live_", &[Run(HEX, 40, 40)]),
    any_case(Provider, "shippo_test_", &[Run(HEX, 40, 40)]),
    any_case(Provider, "sgp_", &[Run(HEX, 40, 40)]),
    any_case(Provider, "sgp_local_", &[Run(HEX, 40, 40)]),
    any_case(Provider, "sgp_", &[Run(HEX, 16, 16), Text("_"), Run(HEX, 40, 40)]),
    any_case(Provider, "dnkey-", &[Run(EQ, 26, 26), Text("-"), Run(EQ, 52, 52)]),
    any_case(Provider, "NRJS-", &[Run(HEX, 19, 19)]),
    any_case(Provider, "NRII-", &[Run(TOKEN, 32, 32)]),
    any_case(Provider, "NRAK-", &[Run(ALNUM, 27, 27)]),
    around(&[(HEX, 32, 32)], any_case(Provider, "-us", &[Run(DIGIT, 1, 2)])),
    any_case(Provider, "sc_", AUTHRESS),
    any_case(Provider, "ext_", AUTHRESS),
    any_case(Provider, "scauth_", AUTHRESS),
    any_case(Provider, "authress_", AUTHRESS),
    any_case(Provider, "tfp_", &[Run(DOTTED, 59, 59)]),
    any_case(Provider, "AQVN", &[Run(TOKEN, 35, 38)]),
    any_case(Provider, "gsk_", &[Run(ALNUM, 52, 52)]),
    any_case(Provider, "r8_", &[Run(ALNUM, 37, 37)]),
    around(
        &[(ALNUM, 1, 100), (SCHEME, 0, 3), (Set::LETTER, 0, 5)],
        any_case(
            Provider,
            ".webhook.office.com/webhookb2/",
            &[
                Run(ALNUM.and(b'-').and(b'@'), 73, 73),
                Text("/IncomingWebhook/"),
                Run(ALNUM, 32, 32),
                Text("/"),
                Run(ALNUM.and(b'-'), 36, 36),
            ],
        ),
    ),
];
