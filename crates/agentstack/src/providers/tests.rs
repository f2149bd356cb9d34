//! Tests from a configuration to what is sent, against a server of their own.

mod rotation;
mod server;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use agentstack_core::Secret;
use agentstack_providers::{ChatRequest, EmbedRequest, Message, ProviderError};
use tempfile::TempDir;

use self::server::Fake;
use super::*;
use crate::config::ApiKeyring;
use crate::keys::{KeyCommand, KeySource};

const CANARY: &str = "sk-canary-5d2e";

/// What puts a key into a section.
type Place<'a> = &'a dyn Fn(&mut Provider);

/// A configuration, and a folder for its files.
fn world() -> (TempDir, Config) {
    (TempDir::new().unwrap(), Config::new(KeySource::File("/nowhere/agentstack.key".into())))
}

/// A private file with this text.
fn put(path: &Path, text: &str) -> PathBuf {
    put_with(path, text, 0o600)
}

fn put_with(path: &Path, text: &str, mode: u32) -> PathBuf {
    let draft = path.with_extension("new");
    std::fs::write(&draft, text).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::rename(&draft, path).unwrap();
    path.to_owned()
}

/// A program that a test makes.
fn program(path: &Path, script: &str) -> PathBuf {
    put_with(path, &format!("#!/bin/sh\n{script}\n"), 0o700)
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        system: None,
        messages: vec![Message::user("Hello")],
        max_tokens: 9,
        temperature: None,
    }
}

/// Asks the provider that is asked by whoever names none.
async fn ask(models: &Models) -> Result<String, ProviderError> {
    let chat = &models.chat[models.default.as_ref().unwrap()];
    chat.provider.chat(&request(&chat.model)).await.map(|answer| answer.text)
}

/// The error with its causes, as an operator and as a developer sees it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn names(models: &Models) -> Vec<&str> {
    models.chat.keys().map(String::as_str).collect()
}

#[test]
fn without_a_configuration_there_is_no_provider() {
    let (_folder, config) = world();
    let Configured { models, keys } = configured(&config).unwrap();
    assert!(models.chat.is_empty() && models.default.is_none() && models.embedding.is_none());
    assert!(keys.0.is_empty());
}

#[test]
fn a_provider_is_there_when_it_has_what_it_needs() {
    let (_folder, mut config) = world();
    config.providers.anthropic.model = Some("m".to_owned());
    config.providers.openai.model = Some("m".to_owned());
    assert!(names(&configured(&config).unwrap().models).is_empty(), "a model is no key");
    config.providers.ollama.model = Some("m".to_owned());
    let models = configured(&config).unwrap().models;
    assert_eq!((names(&models), models.default.as_deref()), (vec!["ollama"], Some("ollama")));
    config.providers.openai.base_url = Some("http://localhost:1234/v1".to_owned());
    let models = configured(&config).unwrap().models;
    assert_eq!((names(&models), models.default.as_deref()), (vec!["ollama", "openai"], Some("openai")));
    config.providers.anthropic.customary_key = Some(secret(CANARY));
    config.providers.anthropic.model = None;
    let models = configured(&config).unwrap().models;
    assert_eq!(names(&models), ["ollama", "openai"], "a variable that other programs use asks for nothing");
    config.providers.anthropic.model = Some("claude".to_owned());
    let models = configured(&config).unwrap().models;
    assert_eq!(names(&models), ["anthropic", "ollama", "openai"]);
    assert_eq!(models.default.as_deref(), Some("anthropic"));
    assert_eq!(
        (models.chat["anthropic"].model.as_str(), models.chat["openai"].model.as_str()),
        ("claude", "m")
    );
    config.providers.default = Some(ProviderName::Ollama);
    assert_eq!(configured(&config).unwrap().models.default.as_deref(), Some("ollama"));
    config.egress.enabled = false;
    assert!(names(&configured(&config).unwrap().models).is_empty());
}

#[test]
fn a_provider_that_is_asked_for_and_not_there_stops_the_start_with_its_field() {
    let (_folder, mut config) = world();
    config.providers.default = Some(ProviderName::Anthropic);
    let text = configured(&config).unwrap_err().to_string();
    assert!(text.starts_with("`providers.default` asks for anthropic, which has no key"), "{text}");
    assert!(
        text.contains("`providers.anthropic.apiKeyFile`") && text.contains("ANTHROPIC_API_KEY"),
        "{text}"
    );
    config.providers.default = None;
    config.memory.vector_search.enabled = true;
    let text = configured(&config).unwrap_err().to_string();
    assert!(text.starts_with("`memory.vectorSearch.provider` asks for openai, which has no key"), "{text}");
    let (_folder, mut config) = world();
    config.providers.openai.base_url = Some("http://models.example".to_owned());
    let text = chain(&configured(&config).unwrap_err());
    assert!(text.contains("`providers.openai.baseUrl`") && text.contains("https://"), "{text}");
}

#[test]
fn a_local_model_is_there_also_where_nobody_may_be_asked() {
    let (_folder, mut config) = world();
    config.memory.vector_search.enabled = true;
    config.memory.vector_search.provider = EmbeddingProvider::Local;
    config.memory.vector_search.folder = Some("/models/mini".into());
    config.egress.enabled = false;
    let embedding = configured(&config).unwrap().models.embedding.unwrap();
    assert_eq!((embedding.name.as_str(), embedding.model.as_str()), ("local", "mini"));
}

#[test]
fn search_by_meaning_has_its_embedder_and_model() {
    let (_folder, mut config) = world();
    config.memory.vector_search.enabled = true;
    config.memory.vector_search.provider = EmbeddingProvider::Ollama;
    let models = configured(&config).unwrap().models;
    let embedding = models.embedding.unwrap();
    assert_eq!((embedding.name.as_str(), embedding.model.as_str()), ("ollama", "nomic-embed-text"));
    assert!(models.chat.is_empty(), "who embeds is not yet there to chat with");
    config.memory.vector_search.provider = EmbeddingProvider::OpenAi;
    config.memory.vector_search.model = Some("m".to_owned());
    config.providers.openai.api_key = Some(secret(CANARY));
    let models = configured(&config).unwrap().models;
    let embedding = models.embedding.clone().unwrap();
    assert_eq!((embedding.name.as_str(), embedding.model.as_str()), ("openai", "m"));
    assert_eq!(names(&models), ["openai"]);
}

#[tokio::test]
async fn s26_the_key_from_each_place_is_in_the_header_and_nowhere_else() {
    let fake = Fake::start();
    let (folder, mut config) = world();
    let at = |name: &str| folder.path().join(name);
    let folders = folder.path().to_str().unwrap().to_owned();
    let script = r#"test "$*" = "lookup service my service account me" && printf 'sk-keyring\n'"#;
    program(&at("secret-tool"), script);
    let keyring = ApiKeyring::new("my service", "me", format!("relative:/nowhere:{folders}"));
    let places: [(_, Place<'_>); 4] = [
        ("sk-text", &|openai| openai.api_key = Some(secret("sk-text"))),
        ("sk-file", &|openai| openai.api_key_file = Some(put(&at("key"), "sk-file\n"))),
        ("sk-command", &|openai| {
            openai.api_key_command =
                Some(KeyCommand::new("printf", ["%s\\n".to_owned(), "sk-command".to_owned()]));
        }),
        ("sk-keyring", &|openai| openai.api_key_keyring = Some(keyring.clone())),
    ];
    for (key, place) in places {
        config.providers.openai = Provider::default();
        config.providers.openai.base_url = Some(fake.url());
        place(&mut config.providers.openai);
        let Configured { models, .. } = configured(&config).unwrap();
        assert_eq!(ask(&models).await.unwrap(), "Hi", "{key}");
        assert_eq!(fake.last("authorization"), format!("Bearer {key}"));
        assert_eq!(fake.last_whole().matches(key).count(), 1);
    }
}

#[tokio::test]
async fn each_provider_is_asked_with_its_settings() {
    let fake = Fake::start();
    let (folder, mut config) = world();
    let file = put(&folder.path().join("key"), CANARY);
    for name in ProviderName::ALL {
        let section = config.providers.of_mut(name);
        section.base_url = Some(fake.url());
        section.api_key_file = Some(file.clone());
        section.model = Some("a-model".to_owned());
    }
    config.memory.vector_search.enabled = true;
    for (name, header, value) in [
        ("anthropic", "x-api-key", CANARY.to_owned()),
        ("openai", "authorization", format!("Bearer {CANARY}")),
        ("ollama", "authorization", format!("Bearer {CANARY}")),
    ] {
        config.providers.default = ProviderName::ALL.into_iter().find(|one| one.as_str() == name);
        assert_eq!(ask(&configured(&config).unwrap().models).await.unwrap(), "Hi", "{name}");
        assert_eq!(fake.last(header), value);
        assert!(fake.last_whole().contains("a-model"));
    }
    let embedding = configured(&config).unwrap().models.embedding.unwrap();
    let asked = EmbedRequest { model: embedding.model.clone(), texts: vec!["a".to_owned()] };
    assert_eq!(embedding.provider.embed(&asked).await.unwrap().vectors, [[1.0, 2.0]]);
    assert!(fake.last_whole().contains("text-embedding-3-small"));
    // A server of one's own may want no key.
    config.providers.openai.api_key_file = None;
    config.providers.default = Some(ProviderName::OpenAi);
    ask(&configured(&config).unwrap().models).await.unwrap();
    assert_eq!(fake.last("authorization"), "");
}

#[test]
fn timeouts_and_retries_are_limits() {
    let section = Provider { timeout_seconds: 7, max_retries: 0, ..Provider::default() };
    let limits = limits(&section);
    let seven = Duration::from_secs(7);
    assert_eq!((limits.total, limits.first_byte, limits.tries), (seven, seven, 1));
    let usual = super::limits(&Provider::default());
    assert_eq!((usual.total, usual.tries), (Limits::default().total, Limits::default().tries));
}

#[tokio::test]
async fn a_program_is_run_at_the_first_use_and_not_for_each() {
    let fake = Fake::start();
    let (folder, mut config) = world();
    let runs = folder.path().join("runs");
    let script = format!("echo run >> {}; echo sk-1", runs.display());
    let tool = program(&folder.path().join("tool"), &script);
    config.providers.openai.base_url = Some(fake.url());
    config.providers.openai.api_key_command = Some(KeyCommand::new(tool.to_str().unwrap(), []));
    let Configured { models, keys } = configured_looking(&config, Duration::ZERO).unwrap();
    let count = || std::fs::read_to_string(&runs).unwrap_or_default().lines().count();
    keys.renew().await;
    assert_eq!(count(), 0, "nobody has asked for it yet");
    ask(&models).await.unwrap();
    ask(&models).await.unwrap();
    assert_eq!(count(), 1);
    config.check_providers().unwrap();
    assert_eq!(count(), 2);
}

#[tokio::test]
async fn a_program_that_gives_no_key_is_asked_again_later_and_nothing_is_sent() {
    let fake = Fake::start();
    let (folder, mut config) = world();
    let answer = folder.path().join("answer");
    let tool = program(&folder.path().join("tool"), &format!("cat {}", answer.display()));
    config.providers.openai.base_url = Some(fake.url());
    config.providers.openai.api_key_command = Some(KeyCommand::new(tool.to_str().unwrap(), []));
    let models = configured_looking(&config, Duration::ZERO).unwrap().models;
    for bad in [None, Some("no key"), Some("")] {
        bad.map(|text| put(&answer, text));
        assert!(matches!(ask(&models).await, Err(ProviderError::NoKey)), "{bad:?}");
        assert!(chain(&config.check_providers().unwrap_err()).contains("`providers.openai.apiKeyCommand`"));
    }
    assert_eq!(fake.count(), 0);
    let patient = configured_looking(&config, Duration::from_hours(1)).unwrap().models;
    assert!(matches!(ask(&patient).await, Err(ProviderError::NoKey)));
    put(&answer, "sk-1\n");
    ask(&models).await.unwrap();
    assert!(matches!(ask(&patient).await, Err(ProviderError::NoKey)), "it is too early");
}

#[test]
fn s40_a_key_that_cannot_be_used_is_named_by_its_field_and_not_repeated() {
    let bad = format!("{CANARY} {CANARY}");
    let (folder, config) = world();
    let at = |name: &str| folder.path().join(name);
    put(&at("bad"), &bad);
    put(&at("empty"), "\n");
    put_with(&at("open"), CANARY, 0o640);
    std::os::unix::fs::symlink(put(&at("good"), CANARY), at("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        at("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    for (name, what) in [
        ("bad", "printable ASCII"),
        ("empty", "1 to 4096"),
        ("open", "chmod 600"),
        ("link", "not a plain file"),
        ("pipe", "not a plain file"),
        (".", "not a plain file"),
        ("nothing", "does not exist"),
    ] {
        let mut config = config.clone();
        config.providers.anthropic.api_key_file = Some(at(name));
        let error = configured(&config).unwrap_err();
        let text = chain(&error);
        assert!(text.starts_with("`providers.anthropic.apiKeyFile` gives no key"), "{text}");
        assert!(text.contains(what) && !text.contains(CANARY), "{name}: {text}");
    }
    let mut config = config.clone();
    config.providers.openai.model = Some("m".to_owned());
    config.providers.openai.customary_key = Some(secret(&bad));
    let text = chain(&configured(&config).unwrap_err());
    assert!(text.starts_with("`OPENAI_API_KEY` gives no key") && !text.contains(CANARY), "{text}");
    config.providers.openai.api_key = Some(secret(&bad));
    let text = chain(&configured(&config).unwrap_err());
    assert!(text.starts_with("`providers.openai.apiKey` gives no key") && !text.contains(CANARY), "{text}");
    config.providers.openai.api_key_file = Some(at("good"));
    assert!(matches!(configured(&config), Err(ProviderProblem::Several { .. })));
}

#[test]
fn s40_what_is_configured_prints_no_key() {
    let (folder, mut config) = world();
    config.providers.anthropic.api_key = Some(secret(CANARY));
    config.providers.openai.api_key_file = Some(put(&folder.path().join("key"), CANARY));
    config.providers.ollama.api_key_command = Some(KeyCommand::new("printf", [CANARY.to_owned()]));
    let configured = configured(&config).unwrap();
    let shown = format!("{configured:?} {configured:#?} {config:?} {:?}", config.redacted());
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(shown.contains("providers.openai.apiKeyFile"), "{shown}");
}
