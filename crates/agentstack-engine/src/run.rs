//! Running an agent: a model answers as it, and what comes back is data of no trust (S14).
//!
//! All that can be refused is refused before anything goes out. Afterwards it is proven again that the caller may have the
//! answer: the token may have been revoked, the session ended or the agent stopped meanwhile.

mod answered;
mod going;
mod places;
mod progress;

use std::time::Instant;

use agentstack_access::{Claim, Denial, NamespaceClaim, Scope, is_still_authentic};
use agentstack_api::command::{MatchRule, MinTrust, Recall, RunAgent, SearchMemory, SearchMode, StoreAnswer};
use agentstack_api::view::{RunAgentView, SearchResultView};
use agentstack_api::{Command, InputError, operations};
use agentstack_audit::{Draft, Outcome};
use agentstack_core::{Agent, ModelName, Namespace};
use agentstack_guard::fence::Fenced;
use agentstack_providers::{ChatRequest, Message};
use agentstack_storage::Pending;
use serde_json::{Map, Value, json};

use self::going::Going;
pub(crate) use self::going::asked_of;
pub(crate) use self::places::Runs;
pub use self::progress::Progress;
use crate::failure::Failure;
use crate::readings::steadily;
use crate::{Chat, Engine, memory};

/// What is asked, and of whom.
struct Asked<'e> {
    provider: &'e str,
    chat: &'e Chat,
    request: ChatRequest,
    /// How many entries were recalled for it.
    recalled: Option<usize>,
}

impl Asked<'_> {
    /// How long it is, in characters.
    fn chars(&self) -> u64 {
        let texts = self.request.messages.iter().map(|message| &message.text).chain(&self.request.system);
        texts.map(|text| chars(text)).sum()
    }
}

impl Engine {
    pub(crate) async fn run_agent(
        &self,
        scope: &Scope,
        command: RunAgent,
        acting: Option<&Agent>,
        pending: Pending,
        progress: &Progress,
    ) -> Result<RunAgentView, Failure> {
        let (provider, chat) = self.chosen(command.provider.as_ref())?;
        let agent = acting.ok_or(Failure::Absent)?;
        let place = self.runs().take(scope, agent, self.settings().coordination.runs.concurrent)?;
        if let Some(store) = &command.store
            && let Err(failure) = self.with_room(scope, store).await
        {
            self.note_refused(self.storing_record(scope), &failure).await;
            return Err(failure);
        }
        let asked = self.asked(scope, &command, agent, provider, chat).await?;
        let mut going = Going::begin(self, scope, agent, place, pending, &asked).await?;
        self.watch_provider(scope, provider);
        let answer = going.ask(&asked, progress).await?;
        let now = match self.prove_again(scope).await {
            Ok(now) => now,
            Err(failure) => return Err(going.undo(&answer, failure).await),
        };
        let took = now.at().as_millis().saturating_sub(scope.at().as_millis());
        going.end(&now, &answer).await?;
        self.answered(&now, &command, agent, &asked, answer, took).await
    }

    /// The provider that is meant.
    fn chosen(&self, named: Option<&ModelName>) -> Result<(&str, &Chat), Failure> {
        let models = &self.settings().models;
        if models.chat.is_empty() {
            return Err(Failure::NoProvider);
        }
        let known = || models.chat.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let field = "provider";
        let name = named.map(ModelName::as_str).or(models.default.as_deref()).ok_or_else(|| {
            Failure::Input(InputError::new(field, format_args!("is required: there are {}", known())))
        })?;
        let found = models.chat.get_key_value(name);
        let (name, chat) = found.ok_or_else(|| {
            Failure::Input(InputError::new(
                field,
                format_args!("must be one that is configured: {}", known()),
            ))
        })?;
        Ok((name, chat))
    }

    /// The scope in which the answer is stored. That is a permission of its own.
    async fn storing(&self, scope: &Scope, store: &StoreAnswer) -> Result<Scope, Failure> {
        let storing = operations::find("memory_store").ok_or(Failure::Absent)?;
        let mut claim = claim(scope);
        if let Some(namespace) = &store.namespace {
            claim.namespace = NamespaceClaim::Named(namespace.clone());
        }
        Ok(self.authorizer().authorize(&scope.caller(), &storing.operation, claim).await?)
    }

    /// The same, when there is room for it.
    async fn with_room(&self, scope: &Scope, store: &StoreAnswer) -> Result<Scope, Failure> {
        let storing = self.storing(scope, store).await?;
        self.make_room(&storing, &store.key).await?;
        Ok(storing)
    }

    fn storing_record(&self, scope: &Scope) -> Pending {
        let draft = self.draft(&scope.caller(), "memory_store", None);
        let (agent, session) = (scope.agent().cloned(), scope.session());
        Pending::new(Draft { agent, session, ..draft }, Instant::now())
    }

    /// Records that something was refused which a run would have done: a decision of its own (S43).
    async fn note_refused(&self, pending: Pending, failure: &Failure) {
        let draft = pending.refused(failure.verdict());
        self.tell(&draft);
        self.journal().note(draft).await;
    }

    /// What goes out: the system prompt of the agent's kind, what is recalled, and the caller's prompt without what may not
    /// be kept either. No name of a session, an agent or a user.
    async fn asked<'e>(
        &self,
        scope: &Scope,
        command: &RunAgent,
        agent: &Agent,
        provider: &'e str,
        chat: &'e Chat,
    ) -> Result<Asked<'e>, Failure> {
        let prompt = self.screened_text(scope, "prompt", Some(command.prompt.clone()))?;
        let prompt = prompt.as_ref().map_or("", |prompt| prompt.as_str());
        let (recalled, text) = match &command.recall {
            Some(recall) => {
                let found = self.recall(scope, recall).await?;
                (Some(found.len()), preceded(&found, prompt)?)
            }
            None => (None, prompt.to_owned()),
        };
        // What is a secret of the installation is nobody's to send, whatever the guard's policy says (S40).
        let text = self.settings().redactor.scrub_known(&text).into_owned();
        let coordination = &self.settings().coordination;
        let most = coordination.runs.tokens;
        let left = coordination.allowance.and_then(|allowance| allowance.tokens_left(&agent.usage));
        let left = left.map_or(most, |left| u32::try_from(left).unwrap_or(u32::MAX).max(1));
        let request = ChatRequest {
            model: command.model.as_ref().map_or(chat.model.as_str(), ModelName::as_str).to_owned(),
            // A kind that the configuration no longer has says nothing.
            system: coordination.kind(&agent.agent_type).map(|kind| kind.system_prompt.clone()),
            messages: vec![Message::user(text)],
            max_tokens: command.max_tokens.unwrap_or(most).min(most).min(left),
            temperature: command.temperature,
        };
        Ok(Asked { provider, chat, request, recalled })
    }

    /// What memory has, as the caller itself would find it. It is a search like any other: permitted, noted and recorded.
    async fn recall(&self, scope: &Scope, recall: &Recall) -> Result<Vec<SearchResultView>, Failure> {
        let searching = operations::find("memory_search").ok_or(Failure::Absent)?;
        let claim = Claim {
            namespace: NamespaceClaim::Unnamed { include_shared: true },
            agent: None,
            ..claim(scope)
        };
        let ask = SearchMemory {
            claim: claim.clone(),
            query: recall.query.clone(),
            limit: recall.limit,
            mode: SearchMode::Auto,
            matching: MatchRule::Any,
            tags: vec![],
            agent: None,
            threshold: None,
            min_trust: MinTrust::Unverified,
            as_text: false,
            cursor: None,
        };
        let caller = scope.caller();
        let name = searching.operation.name;
        let draft = self.draft(&caller, name, Some(&Command::SearchMemory(ask.clone())));
        let pending = Pending::new(draft, Instant::now());
        let searched = match self.authorizer().authorize(&caller, &searching.operation, claim).await {
            Ok(scope) => steadily!(self.search_memory(&scope, &ask, &pending)),
            Err(denial) => Err(denial.into()),
        };
        let (found, recorded) = match searched {
            Ok(found) => found,
            Err(failure) => {
                self.note_refused(pending, &failure).await;
                return Err(failure);
            }
        };
        let draft = pending.close(Outcome::Ok, vec![]);
        self.tell(&draft);
        if !recorded {
            self.journal().note(draft).await;
        }
        Ok(found.results)
    }

    /// A scope of the present, if the caller may still do what it began.
    async fn prove_again(&self, scope: &Scope) -> Result<Scope, Failure> {
        let authentic = is_still_authentic(self.store(), scope.principal(), self.now()).await;
        if !authentic.map_err(Denial::from)? {
            return Err(Denial::NotYours.into());
        }
        Ok(self.authorizer().authorize(&scope.caller(), scope.operation(), claim(scope)).await?)
    }

    fn watch_provider(&self, scope: &Scope, provider: &str) {
        let (name, session) = (scope.principal().name(), scope.session());
        let signals = self.watch().map(|watch| watch.asks_provider(name, session, provider, scope.at()));
        for signal in signals.into_iter().flatten() {
            self.raise(&signal);
        }
    }
}

/// What the call of a scope claimed.
fn claim(scope: &Scope) -> Claim {
    let session = scope.session().map_or_else(Claim::none, Claim::session);
    Claim { agent: scope.agent().cloned(), ..session }
}

/// The prompt after what was recalled for it, each content in its fence (S17).
fn preceded(found: &[SearchResultView], prompt: &str) -> Result<String, Failure> {
    if found.is_empty() {
        return Ok(prompt.to_owned());
    }
    let items: Vec<Fenced<'_>> =
        found.iter().map(|entry| Fenced { header: header(entry), content: &entry.content }).collect();
    Ok(format!("{}\n{prompt}", memory::fence(&items)?))
}

/// What a model is told of an entry. Who wrote it and in which session is no business of its provider's.
fn header(entry: &SearchResultView) -> Map<String, Value> {
    let kinds = entry.label.findings.iter().map(|finding| finding.kind.to_string());
    let findings: Vec<String> = kinds.collect();
    let mut header = Map::new();
    header.insert("key".to_owned(), json!(entry.key));
    if let Namespace::Shared(name) = &entry.namespace {
        header.insert("namespace".to_owned(), json!(name));
    }
    header.insert("trust".to_owned(), json!(entry.label.trust));
    header.insert("at".to_owned(), json!(entry.updated_at));
    if !findings.is_empty() {
        header.insert("findings".to_owned(), json!(findings));
    }
    header
}

fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
