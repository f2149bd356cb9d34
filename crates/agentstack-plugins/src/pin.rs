//! What was installed, and what may take its place.

use crate::{ContentHash, KeyId, PluginName, Version};

/// What was installed: which plugin, in which version, with which content, from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The plugin.
    pub name: PluginName,
    /// Its version.
    pub version: Version,
    /// The hash of its package.
    pub hash: ContentHash,
    /// Whose signature it bears.
    pub signer: KeyId,
}

/// How one plugin follows another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Succession {
    /// It is the same, to the byte.
    Same,
    /// It is a higher version.
    Higher,
}

impl Pin {
    /// Whether `next` may take the place of this one, which is installed. It inherits what was granted, so it has to come
    /// from the same signer.
    ///
    /// # Errors
    /// When it may not.
    pub fn succeeded_by(&self, next: &Self) -> Result<Succession, Refused> {
        if self.name != next.name {
            return Err(Refused::OtherName);
        }
        if self.signer != next.signer {
            return Err(Refused::OtherSigner { installed: self.signer, offered: next.signer });
        }
        match next.version.cmp(&self.version) {
            std::cmp::Ordering::Greater => Ok(Succession::Higher),
            std::cmp::Ordering::Less => Err(Refused::Lower { installed: self.version.clone() }),
            std::cmp::Ordering::Equal if self.hash == next.hash => Ok(Succession::Same),
            std::cmp::Ordering::Equal => Err(Refused::Replaced { version: self.version.clone() }),
        }
    }
}

/// Why a plugin does not take the place of the one that is installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is another plugin.
    #[error("this is another plugin than the one that is installed")]
    OtherName,
    /// Another key has signed it.
    #[error(
        "the installed version is signed with the key {installed}, this one with {offered}; remove the old one first"
    )]
    OtherSigner {
        /// Whose the installed one is.
        installed: KeyId,
        /// Whose this one is.
        offered: KeyId,
    },
    /// It is older.
    #[error("version {installed} is installed, which is higher")]
    Lower {
        /// What is installed.
        installed: Version,
    },
    /// It is the same version with other files.
    #[error("version {version} is installed with other content: a version never changes")]
    Replaced {
        /// What is installed.
        version: Version,
    },
}
