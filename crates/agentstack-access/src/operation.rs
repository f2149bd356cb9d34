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

impl Effect {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Destructive];

    /// The word for it, which is the policy's group of such operations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
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

impl Operation {
    /// What it is about: the part of its name before the first `_`. None for a name of one word.
    #[must_use]
    pub fn family(&self) -> Option<&'static str> {
        self.name.split_once('_').map(|(family, _)| family)
    }

    /// Whether it is operators' whatever the policy permits: that a person decides on trust is what trust rests on (S13).
    #[must_use]
    pub fn is_for_operators_alone(&self) -> bool {
        self.family() == Some("quarantine")
    }

    /// Whether it is asked of a host of code, if there is one.
    #[must_use]
    pub fn is_of_a_code_host(&self) -> bool {
        self.family() == Some("github")
    }

    /// Whether it is about plugins.
    #[must_use]
    pub fn is_of_plugins(&self) -> bool {
        self.family() == Some("plugin")
    }

    /// Whether it changes a namespace. What is written outside of a session would be derived from nothing (S12).
    #[must_use]
    pub fn changes_a_namespace(&self) -> bool {
        self.effect != Effect::Read && matches!(self.reach, Reach::Namespace | Reach::Namespaces)
    }

    /// The policy's groups that it is in: by its effect, and by its family.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.effect.as_str()).chain(self.family())
    }
}
