//! What is installed, as it is registered.

use agentstack_core::{PluginName, Timestamp};

/// Most plugins that are registered, those that were removed counted: their names and versions are kept.
pub const PLUGINS: usize = 1_000;

/// What is to become of the calls of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PluginState {
    /// They are made.
    Enabled,
    /// They are refused, until somebody enables it again.
    Disabled,
    /// There are none: nothing is left but what tells a lower version apart.
    Removed,
}

impl PluginState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Disabled, Self::Removed];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Removed => "removed",
        }
    }
}

/// A plugin as it is registered. A backend keeps it as it is: what a version or a grant means is for its readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginRecord {
    /// Its name.
    pub name: PluginName,
    /// Its version.
    pub version: String,
    /// The hash of its package.
    pub hash: [u8; 32],
    /// The key that has signed it.
    pub signer: [u8; 8],
    /// What it was granted, as JSON.
    pub grants: String,
    /// What is to become of its calls.
    pub state: PluginState,
    /// When this version was installed.
    pub installed_at: Timestamp,
    /// When a process last loaded this version.
    pub loaded_at: Option<Timestamp>,
}

impl PluginRecord {
    /// Whether both say the same, whenever it was loaded.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        Self { loaded_at: None, ..self.clone() } == Self { loaded_at: None, ..other.clone() }
    }
}
