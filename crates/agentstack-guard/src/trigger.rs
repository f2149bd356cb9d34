//! One pass over the text for everything that a detector could begin with.
//!
//! Where the first three bytes of a literal of any detector stand, in whatever case, a bit in a table of 4 kB is set for
//! them, and the literals with that bit are compared. Ordinary text seldom gets that far, and the table stays in the
//! cache, which the states of an automaton for the same literals do not: an Aho-Corasick automaton came to 4.5 MB and
//! took three times as long.

use std::ops::Range;
use std::sync::LazyLock;

use crate::bytes::{self, Set};
use crate::instruction::Word;
use crate::{Kind, instruction, redact, secret};

/// What a literal in the text may be the beginning of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trigger {
    /// The constant part of a key: its place in the table of shapes.
    Shape(usize),
    /// A word that, before a value, makes it a secret: its place in the table of keywords.
    Keyword(usize),
    /// `-----BEGIN`.
    Pem,
    /// `://`.
    Url,
    /// `](`, `]:`, `src=`, `href=`.
    Link,
    /// `javascript:`, `data:`.
    Script,
    /// A word of a sentence aimed at a model.
    Word(Word),
    /// What [`redact`](crate::redact()) has left.
    Redacted,
}

/// One literal of the text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub(crate) trigger: Trigger,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// How many bits of a hash are used.
const HASH_BITS: u32 = 15;
const WORDS: usize = 1 << (HASH_BITS - 6);

struct Table {
    /// A bit for each hash of three bytes that begin a literal.
    begins: Box<[u64; WORDS]>,
    /// For each hash, where its literals begin in the list.
    heads: Vec<u16>,
    /// The literals by hash.
    literals: Vec<Literal>,
}

impl Table {
    fn is_promising(&self, hash: u32) -> bool {
        self.begins.get(hash as usize >> 6).is_some_and(|word| word >> (hash & 63) & 1 == 1)
    }
}

struct Literal {
    hash: u32,
    /// Its first eight bytes and which of them count, to compare with at once.
    front: u64,
    mask: u64,
    text: String,
    trigger: Trigger,
}

impl Literal {
    fn new(hash: u32, text: &str, trigger: Trigger) -> Self {
        let mask = u64::MAX.checked_shr(64 - 8 * u32::try_from(text.len().min(8)).unwrap_or(8)).unwrap_or(0);
        Self { hash, front: front(text.as_bytes()) & mask, mask, text: text.to_owned(), trigger }
    }

    fn is_at(&self, text: &str, at: usize, front: u64) -> Option<usize> {
        if front & self.mask != self.front {
            return None;
        }
        let end = at + self.text.len();
        text.as_bytes().get(at..end)?.eq_ignore_ascii_case(self.text.as_bytes()).then_some(end)
    }
}

/// The first eight bytes, the same for capital and small letters; what is missing is blank.
fn front(bytes: &[u8]) -> u64 {
    let front = bytes.first_chunk::<8>().copied().unwrap_or_else(|| {
        let mut front = [0; 8];
        front.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        front
    });
    u64::from_le_bytes(front) | 0x2020_2020_2020_2020
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut literals: Vec<Literal> = all()
        .flat_map(|(text, trigger)| {
            hashes(&text).into_iter().map(move |hash| Literal::new(hash, &text, trigger))
        })
        .collect();
    literals.sort_by_key(|literal| literal.hash);
    let mut begins = Box::new([0; WORDS]);
    for literal in &literals {
        if let Some(word) = begins.get_mut(literal.hash as usize >> 6) {
            *word |= 1 << (literal.hash & 63);
        }
    }
    let count = |hash: u32| literals.partition_point(|literal| literal.hash < hash);
    let heads = (0..=1 << HASH_BITS).map(|hash| u16::try_from(count(hash)).unwrap_or(u16::MAX)).collect();
    Table { begins, heads, literals }
});

/// The hash of three bytes, the same for capital and small letters.
fn hash(first: u8, second: u8, third: u8) -> u32 {
    let three = u32::from_le_bytes([first | 32, second | 32, third | 32, 0]);
    three.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS)
}

/// The hashes of what the literal begins with: of one with two bytes, those with any third. None begins nothing, so
/// that the last two bytes of a text need no look.
fn hashes(literal: &str) -> Vec<u32> {
    let mut hashes = match *literal.as_bytes() {
        [first, second, third, ..] => vec![hash(first, second, third)],
        [first, second] => (0..=u8::MAX).map(|third| hash(first, second, third)).collect(),
        _ => Vec::new(),
    };
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

fn all() -> impl Iterator<Item = (String, Trigger)> {
    let fixed = [
        ("-----BEGIN", Trigger::Pem),
        ("://", Trigger::Url),
        ("](", Trigger::Link),
        ("]:", Trigger::Link),
        ("src=", Trigger::Link),
        ("href=", Trigger::Link),
        ("javascript:", Trigger::Script),
        ("data:", Trigger::Script),
        (redact::MARK, Trigger::Redacted),
    ];
    let shapes = secret::literals().map(|(index, literal)| (literal.to_owned(), Trigger::Shape(index)));
    let keywords = secret::keywords().map(|(index, word)| (word.to_owned(), Trigger::Keyword(index)));
    let words = instruction::literals().map(|(literal, word)| (literal, Trigger::Word(word)));
    fixed
        .map(|(literal, trigger)| (literal.to_owned(), trigger))
        .into_iter()
        .chain(shapes)
        .chain(keywords)
        .chain(words)
}

/// All hits in the order in which they begin, without those inside of what was redacted.
pub(crate) fn hits(text: &str) -> impl Iterator<Item = Hit> {
    let table = &*TABLE;
    let places = text.as_bytes().windows(3).enumerate().filter_map(|(at, window)| match *window {
        [first, second, third] => Some((at, hash(first, second, third))),
        _ => None,
    });
    let promising = places.filter(|(_, hash)| table.is_promising(*hash));
    let found = promising.flat_map(move |(at, hash)| {
        let front = front(text.as_bytes().get(at..).unwrap_or_default());
        literals(table, hash)
            .iter()
            .filter_map(move |literal| literal.is_at(text, at, front).map(|end| (literal.trigger, at..end)))
    });
    let mut redacted_until = 0;
    found.filter_map(move |(trigger, span): (Trigger, Range<usize>)| {
        if span.start < redacted_until {
            return None;
        }
        if matches!(trigger, Trigger::Redacted) {
            redacted_until = redacted_end(text, span.end);
            return None;
        }
        Some(Hit { trigger, start: span.start, end: span.end })
    })
}

fn literals(table: &Table, hash: u32) -> &[Literal] {
    let head = |hash: usize| table.heads.get(hash).map_or(0, |head| usize::from(*head));
    table.literals.get(head(hash as usize)..head(hash as usize + 1)).unwrap_or_default()
}

/// Where the mark whose beginning ends at `from` ends, if it names a kind. Nothing else may hide in one.
fn redacted_end(text: &str, from: usize) -> usize {
    let end = Set::TOKEN.run(text, from, 40);
    let word = bytes::slice(text, from..end);
    let names_a_kind = bytes::at(text, end) == b']' && Kind::ALL.iter().any(|kind| kind.word() == word);
    if names_a_kind { end } else { 0 }
}

/// The words of sentences aimed at a model, but for those that begin inside of a word of Latin or Cyrillic letters:
/// most places of most texts, which need no further look. One loop, because this is done for every text with an accent.
pub(crate) fn words(text: &str, mut take: impl FnMut(Word, Range<usize>)) {
    let table = &*TABLE;
    let mut redacted_until = 0;
    let mut is_inside = false;
    for (at, window) in text.as_bytes().windows(3).enumerate() {
        let [first, second, third] = *window else { continue };
        let role = ROLES.get(usize::from(first)).copied().unwrap_or(Role::Other);
        let was_inside = is_inside;
        is_inside = role == Role::Letter || (role == Role::Continues && was_inside);
        let hash = hash(first, second, third);
        let begins = role == Role::Other || (role == Role::Letter && !was_inside);
        if !begins || !table.is_promising(hash) || at < redacted_until {
            continue;
        }
        let front = front(text.as_bytes().get(at..).unwrap_or_default());
        for literal in literals(table, hash) {
            let Some(end) = literal.is_at(text, at, front) else { continue };
            match literal.trigger {
                Trigger::Word(word) => take(word, at..end),
                Trigger::Redacted => redacted_until = redacted_end(text, end),
                _ => {}
            }
        }
    }
}

/// What a byte is to a word.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// It is a letter or a digit, or begins one from U+0400 to U+047F, which are all letters.
    Letter,
    /// It goes on with a character.
    Continues,
    /// A word may begin with it, or behind its character.
    Other,
}

static ROLES: [Role; 256] = roles();

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated when compiled, within the bounds"
)]
const fn roles() -> [Role; 256] {
    let mut roles = [Role::Other; 256];
    let mut byte = 0;
    while byte < 256 {
        if Set::ALNUM.has(byte as u8) || byte == 0xd0 || byte == 0xd1 {
            roles[byte] = Role::Letter;
        } else if byte >= 0x80 && byte < 0xc0 {
            roles[byte] = Role::Continues;
        }
        byte += 1;
    }
    roles
}
