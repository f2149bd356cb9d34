//! What rows may become.

use agentstack_access::Scope;
use agentstack_core::{
    Identity, IdentityStatus, Namespace, Origin, ResumeToken, RiskLevel, SessionId, Task, TaskStatus,
    Timestamp, limits,
};
use agentstack_storage::import::{
    Cell, ImportItem, ImportedEntry, ImportedSession, ImportedTask, ImportedVersion, SourceEntry,
    SourceIdentity, SourceItem, SourceSession, SourceTask, SourceVersion, VersionData,
};
use agentstack_storage::{NewEntry, Wish};

use super::check;
use super::{ImportOptions, ImportReason};
use crate::Engine;
use crate::failure::Failure;

/// What an origin says of how it came here.
pub(super) const TOOL: &str = "import";

/// Why there is no item.
pub(super) enum Not {
    /// The row cannot be taken.
    Fit(ImportReason),
    /// Something else went wrong.
    Possible(Failure),
}

impl From<ImportReason> for Not {
    fn from(reason: ImportReason) -> Self {
        Self::Fit(reason)
    }
}

impl From<Failure> for Not {
    fn from(failure: Failure) -> Self {
        match failure {
            // What the guard has taken something out of can be too long for its place.
            Failure::Unfit { .. } | Failure::Input(_) => Self::Fit(ImportReason::Guard),
            other => Self::Possible(other),
        }
    }
}

/// A session of the source, as far as it is one of those that are taken.
struct Home {
    id: SessionId,
    started_at: Timestamp,
}

/// Which session one of the source becomes, if it is one of those that are taken.
fn home(session: &SourceSession, options: &ImportOptions) -> Result<Home, ImportReason> {
    let id = check::id(&session.id)?;
    match check::text(&session.status)? {
        Some("active") => {}
        Some("ended") if options.with_ended_sessions => {}
        Some("ended") => return Err(ImportReason::EndedSession),
        _ => return Err(ImportReason::Status),
    }
    if !options.with_sessions {
        return Err(ImportReason::NoTokenFile);
    }
    let started_at = check::time(&session.started_at)?;
    Ok(Home { id: check::session_id(id, started_at), started_at })
}

/// The same of one that a row names. A session that was not taken for a reason of its own has taken all of it along.
fn named_home(session: &SourceSession, options: &ImportOptions) -> Result<SessionId, ImportReason> {
    if session.id == Cell::Null {
        return Err(ImportReason::UnknownSession);
    }
    home(session, options)
        .map(|home| home.id)
        .map_err(|reason| if reason.is_refusal() { ImportReason::Homeless } else { reason })
}

impl Engine {
    /// What a row may become, once it is checked and the guard has looked at it.
    pub(super) async fn import_item(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        item: &SourceItem,
    ) -> Result<ImportItem, Not> {
        match item {
            SourceItem::Session(session) => self.import_session(scope, options, session),
            SourceItem::Identity(identity) => self.import_identity(scope, options, identity),
            SourceItem::Task(task) => self.import_task(scope, options, task),
            SourceItem::Entry(entry) => self.import_entry(scope, options, entry).await,
            SourceItem::Version(version) => self.import_version(scope, options, version).await,
        }
    }

    fn import_session(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        session: &SourceSession,
    ) -> Result<ImportItem, Not> {
        let home = home(session, options)?;
        let metadata = self.screened_object(scope, check::metadata(&session.metadata)?)?;
        let settings = self.settings();
        Ok(ImportItem::Session(ImportedSession {
            id: home.id,
            metadata,
            // One that nobody has: when it is to be taken, it is given one that is kept.
            resume: ResumeToken::generate().map_err(Failure::from)?.hash(),
            started_at: home.started_at.min(scope.at()),
            idle_ms: settings.session_idle_ms,
            expires_at: scope.at().plus_millis(settings.session_age_ms),
        }))
    }

    fn import_identity(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        identity: &SourceIdentity,
    ) -> Result<ImportItem, Not> {
        let now = scope.at();
        let agent_type = check::agent_type(&identity.agent_type)?;
        self.known_kind("agentType", &agent_type).map_err(|_| ImportReason::AgentType)?;
        let description = check::description(&identity.description)?;
        let status: IdentityStatus = check::word(&identity.status, ImportReason::Status)?;
        let reason = check::description(&identity.reason)?.filter(|_| status == IdentityStatus::Retired);
        let id = check::id(&identity.id)?.parse().map_err(|_| ImportReason::Id)?;
        Ok(ImportItem::Identity(Box::new(Identity {
            // Whoever knows an identity knows it by its id, so it keeps it.
            id,
            owner: options.owner.clone().unwrap_or_else(|| scope.principal().name().to_owned()),
            agent_type,
            status,
            reason: self.screened_text(scope, "reason", reason)?,
            version: check::version(&identity.version)?,
            display_name: check::name(&identity.display_name)?,
            description: self.screened_text(scope, "description", description)?,
            capabilities: check::capabilities(&identity.capabilities)?,
            metadata: self.screened_object(scope, check::metadata(&identity.metadata)?)?,
            created_at: check::past_time(&identity.created_at, now)?,
            updated_at: check::past_time(&identity.updated_at, now)?,
            last_active_at: check::past_time_or_none(&identity.last_active_at, now)?,
        })))
    }

    fn import_task(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        task: &SourceTask,
    ) -> Result<ImportItem, Not> {
        let now = scope.at();
        if task.session_id == Cell::Null {
            return Err(ImportReason::NoSession.into());
        }
        let session = named_home(&task.session, options)?;
        let agent_type = check::agent_type(&task.agent_type)?;
        self.known_kind("agentType", &agent_type).map_err(|_| ImportReason::AgentType)?;
        let status = match check::text(&task.status)? {
            // Whatever agent had it is not here.
            Some("pending" | "running") => TaskStatus::Pending,
            Some("completed") => TaskStatus::Completed,
            Some("failed") => TaskStatus::Failed,
            _ => return Err(ImportReason::Status.into()),
        };
        let created_at = check::time(&task.created_at)?;
        let completed_at = check::past_time_or_none(&task.completed_at, now)?;
        let completed_at = completed_at.filter(|_| status != TaskStatus::Pending);
        let risk = match check::text(&task.risk)? {
            None => RiskLevel::Low,
            Some(word) => word.parse().map_err(|_| ImportReason::Risk)?,
        };
        let parent = match (check::text(&task.parent)?, &task.parent_created_at) {
            (None, _) => None,
            (Some(_), Cell::Null) => return Err(ImportReason::Orphan.into()),
            (Some(parent), created) => Some(check::task_id(parent, check::time(created)?)),
        };
        let item = Task {
            id: check::task_id(check::id(&task.id)?, created_at),
            agent_type,
            status,
            risk,
            parent,
            depth: 0,
            agent: None,
            input: self.screened_text(scope, "input", check::task_text(&task.input)?)?,
            output: self.screened_text(scope, "output", check::task_text(&task.output)?)?,
            created_at: created_at.min(now),
            updated_at: completed_at.unwrap_or(created_at).min(now),
            completed_at,
        };
        let bounds = self.settings().coordination.tasks;
        Ok(ImportItem::Task(Box::new(ImportedTask { session, task: item, bounds })))
    }

    async fn import_entry(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        entry: &SourceEntry,
    ) -> Result<ImportItem, Not> {
        let (namespace, key) = place(scope, options, entry)?;
        let created_at = check::past_time(&entry.created_at, scope.at())?;
        let updated_at = check::time(&entry.updated_at)?;
        let id = check::entry_id(&namespace, &key, check::id(&entry.id)?, updated_at);
        let agent = check::name(&entry.agent)?;
        let number = newest_past(entry) + 1;
        let wish = self.wish(true);
        let new = NewEntry {
            key,
            content: check::content(&entry.content)?,
            metadata: check::metadata(&entry.metadata)?,
            tags: check::tags(&entry.tags)?,
            if_version: None,
            origin: origin(scope),
            findings: vec![],
            held: false,
            wish,
        };
        let new = self.screened_in(&namespace, new).await?;
        Ok(ImportItem::Entry(Box::new(ImportedEntry {
            namespace,
            id,
            created_at,
            version: VersionData { agent, ..data(new, number) },
            entries_per_session: self.settings().entries_per_session,
            wish,
        })))
    }

    async fn import_version(
        &self,
        scope: &Scope,
        options: &ImportOptions,
        version: &SourceVersion,
    ) -> Result<ImportItem, Not> {
        let entry = &version.entry;
        if entry.id == Cell::Null {
            return Err(ImportReason::UnknownEntry.into());
        }
        // What is wrong with its entry was said of that.
        let homeless =
            |reason: ImportReason| if reason.is_refusal() { ImportReason::Homeless } else { reason };
        let (namespace, key) = place(scope, options, entry).map_err(homeless)?;
        let updated_at = check::time(&entry.updated_at).map_err(homeless)?;
        let id = check::entry_id(&namespace, &key, check::id(&entry.id).map_err(homeless)?, updated_at);
        let number = check::version(&version.number)?;
        // Those that are not whole numbers do not count, and none is as new as what is there.
        if number > newest_past(entry) {
            return Err(ImportReason::Version.into());
        }
        if number.saturating_add(limits::VERSIONS_KEPT) <= newest_past(entry) {
            return Err(ImportReason::OldVersion.into());
        }
        let new = NewEntry {
            key,
            content: check::content(&version.content)?,
            metadata: check::metadata(&version.metadata)?,
            tags: vec![],
            if_version: None,
            origin: origin(scope),
            findings: vec![],
            held: false,
            wish: Wish::None,
        };
        let new = self.screened_in(&namespace, new).await?;
        let version = data(new, number);
        Ok(ImportItem::Version(Box::new(ImportedVersion { namespace, entry: id, version })))
    }
}

/// Where an entry is to live, and under which key.
fn place(
    scope: &Scope,
    options: &ImportOptions,
    entry: &SourceEntry,
) -> Result<(Namespace, agentstack_core::MemoryKey), ImportReason> {
    let namespace = match check::namespace(&entry.namespace)? {
        Namespace::Session(_) => Namespace::Session(named_home(&entry.session, options)?),
        shared @ Namespace::Shared(_) => shared,
    };
    if !scope.principal().limits().allow_namespace(&namespace) {
        return Err(ImportReason::Forbidden);
    }
    Ok((namespace, check::key(&entry.key)?))
}

/// The highest number of a past version of an entry; 0 if it has none.
fn newest_past(entry: &SourceEntry) -> u32 {
    check::version(&entry.newest_past).unwrap_or_default()
}

/// Whoever imports has brought it here, now; who has written it there cannot be proven.
pub(super) fn origin(scope: &Scope) -> Origin {
    Origin {
        principal: scope.principal().name().to_owned(),
        agent_id: None,
        tool: TOOL.to_owned(),
        at: scope.at(),
    }
}

pub(super) fn data(new: NewEntry, number: u32) -> VersionData {
    VersionData {
        key: new.key,
        number,
        content: new.content,
        metadata: new.metadata,
        tags: new.tags,
        agent: None,
        origin: new.origin,
        findings: new.findings,
        held: new.held,
    }
}
