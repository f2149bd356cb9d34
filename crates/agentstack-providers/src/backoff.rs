//! How long to wait before asking again.

use std::time::{Duration, SystemTime};

use agentstack_core::{Timestamp, random};

use crate::{Limits, ProviderError};

/// The furthest time that is reported as one to ask again at.
const FURTHEST: Duration = Duration::from_hours(24);

/// The pause before the next try, after `tried` of them and with so much time left; nothing when there is to be none.
///
/// A pause doubles with each try, and a random half of it is left out, so that many who failed together do not come back
/// together. When the provider names a time, that is waited for instead, and a random part of the first pause; when the
/// time is longer than the longest pause, whoever asked is told rather than made to wait.
pub(crate) fn pause(
    limits: &Limits,
    tried: u32,
    problem: &ProviderError,
    left: Duration,
    chance: f64,
) -> Option<Duration> {
    if !problem.may_pass() || tried >= limits.tries {
        return None;
    }
    let pause = match problem.retry_after() {
        Some(after) if after > limits.longest_pause => return None,
        Some(after) => after + limits.first_pause.mul_f64(chance),
        None => {
            let doubled = 2_u32.saturating_pow(tried.saturating_sub(1));
            let full = limits.first_pause.saturating_mul(doubled).min(limits.longest_pause);
            full.mul_f64(0.5 + chance / 2.0)
        }
    };
    (pause < left).then_some(pause)
}

/// Something in [0, 1). Without randomness everybody waits equally long.
pub(crate) fn chance() -> f64 {
    f64::from(u32::from_be_bytes(random::bytes().unwrap_or_default())) / (f64::from(u32::MAX) + 1.0)
}

/// What `Retry-After` says (RFC 9110, 10.2.3): a number of seconds, or a time.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is far away, too.
        return Some(value.parse().map_or(FURTHEST, Duration::from_secs).min(FURTHEST));
    }
    let then = httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let now = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or_default());
    Some(then.saturating_sub(now).min(FURTHEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { tries: 6, first_pause: secs(1), longest_pause: secs(10), ..Limits::default() }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn limited(after: u64) -> ProviderError {
        ProviderError::RateLimited { retry_after: Some(secs(after)) }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_one_is_chance() {
        let down = ProviderError::Unavailable { status: 500, retry_after: None };
        let full = |tried| pause(&limits(), tried, &down, secs(100), 1.0);
        let half = |tried| pause(&limits(), tried, &down, secs(100), 0.0);
        assert_eq!([1, 2, 3, 4, 5, 6].map(full), [1, 2, 4, 8, 10, 0].map(|at| (at > 0).then(|| secs(at))));
        assert_eq!(half(3), Some(secs(2)));
        assert_eq!(pause(&limits(), 3, &down, secs(4), 1.0), None, "there is no time left for it");
        let forever = Limits { tries: u32::MAX, ..limits() };
        assert_eq!(pause(&forever, u32::MAX - 1, &down, secs(100), 1.0), Some(secs(10)));
        assert_eq!(pause(&limits(), 1, &ProviderError::Unauthorized, secs(100), 1.0), None);
    }

    #[test]
    fn the_time_that_the_provider_names_is_waited_for_or_reported() {
        let paused = |after, left, chance| pause(&limits(), 1, &limited(after), secs(left), chance);
        assert_eq!(paused(7, 100, 0.0), Some(secs(7)));
        assert_eq!(paused(7, 100, 0.5), Some(Duration::from_millis(7_500)));
        assert_eq!(paused(0, 100, 0.0), Some(secs(0)));
        assert_eq!(paused(11, 100, 0.0), None);
        assert_eq!(paused(7, 7, 0.0), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_time() {
        let now = Timestamp::from_millis(784_111_777_000);
        let read = |text| retry_after(text, now);
        assert_eq!(read("120"), Some(secs(120)));
        assert_eq!(read(" 0 "), Some(secs(0)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:47 GMT"), Some(secs(10)));
        assert_eq!(read("Sunday, 06-Nov-94 08:49:47 GMT"), Some(secs(10)));
        assert_eq!(read("Sun Nov  6 08:49:47 1994"), Some(secs(10)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:07 GMT"), Some(secs(0)), "it is over");
        for far in ["86401", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(read(far), Some(FURTHEST), "{far}");
        }
        for bad in ["", "-1", "+1", "1.5", "soon", "0x10", "Sun, 06 Nov"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn chance_is_within_its_bounds_and_not_always_the_same() {
        let drawn: Vec<f64> = std::iter::repeat_with(chance).take(64).collect();
        assert!(drawn.iter().all(|chance| (0.0..1.0).contains(chance)));
        assert!(drawn.windows(2).any(|pair| pair[0].total_cmp(&pair[1]).is_ne()));
    }
}
