//! The registry of plugins.

use agentstack_access::Scope;
use agentstack_audit::Outcome;
use agentstack_core::PluginName;
use async_trait::async_trait;

use super::ReferenceStore;
use crate::plugin::PLUGINS;
use crate::{Pending, PluginRecord, PluginStore, StorageError};

#[async_trait]
impl PluginStore for ReferenceStore {
    async fn plugin(&self, _: &Scope, name: &PluginName) -> Result<Option<PluginRecord>, StorageError> {
        Ok(self.state()?.plugins.get(name).cloned())
    }

    async fn plugins(&self, _: &Scope) -> Result<Vec<PluginRecord>, StorageError> {
        Ok(self.state()?.plugins.values().cloned().collect())
    }

    async fn change_plugin(
        &self,
        _: &Scope,
        seen: Option<&PluginRecord>,
        next: PluginRecord,
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        let is_seen = match (state.plugins.get(&next.name), seen) {
            (None, None) => true,
            (Some(there), Some(seen)) => there.says_the_same(seen),
            _ => false,
        };
        if !is_seen {
            return Err(StorageError::Changed);
        }
        if seen.is_none() && state.plugins.len() >= PLUGINS {
            return Err(StorageError::TooMany { what: "plugins" });
        }
        state.plugins.insert(next.name.clone(), next);
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(())
    }

    async fn note_plugin_load(
        &self,
        scope: &Scope,
        name: &PluginName,
        hash: &[u8; 32],
        pending: Pending,
    ) -> Result<(), StorageError> {
        let mut state = self.state()?;
        if let Some(plugin) = state.plugins.get_mut(name).filter(|plugin| plugin.hash == *hash) {
            plugin.loaded_at = Some(scope.at());
        }
        state.append(&pending.close(Outcome::Ok, vec![]));
        Ok(())
    }
}
