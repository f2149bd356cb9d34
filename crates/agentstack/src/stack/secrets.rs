//! What the composition knows that must not be printed (S40).

use agentstack_core::Secret;

use super::Options;
use crate::config::{Config, ProviderName};
use crate::maintenance::NextKey;

/// Every secret of a configuration, used or not.
pub(crate) fn of(config: &Config) -> Vec<Secret<String>> {
    let keys = ProviderName::ALL
        .into_iter()
        .flat_map(|name| [config.providers.of(name).api_key.as_ref(), config.providers.customary_key(name)]);
    let webhook = config.watch.webhook.as_ref();
    let webhook = webhook.into_iter().flat_map(|webhook| [Some(&webhook.url), webhook.secret.as_ref()]);
    let plugins = config.plugins.settings.values().flat_map(|settings| settings.values().map(Some));
    keys.chain(webhook).chain([config.github.token.as_ref()]).chain(plugins).flatten().cloned().collect()
}

impl Options {
    /// Tells the redactor what is in these options, before anything is done with them. Each secret once, so that whoever
    /// replaces it has to let it be forgotten once.
    pub(crate) fn tell_secrets(&self) {
        let webhook = self.webhook.as_ref();
        let webhook = webhook.into_iter().flat_map(|webhook| [Some(&webhook.url), webhook.secret.as_ref()]);
        let given = webhook.flatten().chain(&self.token).chain(&self.secrets);
        let mut told: Vec<Secret<String>> = self.keys.database_key().into_iter().collect();
        for secret in given {
            if !told.contains(secret) {
                told.push(secret.clone());
            }
        }
        told.extend(self.next_key.iter().flat_map(NextKey::secrets));
        for secret in &told {
            self.redactor.know(secret);
        }
    }
}

#[cfg(test)]
mod tests {
    use agentstack_guard::Redactor;
    use agentstack_rest::WebhookSettings;
    use agentstack_storage_sqlite::MasterKey;

    use super::*;
    use crate::AgentStack;

    #[tokio::test]
    async fn s40_a_stack_tells_its_redactor_every_secret_of_its_options_once() {
        let folder = tempfile::tempdir().unwrap();
        let key = MasterKey::generate().unwrap();
        let secret = |text: &str| Secret::new(text.to_owned());
        let mut options = Options::new(folder.path().join("private/memory.db"), &key);
        let redactor = Redactor::default();
        options.redactor = redactor.clone();
        let database = options.keys.database_key().unwrap();
        options.token = Some(secret("canary of the token"));
        options.secrets.push(secret("canary of a provider"));
        options.secrets.push(secret("canary of the webhook"));
        let url = secret("https://hooks.example.com/canary/of/the/address");
        options.webhook =
            Some(WebhookSettings { url: url.clone(), secret: Some(secret("canary of the webhook")) });
        let stack = AgentStack::open(options).await.unwrap();
        for text in [
            key.to_text().expose(),
            database.expose(),
            url.expose(),
            "canary of the token",
            "canary of a provider",
            "canary of the webhook",
        ] {
            assert_eq!(redactor.scrub(text), "[redacted]", "{text}");
            // Where nobody has been told, they stay: none has the shape of a secret.
            assert_eq!(Redactor::default().scrub(text), text);
        }
        redactor.forget(&secret("canary of the webhook"));
        assert_eq!(redactor.scrub("canary of the webhook"), "canary of the webhook");
        stack.close().await;
    }
}
