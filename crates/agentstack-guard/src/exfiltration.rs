//! Links whose address carries data to its owner, and URLs that are programs.

use std::ops::Range;

use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::trigger::Hit;
use crate::{Confidence, Kind};

/// The longest URL that is looked at, in bytes.
const LONGEST: usize = 2_048;
/// How long a part of a URL is that may be data, in bytes.
const DATA: usize = 24;
/// How long a piece of a path is that may be data: longer than a UUID (36) or a SHA-1 (40).
const PATH_DATA: usize = 44;
/// How far back `<img` may stand before `src=`, in bytes.
const TAG: usize = 200;

/// Characters of a URL as it stands in Markdown and HTML, and those of templates.
const URL: Set = Set::range(b'!', b'~');

/// What has been read already.
#[derive(Default)]
pub(crate) struct Scan {
    until: usize,
}

impl Scan {
    /// The URL behind `](`, `]:`, `src=` or `href=`.
    pub(crate) fn link(&mut self, text: &str, hit: Hit, found: &mut Candidates) {
        if hit.start < self.until {
            return;
        }
        let start = Set::SPACE.and(b'"').and(b'\'').and(b'<').run(text, hit.end, 4);
        if !["http", "HTTP", "Http", "//"]
            .iter()
            .any(|scheme| bytes::head(text, start, 4).starts_with(scheme))
        {
            return;
        }
        let end = url_end(text, start);
        let url = bytes::slice(text, start..end);
        let Some(rest) = ["https://", "http://", "//"].iter().find_map(|scheme| url.strip_prefix(scheme))
        else {
            return;
        };
        self.until = end;
        let is_image = is_image(text, hit);
        let Some(confidence) = carries_data(rest, is_image) else { return };
        let kind = if is_image { Kind::ExfiltrationImage } else { Kind::ExfiltrationLink };
        found.add(kind, start..end, confidence);
    }
}

/// A URL ends at white space, a quote or a bracket that closes; brackets of templates are part of it.
fn url_end(text: &str, start: usize) -> usize {
    let most = URL.run(text, start, LONGEST);
    let mut depth = 0_u32;
    let url = bytes::slice(text, start..most);
    for (offset, byte) in url.bytes().enumerate() {
        match byte {
            b'"' | b'\'' | b'`' => return start + offset,
            b'(' | b'{' | b'<' | b'[' => depth += 1,
            b')' | b'}' | b'>' | b']' if depth == 0 => return start + offset,
            b')' | b'}' | b'>' | b']' => depth -= 1,
            _ => {}
        }
    }
    most
}

/// Whether what is linked is loaded without a click.
fn is_image(text: &str, hit: Hit) -> bool {
    match bytes::at(text, hit.start) {
        b's' | b'S' => bytes::contains_folded(bytes::tail(text, hit.start, TAG), "<img"),
        b']' => {
            let line = bytes::tail(text, hit.start, TAG);
            let open = line.rfind('[').unwrap_or(0);
            line.get(..open).is_some_and(|before| before.ends_with('!'))
        }
        _ => false,
    }
}

fn carries_data(url: &str, is_image: bool) -> Option<Confidence> {
    let host_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (host, rest) = url.split_at_checked(host_end)?;
    let sure = if is_image { Confidence::High } else { Confidence::Medium };
    if is_template(rest) || (host.contains('@') && host.contains(':')) {
        return Some(sure);
    }
    // What follows a `#` is not sent.
    let sent = rest.split('#').next().unwrap_or(rest);
    let (path, query) = sent.split_once('?').unwrap_or((sent, ""));
    let values = query.split(['&', ';', '=']);
    if values.clone().any(|value| value.len() >= DATA && is_dense(value)) {
        return Some(if is_image { Confidence::Medium } else { Confidence::Low });
    }
    let in_path =
        path.split('/').any(|piece| piece.len() >= PATH_DATA && is_dense(piece) && !is_name_of_a_file(piece));
    let in_host = host.split('.').any(|label| label.len() >= DATA && is_dense(label));
    ((in_path && is_image) || in_host).then_some(Confidence::Low)
}

/// Hex digits and dashes, with an ending: what hosts of images call them.
fn is_name_of_a_file(piece: &str) -> bool {
    Set::UUID.spells(piece.rsplit_once('.').map_or(piece, |(name, _)| name))
}

/// Whether it has a place where data is to be filled in.
fn is_template(url: &str) -> bool {
    let between = |open: char, close: char| {
        url.split_once(open)
            .and_then(|(_, rest)| rest.split_once(close))
            .is_some_and(|(name, _)| name.len() >= 2)
    };
    url.contains("{{")
        || url.contains("${")
        || between('{', '}')
        || between('<', '>')
        || between('[', ']')
        || url.contains("%7B")
}

/// Whether it is random or encoded and no words: digits among letters, or capitals among small ones.
fn is_dense(value: &str) -> bool {
    let count = |test: fn(&u8) -> bool| value.bytes().filter(test).count();
    let joints = value.bytes().filter(|byte| matches!(byte, b'-' | b'+' | b'_' | b'.' | b'%')).count();
    let is_mixed = count(u8::is_ascii_digit) >= 3 || count(u8::is_ascii_uppercase) >= 4;
    is_mixed && (joints * 8 <= value.len() || value.contains("%20"))
}

/// `javascript:` with something to run, and `data:` with a page or a program in it.
pub(crate) fn script(text: &str, hit: Hit, found: &mut Candidates) {
    let is_word = !Set::WORD.has(bytes::before(text, hit.start));
    let end = script_end(text, hit.end);
    let body = bytes::slice(text, hit.end..end).to_ascii_lowercase();
    let is_one = match bytes::at(text, hit.start) {
        b'd' | b'D' => {
            ["text/html", "text/javascript", "application/javascript", "application/xhtml", "image/svg+xml"]
                .iter()
                .any(|kind| body.starts_with(kind))
        }
        _ => body.len() >= 3 && body.contains(['(', '=', '`', '%', '.']),
    };
    if is_word && is_one {
        found.add(Kind::ScriptUrl, span(hit, end), Confidence::High);
    }
}

/// What is reported of a program: so much that it is seen what it is.
fn script_end(text: &str, from: usize) -> usize {
    URL.run(text, from, 64)
}

fn span(hit: Hit, end: usize) -> Range<usize> {
    hit.start..end
}
