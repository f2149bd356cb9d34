//! Folding: texts that look alike become alike, case aside.
//!
//! Compatibility decomposition (NFKD, UAX #15), minus the combining diacritics U+0300..=U+036F (`é` is `e`; the
//! vowel signs of other scripts stay), composed again (NFC). Hidden characters vanish (S18), typographic
//! apostrophes and hyphens become the ASCII ones. Case stays, for `camelCase` is read later.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::decompose_canonical;

use super::script::{ZERO_WIDTH_JOINER, is_gap, is_hidden, is_symbol};

/// Calls `each` with every run of characters between whitespace and controls, folded.
pub(super) fn for_each_chunk(text: &str, mut each: impl FnMut(&str)) {
    let mut folded = String::new();
    for chunk in text.split(is_gap) {
        if chunk.is_ascii() {
            if !chunk.is_empty() {
                each(chunk);
            }
            continue;
        }
        folded.clear();
        fold_into(chunk, &mut folded);
        // Decomposition can bring spaces with it: `´` is a space and an accent.
        folded.split(is_gap).filter(|piece| !piece.is_empty()).for_each(&mut each);
    }
}

fn fold_into(chunk: &str, folded: &mut String) {
    for c in chunk.chars() {
        let Some(c) = simple(c) else {
            folded.clear();
            return fold_any(chunk, folded);
        };
        folded.push(c);
    }
}

/// What a common character becomes, if it is one that its neighbours cannot change.
fn simple(c: char) -> Option<char> {
    match c {
        '\u{1}'..='\u{7f}'
        | 'А'..='И' | 'К'..='и' | 'к'..='я'
        | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' // punctuation
        | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}' // Kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' // Han
        | '\u{ac00}'..='\u{d7a3}' // Hangul
        | '–' | '—' | '“' | '”' | '→' => Some(c),
        '‘' | '’' => Some('\''),
        'Й' => Some('И'),
        'й' => Some('и'),
        'Ё' => Some('Е'),
        'ё' => Some('е'),
        '！'..='～' => char::from_u32(u32::from(c).saturating_sub(0xfee0)),
        'À'..='ÿ' => {
            let mut first = None;
            decompose_canonical(c, |base| {
                first.get_or_insert(base);
            });
            first
        }
        _ => None,
    }
}

fn fold_any(chunk: &str, folded: &mut String) {
    let decomposed = visible(chunk).nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}'));
    folded.extend(decomposed.nfc().map(|c| match c {
        '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
        '\u{2010}' => '-',
        _ => c,
    }));
}

/// Without the hidden characters, save a joiner behind an emoji.
fn visible(chunk: &str) -> impl Iterator<Item = char> {
    let mut after_symbol = false;
    chunk.chars().filter(move |c| {
        if is_hidden(*c) {
            return *c == ZERO_WIDTH_JOINER && after_symbol;
        }
        after_symbol = is_symbol(*c);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        for_each_chunk(text, |chunk| all.push(chunk.to_owned()));
        all
    }

    #[test]
    fn look_alikes_become_alike() {
        let table = [
            ("Café", "Cafe"),
            ("Cafe\u{301}", "Cafe"),
            ("Ａｂｃ１", "Abc1"),
            ("ﬁne", "fine"),
            ("don’t", "don't"),
            ("ｶﾞ", "ガ"),
            ("한", "한"),
            ("हिन्दी", "हिन्दी"),
            ("İ", "I"),
        ];
        for (text, expected) in table {
            assert_eq!(chunks(text), [expected], "{text}");
        }
    }

    #[test]
    fn s18_hidden_characters_are_as_if_absent() {
        for hidden in ['\u{200b}', '\u{200d}', '\u{202e}', '\u{2060}', '\u{feff}', '\u{ad}', '\u{e0061}'] {
            assert_eq!(chunks(&format!("pass{hidden}word")), ["password"], "{hidden:?}");
        }
    }

    #[test]
    fn the_short_way_leads_to_the_same_place() {
        for c in '\0'..=char::MAX {
            let (mut folded, alone) = (String::new(), c.to_string());
            if let Some(simple) = simple(c) {
                fold_any(&alone, &mut folded);
                assert_eq!(folded, simple.to_string(), "{c:?}");
            }
        }
    }

    #[test]
    fn whitespace_and_controls_divide() {
        assert_eq!(chunks("a\tb\u{0}c\u{3000}d\u{2028}e\r\n"), ["a", "b", "c", "d", "e"]);
    }
}
