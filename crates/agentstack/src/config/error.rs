//! Why a configuration is not used. Names fields, variables and files, never what they hold (S40).

use std::fmt;
use std::path::PathBuf;

use agentstack_api::json::JsonError;
use agentstack_storage_sqlite::FileProblem;

/// A field and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The path of the field, such as `memory.vectorSearch.enabled`, or the name of a variable.
    pub field: String,
    /// The rule.
    pub rule: String,
}

impl FieldProblem {
    pub(super) fn new(field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { field: field.into(), rule: rule.into() }
    }
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "the file {}", self.rule)
        } else {
            write!(f, "`{}` {}", self.field, self.rule)
        }
    }
}

/// Where a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// In the environment.
    Environment,
    /// On the command line.
    Flags,
    /// In several places that do not go together, or in none.
    Together,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Environment => f.write_str("environment"),
            Self::Flags => f.write_str("command line"),
            Self::Together => f.write_str("configuration"),
        }
    }
}

/// What this build has no code for, although the configuration asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unserved {
    /// The field that asks.
    pub field: &'static str,
    /// What is not there, as the end of a sentence.
    pub reason: &'static str,
    /// What to write instead.
    pub instead: &'static str,
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: this build does not serve {}; set it to {}", self.field, self.reason, self.instead)
    }
}

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A field breaks its rule.
    #[error("{place}: {problem}")]
    Field {
        /// Where it was given.
        place: Place,
        /// What is wrong.
        problem: FieldProblem,
    },
    /// The file is not strict JSON.
    #[error("{} is not a JSON file as this product reads them", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: JsonError,
    },
    /// The file holds a secret and is not private.
    #[error("{} holds a secret in `{field}`, so it must be private to its owner", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// The field with the secret.
        field: String,
        /// What is wrong with the file, and how to mend it.
        #[source]
        source: FileProblem,
    },
    /// The file that was asked for is not there.
    #[error("{} does not exist; it was named as the configuration file", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// The file is too large, or no file.
    #[error("{} is not a file of at most 1 MiB", path.display())]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("reading {}", path.display())]
    Unreadable {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It asks for what this build has no code for.
    #[error("{}", listed(.0))]
    Unserved(Vec<Unserved>),
}

impl ConfigError {
    pub(super) fn field(place: Place, field: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Field { place, problem: FieldProblem::new(field, rule) }
    }
}

fn listed(unserved: &[Unserved]) -> String {
    let lines: Vec<String> = unserved.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
