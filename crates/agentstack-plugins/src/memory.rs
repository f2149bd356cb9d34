//! A plugin's way into memory: its caller's, narrowed to what it was granted.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use agentstack_access::{Caller, Claim, Limits, NamespaceClaim};
use agentstack_core::{Namespace, SharedName};
use serde::{Deserialize, Serialize};

use crate::Granted;

/// What a plugin can do in memory. There is no way for it to delete anything or to list what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryOperation {
    /// Reads the entry of a key.
    Get,
    /// Searches entries.
    Search,
    /// Writes an entry.
    Store,
}

impl MemoryOperation {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Get, Self::Search, Self::Store];

    /// The operation of the product that it is.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "memory_get",
            Self::Search => "memory_search",
            Self::Store => "memory_store",
        }
    }
}

impl fmt::Display for MemoryOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::Search => "search",
            Self::Store => "store",
        })
    }
}

/// Where a plugin reaches into memory: always one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// That of the session it is called in.
    Session,
    /// A shared one.
    Shared(SharedName),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session => f.write_str("the session's namespace"),
            Self::Shared(name) => write!(f, "the namespace `{name}`"),
        }
    }
}

/// What a plugin asked for and may not do. It learns nothing else from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this was not granted to the plugin")]
pub struct NotGranted;

impl Granted {
    /// For one operation in one place: who is to be authorized and what they claim. `caller` and `claim` are those of
    /// the call of the plugin, and `tool` is what labels name in place of the operation.
    ///
    /// What comes out can do that one thing at most, and only if the caller itself can: it is for the authorizer to say
    /// whether the session, the policy and the caller's own credential let it.
    ///
    /// # Errors
    /// When it was not granted.
    pub fn narrow(
        &self,
        caller: &Caller,
        claim: &Claim,
        tool: &str,
        operation: MemoryOperation,
        place: &Place,
    ) -> Result<(Caller, Claim), NotGranted> {
        if !self.grants().allow_memory(operation, place) {
            return Err(NotGranted);
        }
        let (namespace, reached) = match place {
            Place::Session => (Namespace::Session(claim.session.ok_or(NotGranted)?), BTreeSet::new()),
            Place::Shared(name) => (Namespace::Shared(name.clone()), BTreeSet::from([name.clone()])),
        };
        let limits = Limits {
            operations: Some(Arc::new(BTreeSet::from([operation.name().to_owned()]))),
            namespaces: Some(Arc::new(reached)),
        };
        let principal = Arc::new(caller.principal.narrowed_to(&limits).through(tool));
        let claim = Claim { namespace: NamespaceClaim::Named(namespace), ..claim.clone() };
        Ok((Caller { principal, request: caller.request }, claim))
    }
}
