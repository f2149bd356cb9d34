//! The keys of the issuer as they were last seen, and when they are looked at again.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::fetch::{Found, Source, Stamp};
use super::key_set::{Algorithm, KeySet};
use crate::outbound::chain;

/// How old keys may get of which nothing newer can be had.
const OLDEST: Duration = Duration::from_hours(1);

/// When keys are looked at again.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// After so long in any case.
    fresh: Duration,
    /// For a key that is not known, no sooner than so long after the last time: whoever makes names up must not make us
    /// ask the issuer each time. Nor do we ask one more often that does not answer.
    unknown: Duration,
    /// While there are no keys, or too old ones, no sooner than so long after the last look.
    missing: Duration,
}

const OF_WEB: Pace = Pace {
    fresh: Duration::from_mins(10),
    unknown: Duration::from_secs(30),
    missing: Duration::from_secs(5),
};

/// To look whether a file has changed costs next to nothing.
const OF_FILE: Pace =
    Pace { fresh: Duration::from_secs(1), unknown: Duration::ZERO, missing: Duration::ZERO };

/// When keys were last there, and when they were last looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    loaded: Option<Instant>,
    tried: Option<Instant>,
    /// The last time because of a key that was not known.
    sought: Option<Instant>,
}

impl Times {
    fn usable(&self, now: Instant) -> bool {
        self.loaded.is_some_and(|loaded| now.saturating_duration_since(loaded) <= OLDEST)
    }

    /// Whether it is time to look, for a token whose key is known or is not.
    fn due(&self, now: Instant, known: bool, pace: Pace) -> bool {
        let passed = |since: Option<Instant>, pause: Duration| {
            since.is_none_or(|since| now.saturating_duration_since(since) >= pause)
        };
        if !self.usable(now) {
            return passed(self.tried, pace.missing);
        }
        let stale = passed(self.loaded, pace.fresh) && passed(self.tried, pace.unknown);
        stale || (!known && passed(self.sought, pace.unknown))
    }

    /// Notes a look.
    fn try_at(&mut self, now: Instant, known: bool) {
        if !known && self.usable(now) {
            self.sought = Some(now);
        }
        self.tried = Some(now);
    }
}

#[derive(Debug, Default)]
struct State {
    keys: Arc<KeySet>,
    stamp: Option<Stamp>,
    times: Times,
    /// Whether the last look found nothing. It is said once, not with each.
    failing: bool,
    /// Ends when the look that is under way does.
    look: Option<watch::Receiver<()>>,
}

/// The keys of the issuer.
#[derive(Debug)]
pub(crate) struct KeyCache {
    source: Source,
    pace: Pace,
    state: RwLock<State>,
}

/// There are no keys that are new enough.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

impl KeyCache {
    pub(crate) fn new(source: Source) -> Arc<Self> {
        let pace = if matches!(source, Source::File(_)) { OF_FILE } else { OF_WEB };
        Arc::new(Self { source, pace, state: RwLock::default() })
    }

    /// Keys in which this one is, if there are any. Looks for newer ones if it is time, and for those who ask at the
    /// same time just once.
    pub(crate) async fn with(
        self: &Arc<Self>,
        id: &str,
        algorithm: Algorithm,
        now: Instant,
    ) -> Result<Arc<KeySet>, Unavailable> {
        let known = self.current(now).is_ok_and(|keys| keys.has(id, algorithm));
        let look = self.look(now, known);
        // Whoever has a key need not wait for a newer one of an issuer that may be slow; a file is not.
        if let Some(mut look) = look.filter(|_| !known || matches!(self.source, Source::File(_))) {
            // It sends nothing: it ends.
            let _ = look.changed().await;
        }
        self.current(now)
    }

    fn current(&self, now: Instant) -> Result<Arc<KeySet>, Unavailable> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if state.times.usable(now) { Ok(Arc::clone(&state.keys)) } else { Err(Unavailable) }
    }

    /// The look that is under way, or a new one if it is time.
    fn look(self: &Arc<Self>, now: Instant, known: bool) -> Option<watch::Receiver<()>> {
        if known
            && !self.state.read().unwrap_or_else(PoisonError::into_inner).times.due(now, known, self.pace)
        {
            return None;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // One whose other end is gone without a word was cut off.
        if let Some(look) = state.look.as_ref().filter(|look| look.has_changed().is_ok()) {
            return Some(look.clone());
        }
        if !state.times.due(now, known, self.pace) {
            return None;
        }
        let (end, look) = watch::channel(());
        state.times.try_at(now, known);
        state.look = Some(look.clone());
        let cache = Arc::clone(self);
        // In a task of its own: a client that hangs up must not end it.
        tokio::spawn(async move {
            cache.load(now).await;
            drop(end);
        });
        Some(look)
    }

    async fn load(&self, now: Instant) {
        let stamp = self.state.read().unwrap_or_else(PoisonError::into_inner).stamp;
        let found = self.source.load(stamp).await;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.look = None;
        let failed = match found {
            Ok(Found::Same) => None,
            Ok(Found::New(keys, stamp)) => {
                (state.keys, state.stamp) = (Arc::new(keys), stamp);
                None
            }
            Err(error) => Some(error),
        };
        if failed.is_none() {
            state.times.loaded = Some(now);
        }
        let was_failing = std::mem::replace(&mut state.failing, failed.is_some());
        let usable = state.times.usable(now);
        drop(state);
        match failed {
            Some(error) if !was_failing => {
                tracing::error!(error = %chain(&error), usable, "the issuer's keys could not be read");
            }
            None if was_failing => tracing::info!("the issuer's keys can be read again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn keys_are_looked_at_again_after_ten_minutes_and_are_good_for_an_hour() {
        let start = Instant::now();
        let good = Times { loaded: Some(start), tried: Some(start), sought: None };
        let at = |seconds| Some(start + secs(seconds));
        for (times, after, known, due, usable) in [
            (Times::default(), 0, false, true, false),
            (good, 0, true, false, true),
            (good, 599, true, false, true),
            (good, 600, true, true, true),
            (good, 3_600, true, true, true),
            (good, 3_601, true, true, false),
            // A key that is not known: at once, and then at most one look in half a minute.
            (good, 0, false, true, true),
            (Times { tried: at(10), sought: at(10), ..good }, 39, false, false, true),
            (Times { tried: at(10), sought: at(10), ..good }, 40, false, true, true),
            // The issuer is down: not each request tries.
            (Times { tried: at(700), ..good }, 729, true, false, true),
            (Times { tried: at(700), ..good }, 730, true, true, true),
            (Times { tried: at(4_000), ..good }, 4_004, true, false, false),
            (Times { tried: at(4_000), ..good }, 4_005, true, true, false),
            (Times { tried: at(0), ..Times::default() }, 4, false, false, false),
            (Times { tried: at(0), ..Times::default() }, 5, false, true, false),
        ] {
            let now = start + secs(after);
            let said = (times.due(now, known, OF_WEB), times.usable(now));
            assert_eq!(said, (due, usable), "{times:?} after {after}, known: {known}");
        }
    }

    #[test]
    fn a_file_is_looked_at_each_second_and_for_every_unknown_key() {
        let start = Instant::now();
        let good = Times { loaded: Some(start), tried: Some(start), sought: Some(start) };
        assert!(!good.due(start, true, OF_FILE) && good.due(start, false, OF_FILE));
        assert!(!good.due(start + Duration::from_millis(999), true, OF_FILE));
        assert!(good.due(start + secs(1), true, OF_FILE));
    }
}
