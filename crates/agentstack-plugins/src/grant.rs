//! What a plugin asks for, and what it is granted of that.

use std::collections::{BTreeMap, BTreeSet};

use agentstack_core::SharedName;
use serde::{Deserialize, Serialize};

use crate::raw::{Memory, RawGrants};
use crate::{CallLimits, ConfigKey, Host, MemoryOperation, Place};

/// Most shared namespaces, hosts and settings that a plugin may ask for.
const SHARED: usize = 32;
const HOSTS: usize = 32;
const CONFIG: usize = 64;

/// Authority that a plugin asks for or has. By default none, with the usual limits.
///
/// Its JSON form is that of `requests` in a manifest. What was read from there is below every ceiling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawGrants", into = "RawGrants")]
pub struct Grants {
    session: BTreeSet<MemoryOperation>,
    /// Each with one operation at least.
    shared: BTreeMap<SharedName, BTreeSet<MemoryOperation>>,
    hosts: BTreeSet<Host>,
    config: BTreeSet<ConfigKey>,
    limits: CallLimits,
}

impl Grants {
    /// Whether the operation may be done on what is kept there.
    #[must_use]
    pub fn allow_memory(&self, operation: MemoryOperation, place: &Place) -> bool {
        match place {
            Place::Session => self.session.contains(&operation),
            Place::Shared(name) => self.shared.get(name).is_some_and(|granted| granted.contains(&operation)),
        }
    }

    /// What may be done in memory, and where.
    pub fn memory(&self) -> impl Iterator<Item = (Place, MemoryOperation)> {
        let session = self.session.iter().map(|operation| (Place::Session, *operation));
        let shared = self.shared.iter().flat_map(|(name, operations)| {
            operations.iter().map(|operation| (Place::Shared(name.clone()), *operation))
        });
        session.chain(shared)
    }

    /// The hosts that may be asked.
    #[must_use]
    pub fn hosts(&self) -> &BTreeSet<Host> {
        &self.hosts
    }

    /// The settings that may be read.
    #[must_use]
    pub fn config(&self) -> &BTreeSet<ConfigKey> {
        &self.config
    }

    /// How much one call may use up.
    #[must_use]
    pub fn limits(&self) -> &CallLimits {
        &self.limits
    }

    /// What is in both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let shared = self.shared.iter().filter_map(|(name, operations)| {
            let both = common(operations, other.shared.get(name)?);
            (!both.is_empty()).then(|| (name.clone(), both))
        });
        Self {
            session: common(&self.session, &other.session),
            shared: shared.collect(),
            hosts: common(&self.hosts, &other.hosts),
            config: common(&self.config, &other.config),
            limits: self.limits.meet(&other.limits),
        }
    }

    /// The first thing in here that is not in `other`, if anything is.
    #[must_use]
    pub fn excess_over(&self, other: &Self) -> Option<Excess> {
        let memory = self.memory().find(|(place, operation)| !other.allow_memory(*operation, place));
        let memory = memory.map(|(place, operation)| Excess::Memory { operation, place });
        memory
            .or_else(|| self.hosts.difference(&other.hosts).next().cloned().map(Excess::Host))
            .or_else(|| self.config.difference(&other.config).next().cloned().map(Excess::Config))
            .or_else(|| self.limits.higher_than(&other.limits).map(Excess::Limit))
    }
}

fn common<T: Ord + Clone>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> BTreeSet<T> {
    one.intersection(other).cloned().collect()
}

/// Something that goes beyond what there is to grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Excess {
    /// An operation on memory.
    #[error("`{operation}` in {place} was not asked for")]
    Memory {
        /// What.
        operation: MemoryOperation,
        /// Where.
        place: Place,
    },
    /// A host.
    #[error("the host {0} was not asked for")]
    Host(Host),
    /// A setting.
    #[error("the setting `{0}` was not asked for")]
    Config(ConfigKey),
    /// A limit, by its name in manifests.
    #[error("`{0}` is higher than what was asked for")]
    Limit(&'static str),
}

impl TryFrom<RawGrants> for Grants {
    type Error = String;

    fn try_from(raw: RawGrants) -> Result<Self, String> {
        let RawGrants { memory: Memory { session, shared }, hosts, config, limits } = raw;
        for (what, count, most) in [
            ("memory.shared", shared.len(), SHARED),
            ("hosts", hosts.len(), HOSTS),
            ("config", config.len(), CONFIG),
        ] {
            if count > most {
                return Err(format!("`{what}` must have {most} entries at most"));
            }
        }
        let mut named = BTreeMap::new();
        for (name, operations) in shared {
            let name: SharedName =
                name.parse().map_err(|rule| format!("a name in `memory.shared` {rule}"))?;
            if !operations.is_empty() {
                named.insert(name, operations);
            }
        }
        Ok(Self { session, shared: named, hosts, config, limits })
    }
}

impl From<Grants> for RawGrants {
    fn from(grants: Grants) -> Self {
        let Grants { session, shared, hosts, config, limits } = grants;
        let shared = shared.into_iter().map(|(name, operations)| (name.to_string(), operations)).collect();
        Self { memory: Memory { session, shared }, hosts, config, limits }
    }
}

/// What an operator granted a plugin: never more than it asked for, which is never more than the ceilings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted(Grants);

impl Granted {
    /// Grants what was chosen.
    ///
    /// # Errors
    /// What of it was not asked for.
    pub fn new(requested: &Grants, chosen: Grants) -> Result<Self, Excess> {
        match chosen.excess_over(requested) {
            None => Ok(Self(chosen)),
            Some(excess) => Err(excess),
        }
    }

    /// What is left of what was granted before for another version of the plugin, which may ask for something else. It is
    /// never more than the operator has agreed to.
    #[must_use]
    pub fn carried_over(before: &Grants, requested: &Grants) -> Self {
        Self(before.meet(requested))
    }

    /// What was granted.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        &self.0
    }
}
