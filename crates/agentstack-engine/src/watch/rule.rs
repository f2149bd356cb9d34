//! What is looked out for, and from when on it is said.

use std::fmt;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// One principal is refused much.
    DenialBurst,
    /// One principal reaches for sessions that it does not hold.
    ForeignSessionProbing,
    /// Credentials are not accepted, whoever shows them.
    FailedAuthentications,
    /// One principal reads much of the memory.
    UnusualExport,
    /// A principal that has long been at work does something that it never did.
    FirstOperation,
    /// One principal calls an operation far more often than it usually does.
    UnusualRate,
    /// Calls fail for reasons of ours.
    ErrorRate,
    /// A principal writes to a shared namespace for the first time.
    NewOriginInShared,
    /// A principal that has long been at work sends text to a provider that it never asked.
    NewProvider,
    /// One principal runs agents much.
    ProviderBurst,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::DenialBurst,
        Self::ForeignSessionProbing,
        Self::FailedAuthentications,
        Self::UnusualExport,
        Self::FirstOperation,
        Self::UnusualRate,
        Self::ErrorRate,
        Self::NewOriginInShared,
        Self::NewProvider,
        Self::ProviderBurst,
    ];

    /// The word for it: the reason in the audit log, the label of the metric.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DenialBurst => "denial_burst",
            Self::ForeignSessionProbing => "foreign_session_probing",
            Self::FailedAuthentications => "failed_authentications",
            Self::UnusualExport => "unusual_export",
            Self::FirstOperation => "first_operation",
            Self::UnusualRate => "unusual_rate",
            Self::ErrorRate => "error_rate",
            Self::NewOriginInShared => "new_origin_in_shared",
            Self::NewProvider => "new_provider",
            Self::ProviderBurst => "provider_burst",
        }
    }

    /// What it means when it says something, in one sentence. The same stands in docs/monitoring.md.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::DenialBurst => {
                "Within a minute, many calls of one principal were refused because the policy forbids them or because \
                 they reach for what is not its own."
            }
            Self::ForeignSessionProbing => {
                "Within ten minutes, one principal asked several times for sessions that are not its own or are no \
                 longer there."
            }
            Self::FailedAuthentications => "Within a minute, many credentials were not accepted.",
            Self::UnusualExport => "Within ten minutes, one principal made very many calls that read memory.",
            Self::FirstOperation => {
                "A principal that has been at work for a day or longer changed something by an operation, or used an \
                 operator's, that it had not used before."
            }
            Self::UnusualRate => {
                "Within ten minutes, one principal called one operation many times as often as it usually does."
            }
            Self::ErrorRate => {
                "Within five minutes, a good part of all calls failed because of this installation and not because of \
                 the callers."
            }
            Self::NewOriginInShared => "A principal wrote to a shared namespace for the first time.",
            Self::NewProvider => {
                "A principal that has been at work for a day or longer sent text to a provider that it had not asked before."
            }
            Self::ProviderBurst => "Within ten minutes, one principal sent text to providers many times.",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// From when on each rule says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Refused calls of one principal in a minute.
    pub denial_burst: u32,
    /// Calls of one principal in ten minutes for sessions that it does not hold.
    pub foreign_session_probing: u32,
    /// Credentials that were not accepted in a minute.
    pub failed_authentications: u32,
    /// Calls of one principal in ten minutes that read memory.
    pub unusual_export: u32,
    /// Calls that a principal must have made before an operation that is new to it is worth a word.
    pub first_operation: u32,
    /// How many times its usual rate a principal may call an operation. Below [`Thresholds::RATE_CALLS`] calls in ten
    /// minutes nothing is said.
    pub unusual_rate: u32,
    /// Percent of all calls in five minutes that fail. Below [`Thresholds::ERROR_CALLS`] calls nothing is said.
    pub error_rate: u32,
    /// Runs of one principal in ten minutes.
    pub provider_burst: u32,
}

impl Thresholds {
    /// Fewer calls of one operation in ten minutes are never unusual.
    pub const RATE_CALLS: u32 = 200;
    /// Of fewer calls in five minutes no rate is told.
    pub const ERROR_CALLS: u32 = 100;
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            denial_burst: 20,
            foreign_session_probing: 5,
            failed_authentications: 20,
            unusual_export: 2_000,
            first_operation: 100,
            unusual_rate: 10,
            error_rate: 5,
            provider_burst: 60,
        }
    }
}
