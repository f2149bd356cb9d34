//! Tests of where a file is found and when it is not trusted.

use std::os::unix::fs::symlink;

use agentstack_storage_sqlite::FileProblem;

use super::*;

fn namespace(sources: &Sources) -> String {
    Config::load(sources).unwrap().config.memory.default_namespace.as_str().to_owned()
}

fn naming(namespace: &str) -> String {
    json!({"memory": {"defaultNamespace": namespace}}).to_string()
}

#[test]
fn the_first_of_the_places_counts_and_parents_are_not_searched() {
    let root = TempDir::new().unwrap();
    let at = |path: &str| root.path().join(path);
    let current_dir = at("project/inner");
    std::fs::create_dir_all(&current_dir).unwrap();
    put(&at("project/aistack.config.json"), &naming("parent"), 0o600);
    let home = at("home");
    let with = |more: &[(&str, &str)]| Sources {
        current_dir: current_dir.clone(),
        environment: more.iter().copied().chain([("HOME", home.to_str().unwrap())]).collect(),
        ..Sources::default()
    };
    assert_eq!(namespace(&with(&[])), "default");
    put(&at("home/.config/agentstack/config.json"), &naming("home"), 0o600);
    assert_eq!(namespace(&with(&[])), "home");
    assert_eq!(namespace(&with(&[("XDG_CONFIG_HOME", "not/absolute")])), "home");
    put(&at("xdg/agentstack/config.json"), &naming("xdg"), 0o600);
    let xdg = at("xdg");
    let xdg = with(&[("XDG_CONFIG_HOME", xdg.to_str().unwrap())]);
    assert_eq!(namespace(&xdg), "xdg");
    put(&current_dir.join("aistack.config.json"), &naming("current"), 0o600);
    assert_eq!(namespace(&xdg), "current");
    put(&current_dir.join("variable.json"), &naming("variable"), 0o600);
    let variable = with(&[("AGENTSTACK_CONFIG", "variable.json")]);
    assert_eq!(namespace(&variable), "variable");
    put(&at("flag.json"), &naming("flag"), 0o600);
    let flag = Sources { explicit: Some(at("flag.json")), ..variable };
    assert_eq!(namespace(&flag), "flag");
    assert_eq!(Config::load(&flag).unwrap().file, Some(at("flag.json")));
}

#[test]
fn a_file_that_cannot_be_used_is_not_passed_over() {
    let (folder, sources) = empty();
    let named = Sources { explicit: Some("nothing.json".into()), ..sources.clone() };
    assert!(matches!(Config::load(&named).unwrap_err(), ConfigError::Missing { .. }));
    let file = folder.path().join("aistack.config.json");
    std::fs::create_dir(&file).unwrap();
    assert!(matches!(Config::load(&sources).unwrap_err(), ConfigError::NotAFile { .. }));
    std::fs::remove_dir(&file).unwrap();
    symlink("nowhere", &file).unwrap();
    assert!(matches!(Config::load(&sources).unwrap_err(), ConfigError::Unreadable { .. }));
    std::fs::remove_file(&file).unwrap();
    put(&file, &" ".repeat(1024 * 1024 + 1), 0o600);
    assert!(matches!(Config::load(&sources).unwrap_err(), ConfigError::NotAFile { .. }));
}

#[test]
fn s42_a_file_with_a_secret_must_be_private() {
    let key = |text: &str| json!({"providers": {"anthropic": {"apiKey": text}}});
    let command = json!({"security": {"keySource": {"command": ["pass", "show", "key"]}}});
    let cases = [
        (key("sk-canary"), Some("providers.anthropic.apiKey")),
        (key("sk-${PART}"), Some("providers.anthropic.apiKey")),
        (key("$${PART}"), Some("providers.anthropic.apiKey")),
        (json!({"slack": {"webhookUrl": "https://hooks.example/canary"}}), Some("slack.webhookUrl")),
        (json!({"watch": {"webhook": {"url": "https://hooks.example/canary"}}}), Some("watch.webhook.url")),
        (json!({"watch": {"webhook": {"url": "${HOOK}", "secret": "canary"}}}), Some("watch.webhook.secret")),
        (json!({"watch": {"webhook": {"url": "${HOOK}", "secret": "${PART}"}}}), None),
        (command, Some("security.keySource.command")),
        (key("${PART}"), None),
        (key("${PART}${PART}"), None),
        (json!({"security": {"keySource": {"env": "MY_KEY"}}}), None),
        (json!({"security": {"keySource": {"file": "/k/agentstack.key"}}}), None),
        (json!({"memory": {"path": "x.db"}}), None),
    ];
    for (file, field) in cases {
        let (folder, _) = empty();
        let path = folder.path().join("named.json");
        let sources = Sources {
            explicit: Some(path.clone()),
            ..environment(&[("PART", "sk"), ("HOOK", "https://a/b?c")])
        };
        for mode in [0o644, 0o640, 0o604, 0o660] {
            put(&path, &file.to_string(), mode);
            match (Config::load(&sources), field) {
                (Ok(_), None) => {}
                (Err(error @ ConfigError::Exposed { .. }), Some(field)) => {
                    let text = chain(&error);
                    assert!(text.contains(&format!("`{field}`")), "{text}");
                    assert!(text.contains(&format!("chmod 600 {}", path.display())), "{text}");
                    assert!(!text.contains("canary"), "{text}");
                }
                (result, _) => panic!("{file} {mode:o}: {result:?}"),
            }
        }
        put(&path, &file.to_string(), 0o600);
        Config::load(&sources).unwrap();
        let link = folder.path().join("link.json");
        symlink(&path, &link).unwrap();
        let linked = Config::load(&Sources { explicit: Some(link), ..sources });
        let refused =
            matches!(linked, Err(ConfigError::Exposed { source: FileProblem::NotPlain { .. }, .. }));
        assert_eq!(refused, field.is_some(), "{file} through a link");
    }
}

#[test]
fn s37_a_file_that_was_come_upon_neither_weakens_protection_nor_runs_a_program() {
    let oauth = json!({"issuer": "https://a", "audience": "https://b", "jwksUri": "https://a/jwks"});
    for (section, settings, wanted) in [
        ("security", json!({"keySource": {"command": ["touch", "canary"]}}), "security.keySource"),
        ("security", json!({"keySource": {"file": "/tmp/key"}}), "security.keySource"),
        ("security", json!({"encryption": false}), "security.encryption"),
        ("security", json!({"policy": "./policy"}), "security.policy"),
        ("http", json!({"oauth": oauth}), "http.oauth"),
        ("watch", json!({"enabled": false}), "watch"),
        ("watch", json!({"webhook": {"url": "https://hooks.example/"}}), "watch"),
    ] {
        let (folder, sources) = empty();
        let path = folder.path().join("aistack.config.json");
        put(&path, &json!({ section: settings }).to_string(), 0o600);
        let (field, rule) = problem(Config::load(&sources).unwrap_err());
        assert_eq!(field, wanted);
        assert!(rule.contains("--config"), "{rule}");
        // Whoever names the file has looked at it.
        Config::load(&Sources { explicit: Some(path), ..sources }).unwrap();
    }
}

#[test]
fn s40_what_comes_from_a_variable_is_not_shown() {
    let (folder, sources) = empty();
    let file = json!({"providers": {"openai": {"model": "${HOME}"}, "anthropic": {"model": "plain"}}});
    let path = folder.path().join("named.json");
    put(&path, &file.to_string(), 0o600);
    let sources = Sources { explicit: Some(path), ..sources };
    let shown = Config::load(&sources).unwrap().config.redacted();
    assert_eq!(shown["providers"]["openai"]["model"], "set");
    assert_eq!(shown["providers"]["anthropic"]["model"], "plain");
}

#[test]
fn without_a_home_the_place_of_the_key_must_be_said() {
    let (_folder, sources) = empty();
    let homeless = Sources { environment: Environment::default(), ..sources };
    let (field, rule) = problem(Config::load(&homeless).unwrap_err());
    assert_eq!(field, "security.keySource");
    assert!(rule.contains("HOME"), "{rule}");
    let overrides = Overrides { key_file: Some("k".into()), ..Overrides::default() };
    Config::load(&Sources { overrides, ..homeless }).unwrap();
}

#[test]
fn relative_paths_start_at_the_current_folder() {
    let (folder, sources) = empty();
    let file = json!({
        "memory": {"path": "./a/../b.db"}, "plugins": {"directory": "p"},
        "security": {"keySource": {"file": "k"}},
        "http": {"oauth": {"issuer": "https://a", "audience": "https://b", "jwksFile": "keys.json"}}
    });
    let path = folder.path().join("elsewhere/config.json");
    put(&path, &file.to_string(), 0o600);
    let config = Config::load(&Sources { explicit: Some(path), ..sources }).unwrap().config;
    assert_eq!(config.memory.path, folder.path().join("a/../b.db"));
    assert_eq!(config.plugins.directory, folder.path().join("p"));
    assert!(matches!(config.security.key_source, KeySource::File(key) if key == folder.path().join("k")));
    let Some(OAuth { keys: IssuerKeys::File(keys), .. }) = config.http.oauth else {
        panic!("a file of keys")
    };
    assert_eq!(keys, folder.path().join("keys.json"));
}

#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    let broken = |name: &str| {
        let (_folder, sources) = empty();
        let pair = (OsString::from(name), OsString::from_vec(vec![0xff]));
        let environment = [pair, ("HOME".into(), HOME.into())].into_iter().collect();
        problem(Config::load(&Sources { environment, ..sources }).unwrap_err())
    };
    assert_eq!(broken("AGENTSTACK_MEMORY_PATH"), ("AGENTSTACK_MEMORY_PATH".into(), "must be UTF-8".into()));
    assert_eq!(broken("AGENTSTACK_CONFIG"), ("AGENTSTACK_CONFIG".into(), "must be UTF-8".into()));
}
