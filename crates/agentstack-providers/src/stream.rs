//! Answers that come in pieces: lines, and server-sent events.

use bytes::{Bytes, BytesMut};

use crate::ProviderError;
use crate::reply::Reply;

/// The lines of an answer. Where its bytes are cut on the way does not matter: a line is read when all of it is there.
pub(crate) struct Lines {
    reply: Reply,
    waiting: BytesMut,
    /// How much of `waiting` is known to have no line end.
    seen: usize,
    ended: bool,
    most: usize,
}

impl Lines {
    /// Of an answer whose first piece has come.
    pub(crate) fn new(reply: Reply, first: Option<Bytes>, most: usize) -> Self {
        let ended = first.is_none();
        let waiting = BytesMut::from(first.unwrap_or_default().as_ref());
        Self { reply, waiting, seen: 0, ended, most }
    }

    /// The next line without its end; nothing at the end of the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ProviderError> {
        loop {
            let found = self.waiting.iter().skip(self.seen).position(|byte| *byte == b'\n');
            if let Some(at) = found.map(|at| at + self.seen) {
                let line = self.waiting.split_to(at + 1);
                self.seen = 0;
                return self.text(&line).map(Some);
            }
            self.seen = self.waiting.len();
            if self.seen > self.most {
                return Err(ProviderError::TooLarge { most: self.most });
            }
            if self.ended {
                let line = self.waiting.split();
                self.seen = 0;
                return if line.is_empty() { Ok(None) } else { self.text(&line).map(Some) };
            }
            match self.reply.chunk().await? {
                Some(chunk) => self.waiting.extend_from_slice(&chunk),
                None => self.ended = true,
            }
        }
    }

    fn text(&self, line: &[u8]) -> Result<String, ProviderError> {
        if line.len() > self.most {
            return Err(ProviderError::TooLarge { most: self.most });
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let text = std::str::from_utf8(line).map_err(|_| ProviderError::Malformed("a line is not UTF-8"))?;
        Ok(text.to_owned())
    }
}

/// The data of server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>). Their names are
/// left out: what a provider sends says in its data what it is. A carriage return alone ends no line here, as no
/// provider writes one.
pub(crate) struct Events(pub(crate) Lines);

impl Events {
    /// The data of the next event; nothing at the end of the answer.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ProviderError> {
        let mut data: Option<String> = None;
        while let Some(line) = self.0.next().await? {
            if line.is_empty() {
                if data.is_some() {
                    return Ok(data);
                }
                continue;
            }
            let Some(value) = line.strip_prefix("data:") else { continue };
            let value = value.strip_prefix(' ').unwrap_or(value);
            let data = match &mut data {
                None => data.insert(value.to_owned()),
                Some(data) => {
                    data.extend(["\n", value]);
                    data
                }
            };
            if data.len() > self.0.most {
                return Err(ProviderError::TooLarge { most: self.0.most });
            }
        }
        // Some leave out the empty line after the last one.
        Ok(data)
    }
}

/// What an answer, or a piece of it, says. What is wrong with it is not repeated: the message would quote it.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(json: &'a [u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(json)
        .map_err(|_| ProviderError::Malformed("it is not the JSON that is documented"))
}

/// The answer has no end.
pub(crate) const BROKEN_OFF: ProviderError =
    ProviderError::Malformed("it ended before the model had finished");
