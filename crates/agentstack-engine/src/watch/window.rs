//! How many there were lately, in a few buckets instead of a list of times.

/// A running window of `N` buckets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<const N: usize> {
    /// The number of the newest bucket, counted from the epoch.
    newest: i64,
    /// The newest comes first.
    buckets: [u32; N],
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self { newest: 0, buckets: [0; N] }
    }
}

impl<const N: usize> Window<N> {
    /// Counts `more` at `at`, in a window of `length`, both in milliseconds. Returns how many there are now: those of
    /// the bucket of `at` and of the `N - 1` before it.
    ///
    /// Calls end in another order than they begin, so a time may lie a little back. One that lies back further than
    /// the window is of a clock that was set back: what was counted by the other time is forgotten.
    pub(super) fn add(&mut self, at: i64, length: i64, more: u32) -> u64 {
        let buckets = i64::try_from(N).unwrap_or(1);
        let bucket = at.div_euclid((length / buckets).max(1));
        let ahead = bucket.saturating_sub(self.newest);
        if ahead >= buckets || ahead <= -buckets {
            (self.newest, self.buckets) = (bucket, [0; N]);
        } else if ahead > 0 {
            let ahead = usize::try_from(ahead).unwrap_or(N);
            self.buckets.rotate_right(ahead);
            self.buckets.iter_mut().take(ahead).for_each(|count| *count = 0);
            self.newest = bucket;
        }
        let back = usize::try_from(self.newest.saturating_sub(bucket)).unwrap_or(0);
        if let Some(count) = self.buckets.get_mut(back) {
            *count = count.saturating_add(more);
        }
        self.buckets.iter().map(|count| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn a_window_forgets_what_is_older() {
        let mut window = Window::<6>::default();
        let start = 1_800_000_000_000;
        for (at, expected) in [(0, 1), (9_999, 2), (10_000, 3), (59_999, 4), (60_000, 3), (70_000, 3)] {
            assert_eq!(window.add(start + at, MINUTE, 1), expected, "{at}");
        }
        assert_eq!(window.add(start + 200_000, MINUTE, 0), 0);
    }

    #[test]
    fn a_clock_that_was_set_back_starts_anew() {
        let mut window = Window::<6>::default();
        assert_eq!(window.add(10 * MINUTE, MINUTE, 5), 5);
        assert_eq!(window.add(10 * MINUTE - 20_000, MINUTE, 1), 6, "a call that took a while");
        assert_eq!(window.add(8 * MINUTE, MINUTE, 1), 1);
        for extreme in [i64::MIN, i64::MAX, 0] {
            assert_eq!(window.add(extreme, MINUTE, 1), 1);
        }
    }

    proptest! {
        #[test]
        fn a_window_counts_as_a_list_would(steps in prop::collection::vec((0_i64..30_000, 0_u32..3), 1..200)) {
            let mut window = Window::<6>::default();
            let (mut now, mut all) = (1_800_000_000_000, vec![]);
            for (step, more) in steps {
                now += step;
                all.push((now, u64::from(more)));
                let counted = window.add(now, MINUTE, more);
                let since = |length: i64| -> u64 {
                    all.iter().filter(|(at, _)| now - at < length).map(|(_, more)| more).sum()
                };
                prop_assert!(since(MINUTE - 10_000) <= counted && counted <= since(MINUTE));
            }
        }
    }
}
