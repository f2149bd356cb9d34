//! The section about GitHub.

use std::ffi::OsString;
use std::path::PathBuf;

use agentstack_core::Secret;
use serde::{Deserialize, Serialize};

use super::{on, secret, whether_set};
use crate::config::Environment;

/// Tools for GitHub.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct GitHub {
    /// Whether there are any.
    #[serde(default)]
    pub enabled: bool,
    /// Whether GitHub is reached through the `gh` program. There is no other way.
    #[serde(default = "on")]
    pub use_gh_cli: bool,
    /// The repositories that may be named: `owner/name`, or `owner/*` for all of an owner's. Without any, none may.
    #[serde(default)]
    pub repositories: Vec<String>,
    /// The host.
    #[serde(default = "usual_host")]
    pub host: String,
    /// The token, if not a login of `gh`'s own is used.
    #[serde(default, serialize_with = "whether_set", deserialize_with = "secret")]
    pub token: Option<Secret<String>>,
    /// The program, if not the first `gh` of the PATH.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// The folder with the configuration and the logins of `gh`, if not the user's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_directory: Option<PathBuf>,
    /// Whether `gh` is confined, where the system can.
    #[serde(default = "on")]
    pub sandbox: bool,
    /// What the environment says.
    #[serde(skip)]
    pub(crate) around: Around,
}

/// What the environment says of `gh`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Around {
    /// Where it is looked for.
    pub(crate) search: Option<OsString>,
    /// The user's folder of its configuration.
    pub(crate) config_directory: Option<PathBuf>,
    /// Where the user's keyring is reached.
    pub(crate) session_bus: Option<OsString>,
}

fn usual_host() -> String {
    "github.com".to_owned()
}

impl Default for GitHub {
    fn default() -> Self {
        Self {
            enabled: false,
            use_gh_cli: on(),
            repositories: vec![],
            host: usual_host(),
            token: None,
            program: None,
            config_directory: None,
            sandbox: on(),
            around: Around::default(),
        }
    }
}

impl GitHub {
    /// Takes from the environment what depends on it: not the token, which is used only if the configuration says so.
    pub(crate) fn look_up(&mut self, environment: &Environment) {
        let value = |name| environment.get(name).ok().flatten().filter(|value| !value.is_empty());
        let folder = |name| value(name).map(PathBuf::from).filter(|path| path.is_absolute());
        // As `gh` itself looks for it.
        let config_directory = folder("GH_CONFIG_DIR")
            .or_else(|| folder("XDG_CONFIG_HOME").map(|folder| folder.join("gh")))
            .or_else(|| folder("HOME").map(|home| home.join(".config/gh")));
        self.around = Around {
            search: value("PATH").map(OsString::from),
            config_directory,
            session_bus: value("DBUS_SESSION_BUS_ADDRESS").map(OsString::from),
        };
    }
}
