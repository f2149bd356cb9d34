//! Identities.

use agentstack_access::Scope;
use agentstack_audit::{Line, Outcome, Record};
use agentstack_core::limits::IDENTITIES_PER_PRINCIPAL;
use agentstack_core::{AgentId, Identity, IdentityId, IdentityStatus};
use async_trait::async_trait;

use super::{ReferenceStore, State};
use crate::{Identities, IdentityChange, IdentityFilter, IdentityRef, IdentityStore, Pending, StorageError};

impl State {
    /// Those that the scope's principal may know, the newest first.
    fn known(&self, scope: &Scope) -> impl Iterator<Item = &Identity> {
        let all = scope.principal().is_operator();
        self.identities.iter().rev().filter(move |one| all || one.owner == scope.principal().name())
    }

    fn find_identity(&self, scope: &Scope, which: &IdentityRef) -> Option<&Identity> {
        match which {
            IdentityRef::Id(id) => self.known(scope).find(|one| one.id == *id),
            // A retired one only if there is no other.
            IdentityRef::Name(name) => self
                .known(scope)
                .filter(|one| {
                    one.owner == scope.principal().name() && one.display_name.as_ref() == Some(name)
                })
                .min_by_key(|one| one.status == IdentityStatus::Retired),
        }
    }

    pub(super) fn name_is_taken(&self, owner: &str, name: Option<&AgentId>, but: IdentityId) -> bool {
        let mut live = self.identities.iter().filter(|one| one.status != IdentityStatus::Retired);
        live.any(|one| {
            one.owner == owner && one.id != but && name.is_some() && one.display_name.as_ref() == name
        })
    }
}

#[async_trait]
impl IdentityStore for ReferenceStore {
    async fn create_identity(
        &self,
        scope: &Scope,
        identity: Identity,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        let owner = scope.principal().name();
        if state.name_is_taken(owner, identity.display_name.as_ref(), identity.id) {
            return Err(StorageError::NameTaken);
        }
        let live = |one: &&Identity| one.owner == owner && one.status != IdentityStatus::Retired;
        if state.identities.iter().filter(live).count() >= IDENTITIES_PER_PRINCIPAL as usize {
            return Err(StorageError::TooMany { what: "identities" });
        }
        state.identities.push(Identity { owner: owner.to_owned(), ..identity });
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(())
    }

    async fn identity(&self, scope: &Scope, which: &IdentityRef) -> Result<Option<Identity>, StorageError> {
        Ok(self.state()?.find_identity(scope, which).cloned())
    }

    async fn identities(&self, scope: &Scope, filter: IdentityFilter) -> Result<Identities, StorageError> {
        let state = self.state()?;
        let passes = |one: &&Identity| {
            one.owner == scope.principal().name()
                && filter.status.is_none_or(|status| one.status == status)
                && filter.agent_type.as_ref().is_none_or(|agent_type| one.agent_type == *agent_type)
        };
        let fitting: Vec<&Identity> = state.known(scope).filter(passes).collect();
        let page = fitting.iter().skip(filter.offset as usize).take(filter.limit as usize);
        Ok(Identities {
            total: fitting.len() as u64,
            identities: page.map(|one| Identity::clone(one)).collect(),
        })
    }

    async fn change_identity(
        &self,
        scope: &Scope,
        id: IdentityId,
        change: IdentityChange,
        pending: Pending,
    ) -> Result<Option<Identity>, StorageError> {
        let mut state = self.state()?;
        let Some(mut changed) = state.find_identity(scope, &IdentityRef::Id(id)).cloned() else {
            return Ok(None);
        };
        let is_final = changed.status == IdentityStatus::Retired && change.status.is_none();
        let (to, reason) = change.status.unwrap_or_else(|| (changed.status, changed.reason.clone()));
        if is_final || !changed.status.can_become(to) {
            let (is, to) = (changed.status.as_str(), to.as_str());
            return Err(StorageError::State { what: "identity", is, to });
        }
        changed.display_name = change.display_name.or(changed.display_name);
        // A retired one takes no name from others.
        let needs_name = to != IdentityStatus::Retired;
        if needs_name && state.name_is_taken(&changed.owner, changed.display_name.as_ref(), id) {
            return Err(StorageError::NameTaken);
        }
        changed.description = change.description.or(changed.description);
        changed.capabilities = change.capabilities.unwrap_or(changed.capabilities);
        changed.metadata = change.metadata.unwrap_or(changed.metadata);
        (changed.status, changed.reason) = (to, reason);
        changed.version += 1;
        changed.updated_at = scope.at();
        for one in state.identities.iter_mut().filter(|one| one.id == id) {
            one.clone_from(&changed);
        }
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(Some(changed))
    }

    async fn identity_lines(
        &self,
        scope: &Scope,
        id: IdentityId,
        limit: u32,
    ) -> Result<Option<Vec<Line>>, StorageError> {
        let state = self.state()?;
        if state.find_identity(scope, &IdentityRef::Id(id)).is_none() {
            return Ok(None);
        }
        let names = |line: &&Line| Record::parse(&line.body).is_ok_and(|record| record.identity == Some(id));
        Ok(Some(state.log.iter().rev().filter(names).take(limit as usize).cloned().collect()))
    }
}
