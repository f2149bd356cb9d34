//! How much one call of a plugin may use up.

use agentstack_core::limits::RESPONSE_CONTENT_BYTES;
use serde::{Deserialize, Deserializer, Serialize};

use crate::raw;

/// The limits of one call. Each has a value for who asks for none, and a ceiling that no operator can lift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallLimits {
    fuel: u64,
    time_ms: u64,
    memory_bytes: u64,
    output_bytes: u64,
    host_calls: u64,
}

/// A limit: its name in manifests, the least it can be, what it is unless said, and its ceiling.
struct Rule {
    name: &'static str,
    least: u64,
    usual: u64,
    ceiling: u64,
}

const FUEL: Rule = Rule { name: "fuel", least: 1, usual: 1_000_000_000, ceiling: 50_000_000_000 };
const TIME: Rule = Rule { name: "timeMs", least: 1, usual: 5_000, ceiling: 60_000 };
const MEMORY: Rule =
    Rule { name: "memoryBytes", least: 64 * 1024, usual: 64 * 1024 * 1024, ceiling: 512 * 1024 * 1024 };
/// What is answered is twice in one response of the product: as JSON, and in its fence.
const OUTPUT: Rule =
    Rule { name: "outputBytes", least: 2, usual: 32 * 1024, ceiling: RESPONSE_CONTENT_BYTES as u64 / 2 };
const HOST_CALLS: Rule = Rule { name: "hostCalls", least: 0, usual: 100, ceiling: 10_000 };

impl CallLimits {
    /// All at their ceilings.
    pub const CEILINGS: Self = Self {
        fuel: FUEL.ceiling,
        time_ms: TIME.ceiling,
        memory_bytes: MEMORY.ceiling,
        output_bytes: OUTPUT.ceiling,
        host_calls: HOST_CALLS.ceiling,
    };

    /// Instructions, about, that it may run.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }

    /// Milliseconds after which it is ended, whatever it waits for.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// Bytes of memory that it may have.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// Longest answer, in bytes of JSON.
    #[must_use]
    pub fn output_bytes(&self) -> u64 {
        self.output_bytes
    }

    /// How often it may ask the product for something.
    #[must_use]
    pub fn host_calls(&self) -> u64 {
        self.host_calls
    }

    /// The lower of each.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        Self {
            fuel: self.fuel.min(other.fuel),
            time_ms: self.time_ms.min(other.time_ms),
            memory_bytes: self.memory_bytes.min(other.memory_bytes),
            output_bytes: self.output_bytes.min(other.output_bytes),
            host_calls: self.host_calls.min(other.host_calls),
        }
    }

    /// The first limit that is higher than it is in `other`, if any is.
    #[must_use]
    pub fn higher_than(&self, other: &Self) -> Option<&'static str> {
        let pairs = [
            (FUEL.name, self.fuel, other.fuel),
            (TIME.name, self.time_ms, other.time_ms),
            (MEMORY.name, self.memory_bytes, other.memory_bytes),
            (OUTPUT.name, self.output_bytes, other.output_bytes),
            (HOST_CALLS.name, self.host_calls, other.host_calls),
        ];
        pairs.into_iter().find(|(_, own, others)| own > others).map(|(name, ..)| name)
    }
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            fuel: FUEL.usual,
            time_ms: TIME.usual,
            memory_bytes: MEMORY.usual,
            output_bytes: OUTPUT.usual,
            host_calls: HOST_CALLS.usual,
        }
    }
}

impl Rule {
    fn check<E: serde::de::Error>(&self, asked: Option<u64>) -> Result<u64, E> {
        let value = asked.unwrap_or(self.usual);
        if (self.least..=self.ceiling).contains(&value) {
            Ok(value)
        } else {
            Err(E::custom(format_args!("`{}` must be {} to {}", self.name, self.least, self.ceiling)))
        }
    }
}

impl<'de> Deserialize<'de> for CallLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let asked = raw::Limits::deserialize(deserializer)?;
        Ok(Self {
            fuel: FUEL.check(asked.fuel)?,
            time_ms: TIME.check(asked.time_ms)?,
            memory_bytes: MEMORY.check(asked.memory_bytes)?,
            output_bytes: OUTPUT.check(asked.output_bytes)?,
            host_calls: HOST_CALLS.check(asked.host_calls)?,
        })
    }
}
