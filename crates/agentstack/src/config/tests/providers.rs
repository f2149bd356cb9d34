//! Tests of the section about providers.

use super::*;

/// A section of `openai` alone.
fn openai(section: &Value) -> Value {
    json!({"providers": {"openai": section}})
}

fn loaded(section: &Value, variables: &[(&str, &str)]) -> Provider {
    load_in(&openai(section).to_string(), variables).unwrap().providers.openai
}

#[test]
fn a_key_comes_from_one_place_and_each_is_read() {
    let variable = [("MY_KEY", "sk-1")];
    assert_eq!(loaded(&json!({"apiKey": "${MY_KEY}"}), &variable).api_key.unwrap().expose(), "sk-1");
    let file = loaded(&json!({"apiKeyFile": "keys/openai"}), &[]).api_key_file.unwrap();
    assert!(file.is_absolute() && file.ends_with("keys/openai"), "{file:?}");
    assert!(loaded(&json!({"apiKeyCommand": ["pass", "show"]}), &[]).api_key_command.is_some());
    let keyring = json!({"apiKeyKeyring": {"service": "agentstack", "account": "openai"}});
    let entry = loaded(&keyring, &[("PATH", "/a:/b")]).api_key_keyring.unwrap();
    assert_eq!(
        (entry.service.as_str(), entry.account.as_str(), entry.folders.as_str()),
        ("agentstack", "openai", "/a:/b")
    );
    let none = loaded(&json!({}), &[]);
    assert!(!none.names_a_key() && none.customary_key.is_none());
}

#[test]
fn more_than_one_place_is_an_error_that_names_them() {
    let ways = [
        ("apiKey", json!("${HOME}")),
        ("apiKeyFile", json!("/k")),
        ("apiKeyCommand", json!(["pass"])),
        ("apiKeyKeyring", json!({"service": "s", "account": "a"})),
    ];
    for (index, (one, first)) in ways.iter().enumerate() {
        for (other, second) in ways.iter().skip(index + 1) {
            for provider in ["anthropic", "openai", "ollama"] {
                let file = json!({"providers": {provider: {*one: first, *other: second}}});
                let (field, rule) = problem(load(&file).unwrap_err());
                assert_eq!(field, format!("providers.{provider}"));
                assert!(rule.contains(&format!("it holds {one} and {other}")), "{rule}");
            }
        }
    }
}

#[test]
fn what_breaks_a_rule_about_providers_is_named_with_its_rule() {
    let url = "must be an https:// address, or an http:// one";
    let cases = [
        (json!({"apiKeyFile": ""}), "apiKeyFile", "must be the path"),
        (json!({"apiKeyCommand": []}), "apiKeyCommand", "a program and its arguments"),
        (json!({"apiKeyCommand": "pass show"}), "apiKeyCommand", "a program and its arguments"),
        (json!({"apiKeyKeyring": {"service": "s"}}), "apiKeyKeyring", "both service and account"),
        (json!({"apiKeyKeyring": {}}), "apiKeyKeyring", "both service and account"),
        (
            json!({"apiKeyKeyring": {"service": "-s", "account": "a"}}),
            "apiKeyKeyring.service",
            "begin with `-`",
        ),
        (json!({"apiKeyKeyring": {"name": "s"}}), "apiKeyKeyring.name", "known here: service, account"),
        (json!({"apiKeyKeyring": "s"}), "apiKeyKeyring", "must be an object"),
        (json!({"baseUrl": "http://models.example"}), "baseUrl", url),
        (json!({"baseUrl": "https://169.254.169.254/v1"}), "baseUrl", url),
        (json!({"baseUrl": "https://me:pw@models.example"}), "baseUrl", url),
        (json!({"model": ""}), "model", "1 to 200"),
        (json!({"timeoutSeconds": 0}), "timeoutSeconds", "from 1 to 3,600"),
        (json!({"timeoutSeconds": 3601}), "timeoutSeconds", "from 1 to 3,600"),
        (json!({"maxRetries": 11}), "maxRetries", "from 0 to 10"),
        (json!({"maxRetries": -1}), "maxRetries", "from 0 to 10"),
        (json!({"embeddingModel": "m"}), "embeddingModel", "is not a field"),
    ];
    for (section, name, rule) in cases {
        for provider in ["anthropic", "openai", "ollama"] {
            let (field, said) = problem(load(&json!({"providers": {provider: section}})).unwrap_err());
            assert_eq!(field, format!("providers.{provider}.{name}"), "{section}");
            assert!(said.contains(rule), "{section}: {said}");
        }
    }
    let search = json!({"memory": {"vectorSearch": {"enabled": true, "provider": "anthropic"}}});
    let (field, rule) = problem(load(&search).unwrap_err());
    assert_eq!(field, "memory.vectorSearch.provider");
    assert!(rule.contains("Anthropic has no embeddings"), "{rule}");
    let (field, _) = problem(load(&json!({"providers": {"default": "local"}})).unwrap_err());
    assert_eq!(field, "providers.default");
}

fn local(folder: &Value) -> Value {
    json!({"memory": {"vectorSearch": {"enabled": true, "provider": "local", "folder": folder}}})
}

#[test]
fn a_local_model_needs_its_folder_and_goes_out_to_nobody() {
    let (field, rule) = problem(load(&local(&Value::Null)).unwrap_err());
    assert_eq!(field, "memory.vectorSearch.folder", "{rule}");
    let mut missing = local(&json!("x"));
    missing["memory"]["vectorSearch"].as_object_mut().unwrap().remove("folder");
    let (field, rule) = problem(load(&missing).unwrap_err());
    assert_eq!((field.as_str(), rule.contains("is required")), ("memory.vectorSearch.folder", true));
    let mut alone = local(&json!("models/mini"));
    alone["egress"] = json!({"enabled": false});
    let config = load(&alone).unwrap();
    let folder = config.memory.vector_search.folder.unwrap();
    assert!(folder.is_absolute() && folder.ends_with("models/mini"), "{folder:?}");
}

#[test]
fn s49_a_file_that_was_come_upon_does_not_say_where_keys_are_or_who_is_asked() {
    let key = |section: Value| json!({"providers": {"anthropic": section}});
    let refused = [
        (key(json!({"apiKey": "sk-canary"})), "providers.anthropic.apiKey"),
        (key(json!({"apiKeyFile": "/k"})), "providers.anthropic.apiKeyFile"),
        (key(json!({"apiKeyCommand": ["touch", "canary"]})), "providers.anthropic.apiKeyCommand"),
        (
            key(json!({"apiKeyKeyring": {"service": "s", "account": "a"}})),
            "providers.anthropic.apiKeyKeyring.service",
        ),
        (key(json!({"baseUrl": "https://elsewhere.example"})), "providers.anthropic.baseUrl"),
        (json!({"providers": {"ollama": {"baseUrl": "http://10.0.0.1"}}}), "providers.ollama.baseUrl"),
        (openai(&json!({"baseUrl": "http://localhost:11434"})), "providers.openai.baseUrl"),
        (json!({"memory": {"vectorSearch": {"enabled": true}}}), "memory.vectorSearch.enabled"),
        (local(&json!("/models/mini")), "memory.vectorSearch.enabled"),
        (json!({"memory": {"vectorSearch": {"folder": "/models/mini"}}}), "memory.vectorSearch.folder"),
        (
            json!({"memory": {"vectorSearch": {"enabled": true, "provider": "ollama"}}}),
            "memory.vectorSearch.enabled",
        ),
        (key(json!({"apiKey": "${MY_KEY}"})), "providers.anthropic.apiKey"),
        (key(json!({"model": "${MY_KEY}"})), "providers.anthropic.model"),
    ];
    let taken = [
        key(json!({"model": "m", "timeoutSeconds": 1, "maxRetries": 0})),
        key(json!({"baseUrl": "https://api.anthropic.com"})),
        json!({"providers": {"default": "ollama", "ollama": {"baseUrl": "http://localhost:11434"}}}),
        json!({"memory": {"vectorSearch": {"enabled": false, "model": "m"}}}),
        json!({"egress": {"enabled": false}}),
    ];
    let cases = refused.into_iter().map(|(file, field)| (file, Some(field)));
    for (file, wanted) in cases.chain(taken.into_iter().map(|file| (file, None))) {
        let (folder, _) = empty();
        let path = folder.path().join("aistack.config.json");
        put(&path, &file.to_string(), 0o600);
        let current_dir = folder.path().to_owned();
        let sources = Sources { current_dir, ..environment(&[("MY_KEY", "sk")]) };
        match (Config::load(&sources), wanted) {
            (Ok(_), None) => {}
            (Err(error), Some(wanted)) => {
                assert!(!chain(&error).contains("canary"), "{error:?}");
                let (field, rule) = problem(error);
                assert_eq!(field, wanted);
                assert!(rule.contains("--config"), "{rule}");
            }
            (result, _) => panic!("{file}: {result:?}"),
        }
        // Whoever names the file has looked at it.
        Config::load(&Sources { explicit: Some(path), ..sources }).unwrap();
    }
}

#[test]
fn s42_a_file_that_names_a_program_for_a_key_must_be_private() {
    let (folder, sources) = empty();
    let path = folder.path().join("named.json");
    put(&path, &openai(&json!({"apiKeyCommand": ["pass", "show", "canary"]})).to_string(), 0o644);
    let sources = Sources { explicit: Some(path), ..sources };
    let error = Config::load(&sources).unwrap_err();
    assert!(error.to_string().contains("`providers.openai.apiKeyCommand`"), "{error}");
    assert!(!chain(&error).contains("show"), "{error:?}");
}

#[test]
fn s26_the_key_in_the_usual_variable_goes_to_the_provider_itself_only() {
    let set = [("OPENAI_API_KEY", " sk-1\r\n"), ("ANTHROPIC_API_KEY", "")];
    let used = |section: Value| {
        let providers = load_in(&openai(&section).to_string(), &set).unwrap().providers;
        assert!(providers.customary_key(ProviderName::Anthropic).is_none(), "empty is not set");
        assert!(providers.customary_key(ProviderName::Ollama).is_none());
        providers.customary_key(ProviderName::OpenAi).map(|key| key.expose().to_owned())
    };
    assert_eq!(used(json!({})).as_deref(), Some("sk-1"));
    assert_eq!(used(json!({"model": "m"})).as_deref(), Some("sk-1"));
    assert_eq!(used(json!({"baseUrl": "https://api.openai.com/v1"})).as_deref(), Some("sk-1"));
    assert_eq!(used(json!({"baseUrl": "https://gateway.example/v1"})), None);
    assert_eq!(used(json!({"baseUrl": "http://localhost:1234/v1"})), None);
    assert_eq!(used(json!({"apiKeyFile": "/k"})), None, "a field comes before it");
}

#[test]
fn s40_callers_see_of_a_key_only_whether_there_is_one() {
    let sections = [
        json!({"apiKey": "canary"}),
        json!({"apiKeyFile": "/canary"}),
        json!({"apiKeyCommand": ["canary", "canary"]}),
        json!({"apiKeyKeyring": {"service": "canary", "account": "canary"}, "baseUrl": "https://canary.example"}),
    ];
    for section in sections {
        let shown = load(&openai(&section)).unwrap().redacted();
        let openai = shown["providers"]["openai"].clone();
        assert_eq!(
            openai,
            json!({"apiKey": "set", "maxRetries": 3, "model": null, "timeoutSeconds": 600}),
            "{section}"
        );
        assert!(!format!("{shown:?}").contains("canary"), "{shown:?}");
    }
    let config = load_in("{}", &[("ANTHROPIC_API_KEY", "canary")]).unwrap();
    let shown = config.redacted();
    assert_eq!(shown["providers"]["anthropic"]["apiKey"], "set");
    assert_eq!(shown["providers"]["openai"]["apiKey"], "not set");
    assert!(!format!("{config:?} {shown:?}").contains("canary"), "{config:?}");
}

#[test]
fn s49_without_connections_to_others_whatever_needs_one_is_refused() {
    let oauth = json!({"issuer": "https://a", "audience": "https://b", "jwksUri": "https://a/jwks"});
    let search =
        |provider: &str| json!({"memory": {"vectorSearch": {"enabled": true, "provider": provider}}});
    let cases = [
        (openai(&json!({"apiKey": "sk"})), "providers.openai"),
        (openai(&json!({"baseUrl": "http://localhost:1"})), "providers.openai"),
        (json!({"providers": {"ollama": {"model": "m"}}}), "providers.ollama"),
        (json!({"providers": {"default": "ollama"}}), "providers.default"),
        (search("ollama"), "memory.vectorSearch.enabled"),
        (json!({"watch": {"webhook": {"url": "https://hooks.example"}}}), "watch.webhook"),
        (json!({"http": {"oauth": oauth}}), "http.oauth.jwksUri"),
    ];
    for (mut file, wanted) in cases {
        load(&file).unwrap();
        file["egress"] = json!({"enabled": false});
        let (field, rule) = problem(load(&file).unwrap_err());
        assert_eq!(field, "egress.enabled", "{file}");
        assert!(rule.contains(&format!("`{wanted}`")), "{file}: {rule}");
    }
    let off = json!({"egress": {"enabled": false}, "providers": {"openai": {"model": "m"}}});
    assert!(!load_in(&off.to_string(), &[("OPENAI_API_KEY", "sk")]).unwrap().egress.enabled);
}
