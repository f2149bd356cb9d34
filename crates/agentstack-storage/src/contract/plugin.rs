//! The registry of plugins.

use agentstack_access::Scope;
use agentstack_core::PluginName;
use async_trait::async_trait;

use crate::{Pending, PluginRecord, StorageError};

/// Which plugins are installed. There is one registry: the scope says that its caller may look at it, or change it. What
/// is changed holds from the commit on, in every process.
#[async_trait]
pub trait PluginStore: Send + Sync {
    /// A plugin, a removed one too.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn plugin(&self, scope: &Scope, name: &PluginName) -> Result<Option<PluginRecord>, StorageError>;

    /// All plugins in the order of their names, those that were removed too.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn plugins(&self, scope: &Scope) -> Result<Vec<PluginRecord>, StorageError>;

    /// Registers `next` in place of `seen`, which is what was read; `None` if there was nothing. A mutation and its audit
    /// record are one transaction.
    ///
    /// # Errors
    /// [`StorageError::Changed`] when the registry has something else than `seen` by now;
    /// [`StorageError::TooMany`] when it would be one more than [`PLUGINS`](crate::plugin::PLUGINS).
    async fn change_plugin(
        &self,
        scope: &Scope,
        seen: Option<&PluginRecord>,
        next: PluginRecord,
        pending: Pending,
    ) -> Result<(), StorageError>;

    /// Notes that a process has loaded the plugin, at the scope's time and with the record of that. If it has another hash
    /// by now, only the record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn note_plugin_load(
        &self,
        scope: &Scope,
        name: &PluginName,
        hash: &[u8; 32],
        pending: Pending,
    ) -> Result<(), StorageError>;
}
