//! Where an issuer's keys come from: a file, or one request to one address (S49).
//!
//! **Invariant:** nothing is asked for but the address of the configuration.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;

use super::key_set::{KeySet, KeySetProblem, SET_BYTES};
use crate::outbound::{Endpoint, OutboundProblem, TIME};

/// Why there are no keys. For the log; names addresses and files of the configuration, and nothing that came in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchProblem {
    #[error(transparent)]
    Web(#[from] OutboundProblem),
    #[error("it was answered with status {}; redirects are not followed", .0.as_u16())]
    Status(StatusCode),
    #[error("reading the file")]
    File(#[source] io::Error),
    #[error("it is not a plain file of the user or of root that nobody else can write to")]
    NotOurs,
    #[error(transparent)]
    Keys(#[from] KeySetProblem),
}

/// By what a file that has changed is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

/// Where keys come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Web(Endpoint),
}

/// What was found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Just what was there before.
    Same,
    New(KeySet, Option<Stamp>),
}

impl Source {
    /// Reads the keys, if there can be others than those with this stamp.
    pub(crate) async fn load(&self, known: Option<Stamp>) -> Result<Found, FetchProblem> {
        match self {
            Self::File(path) => read(path, known),
            Self::Web(endpoint) => {
                let bytes = tokio::time::timeout(TIME, fetch(endpoint)).await;
                let bytes = bytes.unwrap_or(Err(OutboundProblem::Time.into()))?;
                Ok(Found::New(KeySet::read(&bytes)?, None))
            }
        }
    }
}

/// Reads a file, unless it is the one with this stamp.
pub(crate) fn read(path: &Path, known: Option<Stamp>) -> Result<Found, FetchProblem> {
    // Looked at before it is opened: to open a pipe is to wait for who writes to it.
    let before = checked(&std::fs::metadata(path).map_err(FetchProblem::File)?)?;
    if known == Some(before) {
        return Ok(Found::Same);
    }
    let file = File::open(path).map_err(FetchProblem::File)?;
    let stamp = checked(&file.metadata().map_err(FetchProblem::File)?)?;
    let mut bytes = vec![];
    file.take(SET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(FetchProblem::File)?;
    Ok(Found::New(KeySet::read(&bytes)?, Some(stamp)))
}

/// Whoever can write to the file decides who gets in: that may be the user and root alone, as for a policy (S42).
fn checked(metadata: &Metadata) -> Result<Stamp, FetchProblem> {
    let ours = metadata.uid() == 0 || metadata.uid() == rustix::process::geteuid().as_raw();
    if !metadata.is_file() || !ours || metadata.mode() & 0o022 != 0 {
        return Err(FetchProblem::NotOurs);
    }
    let modified = metadata.modified().map_err(FetchProblem::File)?;
    Ok(Stamp { modified, length: metadata.len(), inode: metadata.ino() })
}

async fn fetch(endpoint: &Endpoint) -> Result<Bytes, FetchProblem> {
    let request = Request::get(endpoint.target())
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .body(Full::default());
    let answer = endpoint.send(request).await?;
    if answer.status() != StatusCode::OK {
        return Err(FetchProblem::Status(answer.status()));
    }
    Ok(answer.read(SET_BYTES).await?)
}

#[cfg(test)]
mod tests;
