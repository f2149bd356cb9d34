//! The tokenizer. One scan serves the index, the query and the snippet, so they cannot disagree.
//!
//! Words are those of UAX #29, with two changes: punctuation inside a word (`don't` aside) divides it into parts
//! and also keeps it whole (see [`super::compound`]), and scripts without spaces give overlapping pairs.
//! One pass: each character is looked at a bounded number of times.

use unicode_segmentation::UnicodeSegmentation;

use super::compound::{Contraction, Joint, Part, contraction, for_each_whole, humps, joint, language};
use super::fold::for_each_chunk;
use super::script::{Class, class, is_skin_tone, is_symbol, part};
use super::term::{MAX_TERM_CHARS, TermBuffer};

/// What the scanner has found. The text that goes with it obeys the rules of a [`super::Term`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A word that stands alone.
    Word,
    /// A word within a compound; the compounds follow the last of them.
    Part,
    /// Parts joined; takes no position of its own.
    Compound,
    /// Two neighbours of a run in a script without spaces.
    Pair,
    /// The last of such a run; takes no position of its own.
    Tail,
    /// A whole run of one such character.
    Single,
    /// An emoji.
    Symbol,
}

/// Calls `emit` with every token of the text, in reading order.
pub(super) fn scan(text: &str, mut emit: impl FnMut(Kind, &str)) {
    let mut scanner = Scanner { emit: &mut emit, buffer: TermBuffer::default(), parts: Vec::new() };
    for_each_chunk(text, |chunk| scanner.chunk(chunk));
}

struct Scanner<'e, E> {
    emit: &'e mut E,
    buffer: TermBuffer,
    parts: Vec<Part>,
}

impl<E: FnMut(Kind, &str)> Scanner<'_, E> {
    fn chunk(&mut self, chunk: &str) {
        if self.plain_word(chunk) {
            return;
        }
        let mut punctuation = "";
        for_each_run(chunk, |class, start, end| {
            let run = part(chunk, start, end);
            match class {
                Class::Word => self.word(chunk, start, end, punctuation),
                Class::Other | Class::Mark => {}
                Class::Dense | Class::Cluster | Class::Symbol => self.flush(chunk, punctuation),
            }
            match class {
                Class::Dense => self.pairs(run, dense_starts(run)),
                Class::Cluster => self.pairs(run, cluster_starts(run)),
                Class::Symbol => self.symbols(run),
                Class::Word | Class::Other | Class::Mark => {}
            }
            punctuation = if class == Class::Other { run } else { "" };
        });
        self.flush(chunk, punctuation);
    }

    /// The usual case, taken fast: ASCII letters in one case, perhaps between punctuation.
    fn plain_word(&mut self, chunk: &str) -> bool {
        let word = chunk.trim_matches(|c: char| c.is_ascii_punctuation());
        let mut bytes = word.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !first || word.len() == 1 || word.len() > MAX_TERM_CHARS {
            return false;
        }
        if !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return false;
        }
        if word.starts_with(|c: char| c.is_ascii_uppercase()) {
            self.buffer.clear();
            self.buffer.push_lower(word);
            (self.emit)(Kind::Word, self.buffer.as_str());
        } else {
            (self.emit)(Kind::Word, word);
        }
        true
    }

    /// A run of letters and digits, with the punctuation that stands before it.
    fn word(&mut self, chunk: &str, start: usize, end: usize, punctuation: &str) {
        let word = part(chunk, start, end);
        let mut grouped = false;
        let mut joint_here = Joint::Name;
        if let Some(last) = self.parts.last_mut() {
            let before = part(chunk, last.start, last.end);
            if punctuation == "'" {
                match contraction(before, word) {
                    Some(Contraction::Negation) => {
                        last.end = end;
                        return;
                    }
                    Some(Contraction::Suffix) => return,
                    None => {}
                }
            }
            match joint(punctuation, before, word) {
                Some(found) => joint_here = found,
                None => self.flush(chunk, punctuation),
            }
            grouped = punctuation == ",";
        }
        let mut next = Part { start, end, joint: joint_here, grouped };
        humps(word, |offset| {
            let hump = start.saturating_add(offset);
            self.parts.push(Part { end: hump, ..next });
            next = Part { start: hump, end, joint: Joint::Name, grouped: false };
        });
        self.parts.push(next);
    }

    /// Ends the compound: `punctuation` follows it.
    fn flush(&mut self, chunk: &str, punctuation: &str) {
        let Self { emit, buffer, parts } = self;
        let kind = if parts.len() == 1 { Kind::Word } else { Kind::Part };
        for found in parts.iter() {
            buffer.clear();
            buffer.push_lower(part(chunk, found.start, found.end));
            emit(kind, buffer.as_str());
        }
        match parts.as_slice() {
            [] => {}
            [only] => {
                if let Some(suffix) = language(part(chunk, only.start, only.end), punctuation) {
                    buffer.push_lower(suffix);
                    emit(Kind::Compound, buffer.as_str());
                }
            }
            several => for_each_whole(chunk, several, buffer, |whole| emit(Kind::Compound, whole.as_str())),
        }
        parts.clear();
    }

    /// Overlapping pairs of the units that begin at `starts`.
    fn pairs(&mut self, run: &str, starts: impl Iterator<Item = usize>) {
        let (mut first, mut second) = (None, None);
        for start in starts {
            if let Some(first) = first {
                self.unit(Kind::Pair, part(run, first, start));
            }
            first = second;
            second = Some(start);
        }
        if let Some(first) = first {
            self.unit(Kind::Pair, part(run, first, run.len()));
        }
        if let Some(last) = second {
            let kind = if first.is_some() { Kind::Tail } else { Kind::Single };
            self.unit(kind, part(run, last, run.len()));
        }
    }

    fn unit(&mut self, kind: Kind, text: &str) {
        self.buffer.clear();
        self.buffer.push_lower(text);
        (self.emit)(kind, self.buffer.as_str());
    }

    /// Emoji, one grapheme cluster each, without joiners and skin tones.
    fn symbols(&mut self, run: &str) {
        for cluster in run.graphemes(true) {
            self.buffer.clear();
            let tone_alone = cluster.starts_with(is_skin_tone);
            let kept = cluster.chars().filter(|c| is_symbol(*c) && (tone_alone || !is_skin_tone(*c)));
            kept.for_each(|c| self.buffer.push(c));
            if !self.buffer.as_str().is_empty() {
                (self.emit)(Kind::Symbol, self.buffer.as_str());
            }
        }
    }
}

/// Where the units of a [`Class::Dense`] run begin: characters, with their marks.
pub(super) fn dense_starts(run: &str) -> impl Iterator<Item = usize> {
    run.char_indices().filter(|(_, c)| class(*c) == Class::Dense).map(|(at, _)| at)
}

/// Where the units of a [`Class::Cluster`] run begin: grapheme clusters; some marks of Myanmar would be their own.
pub(super) fn cluster_starts(run: &str) -> impl Iterator<Item = usize> {
    let whole = |cluster: &str| !cluster.starts_with(|c| class(c) == Class::Mark);
    run.grapheme_indices(true).filter(move |(_, cluster)| whole(cluster)).map(|(at, _)| at)
}

/// Divides a chunk into runs of one class; marks go with what precedes them.
pub(super) fn for_each_run(chunk: &str, mut each: impl FnMut(Class, usize, usize)) {
    let mut run = None;
    for (offset, c) in chunk.char_indices() {
        let here = class(c);
        match run {
            None => run = Some((if here == Class::Mark { Class::Other } else { here }, offset)),
            Some((class, _)) if here == class || here == Class::Mark => {}
            Some((class, start)) => {
                each(class, start, offset);
                run = Some((here, offset));
            }
        }
    }
    if let Some((class, start)) = run {
        each(class, start, chunk.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, kinds: &[Kind]) -> Vec<String> {
        let mut found = Vec::new();
        scan(text, |kind, token| {
            if kinds.contains(&kind) {
                found.push(token.to_owned());
            }
        });
        found
    }

    #[test]
    fn a_compound_gives_its_parts_and_its_wholes() {
        let table: [(&str, &str, &str); 22] = [
            ("snake_case", "snake case", "snakecase"),
            ("kebab-case", "kebab case", "kebabcase"),
            ("camelCase", "camel case", "camelcase"),
            ("HTTPServer", "http server", "httpserver"),
            ("v1.2.3", "v1 2 3", "v1·2·3"),
            ("foo@bar.com", "foo bar com", "barcom foobarcom"),
            ("src/mainFile.rs", "src main file rs", "mainfile mainfilers srcmainfilers"),
            (r"C:\x\y", "c x y", "cxy"),
            ("a::b", "a b", "ab"),
            ("E0425", "e0425", ""),
            ("utf8 sha256", "utf8 sha256", ""),
            ("(foo).bar, baz...", "foo bar baz", ""),
            ("https://x.org/a", "https x org a", "xorg httpsxorga"),
            ("1,000 1,2", "1 000 1 2", "1000"),
            ("2024-01-15", "2024 01 15", "2024·01·15"),
            ("C++ C# c++17", "c c c 17", "cplusplus csharp cplusplus"),
            ("it's John's don't", "it john dont", ""),
            ("we'll I'D rock'n'roll", "we i rock n roll", "rocknroll"),
            ("__init__", "init", ""),
            ("R&D", "r d", "rd"),
            ("l’été", "l ete", "lete"),
            ("--flag-name=x", "flag name x", "flagname"),
        ];
        for (text, words, wholes) in table {
            assert_eq!(tokens(text, &[Kind::Word, Kind::Part]).join(" "), words, "{text}");
            assert_eq!(tokens(text, &[Kind::Compound]).join(" "), wholes, "{text}");
        }
    }

    #[test]
    fn scripts_without_spaces_give_pairs() {
        let table: [(&str, &str, &str, &str); 5] = [
            ("東京都", "東京 京都", "都", ""),
            ("東 京", "", "", "東 京"),
            ("한국어", "한국 국어", "어", ""),
            ("ภาษา", "ภา าษ ษา", "า", ""),
            ("ใช้iPhone用", "ใช้", "ช้", "用"),
        ];
        for (text, pairs, tail, single) in table {
            assert_eq!(tokens(text, &[Kind::Pair]).join(" "), pairs, "{text}");
            assert_eq!(tokens(text, &[Kind::Tail]).join(" "), tail, "{text}");
            assert_eq!(tokens(text, &[Kind::Single]).join(" "), single, "{text}");
        }
    }

    #[test]
    fn an_emoji_is_one_term_whatever_its_skin() {
        let table = [
            ("👍🏽👍", "👍 👍"),
            ("ok👩🏽‍💻ok", "👩💻"),
            ("❤️‍🔥", "❤🔥"),
            ("🇫🇷🇩🇪", "🇫🇷 🇩🇪"),
            ("✅done", "✅"),
            ("🏽", "🏽"),
        ];
        for (text, symbols) in table {
            assert_eq!(tokens(text, &[Kind::Symbol]).join(" "), symbols, "{text}");
        }
    }

    #[test]
    fn a_long_token_is_cut_at_64_characters() {
        let hash = "0123456789abcdef".repeat(8);
        assert_eq!(tokens(&hash, &[Kind::Word]), ["0123456789abcdef".repeat(4)]);
        let mixed = "aB1".repeat(40);
        assert_eq!(tokens(&mixed, &[Kind::Word]), ["ab1".repeat(21) + "a"]);
    }
}
