//! Cutting a text so that it fits, as JSON, into a response of limited size.
//!
//! The escapes are those of `serde_json`: two bytes for `"`, `\` and the controls with a short form, six for the
//! other controls, and every other character as it is in UTF-8.

/// How many bytes a text takes inside a JSON string, the quotes around it not counted.
#[must_use]
pub fn json_escaped_len(text: &str) -> usize {
    text.bytes().map(escaped_len).sum()
}

/// The longest beginning of a text, whole characters only, that takes at most `json_bytes` inside a JSON string.
#[must_use]
pub fn prefix_within(text: &str, json_bytes: usize) -> &str {
    let mut left = json_bytes;
    for (offset, c) in text.char_indices() {
        let needed = if c.is_ascii() { u8::try_from(c).map_or(1, escaped_len) } else { c.len_utf8() };
        match left.checked_sub(needed) {
            Some(rest) => left = rest,
            None => return text.get(..offset).unwrap_or_default(),
        }
    }
    text
}

fn escaped_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0x00..=0x1f => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_counted_as_they_are_written() {
        let table = [
            ("", 0),
            ("abc", 3),
            ("a\"b\\", 6),
            ("\n\r\t\u{8}\u{c}", 10),
            ("\u{0}\u{1f}", 12),
            ("é漢👍/\u{7f}", 11),
        ];
        for (text, expected) in table {
            assert_eq!(json_escaped_len(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_prefix_is_the_longest_that_fits() {
        let table = [
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("é", 1, ""),
            ("a\nb", 2, "a"),
            ("a\nb", 3, "a\n"),
            ("", 0, ""),
        ];
        for (text, bytes, expected) in table {
            assert_eq!(prefix_within(text, bytes), expected, "{text:?} {bytes}");
        }
    }
}
