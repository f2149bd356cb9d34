//! What a run of an agent asks of a model.

use std::fmt;
use std::str::FromStr;

use crate::name::bounded;
use crate::{InvalidName, limits};

/// What a model is to answer: any 1 to 100,000 characters. Does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Prompt(String);

impl Prompt {
    /// The text, as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Prompt {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Prompt {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        bounded(&text, limits::PROMPT_CHARS, "must be 1 to 100,000 characters")?;
        Ok(Self(text))
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is content: it stays out of logs and panics (S40, S43).
        write!(f, "Prompt({} bytes)", self.0.len())
    }
}

/// A model, as its provider names it: 1 to 200 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelName(String);

impl ModelName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = "must be 1 to 200 characters without control characters";
        bounded(text, limits::MODEL_CHARS, rule)?;
        if text.chars().any(char::is_control) { Err(InvalidName(rule)) } else { Ok(Self(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s19_a_prompt_has_at_most_a_hundred_thousand_characters_and_a_models_name_two_hundred() {
        for (length, good) in [(0, false), (1, true), (100_000, true), (100_001, false)] {
            assert_eq!(Prompt::try_from("\u{e4}".repeat(length)).is_ok(), good, "{length}");
        }
        for (length, good) in [(0, false), (1, true), (200, true), (201, false)] {
            assert_eq!("\u{e4}".repeat(length).parse::<ModelName>().is_ok(), good, "{length}");
        }
        assert!("a\nb".parse::<ModelName>().is_err());
    }

    #[test]
    fn s40_a_prompt_does_not_print_itself() {
        assert_eq!(format!("{:?}", Prompt::try_from("canary".to_owned()).unwrap()), "Prompt(6 bytes)");
    }
}
