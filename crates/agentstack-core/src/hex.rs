//! Lower-case hexadecimal digits.

/// The two digits of a byte.
#[must_use]
pub fn digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|nibble| char::from_digit(u32::from(nibble), 16).unwrap_or('0'))
}

/// The digits of all bytes.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().copied().flat_map(digits).collect()
}

/// The bytes that a text spells: exactly `2 * N` lower-case digits, so one value has one spelling.
#[must_use]
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn one_value_has_one_spelling() {
        assert_eq!(super::decode("00010f10a9ff"), Some([0, 1, 0x0f, 0x10, 0xa9, 0xff]));
        for bad in
            ["", "0", "000", "00010f10a9f", "00010f10a9ff0", "00010F10a9ff", "+0010f10a9ff", "0x010f10a9ff"]
        {
            assert_eq!(super::decode::<6>(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_byte_is_two_digits() {
        assert_eq!(super::encode(&[0, 1, 0x0f, 0x10, 0xa9, 0xff]), "00010f10a9ff");
        assert_eq!(super::encode(&[]), "");
    }
}
