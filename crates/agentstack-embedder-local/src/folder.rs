//! The folder of a model: reads its files, each up to its most, and remembers what they were.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::LocalModelProblem as Problem;

/// Largest file of settings, in bytes.
const MOST_OF_SETTINGS: u64 = 1 << 20;

/// How much of the folder's name is taken into the model's, in characters.
const NAME_CHARACTERS: usize = 60;

/// A folder, and the hashes of what was read from it.
pub(crate) struct Folder {
    path: PathBuf,
    hashes: BTreeMap<String, String>,
}

impl Folder {
    /// The folder must be there. Links lead where they lead: the folder is the operator's.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let path = path.canonicalize().map_err(|source| unreadable(path.to_owned(), source))?;
        Ok(Self { path, hashes: BTreeMap::new() })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.file(name).exists()
    }

    /// Reads a file of at most so many bytes.
    pub(crate) fn bytes(&mut self, name: &str, most: u64) -> Result<Vec<u8>, Problem> {
        let bytes = read(&self.file(name), most)?;
        self.hashes.insert(name.to_owned(), hex(&Sha256::digest(&bytes)));
        Ok(bytes)
    }

    /// Reads a file of settings.
    pub(crate) fn settings<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        self.json(name, MOST_OF_SETTINGS)
    }

    /// Reads a file of settings that need not be there.
    pub(crate) fn settings_if_there<T: DeserializeOwned + Default>(
        &mut self,
        name: &str,
    ) -> Result<T, Problem> {
        if self.has(name) { self.settings(name) } else { Ok(T::default()) }
    }

    pub(crate) fn json<T: DeserializeOwned>(&mut self, name: &str, most: u64) -> Result<T, Problem> {
        let bytes = self.bytes(name, most)?;
        serde_json::from_slice(&bytes).map_err(|source| Problem::Json { file: self.file(name), source })
    }

    pub(crate) fn unsupported(&self, name: &str, what: &'static str) -> Problem {
        Problem::Unsupported { file: self.file(name), what }
    }

    pub(crate) fn vocabulary(&self, name: &str, what: &'static str) -> Problem {
        Problem::Vocabulary { file: self.file(name), what }
    }

    /// The name of what was read: that of the folder, and the beginning of a hash over all files. It is the hash of what
    /// `sha256sum` prints for them, sorted by name.
    pub(crate) fn fingerprint(&self) -> String {
        let folder = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let folder = folder.chars().map(|c| if c.is_control() { '_' } else { c }).take(NAME_CHARACTERS);
        let mut list = String::new();
        for (name, hash) in &self.hashes {
            list.extend([hash, "  ", name, "\n"]);
        }
        let hash = hex(&Sha256::digest(list.as_bytes()));
        let mut name: String = folder.collect();
        name.push('-');
        name.extend(hash.chars().take(8));
        name
    }
}

fn read(file: &Path, most: u64) -> Result<Vec<u8>, Problem> {
    let failed = |source| unreadable(file.to_owned(), source);
    // Asked before it is opened: opening a pipe would wait for somebody to write.
    let about = fs::metadata(file).map_err(failed)?;
    if !about.is_file() {
        return Err(Problem::NotAFile { file: file.to_owned() });
    }
    let too_large = || Problem::TooLarge { file: file.to_owned(), most };
    if about.len() > most {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).unwrap_or_default());
    File::open(file).and_then(|open| open.take(most + 1).read_to_end(&mut bytes)).map_err(failed)?;
    // It may have grown.
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

fn unreadable(file: PathBuf, source: io::Error) -> Problem {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Problem::Missing { file },
        _ => Problem::Unreadable { file, source },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
