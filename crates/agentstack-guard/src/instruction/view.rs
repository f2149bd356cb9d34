//! A plain view of a text that may hide its words.
//!
//! Compatibility forms are taken apart and accents dropped (UAX #15, NFKD), unseen characters left out, letters of other
//! scripts that look like Latin ones taken for those (the commonest confusables of UTS #39), digits inside words
//! taken for the letters they stand for, and words written with a space or mark after each letter closed up.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::bytes::Set;
use crate::hidden;

/// How many single letters in a row are a word that is spaced out.
const SPACED_LETTERS: usize = 4;

/// The digits and signs that stand for letters.
const STANDS: Set =
    Set::range(b'0', b'1').and(b'3').and(b'4').and(b'5').and(b'7').and(b'!').and(b'|').and(b'@').and(b'$');
const GAPS: Set = Set::range(b' ', b' ').and(b'.').and(b'-').and(b'_').and(b'*').and(b'/').and(b'|');

/// The plain text, and where each byte of it comes from.
#[derive(Default)]
pub(super) struct View {
    text: String,
    /// For each byte of the plain text where the character begins that it comes from.
    sources: Vec<u32>,
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

const LETTER: u8 = 1;
const STANDS_FOR_ONE: u8 = 2;
const OTHER: u8 = 4;

/// What each byte is in this respect: looked up, because every byte of every text is.
static CLASSES: [u8; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated when compiled, within the bounds"
)]
const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let as_byte = byte as u8;
        if Set::LETTER.has(as_byte) {
            classes[byte] = LETTER;
        } else if STANDS.has(as_byte) {
            classes[byte] = STANDS_FOR_ONE;
        } else if byte >= 128 || byte < 9 {
            classes[byte] = OTHER;
        }
        byte += 1;
    }
    classes
}

impl Disguise {
    pub(super) fn of(text: &str) -> Self {
        let (mut seen, mut before, mut turns, mut most) = (0, 0, 0_u32, 0);
        let mut digits = false;
        for byte in text.bytes() {
            let class = CLASSES.get(usize::from(byte)).copied().unwrap_or(0);
            seen |= class;
            digits |= before == STANDS_FOR_ONE && class == LETTER;
            // How often in a row a letter was followed by something else, or the other way round.
            turns = if (class ^ before) & LETTER == 0 { 0 } else { turns + 1 };
            most = most.max(turns);
            before = class;
        }
        Self { characters: seen & OTHER != 0, digits, spaces: most >= 6 }
    }

    /// Whether a view can show more than the text does.
    pub(super) fn is_any(self) -> bool {
        self.characters || self.digits || self.spaces
    }
}

impl View {
    pub(super) fn of(text: &str, disguise: Disguise) -> Self {
        if u32::try_from(text.len()).is_err() {
            return Self::default();
        }
        let direct = Self::direct(text);
        if !disguise.digits && !disguise.spaces {
            return direct;
        }
        let mut plain: Vec<(char, u32)> = Vec::with_capacity(direct.text.len());
        plain.extend(
            direct
                .text
                .char_indices()
                .filter_map(|(at, c)| direct.sources.get(at).map(|source| (c, *source))),
        );
        undo_digits(&mut plain);
        Self::close_up(&plain)
    }

    /// Each character for itself.
    fn direct(text: &str) -> Self {
        let mut view = Self::default();
        view.text.reserve(text.len());
        view.sources.reserve(text.len());
        let is_plain = |byte: u8| byte.is_ascii() && !byte.is_ascii_control();
        let mut rest = text.char_indices();
        let mut at = 0_u32;
        loop {
            let remaining = rest.as_str();
            let plain = remaining.bytes().position(|byte| !is_plain(byte)).unwrap_or(remaining.len());
            view.text.push_str(remaining.get(..plain).unwrap_or_default());
            let end = at + u32::try_from(plain).unwrap_or(0);
            view.sources.extend(at..end);
            rest = remaining.get(plain..).unwrap_or_default().char_indices();
            let Some((_, c)) = rest.next() else { break };
            plain_of(c).for_each(|part| view.push((part, end)));
            at = end + u32::try_from(c.len_utf8()).unwrap_or(1);
        }
        view
    }

    /// Closes up words that are spaced out, and keeps everything else.
    fn close_up(plain: &[(char, u32)]) -> Self {
        let mut view = Self::default();
        let mut at = 0;
        while let Some(item) = plain.get(at).copied() {
            let letters = spaced_letters(plain, at);
            if letters < SPACED_LETTERS {
                view.push(item);
                at += 1;
                continue;
            }
            let from = view.text.len();
            plain.iter().skip(at).step_by(2).take(letters).for_each(|item| view.push(*item));
            view.glued.push(from..view.text.len());
            at += letters * 2 - 1;
        }
        view
    }

    fn push(&mut self, (c, source): (char, u32)) {
        self.text.push(c);
        self.sources.resize(self.text.len(), source);
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether a span lies where letters were closed up.
    pub(super) fn is_glued(&self, span: &Range<usize>) -> bool {
        let after = self.glued.partition_point(|range| range.end < span.end);
        self.glued.get(after).is_some_and(|range| range.start <= span.start)
    }

    /// Where in `text`, which this is the view of, a span comes from.
    pub(super) fn source(&self, text: &str, span: &Range<usize>) -> Option<Range<usize>> {
        let source = |at: usize| usize::try_from(*self.sources.get(at)?).ok();
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

/// The letter that a digit or sign inside a word stands for.
fn stands_for(byte: u8) -> Option<char> {
    match byte {
        b'0' => Some('o'),
        b'1' | b'!' | b'|' => Some('i'),
        b'3' => Some('e'),
        b'4' | b'@' => Some('a'),
        b'5' | b'$' => Some('s'),
        b'7' => Some('t'),
        _ => None,
    }
}

/// A digit counts as a letter beside a letter, a sign between two.
fn undo_digits(plain: &mut [(char, u32)]) {
    let mut before = false;
    let mut items = plain.iter_mut().peekable();
    while let Some((c, _)) = items.next() {
        let next =
            items.peek().is_some_and(|(next, _)| next.is_alphabetic() || (before && next.is_ascii_digit()));
        let letter = u8::try_from(*c).ok().and_then(stands_for);
        match letter {
            Some(letter) if c.is_ascii_digit() && (next || before) => *c = letter,
            Some(letter) if next && before => *c = letter,
            _ => {}
        }
        before = c.is_alphabetic();
    }
}

/// How many single letters with the same sign between them begin at `at`.
fn spaced_letters(plain: &[(char, u32)], at: usize) -> usize {
    let get = |index: usize| plain.get(index).map(|(c, _)| *c);
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
