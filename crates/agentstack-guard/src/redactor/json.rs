//! Scrubbing a JSON text so that it stays one.

use std::borrow::Cow;
use std::ops::Range;

use super::{Known, Place, places};
use crate::bytes::{self, Set};

/// How often what is left is looked at again, before all of it goes.
const ROUNDS: usize = 4;

/// What numbers and constants are made of.
const BARE: Set = Set::ALNUM.and(b'-').and(b'+').and(b'.');

pub(super) fn scrub<'a>(known: &Known, text: &'a str) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..ROUNDS {
        let Some(next) = round(known, &text) else { return text };
        text = Cow::Owned(next);
    }
    Cow::Owned("{\"message\":\"[redacted]\"}".to_owned())
}

/// The text without what its strings hold by themselves, and what they hold because of the name before them.
fn round(known: &Known, text: &str) -> Option<String> {
    // What goes across values is none of them: a private key, say, of which only the beginning is there.
    let found: Vec<Place> = places(known, text, super::shapes);
    let mut of_the_line = found.iter().peekable();
    let mut out = String::new();
    let mut done = 0;
    for value in values(text) {
        while of_the_line.next_if(|place| place.span.start < value.start).is_some() {}
        let own = bytes::slice(text, value.clone());
        let named = of_the_line.peek().filter(|place| place.span.end <= value.end);
        let scrubbed = within(known, own).or_else(|| named.map(|place| quoted(&place.mark())));
        if let Some(scrubbed) = scrubbed.filter(|scrubbed| scrubbed != own) {
            out.push_str(bytes::slice(text, done..value.start));
            out.push_str(&scrubbed);
            done = value.end;
        }
    }
    (done > 0).then(|| out + bytes::slice(text, done..text.len()))
}

/// A string without what it holds by itself, if it holds anything. Numbers hold what the line shows.
fn within(known: &Known, own: &str) -> Option<String> {
    let inner = own.strip_prefix('"')?.strip_suffix('"')?;
    let inner: Cow<'_, str> =
        if inner.contains('\\') { Cow::Owned(serde_json::from_str(own).ok()?) } else { Cow::Borrowed(inner) };
    match super::scrub(known, &inner) {
        Cow::Owned(scrubbed) => Some(quoted(&scrubbed)),
        Cow::Borrowed(_) => None,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The strings, with their quotes, and the numbers and constants of a JSON text.
fn values(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.as_bytes().get(at..)?;
        let start = at + rest.iter().position(|byte| *byte == b'"' || BARE.has(*byte))?;
        at = match bytes::at(text, start) {
            b'"' => string_end(text, start + 1),
            _ => BARE.run(text, start, usize::MAX),
        };
        Some(start..at)
    })
}

fn string_end(text: &str, from: usize) -> usize {
    let mut is_escaped = false;
    let inside = text.as_bytes().get(from..).unwrap_or_default();
    let quote = inside.iter().position(|byte| {
        let ends = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        ends
    });
    quote.map_or(text.len(), |quote| from + quote + 1)
}
