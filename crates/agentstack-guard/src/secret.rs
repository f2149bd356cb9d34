//! Secrets: what has the shape of a key, and what is assigned to something called one.

mod assigned;
mod checksum;
mod generic;
mod placeholder;
#[cfg(feature = "testing")]
mod samples;
mod shape;
mod shapes;
mod url;

#[cfg(feature = "testing")]
pub use self::samples::{Sample, samples};
use crate::bytes::{self, Set};
use crate::collect::Candidates;
use crate::trigger::Hit;
use crate::{Confidence, Kind};

/// The longest private key that is taken as one, in bytes: an RSA key of 16,384 bits has 12 kB.
const LONGEST_PEM: usize = 16 * 1024;

/// The literals of the table of shapes, each with its place there.
pub(crate) fn literals() -> impl Iterator<Item = (usize, &'static str)> {
    shapes::SHAPES.iter().enumerate().map(|(index, shape)| (index, shape.literal))
}

/// The words that make a value a secret, each with its place in the table.
pub(crate) fn keywords() -> impl Iterator<Item = (usize, &'static str)> {
    assigned::KEYWORDS.iter().enumerate().map(|(index, keyword)| (index, keyword.word))
}

/// What is remembered during one scan, so that no stretch is read over and over.
#[derive(Default)]
pub(crate) struct Scan {
    pem_until: usize,
    url_until: usize,
}

impl Scan {
    // The four have one form, so that the scan reads as a table.
    #[expect(clippy::unused_self, reason = "one form for all four")]
    pub(crate) fn shape(&self, text: &str, index: usize, hit: Hit, found: &mut Candidates) {
        let Some(shape) = shapes::SHAPES.get(index) else { return };
        if let Some((span, confidence)) = shape.find(text, hit) {
            found.add(shape.kind, span, confidence);
        }
    }

    #[expect(clippy::unused_self, reason = "one form for all four")]
    pub(crate) fn keyword(&self, text: &str, index: usize, hit: Hit, found: &mut Candidates) {
        let Some(keyword) = assigned::KEYWORDS.get(index) else { return };
        assigned::find(text, keyword, hit, found);
    }

    /// A private key, to its end if that is there, or to where its lines stop.
    pub(crate) fn pem(&mut self, text: &str, hit: Hit, found: &mut Candidates) {
        if hit.start < self.pem_until {
            return;
        }
        let title = bytes::head(text, hit.end, 160);
        let Some((title, _)) = title.split_once("-----") else { return };
        if !bytes::contains_folded(title, "PRIVATE KEY") {
            return;
        }
        let body = hit.end + title.len() + 5;
        // Base64 and its line ends, those that are escaped in JSON too, and the headers of encrypted keys.
        let lines = Set::BASE64.or(Set::SPACE).and(b'=').and(b'\\').and(b':').and(b',').and(b'"').and(b'.');
        let mut end = lines.run(text, body, LONGEST_PEM);
        // DEK-Info and the like have a dash between letters.
        while bytes::at(text, end) == b'-' && bytes::at(text, end + 1) != b'-' && end < body + LONGEST_PEM {
            end = lines.run(text, end + 1, LONGEST_PEM);
        }
        self.pem_until = end;
        if end - body < 40 {
            return;
        }
        let rest = bytes::head(text, end, 120);
        let closing = rest.strip_prefix("-----END").and_then(|rest| rest.split_once("-----"));
        let dashes = if rest.starts_with("-----") && !rest.starts_with("-----BEGIN") { 5 } else { 0 };
        let span_end = closing.map_or(end + dashes, |(title, _)| end + 8 + title.len() + 5);
        found.add(Kind::SecretPrivateKey, hit.start..span_end, Confidence::High);
    }

    pub(crate) fn url(&mut self, text: &str, hit: Hit, found: &mut Candidates) {
        if hit.start >= self.url_until {
            self.url_until = url::find(text, hit, found);
        }
    }
}
