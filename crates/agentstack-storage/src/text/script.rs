//! Which kind of character is this? Ranges of scripts and symbols, from the Unicode block charts (17.0).

use unicode_normalization::char::is_combining_mark;

/// Folding leaves no combining mark below this one.
const FIRST_MARK: char = '\u{483}';

pub(super) const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// What a character means for finding words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Of a script that writes words apart: letters and digits.
    Word,
    /// Of a script without spaces in which one character carries meaning: Han, Kana, Hangul and their like.
    Dense,
    /// Of a script without spaces in which a grapheme cluster does: Thai, Lao, Khmer, Myanmar, Tai.
    Cluster,
    /// Emoji and pictographs.
    Symbol,
    /// A combining mark or a joiner: belongs to what precedes it.
    Mark,
    /// All else: punctuation, arrows, box drawing, private use.
    Other,
}

pub(super) fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Word } else { Class::Other };
    }
    // The common letters, told without a look into the tables.
    match c {
        'À'..='Ö' | 'Ø'..='ö' | 'ø'..='\u{24f}' | 'Ѐ'..='ҁ' => return Class::Word,
        'ぁ'..='ゖ' | 'ァ'..='ヺ' | '\u{4e00}'..='\u{9fff}' | '가'..='힣' => return Class::Dense,
        _ => {}
    }
    if is_symbol(c) {
        Class::Symbol
    } else if is_dense(c) {
        if c.is_alphanumeric() { Class::Dense } else { mark_or_other(c) }
    } else if is_cluster(c) {
        match mark_or_other(c) {
            Class::Other if c.is_numeric() => Class::Word,
            Class::Other if c.is_alphanumeric() => Class::Cluster,
            class => class,
        }
    } else {
        match mark_or_other(c) {
            Class::Other if c.is_alphanumeric() => Class::Word,
            class => class,
        }
    }
}

fn mark_or_other(c: char) -> Class {
    if c < FIRST_MARK {
        Class::Other
    } else if c == ZERO_WIDTH_JOINER || is_combining_mark(c) {
        Class::Mark
    } else {
        Class::Other
    }
}

fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}'     // Hangul Jamo
        | '\u{2e80}'..='\u{2fdf}'   // radicals
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3031}'..='\u{303c}'
        | '\u{3041}'..='\u{31bf}'   // Kana, Bopomofo, Hangul compatibility Jamo
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ffdc}'   // half-width Kana and Hangul
        | '\u{16fe0}'..='\u{18dff}' // Tangut, Khitan
        | '\u{1aff0}'..='\u{1b2ff}' // Kana extensions, Nushu
        | '\u{20000}'..='\u{3ffff}' // ideographic planes
    )
}

fn is_cluster(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}'     // Thai, Lao
        | '\u{1000}'..='\u{109f}' | '\u{a9e0}'..='\u{a9ff}' | '\u{aa60}'..='\u{aa7f}' // Myanmar
        | '\u{1780}'..='\u{17ff}'   // Khmer
        | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}' | '\u{aa80}'..='\u{aadf}' // Tai scripts
        | '\u{11700}'..='\u{1174f}' // Ahom
    )
}

/// Emoji (UTS #51) and their neighbours in the same blocks. Plain arrows are left out: in notes they are
/// punctuation.
pub(super) fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{2194}'..='\u{2199}' | '\u{21a9}'..='\u{21aa}' | '\u{231a}'..='\u{231b}' | '\u{2328}' | '\u{23cf}'
        | '\u{23e9}'..='\u{23f3}' | '\u{23f8}'..='\u{23fa}' | '\u{25aa}'..='\u{25ab}' | '\u{25b6}'
        | '\u{25c0}' | '\u{25fb}'..='\u{25fe}' | '\u{2600}'..='\u{27bf}' | '\u{2934}'..='\u{2935}'
        | '\u{2b05}'..='\u{2b07}' | '\u{2b1b}'..='\u{2b1c}' | '\u{2b50}' | '\u{2b55}' | '\u{3030}'
        | '\u{303d}' | '\u{1f000}'..='\u{1faff}'
    )
}

/// The five skin tones of UTS #51, ignored behind an emoji.
pub(super) fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Characters that show nothing: `Default_Ignorable_Code_Point` of the Unicode Character Database (soft hyphen,
/// zero-width characters, bidi controls, variation selectors, the tag block, fillers), with the interlinear
/// annotation controls and the keycap enclosure.
pub(super) fn is_hidden(c: char) -> bool {
    !c.is_ascii()
        && matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whitespace and control characters: what no word can contain.
pub(super) fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// The bytes `start..end`, or nothing if that is no place to cut.
pub(super) fn part(text: &str, start: usize, end: usize) -> &str {
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_told_apart() {
        let table = [
            ("aZ09éжΩ٣", Class::Word),
            ("漢か゚ガ한ㄅ々ー", Class::Dense),
            ("กລកမ", Class::Cluster),
            ("👍❤✔🇫", Class::Symbol),
            (".,_-/\\→│…·・€", Class::Other),
            ("\u{5b0}\u{94d}\u{e48}", Class::Mark),
        ];
        for (text, expected) in table {
            for c in text.chars().filter(|c| *c != '\u{309a}') {
                assert_eq!(class(c), expected, "{c:?}");
            }
        }
        assert_eq!(class('๓'), Class::Word, "a Thai digit");
    }

    #[test]
    fn s18_every_invisible_character_is_known() {
        for c in
            ['\u{ad}', '\u{200b}', '\u{200f}', '\u{202e}', '\u{2064}', '\u{feff}', '\u{e0041}', '\u{fe0f}']
        {
            assert!(is_hidden(c), "{c:?}");
        }
        assert!(!"aé漢👍 \n".chars().any(is_hidden));
    }
}
