//! Signals: what an operator should look at, by simple rules over the stream of calls.
//!
//! **Invariant:** no I/O and no clock of its own. What a call costs here does not depend on how many calls and principals
//! there were, and a signal decides nothing: no call is refused for it.

mod principal;
mod rule;
mod window;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use agentstack_access::{Effect, Principal};
use agentstack_api::OPERATIONS;
use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::{RequestId, SessionId, Timestamp};

use self::principal::Principals;
pub use self::rule::{Rule, Thresholds};
use self::window::Window;
use crate::AUTHENTICATION;

const MINUTE_MS: i64 = 60 * 1_000;
const FIVE_MINUTES_MS: i64 = 5 * MINUTE_MS;
const TEN_MINUTES_MS: i64 = 10 * MINUTE_MS;

/// How many principals are remembered: at most some 40 MB, if each has called every operation.
const REMEMBERED: usize = 10_000;
/// The operation of the record of a signal.
pub const SIGNAL: &str = "signal";
/// Whom a signal is about that is about no principal alone.
const EVERYBODY: &str = "agentstack:installation";

/// What is watched, and how often it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchSettings {
    /// From when on each rule says something.
    pub thresholds: Thresholds,
    /// For how long a rule then says nothing more of the same principal, in milliseconds.
    pub cool_down_ms: i64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { thresholds: Thresholds::default(), cool_down_ms: 60 * MINUTE_MS }
    }
}

/// Something that an operator should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The rule that says so.
    pub rule: Rule,
    /// Whom it is about.
    pub principal: String,
    /// The session that the last call of it named, if any.
    pub session: Option<SessionId>,
    /// How many there were, in the unit of the rule.
    pub observed: u64,
    /// From how many on it says something.
    pub threshold: u64,
    /// When.
    pub at: Timestamp,
}

impl Signal {
    /// Its audit record.
    pub(crate) fn draft(&self, policy: &Arc<str>) -> Draft {
        Draft {
            at: self.at,
            principal: self.principal.clone(),
            agent: None,
            identity: None,
            session: self.session,
            operation: SIGNAL,
            resource: None,
            decision: Decision::Allow,
            reason: self.rule.as_str(),
            policy: Arc::clone(policy),
            // It is no call: who looks for what became of one finds one record.
            request: RequestId::generate(),
            outcome: Outcome::Ok,
            duration_us: 0,
            counts: vec![("observed", self.observed), ("threshold", self.threshold)],
        }
    }
}

/// Watches calls. One for a process: what another process serves, that one watches.
#[derive(Debug)]
pub struct Watch {
    settings: WatchSettings,
    operations: HashMap<&'static str, Known>,
    /// Who does what time demands, whatever that is.
    housekeeper: Principal,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    principals: Principals,
    failed: Window<6>,
    calls: Window<5>,
    errors: Window<5>,
    /// Signals about nobody alone.
    raised: Raised,
}

/// What the watch knows of an operation.
#[derive(Debug, Clone, Copy)]
struct Known {
    index: u8,
    /// Whether it changes something or is an operator's.
    is_notable: bool,
    /// Whether its answer holds what memory holds.
    reads_memory: bool,
}

/// A rule that has something to say, unless it has said so lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Crossed {
    rule: Rule,
    observed: u64,
    threshold: u64,
}

impl Crossed {
    fn at(rule: Rule, observed: u64, threshold: u64) -> Option<Self> {
        (observed >= threshold).then_some(Self { rule, observed, threshold })
    }

    fn signal(self, principal: &str, session: Option<SessionId>, at: Timestamp) -> Signal {
        let Self { rule, observed, threshold } = self;
        Signal { rule, principal: principal.to_owned(), session, observed, threshold, at }
    }
}

/// When each rule last said something.
#[derive(Debug, Default)]
struct Raised([Option<Timestamp>; Rule::ALL.len()]);

impl Raised {
    /// Whether the rule may say something, which it then does. A clock that was set back far enough counts as time that
    /// has passed.
    fn is_due(&mut self, rule: Rule, at: Timestamp, cool_down_ms: i64) -> bool {
        let Some(last) = self.0.get_mut(rule as usize) else { return false };
        let passed = |last: Timestamp| at.as_millis().abs_diff(last.as_millis());
        let due = last.is_none_or(|last| passed(last) >= cool_down_ms.unsigned_abs());
        if due {
            *last = Some(at);
        }
        due
    }
}

impl Watch {
    /// A watch that has seen nothing yet.
    #[must_use]
    pub fn new(settings: WatchSettings) -> Self {
        Self::remembering(settings, REMEMBERED)
    }

    fn remembering(settings: WatchSettings, principals: usize) -> Self {
        let known = |(index, spec): (u8, &&agentstack_api::Spec)| {
            let name = spec.operation.name;
            let reads = spec.operation.effect == Effect::Read;
            let reads_memory = reads && spec.operation.family() == Some("memory");
            (name, Known { index, is_notable: !reads || !spec.is_tool, reads_memory })
        };
        let state = State {
            principals: Principals::new(principals),
            failed: Window::default(),
            calls: Window::default(),
            errors: Window::default(),
            raised: Raised::default(),
        };
        Self {
            settings,
            operations: (0..=u8::MAX).zip(OPERATIONS).map(known).collect(),
            housekeeper: Principal::housekeeping(),
            state: Mutex::new(state),
        }
    }

    /// Takes note of a call that has ended, whatever became of it. Returns what is to be said, mostly nothing.
    pub fn see(&self, draft: &Draft) -> Vec<Signal> {
        let (thresholds, cool_down) = (&self.settings.thresholds, self.settings.cool_down_ms);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let by_nobody = draft.operation == AUTHENTICATION;
        if by_nobody && draft.outcome != Outcome::Unavailable {
            let crossed = state.failed_authentication(draft, thresholds);
            let due = crossed.filter(|crossed| state.raised.is_due(crossed.rule, draft.at, cool_down));
            return due.map(|crossed| crossed.signal(&draft.principal, None, draft.at)).into_iter().collect();
        }
        let failing = state
            .call(draft, thresholds)
            .filter(|crossed| state.raised.is_due(crossed.rule, draft.at, cool_down))
            .map(|crossed| crossed.signal(EVERYBODY, None, draft.at));
        if by_nobody || draft.principal == self.housekeeper.name() {
            return failing.into_iter().collect();
        }
        let operation = self.operations.get(draft.operation).copied();
        let about = state.principals.with(&draft.principal, draft.at, |known| {
            let mut crossed = known.see(draft, operation, thresholds);
            for one in &mut crossed {
                *one = one.filter(|crossed| known.raised.is_due(crossed.rule, draft.at, cool_down));
            }
            crossed
        });
        let signal = |crossed: Crossed| crossed.signal(&draft.principal, draft.session, draft.at);
        about.into_iter().flatten().map(signal).chain(failing).collect()
    }

    /// A text goes to a provider for a principal, whatever will come back. Returns what is to be said, mostly nothing.
    pub fn asks_provider(
        &self,
        principal: &str,
        session: Option<SessionId>,
        provider: &str,
        at: Timestamp,
    ) -> Vec<Signal> {
        let cool_down = self.settings.cool_down_ms;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let crossed = state.principals.with(principal, at, |known| {
            let crossed = known.asks(provider, at, &self.settings.thresholds);
            crossed.map(|one| one.filter(|crossed| known.raised.is_due(crossed.rule, at, cool_down)))
        });
        crossed.into_iter().flatten().map(|crossed| crossed.signal(principal, session, at)).collect()
    }

    /// A principal has written to a shared namespace for the first time, as the store knows. Returns what is to be said.
    pub fn first_write(&self, principal: &str, session: Option<SessionId>, at: Timestamp) -> Option<Signal> {
        let rule = Rule::NewOriginInShared;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = state
            .principals
            .with(principal, at, |known| known.raised.is_due(rule, at, self.settings.cool_down_ms));
        is_due.then(|| Crossed { rule, observed: 1, threshold: 1 }.signal(principal, session, at))
    }
}

impl State {
    /// Who shows no credential at all has tried none: every client of OAuth begins like that.
    fn failed_authentication(&mut self, draft: &Draft, thresholds: &Thresholds) -> Option<Crossed> {
        if draft.reason == "token_missing" {
            return None;
        }
        let failed = self.failed.add(draft.at.as_millis(), MINUTE_MS, 1);
        Crossed::at(Rule::FailedAuthentications, failed, thresholds.failed_authentications.into())
    }

    fn call(&mut self, draft: &Draft, thresholds: &Thresholds) -> Option<Crossed> {
        let at = draft.at.as_millis();
        let failed = matches!(draft.outcome, Outcome::Internal | Outcome::Unavailable);
        let calls = self.calls.add(at, FIVE_MINUTES_MS, 1);
        let errors = self.errors.add(at, FIVE_MINUTES_MS, u32::from(failed));
        if !failed || calls < u64::from(Thresholds::ERROR_CALLS) {
            return None;
        }
        Crossed::at(Rule::ErrorRate, errors * 100 / calls, thresholds.error_rate.into())
    }
}
