//! Who else is told of what happens here.

use std::sync::Arc;
use std::time::Duration;

use crate::Signal;

/// Watches calls (metrics) or signals (a webhook). It is told on the way of a call, so it must not wait.
pub trait Observer: Send + Sync {
    /// A call has come to its end, whatever became of it.
    fn ended(&self, _call: &Ended) {}

    /// A rule has something to say.
    fn signal(&self, _signal: &Signal) {}
}

/// Several are told one after the other.
impl Observer for Vec<Arc<dyn Observer>> {
    fn ended(&self, call: &Ended) {
        for observer in self {
            observer.ended(call);
        }
    }

    fn signal(&self, signal: &Signal) {
        for observer in self {
            observer.signal(signal);
        }
    }
}

/// A call that has ended, without what it was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// What was asked for; [`AUTHENTICATION`](crate::AUTHENTICATION) if nobody was found to ask.
    pub operation: &'static str,
    /// The word for what came of it.
    pub outcome: &'static str,
    /// Why it was denied, if it was.
    pub denied: Option<&'static str>,
    /// The word for why it came so: `permitted`, or what went wrong where that has a word.
    pub reason: &'static str,
    /// How long it took.
    pub duration: Duration,
}
