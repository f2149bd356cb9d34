//! Characters that a reader does not see (S18).
//!
//! The ranges are those of `Default_Ignorable_Code_Point` (UAX #44, `DerivedCoreProperties.txt`, Unicode 17), of
//! `Bidi_Control` (UAX #9, section 2; UAX #44, `PropList.txt`), of the interlinear annotations (Unicode Standard,
//! section 23.8) and of general category `Cc` (UAX #44). A few of them have an honest use and are then no finding: the
//! joiners inside words of the scripts that need them (UAX #31, section 2.3), and the joiner, the variation selectors
//! and the three flags spelled in tags that emoji are made of (UTS #51, sections 2.3 and 2.7 and annex C).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use crate::collect::Candidates;
use crate::{Confidence, Kind};

/// What each range is. Sorted, without overlaps.
const RANGES: &[(RangeInclusive<char>, Kind)] = &[
    ('\u{0}'..='\u{8}', Kind::UnicodeControl),
    ('\u{b}'..='\u{c}', Kind::UnicodeControl),
    ('\u{e}'..='\u{1f}', Kind::UnicodeControl),
    ('\u{7f}'..='\u{7f}', Kind::UnicodeControl),
    ('\u{80}'..='\u{9f}', Kind::UnicodeControl),
    ('\u{ad}'..='\u{ad}', Kind::UnicodeHidden),
    ('\u{34f}'..='\u{34f}', Kind::UnicodeHidden),
    ('\u{61c}'..='\u{61c}', Kind::UnicodeBidi),
    ('\u{115f}'..='\u{1160}', Kind::UnicodeHidden),
    ('\u{17b4}'..='\u{17b5}', Kind::UnicodeHidden),
    ('\u{180b}'..='\u{180f}', Kind::UnicodeHidden),
    ('\u{200b}'..='\u{200d}', Kind::UnicodeHidden),
    ('\u{200e}'..='\u{200f}', Kind::UnicodeBidi),
    ('\u{202a}'..='\u{202e}', Kind::UnicodeBidi),
    ('\u{2060}'..='\u{2065}', Kind::UnicodeHidden),
    ('\u{2066}'..='\u{2069}', Kind::UnicodeBidi),
    ('\u{206a}'..='\u{206f}', Kind::UnicodeHidden),
    ('\u{3164}'..='\u{3164}', Kind::UnicodeHidden),
    ('\u{fe00}'..='\u{fe0f}', Kind::UnicodeHidden),
    ('\u{feff}'..='\u{feff}', Kind::UnicodeHidden),
    ('\u{ffa0}'..='\u{ffa0}', Kind::UnicodeHidden),
    ('\u{fff0}'..='\u{fffb}', Kind::UnicodeHidden),
    ('\u{1bca0}'..='\u{1bca3}', Kind::UnicodeHidden),
    ('\u{1d173}'..='\u{1d17a}', Kind::UnicodeHidden),
    ('\u{e0000}'..='\u{e007f}', Kind::UnicodeTag),
    ('\u{e0080}'..='\u{e0fff}', Kind::UnicodeHidden),
];

/// The flags of England, Scotland and Wales after their black flag: the only tag sequences in general use.
const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

/// What a character is, if a reader does not see it, whatever stands around it.
pub(crate) fn kind_of(c: char) -> Option<Kind> {
    let index = RANGES.partition_point(|(range, _)| *range.end() < c);
    RANGES.get(index).filter(|(range, _)| range.contains(&c)).map(|(_, kind)| *kind)
}

/// The text without what a reader cannot see or what changes the order of the rest: what goes into an index and into a
/// rendering. Control characters but tab and line ends are left out too; joiners and selectors in their honest use stay.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    for (at, c, _) in unseen(text) {
        out.push_str(text.get(done..at).unwrap_or_default());
        done = at + c.len_utf8();
    }
    if done == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(out)
}

/// Neighbours of one kind are one finding.
pub(crate) fn find(text: &str, found: &mut Candidates) {
    let mut open: Option<(Kind, std::ops::Range<usize>)> = None;
    for (at, c, kind) in unseen(text) {
        let end = at + c.len_utf8();
        match &mut open {
            Some((same, span)) if *same == kind && span.end == at => span.end = end,
            _ => {
                close(open.take(), text, found);
                open = Some((kind, at..end));
            }
        }
    }
    close(open, text, found);
}

fn close(open: Option<(Kind, std::ops::Range<usize>)>, text: &str, found: &mut Candidates) {
    let Some((kind, span)) = open else { return };
    // Marks and soft hyphens come with ordinary text of some languages and editors; overrides do not.
    let is_common = text.get(span.clone()).is_some_and(|part| {
        let mut chars = part.chars();
        let first = chars.next();
        chars.next().is_none()
            && first.is_some_and(|c| "\u{200e}\u{200f}\u{61c}\u{ad}\u{feff}\u{c}".contains(c))
    });
    let confidence = match kind {
        _ if is_common => Confidence::Low,
        Kind::UnicodeTag | Kind::UnicodeBidi => Confidence::High,
        _ => Confidence::Medium,
    };
    found.add(kind, span, confidence);
}

/// Every unseen character without an honest use, in order.
pub(crate) fn unseen(text: &str) -> impl Iterator<Item = (usize, char, Kind)> {
    let begins = |byte: u8| BEGINS.get(usize::from(byte)).is_some_and(|begins| *begins);
    let mut flag_until = 0;
    let unusual = |byte: u8| byte >= 0x7f || (byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r'));
    // Most texts have none, which is soonest seen when every byte is looked at.
    let has_any = text.bytes().fold(false, |any, byte| any | unusual(byte));
    let text = if has_any { text } else { "" };
    text.bytes().enumerate().filter(move |(_, byte)| begins(*byte)).filter_map(move |(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let mut from_here = rest.chars();
        let c = from_here.next()?;
        let kind = kind_of(c)?;
        let before = before.chars().next_back();
        if kind == Kind::UnicodeTag && before == Some('\u{1f3f4}') {
            flag_until = FLAGS.iter().find(|flag| rest.starts_with(**flag)).map_or(0, |flag| at + flag.len());
        }
        (at >= flag_until && !is_honest(c, before, from_here.next())).then_some((at, c, kind))
    })
}

/// With which bytes characters of the table begin in UTF-8: those of most letters are not among them.
static BEGINS: [bool; 256] = begins();

#[expect(clippy::indexing_slicing, reason = "evaluated when compiled, within the bounds")]
const fn begins() -> [bool; 256] {
    let mut begins = [false; 256];
    let mut index = 0;
    while index < RANGES.len() {
        let mut byte = first_byte(*RANGES[index].0.start());
        while byte <= first_byte(*RANGES[index].0.end()) {
            begins[byte as usize] = true;
            byte += 1;
        }
        index += 1;
    }
    begins
}

const fn first_byte(c: char) -> u32 {
    match c as u32 {
        c @ 0..0x80 => c,
        c @ 0x80..0x800 => 0xc0 | c >> 6,
        c @ 0x800..0x1_0000 => 0xe0 | c >> 12,
        c => 0xf0 | c >> 18,
    }
}

fn is_honest(c: char, before: Option<char>, after: Option<char>) -> bool {
    let Some(before) = before else { return c == '\u{feff}' };
    match c {
        '\u{200c}' => is_joining_script(before) && after.is_some_and(is_joining_script),
        '\u{200d}' => {
            (is_joining_script(before) && after.is_none_or(|c| is_joining_script(c) || !c.is_alphanumeric()))
                || ((is_pictograph(before) || before == '\u{fe0f}') && after.is_some_and(is_pictograph))
        }
        '\u{fe0e}' | '\u{fe0f}' => {
            is_pictograph(before) || matches!(before, '0'..='9' | '#' | '*' | '©' | '®')
        }
        _ => false,
    }
}

/// Scripts whose words are written with joiners: Arabic and its relatives, those of India, Khmer, Mongolian.
fn is_joining_script(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{109f}' | '\u{1780}'..='\u{18af}' | '\u{fb50}'..='\u{fdff}')
}

/// Roughly `Extended_Pictographic` with the modifiers of skin (UTS #51): symbols, arrows, dingbats, emoji.
fn is_pictograph(c: char) -> bool {
    matches!(c, '\u{203c}' | '\u{2049}' | '\u{2100}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}
