//! The last line of defence: no secret in what leaves the process and is no data (S40).
//!
//! Nothing here makes it right to put a secret into a message. It is for the message that nobody thought of.

mod json;
mod known;
mod spelling;
mod view;
mod writer;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use agentstack_core::Secret;

use self::known::Known;
use self::view::View;
pub use self::writer::Scrubbing;
use crate::bytes::{self, Set};
use crate::collect::joined;
use crate::redact::{mark, take_out};
use crate::{Confidence, Finding, Kind, scan};

/// What stands in the place of a secret that was known.
const KNOWN: &str = "[redacted]";

/// The fewest characters of a secret that is looked for: shorter ones are in words that have nothing to do with them.
const LEAST: usize = 8;

/// Takes out of a text the secrets that it has been told, in whatever spelling, and what has the shape of one.
///
/// A clone is another handle to the same secrets. They are wiped when they are forgotten, and nothing prints them.
/// Known secrets are found as they are, in hex, in base 64 at any place of a longer value, percent-encoded, and escaped as
/// JSON and Rust do it. What has the shape of one is what [`scan`](crate::scan()) finds with medium confidence or more,
/// but no id and no principal of ours.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    /// Each secret, and how often it was told.
    secrets: Vec<(Secret<String>, usize)>,
    known: Arc<Known>,
}

impl State {
    fn rebuild(&mut self) {
        self.known = Arc::new(Known::new(self.secrets.iter().map(|(secret, _)| secret.expose().as_str())));
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Redactor").field("secrets", &state.secrets.len()).finish()
    }
}

/// A place to take out; of a known secret, no kind.
#[derive(Debug)]
struct Place {
    span: Range<usize>,
    kind: Option<Kind>,
}

impl Place {
    fn mark(&self) -> Cow<'static, str> {
        self.kind.map_or(Cow::Borrowed(KNOWN), |kind| Cow::Owned(mark(kind)))
    }
}

impl Redactor {
    /// Takes this out from now on, without the white space around it. What is shorter than eight bytes is passed over.
    ///
    /// Told twice, it must be forgotten twice: two parts of a program may have the same key.
    pub fn know(&self, secret: &Secret<String>) {
        let text = secret.expose().trim();
        if text.len() < LEAST {
            return;
        }
        let secret = Secret::new(text.to_owned());
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, times)) = state.secrets.iter_mut().find(|(known, _)| *known == secret) {
            *times += 1;
        } else {
            state.secrets.push((secret, 1));
            state.rebuild();
        }
    }

    /// No longer takes it out: it was replaced, and the old one opens nothing any more.
    pub fn forget(&self, secret: &Secret<String>) {
        let secret = Secret::new(secret.expose().trim().to_owned());
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(index) = state.secrets.iter().position(|(known, _)| *known == secret) else { return };
        match state.secrets.get_mut(index) {
            Some((_, times)) if *times > 1 => *times -= 1,
            _ => {
                state.secrets.swap_remove(index);
                state.rebuild();
            }
        }
    }

    /// The text with a mark for each secret: `[redacted]` for a known one, else `[redacted:<kind>]`. The work is linear in
    /// its length.
    #[must_use]
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        scrub(&self.known(), text)
    }

    /// The text without what it has been told, in whatever spelling; what only has the shape of a secret stays. For data,
    /// of which the guard's policy says what becomes of its shapes.
    #[must_use]
    pub fn scrub_known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let places = places(&self.known(), text, |_| Vec::new());
        if places.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(marked(text, &places)) }
    }

    /// The same as [`scrub`](Self::scrub) for a JSON text, which stays one: what is taken out is taken out of its strings.
    #[must_use]
    pub fn scrub_json<'a>(&self, text: &'a str) -> Cow<'a, str> {
        json::scrub(&self.known(), text)
    }

    fn known(&self) -> Arc<Known> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).known)
    }
}

fn scrub<'a>(known: &Known, text: &'a str) -> Cow<'a, str> {
    let places = places(known, text, shapes);
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = marked(text, &places);
    // Taking one out can lay open another.
    for round in 0.. {
        let again = joined(shapes(&out));
        if again.is_empty() {
            break;
        }
        out = take_out(&out, &again, round);
    }
    Cow::Owned(out)
}

/// The text with a mark in each place.
fn marked(text: &str, places: &[Place]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for place in places {
        out.push_str(text.get(done..place.span.start).unwrap_or_default());
        out.push_str(&place.mark());
        done = place.span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// What is to be taken out, by place; those that overlap are one, so that nothing of either stays. `shapes` says what is
/// to be taken out that nobody has told us of.
fn places(known: &Known, text: &str, shapes: impl Fn(&str) -> Vec<Finding>) -> Vec<Place> {
    let mut places: Vec<Place> = shapes(text).into_iter().map(place).collect();
    let whole = View::of(text);
    known.find(whole.bytes(), |span| places.push(Place { span, kind: None }));
    for view in whole.decoded() {
        known.find(view.bytes(), |span| places.push(Place { span: view.source(span), kind: None }));
        let found = shapes(&readable(view.bytes())).into_iter().map(place);
        places.extend(found.map(|place| Place { span: view.source(place.span), ..place }));
    }
    for place in &mut places {
        widen(text, &mut place.span);
    }
    without_overlaps(places)
}

/// The bytes as a text of the same length: what is no UTF-8 is a control character for each byte.
fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{1a}'));
    }
    Cow::Owned(text)
}

fn place(found: Finding) -> Place {
    Place { span: found.span, kind: Some(found.kind) }
}

/// To the boundaries of characters around it.
fn widen(text: &str, span: &mut Range<usize>) {
    while !text.is_char_boundary(span.start) {
        span.start -= 1;
    }
    while !text.is_char_boundary(span.end) {
        span.end += 1;
    }
}

fn without_overlaps(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by_key(|place| (place.span.start, place.span.end));
    let mut kept: Vec<Place> = Vec::with_capacity(places.len());
    for place in places {
        match kept.last_mut() {
            Some(last) if place.span.start < last.span.end => {
                last.span.end = last.span.end.max(place.span.end);
                last.kind = place.kind.and(last.kind);
            }
            _ => kept.push(place),
        }
    }
    kept
}

/// What has the shape of a secret, and is surely none of the ids that make a log worth reading.
fn shapes(text: &str) -> Vec<Finding> {
    let mut found = scan::secrets(text);
    found.retain(|finding| finding.confidence >= Confidence::Medium && !is_ours(text, finding));
    found
}

/// Whether it was only the word before it that made it look like a key, and it is an id or the name of a principal: who
/// calls with a token or for an issuer is logged as `token:NAME` or `oauth:ISSUER NAME`.
fn is_ours(text: &str, finding: &Finding) -> bool {
    if finding.kind != Kind::SecretGeneric {
        return false;
    }
    let value = text.get(finding.span.clone()).unwrap_or_default();
    let before = text.get(..finding.span.start).unwrap_or_default();
    let of_principal = ["token:", "oauth:"].iter().find_map(|word| before.strip_suffix(word));
    is_id(value)
        || of_principal.is_some_and(|before| {
            before.is_empty() || ["principal=", "principal\":\""].iter().any(|name| before.ends_with(name))
        })
}

/// Whether it is one of our ids: a UUID of version 7 (RFC 9562). Keys that are UUIDs are random, of version 4.
fn is_id(value: &str) -> bool {
    let lengths = value.split('-').map(|group| Set::HEX.spells(group).then_some(group.len()));
    let has_version =
        bytes::at(value, 14) == b'7' && matches!(bytes::at(value, 19), b'8' | b'9' | b'a' | b'b');
    has_version && lengths.eq([8, 4, 4, 4, 12].map(Some))
}
