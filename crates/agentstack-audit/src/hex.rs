//! Lower-case hex, and the fixed-size values that are written in it.

use std::fmt;

use agentstack_core::hex::digits;

/// Writes the digits of all bytes.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().flat_map(|byte| digits(*byte)).try_for_each(|digit| fmt::Write::write_char(f, digit))
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
                agentstack_core::hex::decode(text).map(Self).ok_or(crate::Malformed::$name)
            }
        }
    };
}

pub(crate) use hex_text;
