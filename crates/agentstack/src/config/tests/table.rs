//! Tests of every field in the table, so that one that is added is covered.

use proptest::prelude::*;

use super::*;
use crate::config::fields::Field;
use crate::config::rules::Kind;

const CANARY: &str = "canary-7f3a";
const DOCUMENTATION: &str = include_str!("../../../../../docs/configuration.md");
const PROVIDERS: &str = include_str!("../../../../../docs/providers.md");
const OAUTH: &str = include_str!("../../../../../docs/oauth.md");
const GITHUB: &str = include_str!("../../../../../docs/github.md");
const MONITORING: &str = include_str!("../../../../../docs/monitoring.md");

/// `value` at `path` in an otherwise empty document.
fn at(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, name| json!({name: value}))
}

fn pointer<'a>(document: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(document, |value, name| value.get(name))
}

/// Values that a field takes.
fn valid(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Switch => vec![json!(true), json!(false)],
        Kind::Whole { least, most } => vec![json!(least), json!(most)],
        Kind::Fraction => vec![json!(0), json!(0.5), json!(1)],
        Kind::Text { .. } => vec![json!("words")],
        Kind::Texts { .. } => vec![json!([]), json!(["words"])],
        Kind::Choice(words) => words.iter().map(|word| json!(word)).collect(),
        Kind::Version => vec![json!("1.2.3")],
        Kind::SharedName => vec![json!("team")],
        Kind::Path => vec![json!("/somewhere/else")],
        Kind::Url => vec![json!("https://host:1/base")],
        Kind::SecureUrl => vec![json!("https://host:1/base"), json!("http://localhost:1")],
        Kind::Webhook => {
            vec![json!(format!("https://hooks.example/{CANARY}?sig={CANARY}")), json!("http://localhost:1")]
        }
        Kind::Address => vec![json!("127.0.0.1:1"), json!("[::1]:0")],
        Kind::Secret => vec![json!(CANARY)],
        Kind::Variable => vec![json!("MY_KEY")],
        Kind::Command => vec![json!([CANARY, CANARY])],
        Kind::AgentTypes => {
            let one = json!({
                "type": "baker", "description": "Bakes.", "capabilities": ["bake"], "systemPrompt": "You are a baker."
            });
            vec![json!([]), json!([one])]
        }
        Kind::GuardRules => {
            let one = json!({ "in": "shared:team", "find": "pii-email", "action": "refuse", "from": "high" });
            vec![json!([]), json!([one])]
        }
        Kind::Repositories => vec![json!([]), json!(["octo-org/tools", "mona/*"])],
        Kind::PublicKeys => {
            vec![json!([]), json!(["RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"])]
        }
        Kind::PluginSettings => vec![json!({ "greeter": { "apiKey": CANARY } })],
        Kind::Host => vec![json!("git.example.org")],
        Kind::Embedder => vec![json!("openai"), json!("ollama"), json!("local")],
        Kind::Label => vec![json!("agent stack")],
    }
}

fn read(document: Value) -> Result<Config, ConfigError> {
    let Value::Object(fields) = document else { panic!("an object") };
    let variables = [("HOME", HOME), ("SECRET", CANARY)].into_iter().collect();
    let mut document = Document::read(fields, &variables)
        .map_err(|problem| ConfigError::Field { place: Place::Together, problem })?;
    if document.get("security.keySource").is_none() {
        document.set("security.keySource.file", "/k/agentstack.key".into());
    }
    Config::from_document(document)
}

/// Fields that have an effect or will have one.
fn kept() -> impl Iterator<Item = &'static Field> {
    let unkept = ["$schema", "hooks", "slack", "resourceExhaustion", "consensus", "smartDispatcher"];
    fields::all().filter(move |field| {
        let section = field.path.split('.').next().unwrap();
        !unkept.contains(&section)
    })
}

#[test]
fn each_field_of_the_table_reaches_the_configuration() {
    for field in kept() {
        for value in valid(field.kind) {
            // What a value may not be without another is tested elsewhere.
            let mut document = at(field.path, value.clone());
            if field.path == "driftDetection.warningThreshold" && value != json!(0) {
                continue;
            }
            if field.path == "limits.sessionMaxAgeSeconds" {
                document["limits"]["sessionIdleSeconds"] = json!(1);
            } else if field.path == "limits.sessionIdleSeconds" {
                document["limits"]["sessionMaxAgeSeconds"] = json!(31_536_000);
            } else if field.path.starts_with("http.tls.") {
                for other in ["certificate", "key"].iter().filter(|other| !field.path.ends_with(*other)) {
                    document["http"]["tls"][other] = json!("/other.pem");
                }
            }
            if field.path == "watch.webhook.secret" {
                document["watch"]["webhook"]["url"] = json!("https://hooks.example");
            }
            if let Some(section) = field.path.strip_suffix(".service").or(field.path.strip_suffix(".account"))
            {
                let [_, provider, keyring] = section.split('.').collect::<Vec<_>>()[..] else { panic!() };
                for other in ["service", "account"].iter().filter(|other| !field.path.ends_with(*other)) {
                    document["providers"][provider][keyring][other] = json!("other");
                }
            }
            if field.path.starts_with("http.oauth.") {
                for other in ["issuer", "audience"].iter().filter(|other| !field.path.ends_with(*other)) {
                    document["http"]["oauth"][other] = json!("https://other");
                }
                if !field.path.contains("jwks") {
                    document["http"]["oauth"]["jwksFile"] = json!("/other.json");
                }
            }
            let config = read(document).unwrap_or_else(|error| panic!("{}: {error}", field.path));
            let written = json!(config);
            let written = pointer(&written, field.path).unwrap_or_else(|| panic!("{} is lost", field.path));
            let expected = if field.kind.is_shown() { value } else { json!("set") };
            // A fraction that is written as a whole number is read as the same number.
            let same = *written == expected || (expected.is_u64() && written.as_f64() == expected.as_f64());
            assert!(same, "{}: {written} for {expected}", field.path);
        }
    }
}

#[test]
fn s40_no_error_repeats_what_a_field_holds() {
    let odd = [
        json!(format!("{CANARY}\n")),
        json!("${SECRET}\n${SECRET}"),
        json!([{CANARY: CANARY}]),
        json!({CANARY: CANARY}),
        json!({"x": "${SECRET}"}),
        json!([CANARY, 1]),
        json!(["${SECRET}", "${NOT_SET}"]),
        json!(format!("${{{CANARY}")),
        json!(format!("${{{CANARY}}}")),
    ];
    for field in fields::all() {
        for value in &odd {
            let document = at(field.path, value.clone());
            // A path and an argument may hold a line break; then it is no error, and this is not about it.
            if let Err(error) = read(document) {
                assert!(!chain(&error).contains(CANARY), "{}: {error:?}", field.path);
                let (named, _) = problem(error);
                let whole = named.ends_with(".apiKeyKeyring")
                    || ["http.tls", "http.oauth", "watch.webhook"].contains(&named.as_str());
                let of_section = whole && field.path.starts_with(&named);
                assert!(named.starts_with(field.path) || of_section, "{}", field.path);
            }
        }
    }
}

#[test]
fn s40_a_configuration_prints_no_secret() {
    let secrets = fields::all().filter(|field| !field.kind.is_shown());
    for field in secrets {
        let mut texts = vec![valid(field.kind)];
        if field.kind.holds(&json!(CANARY)) {
            texts.push(vec![json!("${SECRET}")]);
        }
        for value in texts.concat() {
            let mut document = at(field.path, value);
            if field.path == "watch.webhook.secret" {
                document["watch"]["webhook"]["url"] = json!("https://hooks.example");
            }
            let config = read(document).unwrap();
            let printed = format!("{config:?} {config:#?} {} {:?}", json!(config), config.redacted());
            assert!(!printed.contains(CANARY), "{}: {printed}", field.path);
        }
    }
}

#[test]
fn s40_every_secret_of_a_configuration_is_told_to_the_redactor() {
    // What other products' files have and this one does not use is not kept.
    let used = fields::all().filter(|field| !field.about.is_empty());
    for field in used.filter(|field| matches!(field.kind, Kind::Secret)) {
        let mut document = at(field.path, json!("${SECRET}"));
        if field.path == "watch.webhook.secret" {
            document["watch"]["webhook"]["url"] = json!("https://hooks.example");
        }
        let secrets = crate::stack::secrets::of(&read(document).unwrap());
        assert!(secrets.iter().any(|secret| secret.expose() == CANARY), "{}", field.path);
    }
}

#[test]
fn callers_see_no_paths_and_only_whether_secrets_are_set() {
    let mut document = json!({
        "providers": {"anthropic": {"apiKey": CANARY}, "ollama": {"baseUrl": "https://inside.example"}},
        "memory": {"path": "/somewhere/a.db", "defaultNamespace": "team"},
        "plugins": {"directory": "/somewhere/plugins"},
        "http": {"oauth": {"issuer": "https://inside.example", "audience": "https://b", "jwksUri": "https://a"}}
    });
    let shown = Value::Object(read(document.clone()).unwrap().redacted());
    assert_eq!(pointer(&shown, "providers.anthropic.apiKey"), Some(&json!("set")));
    assert_eq!(pointer(&shown, "providers.openai.apiKey"), Some(&json!("not set")));
    assert_eq!(pointer(&shown, "security.keySource"), Some(&json!("file")));
    assert_eq!(pointer(&shown, "security.encryption"), Some(&json!(true)));
    assert_eq!(pointer(&shown, "memory.defaultNamespace"), Some(&json!("team")));
    let text = shown.to_string();
    for hidden in [CANARY, "/", "inside", "agentstack.key"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    document["security"] = json!({"keySource": {"command": ["/bin/pass", CANARY]}});
    let text = Value::Object(read(document).unwrap().redacted()).to_string();
    assert!(!text.contains(CANARY) && !text.contains("pass") && text.contains("\"command\""), "{text}");
}

#[test]
fn the_documentation_has_every_field_with_its_default_and_every_variable() {
    let defaults = json!(Config::new(KeySource::File("".into())));
    for field in fields::all().filter(|field| !field.about.is_empty()) {
        let start = format!("| `{}` |", field.path);
        let row = DOCUMENTATION.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/configuration.md has no row for {}", field.path));
        let default =
            pointer(&defaults, field.path).filter(|value| field.kind.is_shown() && !value.is_null());
        if let Some(default) = default.filter(|_| !field.path.starts_with("security.keySource")) {
            assert!(row.contains(&format!("| `{default}` |")), "default {default}: {row}");
        }
        if let Kind::Whole { .. } = field.kind {
            let rule = field.kind.rule().replace("must be a whole number from ", "");
            assert!(row.contains(&rule), "limits {rule}: {row}");
        }
    }
    for (variable, field) in environment::VARIABLES {
        assert!(DOCUMENTATION.lines().any(|line| line.contains(variable)), "{variable} for {field}");
    }
    for variable in environment::OTHERS.iter().filter(|variable| **variable != "AGENTSTACK_CORPORA") {
        assert!(DOCUMENTATION.contains(variable), "{variable}");
    }
}

#[test]
fn the_examples_in_the_documentation_load() {
    let examples = |document: &'static str| {
        document.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next())
    };
    let pages = [DOCUMENTATION, PROVIDERS, OAUTH, GITHUB, MONITORING];
    assert!(pages.iter().all(|page| examples(page).count() > 0));
    for example in pages.into_iter().flat_map(examples) {
        let (folder, _) = empty();
        let path = folder.path().join("named.json");
        put(&path, example, 0o600);
        let variables = environment(&[
            ("ANTHROPIC_API_KEY", "sk-1"),
            ("GITHUB_TOKEN", "token"),
            ("SIGNALS_URL", "https://hooks.example/?key=1"),
            ("SIGNALS_SECRET", "s"),
        ]);
        Config::load(&Sources { explicit: Some(path), ..variables })
            .unwrap_or_else(|error| panic!("{example}{error}"));
    }
}

/// Any JSON, with names of ours among its names.
fn anything() -> impl Strategy<Value = Value> {
    let names: Vec<&str> = fields::all().flat_map(|field| field.path.split('.')).collect();
    let name = prop_oneof![4 => prop::sample::select(names).prop_map(str::to_owned), 1 => ".{0,8}"];
    let text =
        prop_oneof![".{0,12}", Just("${SECRET}".to_owned()), Just("$${".to_owned()), "\\$\\{[A-Z]{0,3}\\}?"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..100_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// A document of the right form whose values are mostly valid.
fn plausible() -> impl Strategy<Value = Value> {
    let one = prop::sample::select(fields::all().collect::<Vec<_>>()).prop_flat_map(|field| {
        let values = prop_oneof![4 => prop::sample::select(valid(field.kind)), 1 => anything()];
        values.prop_map(|value| (field.path, value))
    });
    prop::collection::vec(one, 0..12).prop_map(|settings| {
        let mut document = Document::default();
        for (path, value) in settings {
            document.set(path, value);
        }
        Value::Object(document.fields)
    })
}

proptest! {
    #[test]
    fn any_json_is_read_or_refused_with_the_field_named(value in prop_oneof![anything(), plausible()]) {
        let variables = [("HOME", HOME), ("SECRET", CANARY)].into_iter().collect();
        let Value::Object(fields) = value else { return Ok(()) };
        let names: Vec<String> = fields.keys().cloned().collect();
        match read(Value::Object(fields.clone())) {
            Ok(_) => {}
            Err(ConfigError::Field { problem, .. }) => {
                let first = problem.field.split(['.', '[']).next().unwrap();
                // Only a name at the top that cannot be repeated leaves nothing to name.
                let unnamed = problem.field.is_empty() && problem.rule.contains("a field that is not known");
                prop_assert!(unnamed || names.iter().any(|name| name == first), "{problem}");
                prop_assert!(!problem.to_string().contains(CANARY));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
        // What has been read is read again as it is, unless something in it looks like a variable.
        if let Ok(document) = Document::read(fields, &variables) {
            let text = Value::Object(document.fields.clone()).to_string();
            if !text.contains("${") {
                let again = Document::read(document.fields.clone(), &Environment::default());
                prop_assert_eq!(again.unwrap().fields, document.fields);
            }
        }
    }
}
