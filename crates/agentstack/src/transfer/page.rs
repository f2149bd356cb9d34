//! A version as a Markdown file: YAML front matter, and the content after it, byte for byte.
//!
//! Each value of the front matter is JSON on one line, which YAML 1.2 is a superset of. What YAML 1.1 would read otherwise,
//! or not at all, is written so that both agree: spaces after colons and commas, escapes for all that is not printable,
//! numbers with an exponent with a point and a sign. No value has a line break, so the first line that is `---` ends it,
//! whatever the content begins with.

use std::fmt::Write as _;
use std::io;

use agentstack_engine::{ExportedVersion, ImportReason, MemoryRecord};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};
use serde_json::{Map, Serializer, Value, json};

use super::entry;

const FENCE: &str = "---";

/// The file.
pub(super) fn encode(version: ExportedVersion<'_>) -> io::Result<Vec<u8>> {
    let mut page = format!("{FENCE}\n").into_bytes();
    for (name, value) in entry::fields(version) {
        page.extend_from_slice(name.as_bytes());
        page.extend_from_slice(b": ");
        value.serialize(&mut Serializer::with_formatter(&mut page, BothYamls))?;
        page.push(b'\n');
    }
    page.extend_from_slice(format!("{FENCE}\n").as_bytes());
    page.extend_from_slice(version.entry.content.as_bytes());
    Ok(page)
}

/// What a file says.
pub(super) fn decode(page: &[u8]) -> Result<MemoryRecord, ImportReason> {
    let page = std::str::from_utf8(page).map_err(|_| ImportReason::Utf8)?;
    let (first, mut rest) = next_line(page)?;
    if first != FENCE {
        return Err(ImportReason::Broken);
    }
    let mut fields = Map::new();
    loop {
        let (line, after) = next_line(rest)?;
        rest = after;
        if line == FENCE {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(ImportReason::Broken)?;
        let value: Value = entry::strict(value.as_bytes())?;
        if name == "content" || fields.insert(name.to_owned(), value).is_some() {
            return Err(ImportReason::Field);
        }
    }
    fields.insert("content".to_owned(), json!(rest));
    entry::record(fields)
}

/// The first line, without its end, and what comes after that. In the front matter, an editor may have changed the ends.
fn next_line(text: &str) -> Result<(&str, &str), ImportReason> {
    let (line, after) = text.split_once('\n').ok_or(ImportReason::Broken)?;
    Ok((line.strip_suffix('\r').unwrap_or(line), after))
}

/// JSON as YAML 1.1 and 1.2 both read it.
struct BothYamls;

impl Formatter for BothYamls {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.begin_array_value(to, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, to: &mut W, value: f64) -> io::Result<()> {
        to.write_all(number(value).as_bytes())
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, to: &mut W, text: &str) -> io::Result<()> {
        let mut out = String::with_capacity(text.len());
        for letter in text.chars() {
            if is_plain(letter) {
                out.push(letter);
            } else {
                // All that is not plain has four digits: a greater character cannot be escaped alike in both.
                let _infallible = write!(out, "\\u{:04x}", u32::from(letter));
            }
        }
        to.write_all(out.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, to: &mut W, escape: CharEscape) -> io::Result<()> {
        let text = match escape {
            CharEscape::Quote => "\\\"".to_owned(),
            CharEscape::ReverseSolidus => "\\\\".to_owned(),
            // YAML 1.1 has no escape of it.
            CharEscape::Solidus => "/".to_owned(),
            CharEscape::Backspace => "\\b".to_owned(),
            CharEscape::FormFeed => "\\f".to_owned(),
            CharEscape::LineFeed => "\\n".to_owned(),
            CharEscape::CarriageReturn => "\\r".to_owned(),
            CharEscape::Tab => "\\t".to_owned(),
            CharEscape::AsciiControl(byte) => format!("\\u{byte:04x}"),
        };
        to.write_all(text.as_bytes())
    }
}

/// Whether a character is printable for YAML, and does not hide or turn around what stands beside it.
fn is_plain(letter: char) -> bool {
    let is_hidden = matches!(letter,
        '\u{7f}'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}');
    !is_hidden
}

/// A number with an exponent as YAML 1.1 takes for one, too: `1.0e+30`.
fn number(value: f64) -> String {
    let text = json!(value).to_string();
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let point = if digits.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
    format!("{digits}{point}e{sign}{exponent}")
}
