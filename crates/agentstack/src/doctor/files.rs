//! Files and folders: whose they are, who can read them, how old they are, and what was left over.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use agentstack_core::Timestamp;
use rustix::process::geteuid;

use super::{Findings, Fix, Severity, days, with_causes};
use crate::config::Config;
use crate::keys::{KeyError, KeySource};

/// After how many days a key is to be replaced: a year, as NIST SP 800-57 part 1 (table 1) has it at most for keys that
/// encrypt data.
const KEY_DAYS: i64 = 365;
/// After how many days the key of a provider is to be replaced.
const PROVIDER_KEY_DAYS: i64 = 90;
/// For how long after it was last written to a file may be one that is being made.
const STILL_MS: i64 = 60 * 60 * 1_000;

/// Looks at the files. Says whether there is a database that can be opened.
pub(super) fn look(config: &Config, now: Timestamp, found: &mut Findings) -> bool {
    let database = &config.memory.path;
    if let KeySource::File(path) = &config.security.key_source {
        key_file(path, now, found);
    }
    for name in crate::config::ProviderName::ALL {
        if let Some(path) = &config.providers.of(name).api_key_file {
            private(path, "provider.key", "the key of a provider", found);
            if let Some(age) = age(path, now).filter(|age| *age > PROVIDER_KEY_DAYS) {
                let reason = format!("the key in {} is {age} days old", path.display());
                found.warn("provider.age", reason, "make a new one at the provider, and put it there");
            }
        }
    }
    if let Some(folder) = &config.token_folder {
        tokens(folder, found);
    }
    if !database.exists() {
        found.note("database.there", format!("there is no database yet at {}", database.display()));
        return false;
    }
    found.ok("database.there", format!("{} is there", database.display()));
    let folder = parent(database);
    private(folder, "database.folder", "the folder of the database", found);
    let mut is_private = true;
    for end in ["", "-wal", "-shm"] {
        let path = beside(database, end);
        if path.exists() {
            is_private &= private(&path, "database.private", "the database", found);
        }
    }
    left_over(folder, now, found);
    room(database, found);
    is_private && key_opens(config, database, found)
}

fn key_file(path: &Path, now: Timestamp, found: &mut Findings) {
    if !path.exists() {
        // Whether one is missing depends on the database: see below.
        return;
    }
    private(path, "key.private", "the key", found);
    private(parent(path), "key.folder", "the folder of the key", found);
    match age(path, now) {
        Some(age) if age > KEY_DAYS => {
            found.warn("key.age", format!("the key is {age} days old"), "agentstack db rekey");
        }
        _ => found.ok("key.age", "the key is less than a year old"),
    }
    let source = KeySource::File(path.to_owned());
    let next = source.next_file().filter(|next| next.exists());
    if let Some(next) = next {
        let reason = format!(
            "{} lies there: a replacement of the key is under way, or was interrupted and is finished by whatever starts next",
            next.display()
        );
        found.warn("key.left-over", reason, "agentstack doctor, once more");
    }
    if let Some(old) = source.old() {
        let reason =
            format!("{} is the key that was replaced: whoever has it opens old copies", old.display());
        found.fixable("key.left-over", Severity::Failure, reason, Fix::Remove(old));
    }
    let drafts = std::fs::read_dir(parent(path)).into_iter().flatten().filter_map(Result::ok);
    for draft in drafts.filter(|file| file.file_name().to_str().is_some_and(crate::keys::is_draft)) {
        left(&draft.path(), "a key that was never used", "key.left-over", now, found);
    }
}

/// The key, read as any start reads it.
fn key_opens(config: &Config, database: &Path, found: &mut Findings) -> bool {
    match config.security.key_source.load(database) {
        Ok(_) => {
            found.ok("key.there", "the key is there, and not beside the database");
            true
        }
        Err(error @ KeyError::Missing { .. }) => {
            found.fail(
                "key.there",
                with_causes(&error),
                "put the key file back from where you keep a copy of it",
            );
            false
        }
        Err(error @ KeyError::BesideDatabase { .. }) => {
            found.fail(
                "key.apart",
                with_causes(&error),
                "move the key file, and name it in security.keySource.file",
            );
            false
        }
        Err(error) => {
            found.fail("key.there", with_causes(&error), "see security.keySource in docs/configuration.md");
            false
        }
    }
}

fn tokens(folder: &Path, found: &mut Findings) {
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for file in files {
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("operator-") && name.ends_with(".token") {
            private(&file.path(), "token.private", "a token of the operator", found);
        }
    }
}

/// What backups and restores that were killed have left.
fn left_over(folder: &Path, now: Timestamp, found: &mut Findings) {
    let files = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for file in files {
        if file.file_name().to_str().is_some_and(is_copy) {
            left(
                &file.path(),
                "a copy of the database that was not finished",
                "database.left-over",
                now,
                found,
            );
        }
    }
}

/// Whether a file of this name is one that a backup or a restore had not finished, or belongs to one.
fn is_copy(name: &str) -> bool {
    let own = ["-wal", "-shm", "-journal"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let digits = own.strip_suffix(".new").and_then(|name| name.rsplit_once('.')).map(|(_, digits)| digits);
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// A file that nobody needs, unless it is of something that goes on at the moment.
fn left(path: &Path, what: &str, check: &'static str, now: Timestamp, found: &mut Findings) {
    let Ok(file) = std::fs::symlink_metadata(path) else { return };
    let age = now.as_millis().saturating_sub(file.mtime().saturating_mul(1_000));
    let reason = format!("{} is {what}", path.display());
    // What has another name was finished, and killed before it could drop this one.
    if age < STILL_MS && file.nlink() < 2 {
        found.note(check, format!("{reason}, or is being made"));
    } else {
        found.fixable(check, Severity::Warning, reason, Fix::Remove(path.to_owned()));
    }
}

fn room(database: &Path, found: &mut Findings) {
    let Ok(system) = rustix::fs::statvfs(parent(database)) else { return };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    let needed = std::fs::metadata(database).map_or(0, |file| file.len()).saturating_mul(2).max(64 << 20);
    if free < needed {
        let reason = format!(
            "{} MB are free where the database is: less than replacing its key would take",
            free >> 20
        );
        found.warn("database.room", reason, "make room, or move it and set memory.path");
    } else {
        found.ok("database.room", "there is room for the database to grow");
    }
}

/// The mark of a folder that everybody may put files into, as `/tmp` is.
const STICKY: u32 = 0o1000;

/// Whether a file or folder is the user's own and closed to others. A folder may be read by others.
fn private(path: &Path, check: &'static str, what: &str, found: &mut Findings) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return true };
    if metadata.is_symlink() {
        let reason = format!("{what}, {}, is a link: where it leads can change", path.display());
        found.fail(check, reason, "put the file itself there");
        return false;
    }
    if metadata.uid() != geteuid().as_raw() {
        let reason = format!("{what}, {}, belongs to another user (uid {})", path.display(), metadata.uid());
        found.fail(check, reason, "run this as that user, or: chown");
        return false;
    }
    let mode = metadata.permissions().mode() & 0o7777;
    let open = mode & if metadata.is_dir() { 0o022 } else { 0o077 };
    if open != 0 {
        let reason = format!("{what}, {}, is open to other users (mode {mode:04o})", path.display());
        if mode & STICKY != 0 {
            found.fail(check, reason, "it is meant for everybody: use a folder of its own");
        } else {
            found.fixable(check, Severity::Failure, reason, Fix::Mode(path.to_owned(), mode & !open));
        }
        return false;
    }
    found.ok(check, format!("{what} is private"));
    true
}

/// How many days ago a file was written.
fn age(path: &Path, now: Timestamp) -> Option<i64> {
    let written = std::fs::metadata(path).ok()?.mtime();
    Some(days(Timestamp::from_millis(written.saturating_mul(1_000)), now))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
