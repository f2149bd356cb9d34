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

#[cfg(test)]
mod tests {
    #[test]
    fn each_byte_is_two_digits() {
        assert_eq!(super::encode(&[0, 1, 0x0f, 0x10, 0xa9, 0xff]), "00010f10a9ff");
        assert_eq!(super::encode(&[]), "");
    }
}
