//! Where the key of a provider comes from. Everything here may wait for files and programs.

use std::path::{Path, PathBuf};

use agentstack_core::Secret;
use agentstack_providers::InvalidKey;
use agentstack_storage_sqlite::{FileProblem, read_private_file};
use rustix::fs::{Access, access};

use crate::config::ApiKeyring;
use crate::keys::{CommandProblem, KeyCommand};

/// Why there is no key. Holds nothing of one, nor of what a program printed (S40).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyProblem {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileProblem),
    /// The program did not give a key.
    #[error("the program gave none")]
    Command(#[from] CommandProblem),
    /// The program of the keyring is not there.
    #[error("the keyring is asked with `{program}`, which is in no folder of PATH: {install}")]
    NoKeyring {
        /// The program.
        program: &'static str,
        /// How to get it.
        install: &'static str,
    },
    /// The keyring has no such entry.
    #[error("the keyring has no entry of this service and account, or is locked; to make one: {store}")]
    NotInKeyring {
        /// How to put one in.
        store: &'static str,
        /// What became of the program.
        #[source]
        source: CommandProblem,
    },
    /// What is there is no key.
    #[error(transparent)]
    Invalid(#[from] InvalidKey),
}

/// Where a key comes from that can become another one.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A private file.
    File(PathBuf),
    /// What a program prints.
    Command(KeyCommand),
    /// The keyring of the operating system.
    Keyring(ApiKeyring),
}

impl Source {
    /// The key as it is now.
    pub(super) fn read(&self) -> Result<Secret<String>, ApiKeyProblem> {
        let text = match self {
            Self::File(path) => {
                // What is no file could keep whoever opens it waiting.
                if std::fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
                    return Err(FileProblem::NotPlain { path: path.clone() }.into());
                }
                read_private_file(path)?
            }
            Self::Command(program) => program.output()?,
            Self::Keyring(entry) => {
                Tool::OF_SYSTEM.command(entry)?.output().map_err(|problem| match problem {
                    source @ CommandProblem::Failed(_) => {
                        ApiKeyProblem::NotInKeyring { store: Tool::OF_SYSTEM.store, source }
                    }
                    other => other.into(),
                })?
            }
        };
        // A line end stands at the end of most files and outputs.
        Ok(Secret::new(text.trim().to_owned()))
    }
}

/// The program with which a keyring is asked.
struct Tool {
    program: &'static str,
    /// The arguments, with `SERVICE` and `ACCOUNT` in them.
    arguments: &'static [&'static str],
    install: &'static str,
    store: &'static str,
}

impl Tool {
    const OF_SYSTEM: Self = if cfg!(target_os = "macos") { Self::SECURITY } else { Self::SECRET_TOOL };

    /// Of libsecret, for the Secret Service of freedesktop.org, which the keyrings of desktops serve.
    const SECRET_TOOL: Self = Self {
        program: "secret-tool",
        arguments: &["lookup", "service", "SERVICE", "account", "ACCOUNT"],
        install: "install libsecret-tools (Debian, Ubuntu) or libsecret (Fedora, Arch, openSUSE), or set another way to \
                  come by the key",
        store: "secret-tool store --label=AgentStack service SERVICE account ACCOUNT",
    };

    /// Of macOS, for its Keychain.
    const SECURITY: Self = Self {
        program: "security",
        arguments: &["find-generic-password", "-s", "SERVICE", "-a", "ACCOUNT", "-w"],
        install: "it belongs to macOS and is in /usr/bin",
        store: "security add-generic-password -s SERVICE -a ACCOUNT -w",
    };

    /// What to run for an entry.
    fn command(&self, entry: &ApiKeyring) -> Result<KeyCommand, ApiKeyProblem> {
        let program = find(self.program, &entry.folders)
            .ok_or(ApiKeyProblem::NoKeyring { program: self.program, install: self.install })?;
        let arguments = self.arguments.iter().map(|argument| match *argument {
            "SERVICE" => entry.service.clone(),
            "ACCOUNT" => entry.account.clone(),
            other => other.to_owned(),
        });
        Ok(KeyCommand::new(program, arguments))
    }
}

/// The program in the first of these folders that has it. Those that depend on the current folder do not count.
fn find(program: &str, folders: &str) -> Option<String> {
    let folders = folders.split(':').map(Path::new).filter(|folder| folder.is_absolute());
    let mut programs = folders.map(|folder| folder.join(program));
    let found = programs.find(|path| path.is_file() && access(path, Access::EXEC_OK).is_ok())?;
    found.into_os_string().into_string().ok()
}

#[cfg(test)]
mod tests;
