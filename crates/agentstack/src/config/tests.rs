//! Tests of the configuration: what is read, what is refused, and what is said about it.

mod places;
mod providers;
mod refusals;
mod table;

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tempfile::TempDir;

use super::*;

const HOME: &str = "/nowhere/home";

/// A folder, and sources that start there.
fn empty() -> (TempDir, Sources) {
    let folder = TempDir::new().unwrap();
    let sources = Sources { current_dir: folder.path().to_owned(), ..environment(&[]) };
    (folder, sources)
}

fn environment(variables: &[(&str, &str)]) -> Sources {
    let environment = variables.iter().copied().chain([("HOME", HOME)]).collect();
    Sources { environment, ..Sources::default() }
}

fn put(path: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Loads a file with this text, which the user has named, in an environment.
fn load_in(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let (folder, _) = empty();
    let file = folder.path().join("aistack.config.json");
    put(&file, text, 0o600);
    let current_dir = folder.path().to_owned();
    let sources = Sources { explicit: Some(file), current_dir, ..environment(variables) };
    Config::load(&sources).map(|loaded| loaded.config)
}

fn load(value: &Value) -> Result<Config, ConfigError> {
    load_in(&value.to_string(), &[])
}

/// The field that an error names, and its rule.
fn problem(error: ConfigError) -> (String, String) {
    match error {
        ConfigError::Field { problem, .. } => (problem.field, problem.rule),
        other => panic!("{other}"),
    }
}

/// The error with its causes, as an operator sees it, and as a developer does.
fn chain(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn s37_without_a_file_the_defaults_are_safe() {
    let (folder, sources) = empty();
    let Loaded { config, file } = Config::load(&sources).unwrap();
    assert_eq!(file, None);
    assert_eq!(config.memory.path, folder.path().join("data/aistack.db"));
    assert_eq!(config.memory.default_namespace.as_str(), "default");
    assert!(config.security.encryption, "S37");
    let KeySource::File(key) = &config.security.key_source else { panic!("{config:?}") };
    assert_eq!(*key, Path::new(HOME).join(".config/agentstack/agentstack.key"));
    assert!(!config.github.enabled && !config.plugins.enabled && config.mcp.transport == Transport::Stdio);
    assert!(config.providers.anthropic.api_key.is_none() && config.providers.openai.api_key.is_none());
    assert_eq!(config.limits.session_idle_ms(), agentstack_core::limits::SESSION_IDLE_MS);
    assert_eq!(config.limits.session_max_age_ms(), agentstack_core::limits::SESSION_AGE_MS);
    assert_eq!(config.audit.checkpoint_every, 1_000);
}

#[test]
fn a_file_of_the_reference_is_read_as_it_stands() {
    let file = json!({
        "version": "1.0.0",
        "memory": {
            "path": "./data/other.db", "defaultNamespace": "team",
            "vectorSearch": {"enabled": false, "provider": "openai", "model": "text-embedding-3-small"}
        },
        "providers": {
            "default": "ollama",
            "anthropic": {"apiKey": "sk-1", "model": "claude"},
            "openai": {"apiKey": "sk-2"},
            "ollama": {"baseUrl": "http://localhost:11434", "model": "llama"}
        },
        "agents": {"maxConcurrent": 7, "defaultTimeout": 60},
        "github": {"enabled": false, "useGhCli": true},
        "plugins": {"enabled": false, "directory": "./plugins"},
        "mcp": {"transport": "stdio"},
        "hooks": {"sessionStart": true, "sessionEnd": true, "preTask": true, "postTask": false},
        "slack": {"enabled": false, "notifyOnErrors": true},
        "driftDetection": {
            "enabled": false, "threshold": 0.9, "warningThreshold": 0.8, "ancestorDepth": 4,
            "behavior": "prevent", "asyncEmbedding": true
        },
        "resourceExhaustion": {"enabled": false, "thresholds": {"maxApiCalls": 100}, "warningThresholdPercent": 0.7},
        "consensus": {"enabled": false, "requireForRiskLevels": ["high", "medium"], "timeout": 300_000},
        "smartDispatcher": {"enabled": false, "cacheEnabled": true, "dispatchModel": "small"}
    });
    let config = load(&file).unwrap();
    assert_eq!(config.memory.default_namespace.as_str(), "team");
    assert!(config.memory.path.ends_with("data/other.db"));
    assert_eq!(config.providers.default, Some(ProviderName::Ollama));
    assert_eq!(config.providers.anthropic.api_key.unwrap().expose(), "sk-1");
    assert_eq!((config.agents.max_concurrent, config.agents.default_timeout_seconds), (7, 60));
    assert_eq!(config.drift_detection.warning_threshold, Some(0.8));
    assert_eq!(config.drift_detection.behavior, DriftBehavior::Prevent);
}

#[test]
fn variables_are_replaced_once_and_only_as_written() {
    let set = [("A", "one"), ("B_2", "${A}"), ("EMPTY", ""), ("PATH", "p")];
    let cases = [
        ("${A}", "one"),
        ("x${A}y${A}", "xoneyone"),
        ("${B_2}", "${A}"),
        ("$${A}", "${A}"),
        ("$$${A}", "$${A}"),
        ("$A $ }", "$A $ }"),
        ("a${EMPTY}b", "ab"),
    ];
    for (text, expected) in cases {
        let config = load_in(&json!({"providers": {"openai": {"model": text}}}).to_string(), &set).unwrap();
        assert_eq!(config.providers.openai.model.as_deref(), Some(expected), "{text}");
    }
    for (text, rule) in [
        ("${NOT_SET}", "refers to the environment variable `NOT_SET`, which is not set"),
        ("${A", "name of a variable"),
        ("${}", "name of a variable"),
        ("${A-B}", "name of a variable"),
        ("${EMPTY}", "must be a text of 1 to 200"),
    ] {
        let file = json!({"memory": {"vectorSearch": {"model": text}}}).to_string();
        let (field, said) = problem(load_in(&file, &set).unwrap_err());
        assert_eq!(field, "memory.vectorSearch.model");
        assert!(said.contains(rule), "{text}: {said}");
    }
    let file = json!({"consensus": {"highRiskPatterns": ["a", "${NOT_SET}"]}}).to_string();
    assert_eq!(problem(load_in(&file, &set).unwrap_err()).0, "consensus.highRiskPatterns[1]");
}

#[test]
fn flags_come_before_variables_before_the_file_before_defaults() {
    let file =
        json!({"memory": {"path": "/file.db"}, "security": {"keySource": {"env": "FILE_KEY"}}}).to_string();
    let variables = [
        ("AGENTSTACK_MEMORY_PATH", "/variable.db"),
        ("AGENTSTACK_KEY_FILE", "/variable.key"),
        ("AGENTSTACK_SECURITY_ENCRYPTION", "false"),
        ("AGENTSTACK_AUDIT_CHECKPOINT_EVERY", "5"),
        ("AGENTSTACK_LIMITS_SESSION_IDLE_SECONDS", "60"),
        ("AGENTSTACK_MEMORY_DEFAULT_NAMESPACE", "team"),
    ];
    let config = load_in(&file, &[]).unwrap();
    assert_eq!(config.memory.path, Path::new("/file.db"));
    assert_eq!(config.security.key_source.kind(), "env");

    let config = load_in(&file, &variables).unwrap();
    assert_eq!(config.memory.path, Path::new("/variable.db"));
    assert!(
        matches!(&config.security.key_source, KeySource::File(path) if path == Path::new("/variable.key"))
    );
    assert!(!config.security.encryption);
    assert_eq!((config.audit.checkpoint_every, config.limits.session_idle_seconds), (5, 60));
    assert_eq!(config.memory.default_namespace.as_str(), "team");

    let (_folder, sources) = empty();
    let overrides = Overrides {
        memory_path: Some("/flag.db".into()),
        key_file: Some("/flag.key".into()),
        listen: Some("127.0.0.1:9".parse().unwrap()),
    };
    let sources = Sources { environment: environment(&variables).environment, overrides, ..sources };
    let config = Config::load(&sources).unwrap().config;
    assert_eq!(config.memory.path, Path::new("/flag.db"));
    assert_eq!(config.http.listen.port(), 9);
    assert!(matches!(&config.security.key_source, KeySource::File(path) if path == Path::new("/flag.key")));
    assert_eq!(config.memory.default_namespace.as_str(), "team");
}

#[test]
fn s40_the_key_itself_can_stand_in_a_variable() {
    let key = "ab".repeat(32);
    let config = load_in("{}", &[("AGENTSTACK_KEY", &key)]).unwrap();
    let shown = format!("{config:?} {} {:?}", json!(config), config.redacted());
    assert!(!shown.contains(&key), "{shown}");
    assert_eq!(
        config.security.key_source.load(Path::new("/nowhere/data/a.db")).unwrap().to_text().expose(),
        &key
    );
}

#[test]
fn flags_obey_the_rules_too() {
    let (_folder, sources) = empty();
    let overrides = Overrides { memory_path: Some("".into()), ..Overrides::default() };
    let error = Config::load(&Sources { overrides, ..sources }).unwrap_err();
    assert!(error.to_string().starts_with("command line: `memory.path` must be"), "{error}");
}

#[test]
fn variables_with_our_prefix_are_known_and_valid() {
    for (name, value, rule) in [
        ("AGENTSTACK_MEMROY_PATH", "x", "is not a variable of this product"),
        ("AGENTSTACK_", "x", "is not a variable of this product"),
        ("AGENTSTACK_MEMORY_PATH", "", "must be the path"),
        ("AGENTSTACK_SECURITY_ENCRYPTION", "yes", "must be true or false"),
        ("AGENTSTACK_SECURITY_ENCRYPTION", "", "must be true or false"),
        ("AGENTSTACK_AUDIT_CHECKPOINT_EVERY", "+5", "must be a whole number"),
        ("AGENTSTACK_AUDIT_CHECKPOINT_EVERY", "0", "must be a whole number"),
        ("AGENTSTACK_LIMITS_SESSION_MAX_AGE_SECONDS", "1d", "must be a whole number"),
    ] {
        let error = load_in("{}", &[(name, value)]).unwrap_err();
        assert!(error.to_string().starts_with("environment: "), "{error}");
        let (field, said) = problem(error);
        assert_eq!(field, name);
        assert!(said.contains(rule), "{name}: {said}");
    }
    for name in ["AGENTSTACK_CORPORA", "AGENTSTACK_LOG", "AISTACK_X", "OPENAI_API_KEY"] {
        load_in("{}", &[(name, "x")]).unwrap();
    }
    let (field, _) =
        problem(load_in("{}", &[("AGENTSTACK_KEY", "k"), ("AGENTSTACK_KEY_FILE", "f")]).unwrap_err());
    assert_eq!(field, "AGENTSTACK_KEY");
    // A variable that the file refers to is the user's own.
    let file = json!({
        "providers": {"openai": {"apiKey": "${AGENTSTACK_MY_OPENAI}"}},
        "security": {"keySource": {"env": "AGENTSTACK_MY_KEY"}}
    });
    load_in(&file.to_string(), &[("AGENTSTACK_MY_OPENAI", "sk"), ("AGENTSTACK_MY_KEY", "k")]).unwrap();
}
