//! Identities: create, get, list, update, activate, deactivate, retire, audit.

use agentstack_access::Scope;
use agentstack_api::command::{CreateIdentity, IdentityAudit, IdentityName, ListIdentities, UpdateIdentity};
use agentstack_api::view::{
    GetIdentityView, IdentityAuditView, IdentityChangedView, IdentitySummaryView, ListIdentitiesView,
    RecordView,
};
use agentstack_audit::{Outcome, Record};
use agentstack_core::{Identity, IdentityId, IdentityStatus};
use agentstack_storage::text::cut::json_escaped_len;
use agentstack_storage::{IdentityChange, IdentityFilter, IdentityRef, Pending, StorageError};

use crate::Engine;
use crate::answer::Room;
use crate::failure::Failure;

/// What an identity takes in a list besides its name, in bytes.
const IDENTITY_BYTES: usize = 480;
/// What a record takes in a list besides its principal, in bytes.
const RECORD_BYTES: usize = 360;

impl Engine {
    pub(crate) async fn create_identity(
        &self,
        scope: &Scope,
        command: CreateIdentity,
        pending: Pending,
    ) -> Result<IdentityChangedView, Failure> {
        self.known_kind("agentType", &command.agent_type)?;
        let identity = Identity {
            id: IdentityId::generate(),
            owner: scope.principal().name().to_owned(),
            agent_type: command.agent_type,
            status: if command.is_active { IdentityStatus::Active } else { IdentityStatus::Created },
            reason: None,
            version: 1,
            display_name: command.display_name,
            description: self.screened_text(scope, "description", command.description)?,
            capabilities: command.capabilities,
            metadata: self.screened_object(scope, command.metadata)?,
            created_at: scope.at(),
            updated_at: scope.at(),
            last_active_at: None,
        };
        let pending = pending.of_identity(Some(identity.id));
        self.store().create_identity(scope, identity.clone(), pending).await?;
        Ok(identity.into())
    }

    pub(crate) async fn get_identity(
        &self,
        scope: &Scope,
        which: IdentityName,
    ) -> Result<GetIdentityView, Failure> {
        let (which, name) = match which {
            IdentityName::Id(id, name) => (IdentityRef::Id(id), name),
            IdentityName::Name(name) => (IdentityRef::Name(name), None),
        };
        let found = self.store().identity(scope, &which).await?;
        let identity =
            found.filter(|one| name.is_none() || one.display_name == name).ok_or(Failure::Absent)?;
        Ok(GetIdentityView { identity: identity.into() })
    }

    pub(crate) async fn list_identities(
        &self,
        scope: &Scope,
        command: ListIdentities,
    ) -> Result<ListIdentitiesView, Failure> {
        let filter = IdentityFilter {
            status: command.status,
            agent_type: command.agent_type,
            limit: command.limit,
            offset: command.offset,
        };
        let found = self.store().identities(scope, filter).await?;
        let mut room = Room::new();
        let mut fits = |one: &Identity| {
            let name = one.display_name.as_ref().map_or(0, |name| json_escaped_len(name.as_str()));
            room.take(IDENTITY_BYTES + name)
        };
        let identities: Vec<IdentitySummaryView> =
            found.identities.into_iter().take_while(|one| fits(one)).map(Into::into).collect();
        Ok(ListIdentitiesView { total: found.total, count: identities.len(), identities })
    }

    pub(crate) async fn update_identity(
        &self,
        scope: &Scope,
        command: UpdateIdentity,
        pending: Pending,
    ) -> Result<IdentityChangedView, Failure> {
        let change = IdentityChange {
            display_name: command.display_name,
            description: self.screened_text(scope, "description", command.description)?,
            capabilities: command.capabilities,
            metadata: command.metadata.map(|object| self.screened_object(scope, object)).transpose()?,
            status: None,
        };
        self.change_identity(scope, command.id, change, pending).await
    }

    pub(crate) async fn move_identity(
        &self,
        scope: &Scope,
        id: IdentityId,
        to: IdentityStatus,
        reason: Option<String>,
        pending: Pending,
    ) -> Result<IdentityChangedView, Failure> {
        let reason = self.screened_text(scope, "reason", reason)?;
        let change = IdentityChange { status: Some((to, reason)), ..IdentityChange::default() };
        self.change_identity(scope, id, change, pending).await
    }

    async fn change_identity(
        &self,
        scope: &Scope,
        id: IdentityId,
        change: IdentityChange,
        pending: Pending,
    ) -> Result<IdentityChangedView, Failure> {
        let changed = self.store().change_identity(scope, id, change, pending.of_identity(Some(id))).await?;
        Ok(changed.ok_or(Failure::Absent)?.into())
    }

    pub(crate) async fn identity_audit(
        &self,
        scope: &Scope,
        command: &IdentityAudit,
    ) -> Result<IdentityAuditView, Failure> {
        let lines = self.store().identity_lines(scope, command.id, command.limit).await?;
        let mut room = Room::new();
        let mut records = vec![];
        for line in lines.ok_or(Failure::Absent)? {
            let record =
                Record::parse(&line.body).map_err(|_| StorageError::damaged("a record of the audit log"))?;
            if !room.take(RECORD_BYTES + json_escaped_len(&record.principal)) {
                break;
            }
            records.push(view(record));
        }
        Ok(IdentityAuditView { count: records.len(), records })
    }
}

fn view(record: Record) -> RecordView {
    RecordView {
        sequence: record.sequence,
        at: record.at,
        principal: record.principal,
        session_id: record.session,
        operation: record.operation,
        outcome: Outcome::as_str(record.outcome).to_owned(),
        request_id: record.request,
    }
}
