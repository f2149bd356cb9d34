//! Where the master key comes from.
//!
//! A key that is gone takes the data with it, and a new key never opens an old database. So a key is made
//! only where there is no database yet, and never in the place of another.

mod command;
mod create;
mod replace;

use std::fmt;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use agentstack_core::random::RandomnessUnavailable;
use agentstack_core::{InvalidName, Secret};
use agentstack_storage_sqlite::{FileProblem, MasterKey, read_private_file};

pub use agentstack_storage_sqlite::{new_private_file, read_private_file as private_text};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

pub use command::CommandProblem;
pub(crate) use create::is_draft;
pub(crate) use replace::new_key;

use crate::config::Environment;

/// How long a program may take to give a key.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the master key comes from. Prints no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum KeySource {
    /// A private file. It is made if there is no database yet.
    #[serde(serialize_with = "path")]
    File(PathBuf),
    /// An environment variable.
    Env(KeyVariable),
    /// What a program prints.
    Command(KeyCommand),
}

/// An environment variable that holds the key.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub struct KeyVariable {
    name: String,
    value: Option<Secret<String>>,
}

impl KeyVariable {
    /// The variable `name` as it is in `environment`.
    #[must_use]
    pub fn new(name: impl Into<String>, environment: &Environment) -> Self {
        let mut variable = Self::from(name.into());
        variable.look_up(environment);
        variable
    }

    pub(crate) fn look_up(&mut self, environment: &Environment) {
        let value = environment.get(&self.name).ok().flatten();
        self.value = value.map(|value| Secret::new(value.to_owned()));
    }
}

impl From<String> for KeyVariable {
    fn from(name: String) -> Self {
        Self { name, value: None }
    }
}

impl Serialize for KeyVariable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// A program and its arguments. Arguments can be secrets, so none is printed.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct KeyCommand(Vec<String>);

impl KeyCommand {
    /// The program, found as the operating system finds programs, and its arguments. There is no shell.
    #[must_use]
    pub fn new(program: impl Into<String>, arguments: impl IntoIterator<Item = String>) -> Self {
        Self(std::iter::once(program.into()).chain(arguments).collect())
    }

    /// What the program prints.
    pub(crate) fn output(&self) -> Result<Zeroizing<String>, CommandProblem> {
        command::output(&self.0, PATIENCE)
    }
}

impl fmt::Debug for KeyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyCommand({} arguments)", self.0.len().saturating_sub(1))
    }
}

impl Serialize for KeyCommand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("set")
    }
}

fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Why there is no key. Holds nothing of the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key file is gone, but the database is there.
    #[error(
        "the key file {} is missing, but the database {} exists and cannot be used without its key. Nothing was \
         changed. Put the key file back, or say in security.keySource where the key is", path.display(),
        database.display()
    )]
    Missing {
        /// Where the key was looked for.
        path: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// The key would lie with what it protects.
    #[error(
        "the key file {} lies in the folder of the database, {}: a copy of the folder would hold both. Name \
         another place in security.keySource.file", path.display(), folder.display()
    )]
    BesideDatabase {
        /// The key file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// The key file or its folder cannot be used.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// What is there is not a key.
    #[error("{place} does not hold a key")]
    Malformed {
        /// Where it was read from.
        place: String,
        /// The form of a key.
        #[source]
        source: InvalidName,
    },
    /// The variable is not set.
    #[error("the environment variable `{name}`, which should hold the key, is not set to a text")]
    Unset {
        /// Which.
        name: String,
    },
    /// The program did not give a key.
    #[error("the program in security.keySource.command gave no key")]
    Command(#[from] CommandProblem),
    /// It is not known whether the database exists.
    #[error("looking for {}", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No key can be drawn.
    #[error(transparent)]
    Randomness(#[from] RandomnessUnavailable),
}

impl KeySource {
    /// The key for the database at `database`. A key file that is not there is made if that database is not
    /// there either; of two processes that do so at one time, both get the same key.
    ///
    /// # Errors
    /// When there is no key, it cannot be read safely, or it is not one.
    pub fn load(&self, database: &Path) -> Result<MasterKey, KeyError> {
        match self {
            Self::File(path) => load_file(path, database),
            Self::Env(variable) => {
                let name = &variable.name;
                let value = variable.value.as_ref().ok_or_else(|| KeyError::Unset { name: name.clone() })?;
                parse(value.expose(), || format!("the environment variable `{name}`"))
            }
            Self::Command(program) => {
                let text = program.output()?;
                parse(&text, || "the output of the program in security.keySource.command".to_owned())
            }
        }
    }

    /// Every key that the database may have, for whoever finds that it has another one than before. Nothing is made.
    pub(crate) fn candidates(&self) -> Vec<MasterKey> {
        let current = match self {
            Self::File(path) => read_file(path).ok(),
            // What a process was started with stays as it is.
            Self::Env(_) => None,
            Self::Command(program) => program.output().ok().and_then(|text| MasterKey::parse(&text).ok()),
        };
        current.into_iter().chain(self.next().ok().flatten()).collect()
    }

    /// What kind of place it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Env(_) => "env",
            Self::Command(_) => "command",
        }
    }
}

fn load_file(path: &Path, database: &Path) -> Result<MasterKey, KeyError> {
    let folder = real(parent(database));
    if real(parent(path)).starts_with(&folder) {
        return Err(KeyError::BesideDatabase { path: path.to_owned(), folder });
    }
    // The database first: whoever makes both at this moment makes the key before the database.
    let exists = is_in_use(database)?;
    match read_file(path) {
        Err(KeyError::File(FileProblem::Missing { .. })) if exists => {
            Err(KeyError::Missing { path: path.to_owned(), database: database.to_owned() })
        }
        Err(KeyError::File(FileProblem::Missing { .. })) => {
            create::create(path)?;
            read_file(path)
        }
        other => other,
    }
}

fn read_file(path: &Path) -> Result<MasterKey, KeyError> {
    parse(&read_private_file(path)?, || path.display().to_string())
}

fn parse(text: &str, place: impl FnOnce() -> String) -> Result<MasterKey, KeyError> {
    MasterKey::parse(text).map_err(|source| KeyError::Malformed { place: place(), source })
}

/// Whether the database, or its write-ahead log, holds anything. An empty file is what a start leaves that
/// got no further.
fn is_in_use(database: &Path) -> Result<bool, KeyError> {
    for end in ["", "-wal", "-journal"] {
        let mut path = database.as_os_str().to_owned();
        path.push(end);
        let path = Path::new(&path);
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.len() > 0 => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(source) => return Err(KeyError::Database { path: path.to_owned(), source }),
        }
    }
    Ok(false)
}

/// The folder of a file.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folder as the operating system knows it, links resolved as far as it exists.
fn real(folder: &Path) -> PathBuf {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    for existing in absolute.ancestors() {
        if let (Ok(mut real), Ok(rest)) = (existing.canonicalize(), absolute.strip_prefix(existing)) {
            for component in rest.components() {
                match component {
                    Component::ParentDir => drop(real.pop()),
                    other => real.push(other),
                }
            }
            return real;
        }
    }
    absolute
}

#[cfg(test)]
mod tests;
