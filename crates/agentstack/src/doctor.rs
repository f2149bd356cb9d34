//! Looks an installation over: what is not as it should be, why that matters, and the command that mends it.
//!
//! Everything is looked at, whatever else is wrong. What cannot be looked at because of something else says nothing: the
//! something else does.

mod files;
mod running;
mod settings;
mod versions;

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use agentstack_core::Timestamp;
use rustix::fs::OFlags;
use rustix::process::geteuid;
use serde::Serialize;

use crate::config::{Config, Loaded, Overrides, Sources};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Something to know.
    Note,
    /// Something to look after soon.
    Warning,
    /// Something to mend now.
    Failure,
}

/// What a check came to. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check, in words that do not change: `key.private`.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and why it matters.
    pub reason: String,
    /// The command, or the setting, that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// What can be mended without asking, for it only takes rights away or removes what nobody uses.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// What can be mended without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// A file or folder gets this mode.
    Mode(PathBuf, u32),
    /// A file goes that was left over.
    Remove(PathBuf),
}

impl Fix {
    /// Mends it.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn apply(&self) -> std::io::Result<()> {
        match self {
            Self::Mode(path, mode) => {
                // What was looked at, and not what somebody has put in its place since.
                let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
                let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
                if file.metadata()?.uid() != geteuid().as_raw() {
                    return Err(ErrorKind::PermissionDenied.into());
                }
                file.set_permissions(Permissions::from_mode(*mode))
            }
            Self::Remove(path) => match std::fs::remove_file(path) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        }
    }

    fn command(&self) -> String {
        match self {
            Self::Mode(path, mode) => format!("chmod {mode:o} {}", path.display()),
            Self::Remove(path) => format!("rm {}", path.display()),
        }
    }
}

/// Collects findings.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        check: &'static str,
        severity: Severity,
        reason: impl Into<String>,
        mend: Option<&str>,
    ) {
        let (reason, mend) = (reason.into(), mend.map(str::to_owned));
        self.0.push(Finding { check, severity, reason, mend, fix: None });
    }

    fn ok(&mut self, check: &'static str, reason: impl Into<String>) {
        self.add(check, Severity::Ok, reason, None);
    }

    fn note(&mut self, check: &'static str, reason: impl Into<String>) {
        self.add(check, Severity::Note, reason, None);
    }

    fn warn(&mut self, check: &'static str, reason: impl Into<String>, mend: &str) {
        self.add(check, Severity::Warning, reason, Some(mend));
    }

    fn fail(&mut self, check: &'static str, reason: impl Into<String>, mend: &str) {
        self.add(check, Severity::Failure, reason, Some(mend));
    }

    fn fixable(&mut self, check: &'static str, severity: Severity, reason: impl Into<String>, fix: Fix) {
        let mend = Some(fix.command());
        self.0.push(Finding { check, severity, reason: reason.into(), mend, fix: Some(fix) });
    }
}

/// Looks over the installation of the configuration in force, as of `now`. Opens the database if it can be; what is read of
/// it is recorded, as every call is.
pub async fn examine(file: Option<PathBuf>, now: Timestamp) -> Vec<Finding> {
    let mut found = Findings::default();
    settings::of_the_system(&mut found);
    let loaded = match load(file) {
        Ok(loaded) => loaded,
        Err(error) => {
            let mend = "mend the file it names, then: agentstack config check";
            found.fail("config.usable", with_causes(&error), mend);
            return found.0;
        }
    };
    let place =
        loaded.file.as_ref().map_or("the built-in settings".to_owned(), |file| file.display().to_string());
    found.ok("config.usable", format!("{place} can be used"));
    settings::look(&loaded, now, &mut found);
    let opens = files::look(&loaded.config, now, &mut found);
    if opens {
        running::look(&loaded.config, now, &mut found).await;
    }
    found.0
}

fn load(file: Option<PathBuf>) -> Result<Loaded, crate::config::ConfigError> {
    Config::load(&Sources::of_process(file, Overrides::default())?)
}

/// An error with its causes, in one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// How many whole days lie between two times.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_millis() - from.as_millis()) / (24 * 60 * 60 * 1_000)
}
