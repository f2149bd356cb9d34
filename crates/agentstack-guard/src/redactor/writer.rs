//! A writer that scrubs what goes through it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Redactor;

/// Scrubs whole events and hands them on. An event ends where what was written ends with a line end, at a flush, and when
/// this is dropped: a writer of log lines writes each in one piece.
#[derive(Debug)]
pub struct Scrubbing<W: Write> {
    redactor: Redactor,
    scrub: for<'a> fn(&Redactor, &'a str) -> Cow<'a, str>,
    waiting: Waiting,
    inner: W,
}

/// What was written and is not scrubbed yet.
#[derive(Default)]
struct Waiting(Vec<u8>);

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Redactor {
    /// A writer in front of another, for lines of text. With `tracing-subscriber`:
    /// `.with_writer(move || redactor.writer(std::io::stderr()))`.
    pub fn writer<W: Write>(&self, inner: W) -> Scrubbing<W> {
        Scrubbing { redactor: self.clone(), scrub: Redactor::scrub, waiting: Waiting::default(), inner }
    }

    /// The same for lines of JSON, which stay JSON.
    pub fn json_writer<W: Write>(&self, inner: W) -> Scrubbing<W> {
        let mut writer = self.writer(inner);
        writer.scrub = Self::scrub_json;
        writer
    }
}

impl<W: Write> Scrubbing<W> {
    fn send(&mut self) -> io::Result<()> {
        let Waiting(bytes) = std::mem::take(&mut self.waiting);
        let text = String::from_utf8_lossy(&bytes);
        // What ends the event stays, whatever was found before it.
        let line = text.trim_end_matches('\n');
        let end = text.get(line.len()..).unwrap_or_default();
        let scrubbed = (self.scrub)(&self.redactor, line);
        // In one piece, as it came: other threads write to the same place.
        self.inner.write_all(format!("{scrubbed}{end}").as_bytes())
    }
}

impl<W: Write> Write for Scrubbing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.0.extend_from_slice(bytes);
        if bytes.ends_with(b"\n") {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.0.is_empty() {
            self.send()?;
        }
        self.inner.flush()
    }
}

impl<W: Write> Drop for Scrubbing<W> {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
