//! The words that make a value a secret, and what the values of providers look like.
//!
//! As with the shapes, the forms are facts about the providers' keys, collected by the rules of gitleaks (MIT).

use super::{Keyword, Role, Row};
use crate::Kind;
use crate::bytes::Set;

use Kind::SecretProviderKey as Provider;

const ALNUM: Set = Set::ALNUM;
const HEX: Set = Set::HEX;
const TOKEN: Set = Set::TOKEN;
const EQ: Set = Set::TOKEN_EQ;
const DOTTED: Set = Set::DOTTED;
const KEY64: Set = Set::BASE64.and(b'=').and(b'-').and(b'_');
const UUID: &[Row] = &[row(Provider, Set::UUID, 36)];
const ALNUM32: &[Row] = &[row(Provider, ALNUM, 32)];
const EQ32: &[Row] = &[row(Provider, EQ, 32)];

const SONAR: &[Row] = &[up_to(44, row(Provider, EQ, 40))];

const fn row(kind: Kind, set: Set, length: usize) -> Row {
    Row { kind, prefix: "", set, least: length, most: length }
}

const fn up_to(most: usize, row: Row) -> Row {
    Row { most, ..row }
}

const fn begins(prefix: &'static str, row: Row) -> Row {
    Row { prefix, ..row }
}

const fn provider(word: &'static str, rows: &'static [Row]) -> Keyword {
    Keyword { word, role: Role::Provider(rows) }
}

const fn key(word: &'static str) -> Keyword {
    Keyword { word, role: Role::Key }
}

const fn password(word: &'static str) -> Keyword {
    Keyword { word, role: Role::Password }
}

pub(crate) static KEYWORDS: &[Keyword] = &[
    key("access"),
    key("auth"),
    key("api"),
    key("credential"),
    key("creds"),
    key("key"),
    key("secret"),
    key("token"),
    password("passw"),
    password("pwd"),
    password("passphrase"),
    password("passwort"),
    password("contraseña"),
    provider("aws", &[row(Kind::SecretAwsSecretKey, Set::BASE64, 40)]),
    provider("secret_access_key", &[row(Kind::SecretAwsSecretKey, Set::BASE64, 40)]),
    provider("secretaccesskey", &[row(Kind::SecretAwsSecretKey, Set::BASE64, 40)]),
    provider("private_key_id", &[row(Kind::SecretGcpServiceAccount, HEX, 40)]),
    provider("datadog", &[row(Kind::SecretDatadogKey, ALNUM, 40), row(Kind::SecretDatadogKey, HEX, 32)]),
    provider("dd_api_key", &[row(Kind::SecretDatadogKey, HEX, 32)]),
    provider(
        "discord",
        &[
            row(Kind::SecretDiscordToken, HEX, 64),
            row(Kind::SecretDiscordToken, EQ, 32),
            up_to(80, row(Kind::SecretDiscordToken, DOTTED, 59)),
        ],
    ),
    provider("heroku", &[row(Kind::SecretHerokuKey, Set::UUID, 36)]),
    provider("linear", &[row(Kind::SecretLinearKey, HEX, 32)]),
    provider("mailgun", &[up_to(50, row(Kind::SecretMailgunKey, Set::ALNUM.and(b'-'), 50))]),
    provider("sentry", &[row(Kind::SecretSentryToken, HEX, 64)]),
    provider("square", &[up_to(64, begins("EAAA", row(Kind::SecretSquareToken, TOKEN, 26)))]),
    provider("twilio", &[row(Kind::SecretTwilioKey, HEX, 32)]),
    provider("azure", &[row(Kind::SecretAzureStorageKey, Set::BASE64.and(b'='), 88)]),
    provider("cohere", &[row(Provider, ALNUM, 40)]),
    provider("co_api_key", &[row(Provider, ALNUM, 40)]),
    provider("adafruit", &[row(Provider, TOKEN, 32)]),
    provider("airtable", &[row(Provider, ALNUM, 17)]),
    provider("algolia", ALNUM32),
    provider("alibaba", &[row(Provider, ALNUM, 30)]),
    provider("asana", ALNUM32),
    provider("atlassian", &[row(Provider, ALNUM, 24)]),
    provider("confluence", &[row(Provider, ALNUM, 24)]),
    provider("jira", &[row(Provider, ALNUM, 24)]),
    provider("beamer", &[begins("b_", row(Provider, EQ, 46))]),
    provider("bitbucket", &[row(Provider, EQ, 64)]),
    provider("bittrex", ALNUM32),
    provider("meraki", &[row(Provider, HEX, 40)]),
    provider("cloudflare", &[row(Provider, TOKEN, 40), row(Provider, HEX, 37)]),
    provider("codecov", ALNUM32),
    provider("coinbase", &[row(Provider, TOKEN, 64)]),
    provider("confluent", &[row(Provider, ALNUM, 16), row(Provider, ALNUM, 64)]),
    provider("contentful", &[row(Provider, EQ, 43)]),
    provider("droneci", ALNUM32),
    provider(
        "dropbox",
        &[row(Provider, EQ, 64), row(Provider, ALNUM, 15), begins("sl.", row(Provider, EQ, 138))],
    ),
    provider("etsy", &[row(Provider, ALNUM, 24)]),
    provider("facebook", &[row(Provider, HEX, 32)]),
    provider("fastly", EQ32),
    provider("finicity", &[row(Provider, HEX, 32), row(Provider, ALNUM, 20)]),
    provider("finnhub", &[row(Provider, ALNUM, 20)]),
    provider("flickr", ALNUM32),
    provider("freshbooks", &[row(Provider, ALNUM, 64)]),
    provider("gitter", &[row(Provider, TOKEN, 40)]),
    provider("gocardless", &[begins("live_", row(Provider, EQ, 45))]),
    provider("hubspot", UUID),
    provider("intercom", &[row(Provider, EQ, 60)]),
    provider("jfrog", &[row(Provider, ALNUM, 73), row(Provider, ALNUM, 64)]),
    provider("artifactory", &[row(Provider, ALNUM, 73), row(Provider, ALNUM, 64)]),
    provider("bintray", &[row(Provider, ALNUM, 73), row(Provider, ALNUM, 64)]),
    provider("xray", &[row(Provider, ALNUM, 73), row(Provider, ALNUM, 64)]),
    provider("kraken", &[up_to(90, row(Provider, KEY64, 80))]),
    provider("kucoin", &[row(Provider, HEX, 24), row(Provider, Set::UUID, 36)]),
    provider("launchdarkly", &[row(Provider, EQ, 40)]),
    provider("linkedin", &[row(Provider, ALNUM, 16)]),
    provider("linked-in", &[row(Provider, ALNUM, 16)]),
    provider("linked_in", &[row(Provider, ALNUM, 16)]),
    provider(
        "lob",
        &[
            begins("live_", row(Provider, HEX, 40)),
            begins("test_", row(Provider, HEX, 40)),
            begins("live_pub_", row(Provider, HEX, 40)),
            begins("test_pub_", row(Provider, HEX, 40)),
        ],
    ),
    provider("looker", &[row(Provider, ALNUM, 24)]),
    provider("mapbox", &[row(Provider, DOTTED, 86)]),
    provider("mattermost", &[row(Provider, ALNUM, 26)]),
    provider("messagebird", &[row(Provider, ALNUM, 25)]),
    provider("message_bird", &[row(Provider, ALNUM, 25)]),
    provider("message-bird", &[row(Provider, ALNUM, 25)]),
    provider("netlify", &[up_to(46, row(Provider, EQ, 40))]),
    provider("newrelic", &[row(Provider, ALNUM, 64)]),
    provider("new-relic", &[row(Provider, ALNUM, 64)]),
    provider("new_relic", &[row(Provider, ALNUM, 64)]),
    provider("nytimes", EQ32),
    provider("newyorktimes", EQ32),
    provider("new-york-times", EQ32),
    provider("new-york-times,", EQ32),
    provider("okta", &[begins("00", row(Provider, EQ, 42))]),
    provider("plaid", &[up_to(64, begins("access-", row(Provider, TOKEN, 50))), row(Provider, ALNUM, 30)]),
    provider("privateai", ALNUM32),
    provider("private-ai", ALNUM32),
    provider("private_ai", ALNUM32),
    provider("rapidapi", &[row(Provider, TOKEN, 50)]),
    provider("sendbird", &[row(Provider, HEX, 40)]),
    provider("snyk", UUID),
    provider("sonar", SONAR),
    provider("sonarlogin", SONAR),
    provider("sonar_login", SONAR),
    provider("sonar-login", SONAR),
    provider("sonar.login", SONAR),
    provider("sonartoken", SONAR),
    provider("sonar_token", SONAR),
    provider("sonar-token", SONAR),
    provider("sonar.token", SONAR),
    provider("squarespace", UUID),
    provider("sumo", &[row(Provider, ALNUM, 64)]),
    provider("travis", &[row(Provider, ALNUM, 22)]),
    provider("twitch", &[row(Provider, ALNUM, 30)]),
    provider(
        "twitter",
        &[
            row(Provider, ALNUM, 45),
            row(Provider, ALNUM, 25),
            row(Provider, ALNUM, 50),
            up_to(66, row(Provider, Set::ALNUM.and(b'-'), 36)),
            up_to(122, row(Provider, Set::ALNUM.and(b'%'), 102)),
        ],
    ),
    provider(
        "yandex",
        &[up_to(150, begins("t1.", row(Provider, DOTTED, 91))), begins("YC", row(Provider, TOKEN, 40))],
    ),
    provider("zendesk", &[row(Provider, ALNUM, 40)]),
];
