//! Times of one thing, in rounds.

use std::ops::Range;
use std::time::Duration;

use anyhow::Result;

/// The times of one thing in microseconds, round by round.
#[derive(Default)]
pub(crate) struct Series(Vec<Vec<f64>>);

impl Series {
    /// Begins the next round.
    pub(crate) fn begin(&mut self) {
        self.0.push(Vec::new());
    }

    /// Adds a time to the round.
    pub(crate) fn add(&mut self, took: Duration) {
        if let Some(round) = self.0.last_mut() {
            round.push(took.as_secs_f64() * 1e6);
        }
    }

    /// A round of calls with these numbers.
    pub(crate) fn round(
        &mut self,
        numbers: Range<usize>,
        mut call: impl FnMut(usize) -> Result<Duration>,
    ) -> Result<()> {
        self.begin();
        for n in numbers {
            self.add(call(n)?);
        }
        Ok(())
    }

    /// One time as a round of its own.
    pub(crate) fn note(&mut self, took: Duration) {
        self.begin();
        self.add(took);
    }

    /// The `q`th part of all times, 0 to 1.
    pub(crate) fn quantile(&self, q: f64) -> f64 {
        quantile(self.0.iter().flatten().copied().collect(), q)
    }

    /// The median of all times.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// How many times `base` this takes. Each round is compared with its own: what slows the machine for
    /// a while slows both.
    pub(crate) fn ratio(&self, base: &Self) -> f64 {
        self.ratio_beyond(None, base)
    }

    /// The same of what is left of it without `part`.
    pub(crate) fn ratio_beyond(&self, part: Option<&Self>, base: &Self) -> f64 {
        let medians = |series: &Self| -> Vec<f64> {
            series.0.iter().map(|round| quantile(round.clone(), 0.5)).collect()
        };
        let without = part.map_or_else(|| vec![0.0; self.0.len()], medians);
        let each = medians(self).into_iter().zip(without).zip(medians(base));
        quantile(each.map(|((whole, part), base)| (whole - part) / base).collect(), 0.5)
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 times")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place within the times")]
fn quantile(mut times: Vec<f64>, q: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let place = (times.len().saturating_sub(1) as f64 * q).round() as usize;
    times.get(place).copied().unwrap_or(f64::NAN)
}
