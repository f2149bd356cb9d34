//! The one way in.

mod inside;
mod observer;
mod record;
mod settings;

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use agentstack_access::{
    Authorizer, Caller, Effect, Operation, Principal, Scope, Unauthenticated, authenticate,
};
use agentstack_api::{Command, ErrorBody, ErrorCode, InputError, Reply, Spec};
use agentstack_audit::{Decision, Draft, Outcome, ResourceHasher};
use agentstack_core::{Agent, Clock, IdentityId, IdentityStatus, RequestId, Timestamp};
use agentstack_storage::{Pending, PluginState, Storage};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

pub use self::observer::{Ended, Observer};
pub(crate) use self::record::Chain;
pub use self::settings::Settings;
use crate::Watch;
use crate::admission::{Admission, Admitted, TooMany};
use crate::embedding::Embedder;
use crate::failure::Failure;
use crate::journal::Journal;
use crate::outgoing::Outgoing;
use crate::plugin::{CALLS_AT_ONCE, Loaded};
use crate::quota::Quota;
use crate::readings::{Noted, steadily};
use crate::run::{Progress, Runs};

/// What an engine is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Storage>,
    /// Who decides.
    pub authorizer: Authorizer,
    /// What hashes the names of resources for the audit log.
    pub resources: ResourceHasher,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Who is told of each call that has ended, besides the logs.
    pub observer: Option<Arc<dyn Observer>>,
    /// The settings.
    pub settings: Settings,
}

/// The use cases over one store.
pub struct Engine {
    store: Arc<dyn Storage>,
    authorizer: Authorizer,
    resources: ResourceHasher,
    clock: Arc<dyn Clock>,
    settings: Settings,
    journal: Journal,
    admission: Option<Admission>,
    quota: Quota,
    noted: Noted,
    runs: Runs,
    embedder: Option<Arc<Embedder>>,
    loaded: Loaded,
    plugin_turns: Semaphore,
    /// Itself, for what goes on beside a call.
    me: Weak<Self>,
    watch: Option<Watch>,
    observer: Option<Arc<dyn Observer>>,
    /// Records since this engine last signed the audit log.
    unsigned: AtomicU64,
    /// The hour in which this engine last looked for what nobody has verified in time.
    expired_in: AtomicI64,
    started: Instant,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The operation of a record of a caller who was not let in.
pub const AUTHENTICATION: &str = "authenticate";

/// What became of a call, and whether the store has recorded it.
struct Done {
    reply: Reply,
    recorded: bool,
    /// The identity that was spoken of, or whose agent made the call.
    identity: Option<IdentityId>,
}

impl Engine {
    /// Puts an engine together. Its background work runs on the current tokio runtime.
    #[must_use]
    pub fn start(parts: Parts) -> Arc<Self> {
        let Parts { store, authorizer, resources, clock, observer, settings } = parts;
        let journal = Journal::start(Arc::clone(&store));
        let admission = settings.call_limits.map(Admission::new);
        let watch = settings.watch.map(Watch::new);
        let embedder = settings.models.embedding.clone();
        let embedder = embedder.map(|it| Arc::new(Embedder::new(it, settings.redactor.clone())));
        let (unsigned, started) = (AtomicU64::new(0), Instant::now());
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            loaded: Loaded::default(),
            plugin_turns: Semaphore::new(CALLS_AT_ONCE),
            store,
            authorizer,
            resources,
            clock,
            settings,
            journal,
            admission,
            quota: Quota::default(),
            noted: Noted::default(),
            runs: Runs::default(),
            embedder,
            watch,
            observer,
            unsigned,
            expired_in: AtomicI64::new(0),
            started,
        })
    }

    /// Who a token stands for. It is looked up for each call: a revocation holds from the next one on.
    ///
    /// # Errors
    /// When it stands for nobody. Nothing is recorded of that yet.
    pub async fn find_principal(&self, token: &str) -> Result<Principal, Unauthenticated> {
        authenticate(&*self.store, token, self.clock.now()).await
    }

    /// What somebody called something, for an error that says it again: without secrets (S40).
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        self.settings.redactor.scrub(text).into_owned()
    }

    /// The present, by which a credential is good or not.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Records and logs a call whose caller showed no credential, or one that is not accepted. Returns what the caller
    /// is told: of a credential that is not good, the same whatever the reason.
    pub async fn refuse_credential(&self, refusal: Unauthenticated, request: RequestId) -> ErrorBody {
        let (outcome, code) = match &refusal {
            Unauthenticated::Unavailable(error) => {
                tracing::error!(request = %request, error = %Chain(error), "a token could not be looked up");
                (Outcome::Unavailable, ErrorCode::Unavailable)
            }
            // Whoever has the keys to fetch has logged why there are none.
            Unauthenticated::IssuerUnavailable => (Outcome::Unavailable, ErrorCode::Unavailable),
            Unauthenticated::NoRole => (Outcome::Forbidden, ErrorCode::Forbidden),
            _ => (Outcome::Unauthenticated, ErrorCode::Unauthenticated),
        };
        let draft = self.unauthenticated(refusal.reason(), outcome, request);
        // Of a credential that nobody could look at, nothing was decided that would be recorded.
        if outcome != Outcome::Unavailable {
            self.journal.note(draft).await;
        }
        ErrorBody::new(code, request)
    }

    /// The same for one of too many. It is logged and counted, but whoever tries and tries must not fill the audit log.
    #[must_use]
    pub fn turn_away_credential(&self, request: RequestId, retry_after_seconds: u32) -> ErrorBody {
        self.unauthenticated("too_many_failures", Outcome::RateLimited, request);
        ErrorBody::rate_limited(retry_after_seconds, request)
    }

    fn unauthenticated(&self, reason: &'static str, outcome: Outcome, request: RequestId) -> Draft {
        let caller = Caller { principal: Arc::new(Principal::unknown()), request };
        let pending = Pending::new(self.draft(&caller, AUTHENTICATION, None), Instant::now());
        let mut draft = pending.close(outcome, vec![]);
        draft.decision = Decision::Deny;
        draft.reason = reason;
        self.tell(&draft);
        draft
    }

    /// Whether the operation is turned on in this installation.
    #[must_use]
    pub fn serves(&self, operation: &Operation) -> bool {
        (!operation.is_of_a_code_host() || self.settings.code_host.is_some())
            && (!operation.is_of_plugins() || self.settings.plugins.is_some())
    }

    /// Whether the principal could do the operation on anything at all.
    #[must_use]
    pub fn offers(&self, principal: &Principal, operation: &Operation) -> bool {
        self.serves(operation) && self.authorizer.offers(principal, operation)
    }

    /// Reads the arguments of a call and makes it.
    ///
    /// # Errors
    /// What the caller is told. The cause is in the log and the audit log.
    pub async fn dispatch(
        &self,
        caller: &Caller,
        spec: &'static Spec,
        arguments: Map<String, Value>,
    ) -> Result<Reply, ErrorBody> {
        self.dispatch_telling(caller, spec, arguments, &Progress::default()).await
    }

    /// The same, and tells of what is going on meanwhile.
    ///
    /// # Errors
    /// As [`Engine::dispatch`].
    pub async fn dispatch_telling(
        &self,
        caller: &Caller,
        spec: &'static Spec,
        arguments: Map<String, Value>,
        progress: &Progress,
    ) -> Result<Reply, ErrorBody> {
        match agentstack_api::parse(spec, arguments) {
            Ok(command) => self.call_telling(caller, command, progress).await,
            Err(error) => Err(self.refuse_input(caller, spec.operation.name, error).await),
        }
    }

    /// Makes a call.
    ///
    /// # Errors
    /// What the caller is told. The cause is in the log and the audit log.
    pub async fn call(&self, caller: &Caller, command: Command) -> Result<Reply, ErrorBody> {
        self.call_telling(caller, command, &Progress::default()).await
    }

    async fn call_telling(
        &self,
        caller: &Caller,
        command: Command,
        progress: &Progress,
    ) -> Result<Reply, ErrorBody> {
        let operation = command.operation();
        self.unsigned.fetch_add(1, Ordering::Relaxed);
        let draft = self.draft(caller, operation.name, Some(&command));
        let pending = Pending::new(draft, Instant::now());
        let _admitted = match self.admit(caller, operation) {
            Ok(admitted) => admitted,
            Err(too_many) => return Err(self.turn_away(pending, too_many).await),
        };
        let done = match self.authorizer.authorize(caller, operation, command.claim().clone()).await {
            Ok(scope) => self.act(&scope, command, pending.clone(), progress).await,
            Err(denial) => Err(denial.into()),
        };
        match done {
            Ok(Done { reply, recorded, identity }) => {
                let draft = pending.of_identity(identity).close(Outcome::Ok, vec![]);
                self.tell(&draft);
                if !recorded {
                    self.journal.note(draft).await;
                }
                Ok(reply)
            }
            Err(failure) => Err(self.fail(pending, &failure).await),
        }
    }

    /// Records and logs a call that never became one: its input broke a rule, or there is no such
    /// operation. Returns what the caller is told.
    pub async fn refuse_input(
        &self,
        caller: &Caller,
        operation: &'static str,
        error: InputError,
    ) -> ErrorBody {
        let pending = Pending::new(self.draft(caller, operation, None), Instant::now());
        self.fail(pending, &Failure::Input(error)).await
    }

    /// Writes what is still to be recorded, signs the audit log and closes the store.
    pub async fn close(&self) {
        // Whoever only looked (`agentstack audit verify`) signs nothing.
        if self.unsigned.load(Ordering::Relaxed) > 0 {
            self.sign().await;
        }
        self.store.close().await;
    }

    /// Makes sure that the agent on whose behalf the call is made may still act, and does what is asked for.
    async fn act(
        &self,
        scope: &Scope,
        command: Command,
        pending: Pending,
        progress: &Progress,
    ) -> Result<Done, Failure> {
        let reads = scope.operation().effect == Effect::Read;
        if reads && !matches!(command, Command::SystemHealth(_)) && !self.journal.is_writable().await {
            return Err(Failure::Unrecorded);
        }
        let acting = self.acting(scope, &pending).await?;
        let identity = acting.as_ref().and_then(|agent| agent.identity);
        // What changes an identity has said so in the store's record.
        let about = match &command {
            Command::IdentityAudit(command) => Some(command.id),
            _ => None,
        };
        let pending = pending.of_identity(identity);
        // In a box: the futures of all use cases are as large as that of the largest.
        let (reply, recorded) =
            Box::pin(self.run(scope, command, acting.as_ref(), pending, progress)).await?;
        let about = match &reply {
            Reply::GetIdentity(view) => Some(view.identity.summary.agent_id),
            _ => about,
        };
        Ok(Done { reply, recorded, identity: about.or(identity) })
    }

    /// Does what is asked for. Returns whether the store has recorded it, too.
    #[expect(clippy::too_many_lines, reason = "one arm an operation, and the compiler misses none")]
    async fn run(
        &self,
        scope: &Scope,
        command: Command,
        acting: Option<&Agent>,
        pending: Pending,
        progress: &Progress,
    ) -> Result<(Reply, bool), Failure> {
        use Command as Ask;
        use IdentityStatus::{Active, Dormant, Retired};
        use PluginState::{Disabled, Enabled, Removed};
        let recorded = scope.operation().effect != Effect::Read;
        let reply = match command {
            Ask::StoreMemory(ask) => {
                Reply::StoreMemory(self.store_memory(scope, ask, acting, pending).await?)
            }
            // What is read of others is noted, and the call recorded with it.
            Ask::SearchMemory(ask) => {
                let (view, recorded) = steadily!(self.search_memory(scope, &ask, &pending))?;
                return Ok((Reply::SearchMemory(view), recorded));
            }
            Ask::GetMemory(ask) => {
                let (view, recorded) = steadily!(self.get_memory(scope, &ask, &pending))?;
                return Ok((Reply::GetMemory(view), recorded));
            }
            Ask::ListMemory(ask) => {
                let (view, recorded) = steadily!(self.list_memory(scope, &ask, &pending))?;
                return Ok((Reply::ListMemory(view), recorded));
            }
            Ask::DeleteMemory(ask) => {
                let view = self.delete_memory(scope, ask, pending).await?;
                // If there was nothing to delete, the store had nothing to record.
                let recorded = view.success;
                return Ok((Reply::DeleteMemory(view), recorded));
            }
            Ask::MemoryHistory(ask) => {
                let (view, recorded) = steadily!(self.memory_history(scope, &ask, &pending))?;
                return Ok((Reply::MemoryHistory(view), recorded));
            }
            Ask::RestoreMemory(ask) => {
                Reply::RestoreMemory(self.restore_memory(scope, ask, acting, pending).await?)
            }
            Ask::StartSession(ask) => Reply::StartSession(self.start_session(scope, ask, pending).await?),
            Ask::EndSession(_) => Reply::EndSession(self.end_session(scope, pending).await?),
            Ask::SessionStatus(_) => Reply::SessionStatus(self.session_status(scope).await?),
            Ask::ActiveSessions(_) => Reply::ActiveSessions(self.active_sessions(scope).await?),
            Ask::SystemStatus(_) => Reply::SystemStatus(self.system_status(scope).await?),
            Ask::SystemHealth(_) => Reply::SystemHealth(self.system_health().await),
            Ask::SystemConfig(_) => Reply::SystemConfig(self.system_config()),
            Ask::ListQuarantine(ask) => Reply::ListQuarantine(self.list_quarantine(scope, ask).await?),
            Ask::ShowQuarantine(ask) => Reply::ShowQuarantine(self.show_quarantine(scope, ask).await?),
            Ask::ApproveQuarantine(ask) => {
                Reply::ApproveQuarantine(self.approve_quarantine(scope, &ask, pending).await?)
            }
            Ask::RejectQuarantine(ask) => {
                Reply::RejectQuarantine(self.reject_quarantine(scope, &ask, pending).await?)
            }
            Ask::RevokeOrigin(ask) => {
                // If nothing was to be changed, the store had nothing to record.
                let recorded = !ask.dry_run;
                return Ok((Reply::RevokeOrigin(self.revoke_origin(scope, ask, pending).await?), recorded));
            }
            Ask::QueryAudit(ask) => Reply::QueryAudit(self.query_audit(scope, &ask).await?),
            Ask::CreateToken(ask) => Reply::CreateToken(self.create_token(scope, ask, pending).await?),
            Ask::ListTokens(ask) => Reply::ListTokens(self.list_tokens(scope, &ask).await?),
            Ask::RevokeToken(ask) => Reply::RevokeToken(self.revoke_token(scope, &ask, pending).await?),
            Ask::SpawnAgent(ask) => Reply::SpawnAgent(self.spawn_agent(scope, ask, pending).await?),
            Ask::ListAgents(_) => Reply::ListAgents(self.list_agents(scope).await?),
            Ask::StopAgent(ask) => Reply::StopAgent(self.stop_agent(scope, ask.which, pending).await?),
            Ask::AgentStatusOf(ask) => Reply::AgentStatusOf(self.agent_status(scope, ask.which).await?),
            Ask::AgentTypes(_) => Reply::AgentTypes(self.agent_types()),
            Ask::UpdateAgentStatus(ask) => {
                Reply::UpdateAgentStatus(self.update_agent_status(scope, ask, pending).await?)
            }
            Ask::RunAgent(ask) => {
                let run = self.run_agent(scope, ask, acting, pending, progress);
                Reply::RunAgent(Box::pin(run).await?)
            }
            Ask::CreateIdentity(ask) => {
                Reply::CreateIdentity(self.create_identity(scope, ask, pending).await?)
            }
            Ask::GetIdentity(ask) => Reply::GetIdentity(self.get_identity(scope, ask.which).await?),
            Ask::ListIdentities(ask) => Reply::ListIdentities(self.list_identities(scope, ask).await?),
            Ask::UpdateIdentity(ask) => {
                Reply::UpdateIdentity(self.update_identity(scope, ask, pending).await?)
            }
            Ask::ActivateIdentity(ask) => {
                Reply::ActivateIdentity(self.move_identity(scope, ask.id, Active, ask.reason, pending).await?)
            }
            Ask::DeactivateIdentity(ask) => Reply::DeactivateIdentity(
                self.move_identity(scope, ask.id, Dormant, ask.reason, pending).await?,
            ),
            Ask::RetireIdentity(ask) => {
                Reply::RetireIdentity(self.move_identity(scope, ask.id, Retired, ask.reason, pending).await?)
            }
            Ask::IdentityAudit(ask) => Reply::IdentityAudit(self.identity_audit(scope, &ask).await?),
            Ask::CreateTask(ask) => Reply::CreateTask(self.create_task(scope, ask, pending).await?),
            Ask::AssignTask(ask) => Reply::AssignTask(self.assign_task(scope, ask, pending).await?),
            Ask::CompleteTask(ask) => {
                Reply::CompleteTask(self.complete_task(scope, ask, acting, pending).await?)
            }
            Ask::ListTasks(ask) => Reply::ListTasks(self.list_tasks(scope, &ask).await?),
            Ask::GetTask(ask) => Reply::GetTask(self.get_task(scope, ask.id).await?),
            Ask::CheckDrift(ask) => Reply::CheckDrift(self.check_drift(scope, ask).await?),
            Ask::TaskRelationships(ask) => {
                Reply::TaskRelationships(self.task_relationships(scope, &ask).await?)
            }
            ask @ (Ask::CreateIssue(_)
            | Ask::ListIssues(_)
            | Ask::GetIssue(_)
            | Ask::CreatePullRequest(_)
            | Ask::ListPullRequests(_)
            | Ask::GetPullRequest(_)
            | Ask::RepositoryInfo(_)) => {
                // Nothing of it is kept here, so the store records nothing.
                return Ok((Box::pin(self.ask_code_host(scope, ask, pending)).await?, false));
            }
            // Whatever of it is kept was recorded for itself; the call is recorded when it has ended.
            Ask::CallPlugin(ask) => {
                let outgoing = Outgoing::new(self, pending);
                let called = Box::pin(outgoing.of(self.call_plugin(scope, ask))).await?;
                return Ok((Reply::CallPlugin(called), false));
            }
            Ask::ListPlugins(ask) => Reply::ListPlugins(self.list_plugins(scope, &ask).await?),
            Ask::ShowPlugin(ask) => Reply::ShowPlugin(self.show_plugin(scope, &ask).await?),
            Ask::EnablePlugin(ask) => {
                let (view, recorded) = self.change_plugin(scope, &ask.plugin, Enabled, pending).await?;
                return Ok((Reply::EnablePlugin(view), recorded));
            }
            Ask::DisablePlugin(ask) => {
                let (view, recorded) = self.change_plugin(scope, &ask.plugin, Disabled, pending).await?;
                return Ok((Reply::DisablePlugin(view), recorded));
            }
            Ask::RemovePlugin(ask) => {
                let (view, recorded) = self.change_plugin(scope, &ask.plugin, Removed, pending).await?;
                return Ok((Reply::RemovePlugin(view), recorded));
            }
            Ask::DriftMetrics(ask) => Reply::DriftMetrics(self.drift_metrics(scope, ask.since).await?),
        };
        Ok((reply, recorded))
    }

    fn admit(&self, caller: &Caller, operation: &Operation) -> Result<Option<Admitted>, TooMany> {
        // However many sessions have expired, all of them are ended.
        let admission = self.admission.as_ref().filter(|_| !caller.principal.is_housekeeping());
        admission.map(|admission| admission.admit(caller.principal.holder(), operation)).transpose()
    }
}
