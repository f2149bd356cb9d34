//! A plain view of a text that may hide its words.
//!
//! Compatibility forms are taken apart and accents dropped (UAX #15, NFKD), unseen characters left out, letters of other
//! scripts that look like Latin ones taken for those (the commonest confusables of UTS #39), digits inside words
//! taken for the letters they stand for, and words written with a space or mark after each letter closed up.

use std::ops::Range;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::bytes::{self, Set};
use crate::hidden;

/// How many single letters in a row are a word that is spaced out.
const SPACED_LETTERS: usize = 4;

const GAPS: Set = Set::range(b' ', b' ').and(b'.').and(b'-').and(b'_').and(b'*').and(b'/').and(b'|');

/// The plain text.
#[derive(Default)]
pub(super) struct View {
    text: String,
    /// For each byte of the plain text where the character begins that it comes from, if that is asked for.
    sources: Option<Vec<u32>>,
    /// Where letters were closed up: no boundaries of words are left there.
    glued: Vec<Range<usize>>,
}

/// What a text may hide its words with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Disguise {
    /// Characters outside of ASCII, and control characters.
    characters: bool,
    /// Digits and signs before letters.
    digits: bool,
    /// Single letters with something between them.
    spaces: bool,
}

/// How many bytes are looked at at once, and how many behind them.
const PIECE: usize = 64;
const BEHIND: usize = 6;

impl Disguise {
    /// Without a branch for each byte, because every byte of every text is looked at.
    pub(super) fn of(text: &str) -> Self {
        let mut disguise = Self::default();
        for start in (0..text.len()).step_by(PIECE) {
            // With the byte before it; before the first stands a blank.
            let rest = text.as_bytes().get(start.saturating_sub(1)..).unwrap_or_default();
            let mut piece = [b' '; PIECE + BEHIND];
            let places = piece.iter_mut().skip(usize::from(start == 0));
            places.zip(rest).for_each(|(to, from)| *to = *from);
            let letters = piece.map(|byte| byte.is_ascii_alphabetic());
            let behind = letters.get(1..).unwrap_or_default();
            disguise.characters |= piece.iter().fold(false, |any, byte| any || *byte >= 128 || *byte < 9);
            disguise.digits |=
                piece.iter().zip(behind).fold(false, |any, (byte, letter)| any | (stands(*byte) & letter));
            // Letters and other bytes in turn.
            let changes = letters.windows(BEHIND + 1);
            disguise.spaces |= changes.fold(false, |any, window| {
                let one_each = window.iter().zip(window.get(1..).unwrap_or_default());
                any | one_each.fold(true, |all, (letter, next)| all && letter != next)
            });
        }
        disguise
    }

    /// Whether a view can show more than the text does.
    pub(super) fn is_any(self) -> bool {
        self.characters || self.digits || self.spaces
    }
}

impl View {
    pub(super) fn of(text: &str, disguise: Disguise) -> Self {
        Self::build(text, disguise, false)
    }

    fn build(text: &str, disguise: Disguise, is_traced: bool) -> Self {
        let mut view = Self::default();
        if u32::try_from(text.len()).is_err() {
            return view;
        }
        view.sources = is_traced.then(Vec::new);
        view.add_plain(text);
        if !disguise.digits && !disguise.spaces {
            return view;
        }
        undo_digits(&mut view.text);
        if may_be_spaced(&view.text) { view.close_up() } else { view }
    }

    /// Each character for itself.
    fn add_plain(&mut self, text: &str) {
        let is_plain = |byte: u8| byte.is_ascii() && (!byte.is_ascii_control() || byte == b'\n');
        let table = FOLDED.as_slice();
        let mut out = Vec::with_capacity(text.len() + 4);
        let mut at = 0;
        while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
            let plain = rest.iter().position(|byte| !is_plain(*byte)).unwrap_or(rest.len());
            out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.trace_run(at..at + plain);
            at += plain;
            let mut others = text.get(at..).unwrap_or_default().chars();
            while let Some(c) = others.next().filter(|c| !u8::try_from(*c).is_ok_and(is_plain)) {
                Folded::of(c, table).add_to(&mut out, c);
                self.trace(out.len(), at);
                at += c.len_utf8();
            }
        }
        // Whole characters only, so it is a text.
        self.text = String::from_utf8(out).unwrap_or_default();
    }

    /// A run that is as it was.
    fn trace_run(&mut self, run: Range<usize>) {
        if let Some(sources) = &mut self.sources {
            sources.extend(run.filter_map(|at| u32::try_from(at).ok()));
        }
    }

    /// All that is new up to `length` comes from the character at `at`.
    fn trace(&mut self, length: usize, at: usize) {
        if let Some(sources) = &mut self.sources {
            sources.resize(length, u32::try_from(at).unwrap_or(0));
        }
    }

    /// Closes up words that are spaced out, and keeps everything else.
    fn close_up(self) -> Self {
        let place = |(at, c)| (u32::try_from(at).unwrap_or(0), c);
        let plain: Vec<(u32, char)> = self.text.char_indices().map(place).collect();
        let mut view = Self { sources: self.sources.is_some().then(Vec::new), ..Self::default() };
        let source = |place: u32| {
            let source = self.sources.as_ref().and_then(|sources| sources.get(place as usize));
            source.and_then(|source| usize::try_from(*source).ok()).unwrap_or(0)
        };
        let mut at = 0;
        while let Some((place, c)) = plain.get(at).copied() {
            let letters = spaced_letters(&plain, at);
            if letters < SPACED_LETTERS {
                view.text.push(c);
                view.trace(view.text.len(), source(place));
                at += 1;
                continue;
            }
            let from = view.text.len();
            for (place, c) in plain.iter().skip(at).step_by(2).take(letters) {
                view.text.push(*c);
                view.trace(view.text.len(), source(*place));
            }
            view.glued.push(from..view.text.len());
            at += letters * 2 - 1;
        }
        view
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_any_glued(&self) -> bool {
        !self.glued.is_empty()
    }

    /// Whether a span lies where letters were closed up.
    pub(super) fn is_glued(&self, span: &Range<usize>) -> bool {
        let after = self.glued.partition_point(|range| range.end < span.end);
        self.glued.get(after).is_some_and(|range| range.start <= span.start)
    }
}

/// From where in a text the parts of its view come. Most texts have no part that anybody asks for, so this is made when
/// somebody does.
pub(super) struct Sources(Vec<u32>);

impl Sources {
    pub(super) fn of(text: &str, disguise: Disguise) -> Self {
        Self(View::build(text, disguise, true).sources.unwrap_or_default())
    }

    /// Where in the text a span of its view comes from.
    pub(super) fn span(&self, text: &str, span: &Range<usize>) -> Option<Range<usize>> {
        let source = |at: usize| usize::try_from(*self.0.get(at)?).ok();
        let last = source(span.end.checked_sub(1)?)?;
        let length = text.get(last..)?.chars().next()?.len_utf8();
        Some(source(span.start)?..last + length)
    }
}

/// A word as the view would show it.
pub(super) fn plain(word: &str) -> String {
    word.chars().flat_map(plain_of).collect()
}

fn plain_of(c: char) -> impl Iterator<Item = char> {
    let seen = hidden::kind_of(c).is_none() || c.is_whitespace();
    let parts = seen.then_some(c).into_iter().flat_map(|c| std::iter::once(c).nfkd());
    parts.filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).map(latin)
}

/// The first and the last character of each block that most texts have their letters and marks from: Latin, Greek and
/// Cyrillic, and punctuation.
const COMMON: [(u32, u32); 2] = [(0x80, 0x52f), (0x2000, 0x206f)];

/// What a character becomes, in UTF-8; taking it apart each time is slow.
#[derive(Clone, Copy)]
struct Folded {
    bytes: [u8; 4],
    /// How many of them count, if the character is a common one and they are enough for it.
    length: Option<u8>,
}

static FOLDED: LazyLock<Vec<Folded>> = LazyLock::new(|| {
    let common = COMMON.iter().flat_map(|(first, last)| *first..=*last);
    common.map(|number| char::from_u32(number).map_or(Folded::UNKNOWN, Folded::new)).collect()
});

impl Folded {
    const UNKNOWN: Self = Self { bytes: [0; 4], length: None };

    fn new(c: char) -> Self {
        let parts: String = plain_of(c).collect();
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(parts.bytes()).for_each(|(to, from)| *to = from);
        let length = u8::try_from(parts.len()).ok().filter(|length| *length <= 4);
        Self { bytes, length }
    }

    fn of(c: char, table: &[Self]) -> Self {
        let [(first, last), (first_mark, _)] = COMMON;
        let number = u32::from(c);
        let index = if number <= last {
            number.wrapping_sub(first)
        } else {
            number.wrapping_sub(first_mark).saturating_add(last - first + 1)
        };
        table.get(index as usize).copied().unwrap_or(Self::UNKNOWN)
    }

    fn add_to(self, out: &mut Vec<u8>, c: char) {
        let before = out.len();
        if let Some(length) = self.length {
            // All four at once, because that is fast, and then without those that do not count.
            out.extend_from_slice(&self.bytes);
            out.truncate(before + usize::from(length));
        } else {
            let mut bytes = [0; 4];
            plain_of(c).for_each(|part| out.extend_from_slice(part.encode_utf8(&mut bytes).as_bytes()));
        }
    }
}

/// The Latin letter that looks like it.
fn latin(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'в' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'у' | 'υ' => 'y',
        'х' | 'χ' => 'x',
        'ν' => 'v',
        'ѡ' | 'ω' => 'w',
        '’' | '‘' | 'ʼ' => '\'',
        '‐' | '‑' | '–' | '—' => '-',
        c if c.is_whitespace() && c != '\n' => ' ',
        c => c,
    }
}

/// Whether it is a digit or sign that stands for a letter.
fn stands(byte: u8) -> bool {
    // Compared with each, so that many bytes are looked at in one step.
    b"013457!|@$".iter().fold(0, |any, one| any | u8::from(byte == *one)) != 0
}

/// The letter that a digit or sign inside a word stands for.
fn stands_for(byte: u8) -> Option<u8> {
    match byte {
        b'0' => Some(b'o'),
        b'1' | b'!' | b'|' => Some(b'i'),
        b'3' => Some(b'e'),
        b'4' | b'@' => Some(b'a'),
        b'5' | b'$' => Some(b's'),
        b'7' => Some(b't'),
        _ => None,
    }
}

/// A digit counts as a letter beside a letter, a sign between two.
fn undo_digits(text: &mut String) {
    let mut plain = text.clone().into_bytes();
    for (at, byte) in text.bytes().enumerate() {
        let Some(letter) = stands_for(byte) else { continue };
        let before = match at.checked_sub(1).and_then(|before| plain.get(before)) {
            Some(before) if before.is_ascii() => before.is_ascii_alphabetic(),
            _ => text.get(..at).and_then(|part| part.chars().next_back()).is_some_and(char::is_alphabetic),
        };
        let after = text.get(at + 1..).and_then(|part| part.chars().next());
        let next = after.is_some_and(|next| next.is_alphabetic() || (before && next.is_ascii_digit()));
        let is_letter = if byte.is_ascii_digit() { next || before } else { next && before };
        if let Some(place) = plain.get_mut(at).filter(|_| is_letter) {
            *place = letter;
        }
    }
    // One ASCII character for another, so it is a text still.
    *text = String::from_utf8(plain).unwrap_or_default();
}

/// Whether the same gap stands before, between and behind two single letters, as in every word that is spaced out.
fn may_be_spaced(text: &str) -> bool {
    let behind_a_letter = |at: usize| {
        let letter = text.get(at + 1..)?.chars().next().filter(|c| c.is_alphabetic())?;
        let next = at + 1 + letter.len_utf8();
        (bytes::at(text, next) == bytes::at(text, at)).then_some(next)
    };
    text.bytes()
        .enumerate()
        .any(|(at, byte)| GAPS.has(byte) && behind_a_letter(at).and_then(behind_a_letter).is_some())
}

/// How many single letters with the same sign between them begin at `at`.
fn spaced_letters(plain: &[(u32, char)], at: usize) -> usize {
    let get = |index: usize| plain.get(index).map(|(_, c)| *c);
    let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let Some(gap) = get(at + 1).filter(|c| u8::try_from(*c).is_ok_and(|byte| GAPS.has(byte))) else {
        return 0;
    };
    if !letter(get(at)) || at.checked_sub(1).is_some_and(|before| letter(get(before))) {
        return 0;
    }
    let mut letters = 1;
    while get(at + letters * 2 - 1) == Some(gap) && letter(get(at + letters * 2)) {
        letters += 1;
    }
    // The last one may begin an ordinary word.
    if letter(get(at + letters * 2 - 1)) { letters - 1 } else { letters }
}
