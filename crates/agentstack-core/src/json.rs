//! Strict JSON (S30): RFC 8259, and nothing that two parsers could read in two ways.
//!
//! [`check`] runs on every message before anything reads it. It refuses duplicate keys, lone surrogates, a
//! byte order mark, numbers that no double holds and deep nesting. It does not build a value: what it has
//! accepted, `serde_json` reads without an error.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::limits;

/// A message that is not strict JSON. Says where and why, never what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rule} (byte {offset})")]
pub struct JsonError {
    /// Offset in bytes of what breaks the rule.
    pub offset: usize,
    /// The rule.
    pub rule: &'static str,
}

/// Checks that `bytes` are one strict JSON text, and gives the text back.
///
/// The time is linear in the length. Memory is needed for the names of the objects that are open at one
/// time; they are borrowed unless they hold escapes.
///
/// # Errors
/// The first rule that is broken.
pub fn check(bytes: &[u8]) -> Result<&str, JsonError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| JsonError { offset: error.valid_up_to(), rule: "the message must be UTF-8" })?;
    if text.starts_with('\u{feff}') {
        return Err(JsonError { offset: 0, rule: "the message must not begin with a byte order mark" });
    }
    Checker { text, at: 0, levels: Vec::new(), names: Vec::new() }.run()?;
    Ok(text)
}

/// From how many names on an object keeps a hash set of them. Up to here comparing is faster, and the
/// work for one name stays bounded.
const NAMES_COMPARED: usize = 16;

/// An array or object that is open.
enum Level<'a> {
    Array,
    Object {
        /// Where its names begin in [`Checker::names`].
        first: usize,
        /// All its names, once there are many.
        many: Option<HashSet<Cow<'a, str>>>,
    },
}

struct Checker<'a> {
    text: &'a str,
    at: usize,
    levels: Vec<Level<'a>>,
    /// The names of all open objects that have few of them, innermost last.
    names: Vec<Cow<'a, str>>,
}

impl<'a> Checker<'a> {
    fn run(&mut self) -> Result<(), JsonError> {
        loop {
            self.value()?;
            if self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads up to the end of the next plain or empty value, entering arrays and objects on the way.
    fn value(&mut self) -> Result<(), JsonError> {
        loop {
            self.space();
            match self.peek() {
                Some(b'[') => {
                    self.enter(Level::Array)?;
                    if self.skip(b']') {
                        self.levels.pop();
                        return Ok(());
                    }
                }
                Some(b'{') => {
                    self.enter(Level::Object { first: self.names.len(), many: None })?;
                    if self.skip(b'}') {
                        self.levels.pop();
                        return Ok(());
                    }
                    self.name()?;
                }
                Some(b'"') => return self.string().map(|_| ()),
                Some(b'-' | b'0'..=b'9') => return self.number(),
                Some(b't') => return self.literal("true"),
                Some(b'f') => return self.literal("false"),
                Some(b'n') => return self.literal("null"),
                _ => return Err(self.error("a JSON value must stand here")),
            }
        }
    }

    /// Reads what follows a value, closing arrays and objects. True at the end of the text.
    fn after_value(&mut self) -> Result<bool, JsonError> {
        loop {
            self.space();
            match (self.levels.last(), self.peek()) {
                (None, None) => return Ok(true),
                (None, Some(_)) => return Err(self.error("nothing may follow the JSON value")),
                (Some(Level::Array), Some(b',')) => {
                    self.at += 1;
                    return Ok(false);
                }
                (Some(Level::Object { .. }), Some(b',')) => {
                    self.at += 1;
                    self.space();
                    self.name()?;
                    return Ok(false);
                }
                (Some(Level::Array), Some(b']')) => {
                    self.at += 1;
                    self.levels.pop();
                }
                (Some(Level::Object { first, .. }), Some(b'}')) => {
                    self.at += 1;
                    self.names.truncate(*first);
                    self.levels.pop();
                }
                (Some(Level::Array), _) => return Err(self.error("`,` or `]` must stand here")),
                (Some(Level::Object { .. }), _) => return Err(self.error("`,` or `}` must stand here")),
            }
        }
    }

    fn enter(&mut self, level: Level<'a>) -> Result<(), JsonError> {
        if self.levels.len() == limits::JSON_DEPTH {
            return Err(self.error("arrays and objects must not be nested deeper than 64"));
        }
        self.levels.push(level);
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Reads a name and its colon.
    fn name(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.error("a name in double quotes must stand here"));
        }
        let written = self.string()?;
        if !self.is_new(decoded(written)) {
            return Err(JsonError { offset: start, rule: "an object must not have the same name twice" });
        }
        self.space();
        if self.skip(b':') { Ok(()) } else { Err(self.error("`:` must stand here")) }
    }

    /// Notes a name of the innermost object; false if it has been there.
    fn is_new(&mut self, name: Cow<'a, str>) -> bool {
        let Some(Level::Object { first, many }) = self.levels.last_mut() else { return true };
        if let Some(many) = many {
            return many.insert(name);
        }
        let few = self.names.get(*first..).unwrap_or_default();
        if few.contains(&name) {
            return false;
        }
        self.names.push(name);
        if self.names.len() - *first > NAMES_COMPARED {
            *many = Some(self.names.drain(*first..).collect());
        }
        true
    }

    /// Reads a string and gives it as it is written, with its quotes.
    fn string(&mut self) -> Result<&'a str, JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            self.at += plain_prefix(self.rest());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(self.text.get(start..self.at).unwrap_or_default());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.error("control characters in a string must be escaped")),
                None => return Err(self.error("a string must end with a double quote")),
            }
        }
    }

    /// Reads an escape, or the two that make up one character.
    fn escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        let wrong = JsonError { offset: start, rule: "an escape must be one that JSON knows" };
        let lone = JsonError { offset: start, rule: "a surrogate must be one of a pair" };
        self.at += 1;
        let kind = self.peek().ok_or(wrong)?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => match self.four_digits().ok_or(wrong)? {
                0xDC00..=0xDFFF => Err(lone),
                0xD800..=0xDBFF if !(self.skip(b'\\') && self.skip(b'u')) => Err(lone),
                0xD800..=0xDBFF => match self.four_digits().ok_or(wrong)? {
                    0xDC00..=0xDFFF => Ok(()),
                    _ => Err(lone),
                },
                _ => Ok(()),
            },
            _ => Err(wrong),
        }
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        // `from_str_radix` takes a sign too.
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.skip(b'-');
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        let exponent = self.skip(b'e') || self.skip(b'E');
        if exponent {
            let _sign = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        // No number of up to 300 digits is beyond a double. For others the parser behind us decides, so
        // that the two never disagree.
        if (exponent || token.len() > 300) && serde_json::from_str::<f64>(token).is_err() {
            return Err(JsonError { offset: start, rule: "a number must be within the range of a double" });
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.rest();
        let count = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        if count == 0 {
            return Err(self.error("a digit must stand here"));
        }
        self.at += count;
        Ok(())
    }

    fn literal(&mut self, word: &'static str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.error("a JSON value must stand here"));
        }
        self.at += word.len();
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn error(&self, rule: &'static str) -> JsonError {
        JsonError { offset: self.at, rule }
    }
}

/// What a string says that has been found to be well-formed.
fn decoded(written: &str) -> Cow<'_, str> {
    if written.contains('\\') {
        Cow::Owned(serde_json::from_str(written).unwrap_or_default())
    } else {
        Cow::Borrowed(written.get(1..written.len() - 1).unwrap_or_default())
    }
}

/// How many bytes at the beginning stand for themselves in a string.
fn plain_prefix(bytes: &[u8]) -> usize {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    // Whole blocks first, without a branch in the block, so that the compiler uses vector instructions.
    let (blocks, _) = bytes.as_chunks::<32>();
    let clean =
        blocks.iter().take_while(|block| !block.iter().fold(false, |any, b| any | special(b))).count();
    let start = clean * 32;
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(special).unwrap_or(rest.len())
}
