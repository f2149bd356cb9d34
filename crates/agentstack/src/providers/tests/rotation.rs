//! Tests of keys that become others while they are in use.

use std::io;
use std::sync::{Mutex, mpsc};

use agentstack_storage_sqlite::MasterKey;
use tracing_subscriber::fmt::MakeWriter;

use super::*;
use crate::{AgentStack, Options};

/// Collects what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let listener = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
        tracing::subscriber::set_default(listener.with_writer(self.clone()).finish())
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A configuration of Anthropic at this server, with its key in a file.
fn with_file(fake: &Fake, key: &str) -> (TempDir, PathBuf, Config) {
    let (folder, mut config) = world();
    let file = put(&folder.path().join("key"), key);
    config.providers.anthropic.base_url = Some(fake.url());
    config.providers.anthropic.api_key_file = Some(file.clone());
    (folder, file, config)
}

#[tokio::test]
async fn another_key_in_the_file_is_used_without_a_restart() {
    let fake = Fake::start();
    let (_folder, file, config) = with_file(&fake, "sk-1");
    let models = configured_looking(&config, Duration::ZERO).unwrap().models;
    ask(&models).await.unwrap();
    // Put in its place, written over with the same length, and put in its place again.
    put(&file, "sk-2");
    ask(&models).await.unwrap();
    std::fs::write(&file, "sk-3").unwrap();
    ask(&models).await.unwrap();
    put(&file, "sk-4\n");
    ask(&models).await.unwrap();
    ask(&models).await.unwrap();
    assert_eq!(fake.all("x-api-key"), ["sk-1", "sk-2", "sk-3", "sk-4", "sk-4"]);
}

#[tokio::test]
async fn a_file_is_looked_at_so_often_and_at_each_reload() {
    let fake = Fake::start();
    let (_folder, file, config) = with_file(&fake, "sk-1");
    let Configured { models, keys } = configured_looking(&config, Duration::from_hours(1)).unwrap();
    put(&file, "sk-2");
    ask(&models).await.unwrap();
    put(&file, "sk-3");
    ask(&models).await.unwrap();
    keys.renew().await;
    ask(&models).await.unwrap();
    assert_eq!(fake.all("x-api-key"), ["sk-2", "sk-2", "sk-3"]);
}

#[tokio::test]
async fn s40_a_bad_key_leaves_the_one_before_and_the_log_says_so_without_it() {
    let log = Log::default();
    let guard = log.listen();
    let fake = Fake::start();
    let (folder, file, config) = with_file(&fake, "sk-canary-good");
    let Configured { models, keys } = configured_looking(&config, Duration::ZERO).unwrap();
    ask(&models).await.unwrap();
    let bad: [(&str, &dyn Fn()); 5] = [
        ("printable ASCII", &|| drop(put(&file, "sk-canary bad"))),
        ("chmod 600", &|| drop(put_with(&file, "sk-canary-open", 0o644))),
        ("does not exist", &|| std::fs::remove_file(&file).unwrap()),
        ("not a plain file", &|| {
            std::os::unix::fs::symlink(put(&folder.path().join("other"), "sk-canary-link"), &file).unwrap();
        }),
        ("1 to 4096", &|| drop(put(&file, ""))),
    ];
    for (what, change) in bad {
        let before = log.text().matches(what).count();
        change();
        ask(&models).await.unwrap();
        assert!(log.text().matches(what).count() > before, "{what}: {}", log.text());
        keys.renew().await;
        ask(&models).await.unwrap();
        assert_eq!(fake.last("x-api-key"), "sk-canary-good", "{what}");
    }
    put(&file, "sk-canary-new");
    ask(&models).await.unwrap();
    assert_eq!(fake.last("x-api-key"), "sk-canary-new");
    drop(guard);
    let text = log.text();
    assert!(text.contains("providers.anthropic.apiKeyFile"), "{text}");
    assert!(text.contains("the key stays as it was") && text.contains("another key is in use"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn a_request_under_way_keeps_the_key_that_it_has() {
    let (arrived, arrival) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let fake = Fake::start_doing(move |number| {
        if number == 1 {
            arrived.send(()).unwrap();
            wait.recv().unwrap();
        }
    });
    let (_folder, file, config) = with_file(&fake, "sk-1");
    let Configured { models, keys } = configured_looking(&config, Duration::ZERO).unwrap();
    let first = tokio::spawn({
        let models = models.clone();
        async move { ask(&models).await }
    });
    tokio::task::spawn_blocking(move || arrival.recv().unwrap()).await.unwrap();
    put(&file, "sk-2");
    keys.renew().await;
    go_on.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), "Hi");
    ask(&models).await.unwrap();
    assert_eq!(fake.all("x-api-key"), ["sk-1", "sk-2"]);
}

#[tokio::test]
async fn a_reload_of_the_product_renews_the_keys_of_files_and_programs() {
    let fake = Fake::start();
    let (folder, file, mut config) = with_file(&fake, "sk-1");
    let answer = put(&folder.path().join("answer"), "sk-a");
    config.providers.openai.base_url = Some(fake.url());
    let arguments = [answer.to_str().unwrap().to_owned()];
    config.providers.openai.api_key_command = Some(KeyCommand::new("cat", arguments));
    let Configured { models, keys } = configured_looking(&config, Duration::from_hours(1)).unwrap();
    let master = MasterKey::parse(&"ab".repeat(32)).unwrap();
    let mut options = Options::new(folder.path().join("data/aistack.db"), &master);
    options.settings.models = models.clone();
    options.provider_keys = keys;
    let stack = AgentStack::open(options).await.unwrap();
    let both = async || {
        ask(&models).await.unwrap();
        let openai = &models.chat["openai"];
        openai.provider.chat(&request(&openai.model)).await.unwrap();
        ["x-api-key", "authorization"].map(|header| {
            let all = fake.all(header);
            all.into_iter().rfind(|value| !value.is_empty()).unwrap()
        })
    };
    assert_eq!(both().await, ["sk-1", "Bearer sk-a"]);
    put(&file, "sk-2");
    put(&answer, "sk-b");
    assert_eq!(both().await, ["sk-1", "Bearer sk-a"], "it was looked at a moment ago");
    stack.reload().await.unwrap();
    assert_eq!(both().await, ["sk-2", "Bearer sk-b"]);
    std::fs::remove_file(&answer).unwrap();
    stack.reload().await.unwrap();
    assert_eq!(both().await, ["sk-2", "Bearer sk-b"], "a program that fails takes no key away");
    stack.close().await;
}
