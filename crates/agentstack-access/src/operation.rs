//! What can be asked for, as far as access is concerned.

/// What an operation does to what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    Read,
    /// Adds or changes.
    Write,
    /// Removes.
    Destructive,
}

/// What an operation can reach, which decides what its claim must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// The service itself, or what belongs to the principal as a whole. No session is claimed.
    Principal,
    /// One session, which must be claimed.
    Session,
    /// One namespace: the one claimed, else the claimed session's own, else the default shared one.
    Namespace,
    /// The claimed session's namespace and, if asked for, every shared one; or just the one claimed.
    Namespaces,
}

/// An operation of the product. The instances are the rows of the table in `agentstack-api`.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name: the MCP tool and the policy's action.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
    /// What it can reach.
    pub reach: Reach,
}
