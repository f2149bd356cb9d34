//! What is to be kept is looked at first, and the guard's policy done to it (S18, S50).

use std::sync::Arc;

use agentstack_access::Scope;
use agentstack_api::InputError;
use agentstack_core::{Content, Entry, Metadata, Namespace, SessionId, Treatment};
use agentstack_guard::{Draft, Policy, Refused, Screened, screen, screen_object, screen_text};
use agentstack_storage::{NewEntry, Wish};

use crate::Engine;
use crate::failure::Failure;

/// Longer contents, in bytes, are looked at where it holds up nobody: a million characters take some milliseconds.
const SHORT: usize = 32 * 1024;

impl Engine {
    /// An entry as it may be stored in the scope's namespace.
    pub(crate) async fn screened(&self, scope: &Scope, entry: NewEntry) -> Result<NewEntry, Failure> {
        match scope.namespace() {
            Some(namespace) => self.screened_in(namespace, entry).await,
            None => Ok(entry),
        }
    }

    /// An entry as it may be stored in a namespace.
    pub(crate) async fn screened_in(
        &self,
        namespace: &Namespace,
        mut entry: NewEntry,
    ) -> Result<NewEntry, Failure> {
        let policy = &self.settings().guard;
        let screened = if entry.content.as_str().len() <= SHORT {
            look(policy, namespace, &entry)
        } else {
            let (policy, namespace) = (Arc::clone(policy), namespace.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let screened = look(&policy, &namespace, &entry);
                (entry, screened)
            });
            let (back, screened) = looked
                .await
                .map_err(|error| agentstack_storage::StorageError::Unavailable(Box::new(error)))?;
            entry = back;
            screened
        };
        let Screened { content, metadata, tags, findings, quarantine } = screened?;
        entry.content = content.unwrap_or(entry.content);
        entry.metadata = metadata.unwrap_or(entry.metadata);
        entry.tags = tags.unwrap_or(entry.tags);
        (entry.findings, entry.held) = (findings, quarantine);
        Ok(entry)
    }

    /// Makes sure that the policy would take a past version today as it is: it may have been stored under another one.
    pub(crate) async fn allow_again(&self, scope: &Scope, past: Entry) -> Result<(), Failure> {
        let Ok(content) = Content::try_from(past.content) else { return Ok(()) };
        let summary = past.summary;
        let entry = NewEntry {
            key: summary.key,
            content,
            metadata: summary.metadata,
            tags: summary.tags,
            if_version: None,
            origin: summary.label.origin,
            findings: vec![],
            held: false,
            wish: Wish::None,
        };
        let screened = self.screened(scope, entry).await?;
        let done = screened.findings.iter().find(|finding| finding.treatment != Treatment::Flagged);
        match done {
            None => Ok(()),
            Some(finding) => {
                Err(Failure::Unfit { field: "version", kind: finding.kind.as_str().to_owned().into() })
            }
        }
    }

    /// A text that is no entry, as it may be kept: under the rules of sessions. There is no quarantine for it.
    pub(crate) fn screened_text<T>(
        &self,
        scope: &Scope,
        field: &'static str,
        text: Option<T>,
    ) -> Result<Option<T>, Failure>
    where
        T: AsRef<str> + TryFrom<String>,
    {
        let Some(text) = text else { return Ok(None) };
        let screened = screen_text(&self.settings().guard, &session(scope), text.as_ref());
        match screened.map_err(|refused| Failure::Unfit { field, kind: refused.kind.word().into() })?.text {
            None => Ok(Some(text)),
            Some(changed) => T::try_from(changed).map(Some).map_err(|_| too_long(field)),
        }
    }

    /// An object that is no entry's, in the same way.
    pub(crate) fn screened_object(&self, scope: &Scope, object: Metadata) -> Result<Metadata, Failure> {
        let field = "metadata";
        let screened = screen_object(&self.settings().guard, &session(scope), object.as_object());
        match screened.map_err(|refused| Failure::Unfit { field, kind: refused.kind.word().into() })?.object {
            None => Ok(object),
            Some(changed) => Metadata::try_from(changed).map_err(|_| too_long(field)),
        }
    }
}

fn look(policy: &Policy, namespace: &Namespace, entry: &NewEntry) -> Result<Screened, Failure> {
    let NewEntry { key, content, metadata, tags, .. } = entry;
    let draft = Draft { key, content, metadata, tags };
    screen(policy, namespace, &draft)
        .map_err(|Refused { field, kind }| Failure::Unfit { field: field.as_str(), kind: kind.word().into() })
}

/// The session of a call; for what belongs to none, any.
fn session(scope: &Scope) -> Namespace {
    Namespace::Session(scope.session().unwrap_or_else(SessionId::generate))
}

pub(crate) fn too_long(field: &'static str) -> Failure {
    Failure::Input(InputError::new(field, "is too long once secrets are taken out of it"))
}
