//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): a caller's trace id stands in our log lines.

use http::HeaderMap;

/// The trace that a request belongs to: 32 lower-case hex digits, not all zero. Of a header that breaks the
/// specification, and of more than one, nothing is taken.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all("traceparent").iter();
    let value = values.next().filter(|_| values.next().is_none())?.to_str().ok()?;
    let mut parts = value.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    // A later version may have more parts; this one has not.
    let whole = version != "00" || parts.next().is_none();
    let fits =
        is_hex(version, 2) && version != "ff" && is_hex(trace, 32) && is_hex(parent, 16) && is_hex(flags, 2);
    (fits && whole && is_some(trace) && is_some(parent)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", value.parse().unwrap());
        }
        trace_id(&headers).map(str::to_owned)
    }

    #[test]
    fn only_what_the_specification_allows_is_taken() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(of(&[&good]).as_deref(), Some(trace));
        assert_eq!(of(&[&format!("01-{trace}-00f067aa0ba902b7-01-more")]).as_deref(), Some(trace));
        for bad in [
            String::new(),
            format!("{good}-more"),
            good.to_uppercase(),
            good.replace("00-4", "ff-4"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            good.replace("4bf9", "4bf\u{20}"),
        ] {
            assert_eq!(of(&[&bad]), None, "{bad}");
        }
        assert_eq!(of(&[&good, &good]), None, "which of two is the caller's?");
    }
}
