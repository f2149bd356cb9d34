//! Lower-case hex, and the fixed-size values that are written in it.

use std::fmt;

use agentstack_core::hex::digits;

/// Writes the digits of all bytes.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().flat_map(|byte| digits(*byte)).try_for_each(|digit| fmt::Write::write_char(f, digit))
}

/// The bytes that a text spells: exactly `2 * N` lower-case digits, so one value has one spelling.
pub(crate) fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
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

/// Gives a newtype of bytes its text form.
macro_rules! hex_text {
    ($name:ident) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                crate::hex::write(f, &self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::Malformed;

            fn from_str(text: &str) -> Result<Self, crate::Malformed> {
                crate::hex::parse(text).map(Self).ok_or(crate::Malformed::$name)
            }
        }
    };
}

pub(crate) use hex_text;
