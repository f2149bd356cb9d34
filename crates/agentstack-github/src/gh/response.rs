//! What `gh api --include` prints: the status line, the headers and the body of the answer.

use std::time::{Duration, SystemTime};

use crate::CodeHostError;

/// Longest head of an answer, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// An answer of the host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response<'a> {
    /// Its status.
    pub(super) status: u16,
    /// When it wants to be asked again, if it is asked too much.
    pub(super) retry_after: Option<Duration>,
    /// Whether there are no more calls until then.
    pub(super) is_exhausted: bool,
    /// Its body.
    pub(super) body: &'a [u8],
}

impl<'a> Response<'a> {
    /// Reads what was printed. `None` if that is no answer: `gh` has not got one, or not printed all of its head.
    pub(super) fn read(printed: &'a [u8]) -> Option<Self> {
        let end = printed.windows(2).take(HEAD_BYTES).position(|two| two == b"\n\r").or_else(|| {
            // No header at all, or line ends of another kind.
            printed.windows(2).take(HEAD_BYTES).position(|two| two == b"\n\n")
        })?;
        let (head, tail) = printed.split_at_checked(end)?;
        let body = tail.strip_prefix(b"\n\r\n").or_else(|| tail.strip_prefix(b"\n\n"))?;
        let mut lines = std::str::from_utf8(head).ok()?.lines();
        let status = status(lines.next()?)?;
        let headers: Vec<(&str, &str)> = lines.map(header).collect::<Option<_>>()?;
        let find = |wanted: &str| {
            headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
        };
        let is_exhausted = find("x-ratelimit-remaining") == Some("0");
        let after = find("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
        let reset = || {
            // By the host's own clock.
            let now = httpdate::parse_http_date(find("date")?).ok()?;
            let now = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            let reset = Duration::from_secs(find("x-ratelimit-reset")?.parse().ok()?);
            reset.checked_sub(now)
        };
        let retry_after = after.or_else(|| is_exhausted.then(reset).flatten());
        Some(Self { status, retry_after, is_exhausted, body })
    }

    /// The error that the status of a request of REST stands for.
    pub(super) fn error(&self) -> CodeHostError {
        match self.status {
            401 => CodeHostError::NotLoggedIn,
            429 => CodeHostError::RateLimited { retry_after: self.retry_after },
            403 if self.is_exhausted || self.retry_after.is_some() || self.says_rate_limit() => {
                CodeHostError::RateLimited { retry_after: self.retry_after }
            }
            403 => CodeHostError::NoAccess,
            // Where an issue was, or issues are turned off.
            404 | 410 => CodeHostError::NotFound,
            413 => CodeHostError::Refused { field: None, reason: None },
            400 | 409 | 422 => refused(self.body),
            status @ 500..=599 => CodeHostError::Unreachable { status: Some(status) },
            _ => CodeHostError::Malformed("a status that GitHub does not document"),
        }
    }

    /// Of the second kind of rate limit the body says more than the status.
    fn says_rate_limit(&self) -> bool {
        let text = String::from_utf8_lossy(self.body).to_lowercase();
        text.contains("rate limit") || text.contains("abuse detection")
    }
}

/// `HTTP/2.0 200 OK`.
fn status(line: &str) -> Option<u16> {
    let mut words = line.split(' ');
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next().filter(|status| status.len() == 3)?.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

fn header(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let is_token = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    (is_token && !name.is_empty()).then(|| (name, value.trim()))
}

/// The fields that we send, and the words with which GitHub says why it does not take one.
const FIELDS: [&str; 7] = ["title", "body", "labels", "assignees", "head", "base", "draft"];
const REASONS: [&str; 6] =
    ["missing", "missing_field", "invalid", "already_exists", "unprocessable", "custom"];
/// What it says in words only, and our word for it.
const SAID: [(&str, &str); 3] = [
    ("pull request already exists", "already_exists"),
    ("no commits between", "no_commits"),
    ("draft pull requests are not supported", "no_drafts"),
];

/// Why the host does not take what was sent: of its texts nothing is said again.
fn refused(body: &[u8]) -> CodeHostError {
    #[derive(serde::Deserialize)]
    struct Body {
        #[serde(default)]
        errors: Vec<serde_json::Value>,
    }
    let errors = serde_json::from_slice(body).map(|body: Body| body.errors).unwrap_or_default();
    let first = errors.first();
    let word = |name: &str| first.and_then(|error| error.get(name)?.as_str());
    let among =
        |words: &[&'static str], said: Option<&str>| words.iter().copied().find(|word| Some(*word) == said);
    let message = word("message").or_else(|| first.and_then(|error| error.as_str())).unwrap_or_default();
    let message = message.to_lowercase();
    let said = SAID.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, reason)| *reason);
    let reason = said.or_else(|| among(&REASONS, word("code")).filter(|reason| *reason != "custom"));
    CodeHostError::Refused { field: among(&FIELDS, word("field")), reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(status: &str, headers: &str, body: &str) -> Vec<u8> {
        format!("HTTP/2.0 {status}\n{headers}\r\n{body}").into_bytes()
    }

    #[test]
    fn an_answer_is_read_as_gh_prints_it() {
        let bytes = printed("200 OK", "Date: x\r\nX-Ratelimit-Remaining: 12\r\n", "{}\r\n\r\nmore");
        let response = Response::read(&bytes).unwrap();
        assert_eq!(
            (response.status, response.is_exhausted, response.body),
            (200, false, &b"{}\r\n\r\nmore"[..])
        );
        assert_eq!(Response::read(&printed("204 No Content", "", "")).unwrap().body, b"");
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for bad in [
            "",
            "HTTP/2.0 200 OK",
            "HTTP/2.0 200 OK\n",
            "HTTP/2.0 200 OK\nDate: x\r\n",
            "HTTP/2.0 20 OK\n\r\n",
            "HTTP/2.0 2000 OK\n\r\n",
            "HTTP/2.0 999 OK\n\r\n",
            "HTTP/2.0 +20 OK\n\r\n",
            "{\"number\": 1}",
            "\u{1b}[32mHTTP/2.0 200 OK\u{1b}[0m\n\r\n{}",
            "HTTP/2.0 200 OK\nno header\r\n\r\n{}",
            "HTTP/2.0 200 OK\n: x\r\n\r\n{}",
        ] {
            assert_eq!(Response::read(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(Response::read(b"HTTP/2.0 200 OK\nX: \xff\r\n\r\n{}"), None);
        let mut long = b"HTTP/2.0 200 OK\nX: ".to_vec();
        long.extend(vec![b'a'; HEAD_BYTES]);
        long.extend(b"\r\n\r\n{}");
        assert_eq!(Response::read(&long), None);
    }

    #[test]
    fn a_status_stands_for_an_error() {
        let error = |status: &str, headers: &str, body: &str| {
            format!("{:?}", Response::read(&printed(status, headers, body)).unwrap().error())
        };
        assert_eq!(error("401 Unauthorized", "", ""), "NotLoggedIn");
        assert_eq!(error("403 Forbidden", "", ""), "NoAccess");
        assert_eq!(error("403 Forbidden", "Retry-After: 7\r\n", ""), "RateLimited { retry_after: Some(7s) }");
        let exhausted = "Date: Sun, 29 Nov 2026 12:00:00 GMT\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1795953660\r\n";
        assert_eq!(error("403 Forbidden", exhausted, ""), "RateLimited { retry_after: Some(60s) }");
        let second = r#"{"message": "You have exceeded a secondary rate limit."}"#;
        assert_eq!(error("403 Forbidden", "", second), "RateLimited { retry_after: None }");
        assert_eq!(error("429 Too Many Requests", "", ""), "RateLimited { retry_after: None }");
        assert_eq!(error("404 Not Found", "", ""), "NotFound");
        assert_eq!(error("410 Gone", "", ""), "NotFound");
        assert_eq!(error("502 Bad Gateway", "", ""), "Unreachable { status: Some(502) }");
        assert_eq!(error("302 Found", "", ""), r#"Malformed("a status that GitHub does not document")"#);
    }

    #[test]
    fn a_refusal_names_our_field_and_a_documented_word_and_nothing_else() {
        let refusal = |body: &str| {
            let CodeHostError::Refused { field, reason } = refused(body.as_bytes()) else { panic!() };
            (field, reason)
        };
        let one =
            |error: &str| refusal(&format!(r#"{{"message": "Validation Failed", "errors": [{error}]}}"#));
        assert_eq!(one(r#"{"field": "head", "code": "invalid"}"#), (Some("head"), Some("invalid")));
        assert_eq!(
            one(r#"{"code": "custom", "message": "A pull request already exists for o:b."}"#),
            (None, Some("already_exists"))
        );
        assert_eq!(
            one(r#"{"code": "custom", "message": "No commits between main and b"}"#),
            (None, Some("no_commits"))
        );
        assert_eq!(one(r#"{"field": "<script>", "code": "ignore all"}"#), (None, None));
        assert_eq!(one(r#""plain text""#), (None, None));
        for odd in ["", "{}", "[]", r#"{"errors": 1}"#, r#"{"errors": [1]}"#] {
            assert_eq!(refusal(odd), (None, None), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn s52_any_output_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Some(response) = Response::read(&bytes) {
                prop_assert!(bytes.ends_with(response.body));
                let _ = response.error();
            }
        }

        #[test]
        fn the_body_comes_back_whole(body in any::<Vec<u8>>()) {
            let mut bytes = printed("200 OK", "Date: x\r\n", "");
            bytes.extend(&body);
            let response = Response::read(&bytes).unwrap();
            prop_assert_eq!(response.body, &body[..]);
        }
    }
}
