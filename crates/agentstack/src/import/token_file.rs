//! The file of resume tokens: one line of JSON a session.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use agentstack_core::{ResumeToken, SessionId};
use agentstack_engine::{SessionToken, TokenKeeper};
use agentstack_storage_sqlite::{FileProblem, private_log};
use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

/// Most bytes of a file that is gone on with: a line has about 300.
const BYTES: u64 = 64 * 1024 * 1024;

/// Why the file of the resume tokens is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFileProblem {
    /// It cannot be read or written, or is not private.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// Its folder is not there.
    #[error("there is no folder for {}", path.display())]
    NoFolder {
        /// Which file.
        path: PathBuf,
    },
    /// It holds something else, which is not to be lost.
    #[error("{} is there already and is not of an interrupted run of this import; name another file", path.display())]
    Taken {
        /// Which file.
        path: PathBuf,
    },
}

/// The file. It is made with the first token; one that an interrupted run of the same import has begun is gone on with.
pub(super) struct TokenFile {
    path: PathBuf,
    /// What is imported.
    source: String,
    known: HashMap<SessionId, ResumeToken>,
    file: Option<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    source: String,
    #[serde(rename = "sourceSessionId")]
    _source_session_id: String,
    session_id: SessionId,
    resume_token: String,
}

impl TokenFile {
    pub(super) fn open(path: &Path, source: String) -> Result<Self, TokenFileProblem> {
        let mut opened = Self { path: path.to_owned(), source, known: HashMap::new(), file: None };
        if std::fs::symlink_metadata(path).is_err() {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if !folder.unwrap_or(Path::new(".")).is_dir() {
                return Err(TokenFileProblem::NoFolder { path: path.to_owned() });
            }
            return Ok(opened);
        }
        let io = |source| FileProblem::Io { path: path.to_owned(), source };
        let other = || TokenFileProblem::Taken { path: path.to_owned() };
        let (mut file, _) = private_log(path)?;
        let mut text = Zeroizing::new(String::new());
        let read = (&mut file).take(BYTES).read_to_string(&mut text);
        if read.map_err(|_| other())? as u64 == BYTES {
            return Err(other());
        }
        // A line without its end was being written when its run was killed: no session was taken with it.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text.get(..whole).unwrap_or_default().lines() {
            let (session, token) = opened.parse(line).ok_or_else(other)?;
            opened.known.insert(session, token);
        }
        let rest = text.get(whole..).unwrap_or_default();
        if !rest.is_empty() {
            if !opened.beginning().starts_with(rest) && !rest.starts_with(&opened.beginning()) {
                return Err(other());
            }
            file.set_len(whole as u64).map_err(io)?;
        }
        opened.file = Some(file);
        Ok(opened)
    }

    fn parse(&self, line: &str) -> Option<(SessionId, ResumeToken)> {
        let line: Line = serde_json::from_str(line).ok().filter(|line: &Line| line.source == self.source)?;
        Some((line.session_id, line.resume_token.parse().ok()?))
    }

    /// What every line begins with.
    fn beginning(&self) -> String {
        format!("{{\"source\":\"{}\",", self.source)
    }

    fn write(&mut self, lines: &str) -> std::io::Result<()> {
        if self.file.is_none() {
            let (file, is_new) = private_log(&self.path).map_err(std::io::Error::other)?;
            if !is_new {
                // It was not there a moment ago.
                return Err(std::io::ErrorKind::AlreadyExists.into());
            }
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
            self.file = Some(file);
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write_all(lines.as_bytes())?;
        file.sync_all()
    }
}

impl TokenKeeper for TokenFile {
    fn known(&self, session: SessionId) -> Option<ResumeToken> {
        self.known.get(&session).cloned()
    }

    fn keep(&mut self, tokens: &[SessionToken]) -> std::io::Result<()> {
        if tokens.is_empty() {
            return Ok(());
        }
        let mut lines = Zeroizing::new(String::new());
        for SessionToken { source, session, token } in tokens {
            // In this order, so that the beginning of each line is known.
            lines.push_str(&self.beginning());
            let rest =
                json!({ "sourceSessionId": source, "sessionId": session, "resumeToken": token.reveal() });
            lines.push_str(rest.to_string().trim_start_matches('{'));
            lines.push('\n');
        }
        self.write(&lines)
    }
}

#[cfg(test)]
mod tests;
