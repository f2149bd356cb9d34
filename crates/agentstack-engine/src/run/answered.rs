//! What a run came to: the answer as data, with a label, and stored if it is to be.

use std::sync::Arc;

use agentstack_access::Scope;
use agentstack_api::command::{RunAgent, StoreAnswer};
use agentstack_api::view::{AnswerEnd, RunAgentView, StoredEntryView, TokensView};
use agentstack_core::limits::CONTENT_CHARS;
use agentstack_core::{Agent, Content, Label, Metadata, Namespace, SessionId, Trust};
use agentstack_guard::fence::Fenced;
use agentstack_guard::{Refused, ScreenedText, screen_text};
use agentstack_providers::{ChatAnswer, StopReason};
use agentstack_storage::{NewEntry, StorageError};
use serde_json::{Map, Value, json};

use super::Asked;
use crate::Engine;
use crate::answer::Room;
use crate::failure::Failure;
use crate::memory::{fence, origin};

/// Longer answers, in bytes, are looked at where it holds up nobody.
const SHORT: usize = 32 * 1024;

impl Engine {
    pub(super) async fn answered(
        &self,
        scope: &Scope,
        command: &RunAgent,
        agent: &Agent,
        asked: &Asked<'_>,
        answer: ChatAnswer,
        took_ms: i64,
    ) -> Result<RunAgentView, Failure> {
        let mut answer = self.without_our_secrets(answer).await?;
        // No more than an entry can hold is looked at, and far less can be shown.
        if let Some((at, _)) = answer.text.char_indices().nth(CONTENT_CHARS) {
            answer.text.truncate(at);
        }
        let (entry, not_stored) = match &command.store {
            Some(store) => self.kept(scope, store, agent, asked, &answer).await?,
            None => (None, None),
        };
        let (text, looked) = self.looked_at(scope, answer.text).await?;
        let withheld = looked.as_ref().map_or(true, |looked| looked.quarantine);
        let (changed, findings) = looked.map_or((None, vec![]), |looked| (looked.text, looked.findings));
        let text = if withheld { String::new() } else { changed.unwrap_or(text) };
        let label = Label { trust: Trust::Unverified, origin: origin(scope, Some(agent)), findings };
        let response = Room::of(command.as_text).take_text(&text, usize::MAX);
        let fenced = if command.as_text && !withheld {
            let header = header(&label, &answer.model);
            Some(fence(&[Fenced { header, content: response }])?)
        } else {
            None
        };
        Ok(RunAgentView {
            agent_id: agent.id,
            truncated: response.len() < text.len(),
            response: response.to_owned(),
            withheld,
            provider: asked.provider.to_owned(),
            model: answer.model,
            duration: u64::try_from(took_ms).unwrap_or(0),
            stop_reason: ended(answer.stop),
            tokens: TokensView { input: answer.tokens.input, output: answer.tokens.output },
            recalled: asked.recalled,
            label: label.into(),
            entry,
            not_stored,
            text: fenced,
        })
    }

    /// The answer without the secrets of the installation itself, such as the key that the provider was sent: whatever the
    /// guard's policy says of others (S40).
    async fn without_our_secrets(&self, answer: ChatAnswer) -> Result<ChatAnswer, Failure> {
        let redactor = self.settings().redactor.clone();
        aside(answer.text.len(), move || {
            let [text, model] =
                [&answer.text, &answer.model].map(|text| redactor.scrub_known(text).into_owned());
            ChatAnswer { text, model, ..answer }
        })
        .await
    }

    /// The text, and what is found in it: as in what is kept in a session.
    async fn looked_at(
        &self,
        scope: &Scope,
        text: String,
    ) -> Result<(String, Result<ScreenedText, Refused>), Failure> {
        let policy = Arc::clone(&self.settings().guard);
        let namespace = Namespace::Session(scope.session().unwrap_or_else(SessionId::generate));
        aside(text.len(), move || {
            let looked = screen_text(&policy, &namespace, &text);
            (text, looked)
        })
        .await
    }

    /// Stores the answer. What is in the way of that is no reason to lose it; that the session has gone is.
    async fn kept(
        &self,
        scope: &Scope,
        store: &StoreAnswer,
        agent: &Agent,
        asked: &Asked<'_>,
        answer: &ChatAnswer,
    ) -> Result<(Option<StoredEntryView>, Option<String>), Failure> {
        let Ok(content) = Content::try_from(answer.text.clone()) else {
            return Ok((None, Some("The answer is empty.".to_owned())));
        };
        let failure = match self.keep_answer(scope, store, agent, asked, answer, content).await {
            Ok(entry) => return Ok((Some(entry), None)),
            Err(failure) => failure,
        };
        self.note_refused(self.storing_record(scope), &failure).await;
        match failure {
            gone @ (Failure::Storage(StorageError::SessionGone) | Failure::Denied(_)) => Err(gone),
            failure if failure.is_fault() => Err(failure),
            failure => {
                let body = failure.body(scope.request(), &self.settings().redactor);
                Ok((None, Some(body.message().to_owned())))
            }
        }
    }

    async fn keep_answer(
        &self,
        scope: &Scope,
        store: &StoreAnswer,
        agent: &Agent,
        asked: &Asked<'_>,
        answer: &ChatAnswer,
        content: Content,
    ) -> Result<StoredEntryView, Failure> {
        let storing = self.with_room(scope, store).await?;
        let metadata = [("provider", asked.provider), ("model", answer.model.as_str())];
        let metadata: Map<String, Value> =
            metadata.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        let entry = NewEntry {
            key: store.key.clone(),
            content,
            metadata: Metadata::try_from(metadata).unwrap_or_default(),
            tags: vec![],
            if_version: None,
            // The tool is this one (S14).
            origin: origin(scope, Some(agent)),
            findings: vec![],
            held: false,
            wish: self.wish(true),
        };
        let resource = self.hash_of_entry(&storing, &store.key);
        let pending = self.storing_record(scope).in_operation("memory_store", "run", resource);
        let pending = pending.of_identity(agent.identity);
        Ok(self.keep(&storing, entry, pending).await?.into())
    }
}

/// Looks at something of so many bytes, where it holds up nobody.
async fn aside<T: Send + 'static>(
    bytes: usize,
    look: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    if bytes <= SHORT {
        return Ok(look());
    }
    let looked = tokio::task::spawn_blocking(look).await;
    looked.map_err(|error| StorageError::Unavailable(Box::new(error)).into())
}

/// What a text says of an answer.
fn header(label: &Label, model: &str) -> Map<String, Value> {
    let findings: Vec<String> = label.findings.iter().map(|finding| finding.kind.to_string()).collect();
    let mut header = Map::new();
    header.insert("model".to_owned(), json!(model));
    header.insert("trust".to_owned(), json!(label.trust));
    header.insert("at".to_owned(), json!(label.origin.at));
    if !findings.is_empty() {
        header.insert("findings".to_owned(), json!(findings));
    }
    header
}

fn ended(stop: StopReason) -> AnswerEnd {
    match stop {
        StopReason::Complete => AnswerEnd::Complete,
        StopReason::Length => AnswerEnd::Length,
        StopReason::Refused => AnswerEnd::Refused,
        _ => AnswerEnd::Other,
    }
}
