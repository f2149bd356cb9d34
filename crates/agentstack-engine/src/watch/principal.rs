//! What is remembered of a principal, and of how many.

use std::collections::{HashMap, hash_map};

use agentstack_audit::{Decision, Draft, Outcome};
use agentstack_core::Timestamp;

use super::window::Window;
use super::{Crossed, Known, MINUTE_MS, Raised, Rule, TEN_MINUTES_MS, Thresholds};

const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Before so many hours with calls of an operation, nothing is usual.
const HOURS_KNOWN: u8 = 6;
/// An hour with calls weighs one part of so many in what is usual.
const HOURS_WEIGHED: u8 = 10;

/// What is remembered of one principal.
#[derive(Debug)]
pub(super) struct Acquaintance {
    since: Timestamp,
    calls: u64,
    denied: Window<6>,
    foreign: Window<10>,
    reads: Window<10>,
    asked: Window<10>,
    /// The providers that it has asked. There are a few.
    providers: Vec<Box<str>>,
    /// Of each operation that it has called. There are no more than the table has, and mostly a few.
    habits: Vec<Habit>,
    pub(super) raised: Raised,
}

impl Acquaintance {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since,
            calls: 0,
            denied: Window::default(),
            foreign: Window::default(),
            reads: Window::default(),
            asked: Window::default(),
            providers: vec![],
            habits: vec![],
            raised: Raised::default(),
        }
    }

    /// Takes note of a call. Returns the rules that have something to say.
    pub(super) fn see(
        &mut self,
        draft: &Draft,
        operation: Option<Known>,
        thresholds: &Thresholds,
    ) -> [Option<Crossed>; 5] {
        let at = draft.at.as_millis();
        let refused = draft.decision == Decision::Deny;
        let foreign = refused && draft.reason == "session_not_held";
        // What is refused for its form or its pace, or because something is down, does not tell what somebody is after.
        let reaches = foreign || (refused && matches!(draft.reason, "policy" | "other_agent"));
        let reads = draft.outcome == Outcome::Ok && operation.is_some_and(|operation| operation.reads_memory);
        let denied = reaches.then(|| self.denied.add(at, MINUTE_MS, 1));
        let probed = foreign.then(|| self.foreign.add(at, TEN_MINUTES_MS, 1));
        let read = reads.then(|| self.reads.add(at, TEN_MINUTES_MS, 1));
        let habits = operation.map(|operation| self.habit(draft, operation, thresholds));
        self.calls = self.calls.saturating_add(1);
        let [first, rate] = habits.unwrap_or_default();
        let crossed = |rule, count: Option<u64>, limit: u32| Crossed::at(rule, count?, limit.into());
        [
            crossed(Rule::DenialBurst, denied, thresholds.denial_burst),
            crossed(Rule::ForeignSessionProbing, probed, thresholds.foreign_session_probing),
            crossed(Rule::UnusualExport, read, thresholds.unusual_export),
            first,
            rate,
        ]
    }

    /// Takes note of a text that goes to a provider. Returns the rules that have something to say.
    pub(super) fn asks(
        &mut self,
        provider: &str,
        at: Timestamp,
        thresholds: &Thresholds,
    ) -> [Option<Crossed>; 2] {
        let at = at.as_millis();
        let asked = self.asked.add(at, TEN_MINUTES_MS, 1);
        let is_new = !self.providers.iter().any(|known| **known == *provider);
        if is_new {
            self.providers.push(provider.into());
        }
        let long_known = at.saturating_sub(self.since.as_millis()) >= DAY_MS;
        let new =
            (is_new && long_known).then_some(Crossed { rule: Rule::NewProvider, observed: 1, threshold: 1 });
        [new, Crossed::at(Rule::ProviderBurst, asked, thresholds.provider_burst.into())]
    }

    /// What the call is among those of its operation.
    fn habit(&mut self, draft: &Draft, operation: Known, thresholds: &Thresholds) -> [Option<Crossed>; 2] {
        let at = draft.at.as_millis();
        let place = self.habits.iter().position(|habit| habit.operation == operation.index);
        let place = place.unwrap_or_else(|| {
            self.habits.push(Habit::new(operation.index, at));
            self.habits.len() - 1
        });
        let Some(habit) = self.habits.get_mut(place) else { return [None, None] };
        // What was refused or failed has not been used yet.
        let used = draft.outcome == Outcome::Ok;
        let is_first = used && !habit.used;
        habit.used |= used;
        let long_known = at.saturating_sub(self.since.as_millis()) >= DAY_MS;
        let first = (is_first && operation.is_notable && long_known).then_some(self.calls);
        let first = first
            .and_then(|calls| Crossed::at(Rule::FirstOperation, calls, thresholds.first_operation.into()));
        [first, habit.see(at, thresholds.unusual_rate)]
    }
}

/// How a principal calls one operation.
#[derive(Debug)]
struct Habit {
    operation: u8,
    used: bool,
    recent: Window<5>,
    /// The hour, counted from the epoch, that `calls` are of.
    hour: i64,
    calls: u32,
    /// How many hours with calls have gone into `usual`, as far as that matters.
    hours: u8,
    /// Calls in an hour with calls, in thousandths.
    usual: u64,
}

impl Habit {
    fn new(operation: u8, at: i64) -> Self {
        let hour = at.div_euclid(HOUR_MS);
        Self { operation, used: false, recent: Window::default(), hour, calls: 0, hours: 0, usual: 0 }
    }

    fn see(&mut self, at: i64, times: u32) -> Option<Crossed> {
        let hour = at.div_euclid(HOUR_MS);
        if hour != self.hour {
            self.turn(hour);
        }
        self.calls = self.calls.saturating_add(1);
        let recent = self.recent.add(at, TEN_MINUTES_MS, 1);
        if self.hours < HOURS_KNOWN {
            return None;
        }
        // Ten minutes are the sixth part of an hour.
        let unusual = self.usual.saturating_mul(times.into()).div_ceil(6_000);
        Crossed::at(Rule::UnusualRate, recent, unusual.max(Thresholds::RATE_CALLS.into()))
    }

    /// Hours without calls do not count: what is called once a night is not unusual each night.
    fn turn(&mut self, hour: i64) {
        let weight = u64::from(self.hours.min(HOURS_WEIGHED - 1));
        let calls = u64::from(self.calls) * 1_000;
        // The mean of the first hours, and then an average in which the older ones fade.
        self.usual = self.usual.saturating_mul(weight).saturating_add(calls) / (weight + 1);
        self.hours = self.hours.saturating_add(1);
        (self.hour, self.calls) = (hour, 0);
    }
}

type Remembered = HashMap<Box<str>, Box<Acquaintance>>;

/// The principals that are remembered. There are at most so many; of those that were not heard of for longest, half are
/// forgotten together.
#[derive(Debug)]
pub(super) struct Principals {
    most: usize,
    recent: Remembered,
    older: Remembered,
    /// Forgotten, and given back a few at a time: no call has to wait for thousands.
    forgotten: hash_map::IntoIter<Box<str>, Box<Acquaintance>>,
}

impl Principals {
    pub(super) fn new(most: usize) -> Self {
        let (recent, older) = (HashMap::new(), HashMap::new());
        Self { most, recent, older, forgotten: HashMap::new().into_iter() }
    }

    /// Does something with what is remembered of a principal.
    pub(super) fn with<T>(
        &mut self,
        name: &str,
        at: Timestamp,
        act: impl FnOnce(&mut Acquaintance) -> T,
    ) -> T {
        if let Some(known) = self.recent.get_mut(name) {
            return act(known);
        }
        let mut known = self.older.remove(name).unwrap_or_else(|| Box::new(Acquaintance::new(at)));
        let done = act(&mut known);
        if self.recent.len() >= self.most / 2 {
            let recent = std::mem::take(&mut self.recent);
            self.forgotten = std::mem::replace(&mut self.older, recent).into_iter();
        }
        self.recent.insert(name.into(), known);
        self.forgotten.by_ref().take(2).for_each(drop);
        done
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.recent.len() + self.older.len()
    }
}
