//! The registry of plugins.

use agentstack_access::Scope;
use agentstack_core::PluginName;
use agentstack_storage::{Pending, PluginRecord, PluginStore, StorageError};
use async_trait::async_trait;

use super::Faulty;

#[async_trait]
impl PluginStore for Faulty {
    async fn plugin(&self, scope: &Scope, name: &PluginName) -> Result<Option<PluginRecord>, StorageError> {
        self.reads()?.plugin(scope, name).await
    }

    async fn plugins(&self, scope: &Scope) -> Result<Vec<PluginRecord>, StorageError> {
        self.reads()?.plugins(scope).await
    }

    async fn change_plugin(
        &self,
        scope: &Scope,
        seen: Option<&PluginRecord>,
        next: PluginRecord,
        pending: Pending,
    ) -> Result<(), StorageError> {
        self.writes()?.change_plugin(scope, seen, next, pending).await
    }

    async fn note_plugin_load(
        &self,
        scope: &Scope,
        name: &PluginName,
        hash: &[u8; 32],
        pending: Pending,
    ) -> Result<(), StorageError> {
        self.writes()?.note_plugin_load(scope, name, hash, pending).await
    }
}
