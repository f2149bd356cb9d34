//! How `gh` is run: which program, as whom, with which environment.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentstack_core::Secret;

use super::Host;

/// The file of a folder of `gh` that has its logins.
const LOGINS: &str = "hosts.yml";

/// How `gh` is run.
#[derive(Debug, Clone)]
pub struct GhSettings {
    /// The program. Without one, it is the first `gh` of the folders in `search`.
    pub program: Option<PathBuf>,
    /// The folders in which it is looked for, as `PATH` has them. Relative ones are left out.
    pub search: Option<OsString>,
    /// The host that is asked, and none else.
    pub host: Host,
    /// The token, if it is not a login of `gh`'s own that is used. It goes into the environment of the process.
    pub token: Option<Secret<String>>,
    /// The folder of `gh`'s configuration and logins. Without one it has none.
    pub config_directory: Option<PathBuf>,
    /// Where the keyring of the user's desktop is reached, in which newer versions of `gh` keep their logins: the
    /// `DBUS_SESSION_BUS_ADDRESS` of the user. Used only without a token.
    pub session_bus: Option<OsString>,
    /// Whether it is confined, where the system can.
    pub sandbox: bool,
    /// Longest time of a call, waiting for others included.
    pub timeout: Duration,
}

impl Default for GhSettings {
    fn default() -> Self {
        Self {
            program: None,
            search: None,
            host: Host::default(),
            token: None,
            config_directory: None,
            session_bus: None,
            sandbox: true,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Why `gh` cannot be used as the settings say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GhProblem {
    /// No folder to run in.
    #[error("there is no folder for `gh` to run in")]
    Folder(#[source] io::Error),
    /// What others could change or read.
    #[error("{} {rule}", path.display())]
    NotPrivate {
        /// The folder, or the file with the logins.
        path: PathBuf,
        /// What is wrong, and how it is mended.
        rule: &'static str,
    },
}

impl GhSettings {
    /// Whether the folder of the logins is one that nobody else changes or reads (S42).
    pub(super) fn check(&self) -> Result<(), GhProblem> {
        let Some(folder) = &self.config_directory else { return Ok(()) };
        let problem = |path: &Path, rule| Err(GhProblem::NotPrivate { path: path.to_owned(), rule });
        let me = rustix::process::geteuid().as_raw();
        if let Ok(about) = fs::metadata(folder) {
            if !about.is_dir() {
                return problem(folder, "is no folder");
            }
            if about.uid() != me {
                return problem(folder, "belongs to another user");
            }
            if about.permissions().mode() & 0o002 != 0 {
                return problem(folder, "can be changed by everybody: chmod 700 it");
            }
        }
        let logins = folder.join(LOGINS);
        if let Ok(about) = fs::metadata(&logins) {
            if about.uid() != me {
                return problem(&logins, "belongs to another user");
            }
            if about.permissions().mode() & 0o077 != 0 {
                return problem(&logins, "can be read by others: chmod 600 it");
            }
        }
        Ok(())
    }

    /// Whether there is somebody to ask as. `gh` has a line of this file also for a login that is in a keyring.
    pub(super) fn has_login(&self) -> bool {
        self.token.is_some()
            || self.config_directory.as_ref().is_some_and(|folder| folder.join(LOGINS).is_file())
    }

    /// The program, by its absolute path. It is looked for at each call: it may be installed while we run.
    pub(super) fn find(&self) -> Option<PathBuf> {
        let is_program = |path: &Path| {
            let about = fs::metadata(path);
            path.is_absolute()
                && about.is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
        };
        match &self.program {
            Some(program) => Some(program.clone()).filter(|program| is_program(program)),
            None => std::env::split_paths(self.search.as_ref()?)
                .map(|folder| folder.join("gh"))
                .find(|program| is_program(program)),
        }
    }

    /// The whole environment of the process. `folder` is its own.
    ///
    /// Source: `gh help environment`.
    pub(super) fn environment(&self, folder: &Path) -> Vec<(&'static str, OsString)> {
        let folder = folder.as_os_str();
        let config = self.config_directory.as_ref().map_or(folder, |config| config.as_os_str());
        let mut environment: Vec<(&'static str, OsString)> = vec![
            ("GH_HOST", self.host.as_str().into()),
            ("GH_CONFIG_DIR", config.to_owned()),
            // It neither asks, nor tells, nor looks for news.
            ("GH_PROMPT_DISABLED", "1".into()),
            ("GH_NO_UPDATE_NOTIFIER", "1".into()),
            ("GH_NO_EXTENSION_UPDATE_NOTIFIER", "1".into()),
            ("GH_SPINNER_DISABLED", "1".into()),
            ("GH_TELEMETRY", "false".into()),
            ("DO_NOT_TRACK", "1".into()),
            ("NO_COLOR", "1".into()),
            ("LC_ALL", "C".into()),
        ];
        for variable in ["HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            environment.push((variable, folder.to_owned()));
        }
        match (&self.token, &self.session_bus) {
            (Some(token), _) => environment.push((self.host.token_variable(), token.expose().into())),
            (None, Some(bus)) => environment.push(("DBUS_SESSION_BUS_ADDRESS", bus.clone())),
            (None, None) => {}
        }
        environment
    }
}
