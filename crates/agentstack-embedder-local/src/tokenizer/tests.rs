//! What becomes of words. The expected pieces are those of Hugging Face's `tokenizers` 0.23.3, printed by
//! `tests/reference/reference.py tiny`; the sign `[SEP]` within a text is the one difference, and is meant.

use super::words::Rules;
use super::{Signs, Tokenizer, file};

const VOCABULARY: &str = "[PAD] [UNK] [CLS] [SEP] [MASK] hello world , ! cafe un ##aff ##able 日 本 the fox jump ##s ##ed \
    over a ##a b ##b c ##c d ##d café Hello i ##i . [ ] sep ##2 ё е 🙂 strasse straße — ß ÉCOLE école ecole";

const UNCASED: Rules = Rules { clean: true, split_chinese: true, strip_accents: true, lowercase: true };

fn tokenizer(rules: Rules) -> Tokenizer {
    let vocabulary = VOCABULARY.split_whitespace().map(str::to_owned).zip(0..).collect();
    let words = file::Words { rules, prefix: "##", longest: 100 };
    file::assembled(vocabulary, "[UNK]", &words, Signs { before: vec![2], after: vec![3] }).unwrap()
}

fn texts() -> [String; 6] {
    [
        "Hello, world!".to_owned(),
        String::new(),
        "Café 日本 unaffable — zzz unaffablez".to_owned(),
        "the fox jumps over the fox jumped over a b c d".to_owned(),
        "[SEP] ÉCOLE\0 STRASSE straße\u{fffd} ё🙂\u{200b}İ".replace("[SEP]", "."),
        format!("\u{202e} a\u{301}a\u{ad}b\tc\u{2028}d\u{3000}{} {} b", "a".repeat(100), "a".repeat(101)),
    ]
}

/// What stands for a hundred times the letter a, and then for one time more.
fn long(before: &[u32]) -> Vec<u32> {
    [before, &[21], &[22; 99], &[1, 23]].concat()
}

#[track_caller]
fn assert_pieces(rules: Rules, expected: [Vec<u32>; 6]) {
    let tokenizer = tokenizer(rules);
    for (text, expected) in texts().iter().zip(expected) {
        assert_eq!(tokenizer.pieces(text, usize::MAX), expected, "{text:?}");
    }
}

#[test]
fn words_without_case_are_cut_as_elsewhere() {
    assert_pieces(
        UNCASED,
        [
            vec![5, 7, 6, 8],
            vec![],
            vec![9, 13, 14, 10, 11, 12, 43, 1, 1],
            vec![15, 16, 17, 18, 20, 15, 16, 17, 19, 20, 21, 23, 25, 27],
            vec![33, 47, 41, 42, 1],
            long(&[21, 22, 24, 25, 27]),
        ],
    );
}

#[test]
fn words_with_case_are_cut_as_elsewhere() {
    assert_pieces(
        Rules { strip_accents: false, lowercase: false, ..UNCASED },
        [
            vec![30, 7, 6, 8],
            vec![],
            vec![1, 13, 14, 10, 11, 12, 43, 1, 1],
            vec![15, 16, 17, 18, 20, 15, 16, 17, 19, 20, 21, 23, 25, 27],
            vec![33, 45, 1, 42, 1],
            long(&[1, 25, 27]),
        ],
    );
}

#[test]
fn accents_can_be_kept() {
    assert_pieces(
        Rules { strip_accents: false, ..UNCASED },
        [
            vec![5, 7, 6, 8],
            vec![],
            vec![29, 13, 14, 10, 11, 12, 43, 1, 1],
            vec![15, 16, 17, 18, 20, 15, 16, 17, 19, 20, 21, 23, 25, 27],
            vec![33, 46, 41, 42, 1],
            long(&[1, 25, 27]),
        ],
    );
}

#[test]
fn control_characters_and_chinese_words_can_be_kept() {
    assert_pieces(
        Rules { clean: false, split_chinese: false, ..UNCASED },
        [
            vec![5, 7, 6, 8],
            vec![],
            vec![9, 1, 10, 11, 12, 43, 1, 1],
            vec![15, 16, 17, 18, 20, 15, 16, 17, 19, 20, 21, 23, 25, 27],
            vec![33, 1, 41, 1, 1],
            long(&[1, 1, 25, 27]),
        ],
    );
}

#[test]
fn a_sign_of_the_model_in_a_text_is_text() {
    let tokenizer = tokenizer(UNCASED);
    assert_eq!(tokenizer.pieces("[SEP]", 9), [34, 36, 35]);
    assert_eq!(tokenizer.pieces("[MASK][CLS]", 9), [34, 1, 35, 34, 1, 35]);
}

#[test]
fn a_piece_that_is_longer_than_any_is_refused() {
    for (length, is_taken) in [(256, true), (257, false)] {
        let long = "b".repeat(length);
        let vocabulary =
            ["[UNK]", "a", "##a", long.as_str()].map(str::to_owned).into_iter().zip(0..).collect();
        let words = file::Words { rules: UNCASED, prefix: "##", longest: 1_000 };
        let made = file::assembled(vocabulary, "[UNK]", &words, Signs::default());
        assert_eq!(made.is_ok(), is_taken, "{length}");
    }
}

#[test]
fn no_more_pieces_are_made_than_are_wanted() {
    let tokenizer = tokenizer(UNCASED);
    assert_eq!(tokenizer.pieces("hello world", 0), [0_u32; 0]);
    assert_eq!(tokenizer.pieces("unaffable", 2), [10, 11]);
    assert_eq!(tokenizer.pieces_between_signs("unaffable hello", 5), [2, 10, 11, 12, 3]);
    // A long text is not read to its end; if it were, this would be ten million words.
    let long = "unaffable ".repeat(10_000_000);
    let begun = std::time::Instant::now();
    assert_eq!(tokenizer.pieces(&long, 4).len(), 4);
    assert!(begun.elapsed().as_millis() < 1_000, "{:?}", begun.elapsed());
}
