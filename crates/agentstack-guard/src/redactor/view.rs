//! A text with its escapes undone, and where each byte of that comes from.

use std::borrow::Cow;
use std::ops::Range;

/// How often a backslash is undone: a text that was escaped, in a text that was.
const LAYERS: usize = 2;

/// What can be read in a text.
#[derive(Default)]
pub(super) struct View<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte comes from in the text, if this is not the text itself.
    sources: Option<Vec<Range<usize>>>,
}

impl<'a> View<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), sources: None }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a span of it comes from in the text.
    pub(super) fn source(&self, span: Range<usize>) -> Range<usize> {
        let Some(sources) = &self.sources else { return span };
        let of = |at: usize| sources.get(at).cloned().unwrap_or_default();
        of(span.start).start..of(span.end.saturating_sub(1)).end
    }

    /// The views in which something is undone; of most texts there are none.
    pub(super) fn decoded(&self) -> Vec<View<'static>> {
        let mut views = Vec::new();
        self.add_percent_decoded(&mut views);
        let mut next = self.unescaped();
        for _ in 0..LAYERS {
            let Some(view) = next else { break };
            next = view.unescaped();
            view.add_percent_decoded(&mut views);
            views.push(view);
        }
        views
    }

    /// With what was escaped before it was percent-encoded.
    fn add_percent_decoded(&self, views: &mut Vec<View<'static>>) {
        let Some(view) = self.percent_decoded() else { return };
        views.extend(view.unescaped());
        views.push(view);
    }

    /// With what backslashes stand for in JSON and in Rust.
    fn unescaped(&self) -> Option<View<'static>> {
        self.decode(b'\\', |rest| match rest {
            [b'n', ..] => Some(('\n', 2)),
            [b'r', ..] => Some(('\r', 2)),
            [b't', ..] => Some(('\t', 2)),
            [b'b', ..] => Some(('\u{8}', 2)),
            [b'f', ..] => Some(('\u{c}', 2)),
            [b'0', ..] => Some(('\0', 2)),
            [b'x', digits @ ..] => Some((number(digits, 2)?, 4)),
            [b'u', b'{', digits @ ..] => {
                let length = digits.iter().take(6).take_while(|digit| digit.is_ascii_hexdigit()).count();
                (digits.get(length) == Some(&b'}')).then_some((number(digits, length)?, length + 4))
            }
            [b'u', digits @ ..] => number(digits, 4).map(|c| (c, 6)).or_else(|| pair(digits)),
            [sign @ (b'"' | b'\'' | b'\\' | b'/'), ..] => Some((char::from(*sign), 2)),
            _ => None,
        })
    }

    /// With the bytes that `%XX` stands for.
    fn percent_decoded(&self) -> Option<View<'static>> {
        // As Latin-1, so that each is one byte.
        self.decode(b'%', |digits| Some((number(digits, 2)?, 3)))
    }

    /// `read` is given what follows the sign; it says what that stands for, and how long it is with the sign.
    fn decode(&self, sign: u8, read: impl Fn(&[u8]) -> Option<(char, usize)>) -> Option<View<'static>> {
        if !self.bytes.contains(&sign) {
            return None;
        }
        let (mut bytes, mut sources) = (Vec::with_capacity(self.bytes.len()), Vec::new());
        let mut at = 0;
        while let Some((byte, rest)) = self.bytes.get(at..).and_then(<[u8]>::split_first) {
            let found = (*byte == sign).then(|| read(rest)).flatten();
            let end = at + found.map_or(1, |(_, length)| length);
            match found {
                Some((c, _)) if sign == b'%' => bytes.push(u8::try_from(c).unwrap_or(0)),
                Some((c, _)) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
                None => bytes.push(*byte),
            }
            sources.resize(bytes.len(), self.source(at..end));
            at = end;
        }
        let undone = bytes.len() < self.bytes.len();
        undone.then_some(View { bytes: Cow::Owned(bytes), sources: Some(sources) })
    }
}

/// The character whose number the first digits are.
fn number(digits: &[u8], count: usize) -> Option<char> {
    char::from_u32(value(digits, count)?)
}

fn value(digits: &[u8], count: usize) -> Option<u32> {
    let digits = digits.get(..count).filter(|digits| !digits.is_empty())?;
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// The character of two surrogates, as JSON writes it.
fn pair(digits: &[u8]) -> Option<(char, usize)> {
    let second = digits.get(4..)?.strip_prefix(b"\\u")?;
    let both = [value(digits, 4)?, value(second, 4)?].map(|unit| u16::try_from(unit).unwrap_or(0));
    char::decode_utf16(both).next()?.ok().map(|c| (c, 12))
}
