//! Tests of what is refused, and what is said about it.

use super::*;

/// Each file is refused with this field and this rule.
fn all_are_named<const N: usize>(cases: [(Value, &str, &str); N]) {
    for (file, field, rule) in cases {
        let (named, said) = problem(load(&file).unwrap_err());
        assert_eq!(named, field, "{file}");
        assert!(said.contains(rule), "{file}: {said}");
    }
}

#[test]
fn what_breaks_a_rule_is_named_with_its_rule() {
    let cases = [
        (json!({"memroy": {}}), "memroy", "is not a field"),
        (json!({"memory": {"Path": "x"}}), "memory.Path", "path, defaultNamespace, vectorSearch"),
        (json!({"memory.path": "x"}), "", "holds a field that is not known"),
        (json!({"memory": {"vectorSearch": {"on": true}}}), "memory.vectorSearch.on", "is not a field"),
        (json!({"memory": {"a\u{202e}b": true}}), "memory", "holds a field that is not known"),
        (json!({"security": {"policies": "x"}}), "security.policies", "is not a field"),
        (json!({"security": {"policy": ""}}), "security.policy", "must be the path"),
        (json!({"memory": null}), "memory", "must be an object"),
        (json!({"memory": []}), "memory", "must be an object"),
        (json!({"memory": {"path": ""}}), "memory.path", "must be the path"),
        (json!({"memory": {"path": {"a": 1}}}), "memory.path", "must be the path"),
        (
            json!({"memory": {"vectorSearch": {"enabled": "no"}}}),
            "memory.vectorSearch.enabled",
            "true or false",
        ),
        (json!({"memory": {"defaultNamespace": "session:1"}}), "memory.defaultNamespace", "must be 1 to 100"),
        (json!({"agents": {"maxConcurrent": 0}}), "agents.maxConcurrent", "from 1 to 100"),
        (json!({"agents": {"defaultTimeout": 3601}}), "agents.defaultTimeout", "from 10 to 3,600"),
        (json!({"mcp": {"transport": "sse"}}), "mcp.transport", "must be one of \"stdio\", \"http\""),
        (json!({"providers": {"openai": {"apiKey": "a b"}}}), "providers.openai.apiKey", "visible ASCII"),
        (json!({"driftDetection": {"threshold": 1.5}}), "driftDetection.threshold", "from 0 to 1"),
        (
            json!({"driftDetection": {"warningThreshold": 0.99}}),
            "driftDetection.warningThreshold",
            "less than",
        ),
        (json!({"driftDetection": {"ancestorDepth": 11}}), "driftDetection.ancestorDepth", "from 1 to 10"),
    ];
    all_are_named(cases);
}

#[test]
fn what_breaks_a_rule_of_a_new_section_is_named_with_its_rule() {
    let cases = [
        (json!({"limits": {"sessionIdleSeconds": 0}}), "limits.sessionIdleSeconds", "from 1 to 31,536,000"),
        (
            json!({"limits": {"sessionMaxAgeSeconds": 60}}),
            "limits.sessionIdleSeconds",
            "must not be more than",
        ),
        (json!({"audit": {"checkpointEvery": 1_000_001}}), "audit.checkpointEvery", "from 1 to 1,000,000"),
        (json!({"security": {"keySource": {}}}), "security.keySource", "exactly one of file, env, command"),
        (
            json!({"security": {"keySource": {"file": "a", "env": "B"}}}),
            "security.keySource",
            "exactly one of",
        ),
        (
            json!({"security": {"keySource": {"keyring": "a"}}}),
            "security.keySource.keyring",
            "file, env, command",
        ),
        (json!({"security": {"keySource": "file"}}), "security.keySource", "must be an object"),
        (json!({"http": {"listen": "localhost:1"}}), "http.listen", "must be an IP address and a port"),
        (json!({"http": {"tls": {"key": "k.pem"}}}), "http.tls", "must hold both"),
        (json!({"http": {"oauth": {}}}), "http.oauth", "exactly one of jwksUri, jwksFile"),
        (
            json!({"http": {"oauth": {"issuer": "https://a", "audience": "https://b", "jwksUri": "https://a", "jwksFile": "f"}}}),
            "http.oauth",
            "exactly one of",
        ),
        (
            json!({"http": {"oauth": {"issuer": "https://a", "jwksFile": "f"}}}),
            "http.oauth",
            "must hold issuer",
        ),
        (
            json!({"http": {"oauth": {"issuer": "https://a", "audience": "b", "jwksFile": "f"}}}),
            "http.oauth.audience",
            "must be an https:// address",
        ),
        (
            json!({"http": {"oauth": {"jwksUri": "http://a.example"}}}),
            "http.oauth.jwksUri",
            "of this machine",
        ),
        (
            json!({"http": {"oauth": {"secret": "x"}}}),
            "http.oauth.secret",
            "issuer, audience, jwksUri, jwksFile",
        ),
        (json!({"retention": {"days": 1}}), "retention.days", "unverifiedDays"),
        (json!({"guard": {"rules": [{"in": "shared"}]}}), "guard.rules", "a list of at most 200 objects"),
        (json!({"egress": []}), "egress", "must be an object"),
        (json!({"egress": {"allow": ["a"]}}), "egress.allow", "known here: enabled"),
        (json!({"slack": {"enabled": "yes"}}), "slack.enabled", "true or false"),
        (json!({"consensus": {"highRiskPatterns": [1]}}), "consensus.highRiskPatterns", "must be a list"),
        (json!({"version": "2.0.0"}), "version", "begins with 1"),
        (json!([]), "", "must hold one JSON object"),
        (json!("x"), "", "must hold one JSON object"),
    ];
    all_are_named(cases);
}

#[test]
fn what_breaks_a_rule_about_signals_is_named_with_its_rule() {
    let cases = [
        (json!({"watch": {"rules": {}}}), "watch.rules", "enabled, coolDownSeconds, thresholds, webhook"),
        (json!({"watch": {"thresholds": {"denialBurst": 0}}}), "watch.thresholds.denialBurst", "from 1 to"),
        (json!({"watch": {"thresholds": {"denial": 1}}}), "watch.thresholds.denial", "is not a field"),
        (json!({"watch": {"thresholds": {"errorRate": 101}}}), "watch.thresholds.errorRate", "from 1 to 100"),
        (json!({"watch": {"coolDownSeconds": 59}}), "watch.coolDownSeconds", "from 60 to 604,800"),
        (json!({"watch": {"webhook": {"secret": "x"}}}), "watch.webhook", "must hold url"),
        (json!({"watch": {"webhook": {}}}), "watch.webhook", "must hold url"),
        (
            json!({"watch": {"webhook": {"url": "http://hooks.example.org"}}}),
            "watch.webhook.url",
            "of this machine",
        ),
    ];
    all_are_named(cases);
}

#[test]
fn an_error_says_which_file_it_is_about() {
    let (folder, sources) = empty();
    let file = folder.path().join("aistack.config.json");
    put(&file, r#"{"audit": {"checkpointEvery": 0}}"#, 0o600);
    let error = Config::load(&sources).unwrap_err().to_string();
    let expected =
        format!("{}: `audit.checkpointEvery` must be a whole number from 1 to 1,000,000", file.display());
    assert_eq!(error, expected);
}

#[test]
fn a_file_that_two_parsers_could_read_in_two_ways_is_refused() {
    for text in
        ["", "{", "{} {}", "{\"agents\": {}, \"agents\": {}}", "\u{feff}{}", "{\"a\": 1e999}", "{// no\n}"]
    {
        let error = load_in(text, &[]).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{text}: {error}");
    }
}

#[test]
fn what_this_build_does_not_serve_is_refused_by_name() {
    let on = json!({"enabled": true});
    let cases = [
        (
            json!({"github": {"enabled": true, "useGhCli": false}}),
            "github.useGhCli",
            "without the program `gh`",
        ),
        (json!({"driftDetection": on}), "driftDetection.similarity", "by meaning"),
        (json!({"slack": on}), "slack.enabled", "Slack"),
        (json!({"consensus": on}), "consensus.enabled", "consensus"),
        (json!({"smartDispatcher": on}), "smartDispatcher.enabled", "agents by a model"),
    ];
    for (file, field, what) in cases {
        let error = load(&file).unwrap_err();
        assert!(matches!(&error, ConfigError::Unserved(fields) if fields.len() == 1), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("{field}: this build does not serve")), "{text}");
        assert!(text.contains(what) && text.contains("set it to"), "{text}");
    }
    let text = load(&json!({"driftDetection": on})).unwrap_err().to_string();
    assert!(text.contains("without `memory.vectorSearch`"), "{text}");
    let search = json!({"enabled": true, "provider": "ollama"});
    load(&json!({"driftDetection": on, "memory": {"vectorSearch": search}})).unwrap();
    let both = load(&json!({"slack": on, "consensus": on})).unwrap_err().to_string();
    assert_eq!(both.lines().count(), 2, "all at once: {both}");
}

#[test]
fn plugins_are_served_where_the_build_can_run_them() {
    let served = load(&json!({"plugins": {"enabled": true}}));
    assert_eq!(served.is_ok(), cfg!(feature = "wasm-plugins"), "{served:?}");
}

#[test]
fn sections_that_are_off_or_as_the_reference_has_them_are_let_be() {
    for name in [
        "slack",
        "resourceExhaustion",
        "consensus",
        "smartDispatcher",
        "hooks",
        "http",
        "egress",
        "retention",
    ] {
        load(&json!({name: {}})).unwrap();
    }
    for name in ["slack", "resourceExhaustion", "consensus", "smartDispatcher", "github", "plugins"] {
        load(&json!({name: {"enabled": false}})).unwrap();
    }
}
