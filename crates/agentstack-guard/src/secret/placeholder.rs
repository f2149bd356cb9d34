//! Telling a secret from what stands in its place in an example.

/// Words, in lower case, that no random value has.
const WORDS: &[&str] = &[
    "example",
    "xxxx",
    "your",
    "placeholder",
    "changeme",
    "change_me",
    "redacted",
    "dummy",
    "sample",
    "insert",
    "replace",
    "123456789",
    "abcdefgh",
    "qwerty",
    "lorem",
    "foobar",
    "****",
    "....",
    "----",
    "____",
];

/// How evenly the characters of a text are spread: Shannon's entropy in bits a character, 0 for none.
pub(crate) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = u32::try_from(text.len()).map_or(f64::MAX, f64::from);
    let share = |count: &u32| f64::from(*count) / total;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

/// Whether a value is plainly none: a word of an example, a template, one character over and over.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
        || lower.contains(['<', '>', '{', '}', '$'])
        || value.bytes().skip(1).eq(value.bytes().take(value.len().saturating_sub(1)))
}
