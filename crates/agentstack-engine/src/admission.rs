//! How much one caller may ask for at a time (S33).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentstack_access::{Holder, Operation};
use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

/// What one principal may ask for. Whoever calls from the same machine is usually not held to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// Calls of one operation in a second, in the long run.
    pub per_second: NonZeroU32,
    /// Calls of one operation at once, after a pause.
    pub burst: NonZeroU32,
    /// Calls that are under way at one time, of whatever operation.
    pub concurrent: u32,
}

/// For how long the refusals of one principal and operation count as one in the audit log: who calls too often must
/// not fill it.
const REFUSALS_KEPT: Duration = Duration::from_secs(10);
/// How many principals and operations are remembered before those that were not heard of lately are forgotten.
const REMEMBERED: usize = 10_000;

type Key = (Holder, &'static str);

/// Lets calls in, or says when to come again.
pub(crate) struct Admission {
    limits: CallLimits,
    rate: RateLimiter<Key, DefaultKeyedStateStore<Key>, MonotonicClock>,
    under_way: Arc<Mutex<HashMap<Holder, u32>>>,
    /// When a refusal was last recorded.
    refused: Mutex<HashMap<Key, Instant>>,
}

/// A call that was let in; the next one may take its place when it is dropped.
pub(crate) struct Admitted {
    holder: Holder,
    under_way: Arc<Mutex<HashMap<Holder, u32>>>,
}

/// A call that was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// When to come again, in whole seconds, at least one.
    pub(crate) retry_after_seconds: u32,
    /// Whether it is the first for a while, and so one to be recorded.
    pub(crate) is_first: bool,
}

impl Admission {
    pub(crate) fn new(limits: CallLimits) -> Self {
        let quota = Quota::per_second(limits.per_second).allow_burst(limits.burst);
        Self {
            limits,
            rate: RateLimiter::new(quota, DefaultKeyedStateStore::default(), MonotonicClock),
            under_way: Arc::default(),
            refused: Mutex::default(),
        }
    }

    pub(crate) fn admit(&self, holder: &Holder, operation: &Operation) -> Result<Admitted, TooMany> {
        let key = (holder.clone(), operation.name);
        if let Err(not_until) = self.rate.check_key(&key) {
            return Err(self.too_many(key, not_until.wait_time_from(MonotonicClock.now())));
        }
        if self.rate.len() > REMEMBERED {
            self.rate.retain_recent();
        }
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(holder.clone()).or_default();
        if *count >= self.limits.concurrent {
            drop(under_way);
            return Err(self.too_many(key, Duration::ZERO));
        }
        *count += 1;
        Ok(Admitted { holder: holder.clone(), under_way: Arc::clone(&self.under_way) })
    }

    fn too_many(&self, key: Key, wait: Duration) -> TooMany {
        let now = Instant::now();
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() > REMEMBERED {
            refused.retain(|_, since| now.duration_since(*since) < REFUSALS_KEPT);
        }
        let is_first = refused.get(&key).is_none_or(|since| now.duration_since(*since) >= REFUSALS_KEPT);
        if is_first {
            refused.insert(key, now);
        }
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        TooMany { retry_after_seconds: u32::try_from(seconds.max(1)).unwrap_or(u32::MAX), is_first }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use agentstack_access::{Effect, Principal, Reach, Role};

    use super::*;

    static GET: Operation = Operation { name: "memory_get", effect: Effect::Read, reach: Reach::Namespace };
    static LIST: Operation =
        Operation { name: "memory_list", effect: Effect::Read, reach: Reach::Namespaces };

    fn holder(name: &str) -> Holder {
        Principal::embedded(name, Role::Agent).holder().clone()
    }

    fn admission(burst: u32, concurrent: u32) -> Admission {
        let one = NonZeroU32::MIN;
        Admission::new(CallLimits { per_second: one, burst: NonZeroU32::new(burst).unwrap(), concurrent })
    }

    #[test]
    fn s33_each_principal_and_operation_has_its_own_rate() {
        let admission = admission(3, 100);
        for _ in 0..3 {
            assert!(admission.admit(&holder("a"), &GET).is_ok());
        }
        let refused = admission.admit(&holder("a"), &GET).err().unwrap();
        assert_eq!(refused, TooMany { retry_after_seconds: 1, is_first: true });
        assert!(admission.admit(&holder("a"), &LIST).is_ok());
        assert!(admission.admit(&holder("b"), &GET).is_ok());
        // Its second refusal is no news.
        assert!(!admission.admit(&holder("a"), &GET).err().unwrap().is_first);
    }

    #[test]
    fn s33_a_call_that_is_over_makes_room_for_the_next() {
        let admission = admission(100, 2);
        let first = admission.admit(&holder("a"), &GET).unwrap();
        let _second = admission.admit(&holder("a"), &LIST).unwrap();
        assert!(admission.admit(&holder("a"), &GET).is_err());
        assert!(admission.admit(&holder("b"), &GET).is_ok());
        drop(first);
        assert!(admission.admit(&holder("a"), &GET).is_ok());
        assert!(admission.under_way.lock().unwrap().len() <= 1, "who has nothing under way is forgotten");
    }
}
