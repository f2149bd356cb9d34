//! Tests of the keyring's program.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::*;

fn put(path: &Path, script: &str, mode: u32) {
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn entry(folders: impl Into<String>) -> ApiKeyring {
    ApiKeyring::new("my service; $(id)", "me", folders)
}

/// What the tool's program is run with, a line for each argument.
fn arguments(tool: &Tool) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    put(&folder.path().join(tool.program), r#"for one in "$@"; do printf '%s\n' "$one"; done"#, 0o700);
    let command = tool.command(&entry(folder.path().to_str().unwrap())).unwrap();
    command.output().unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn each_system_has_its_program_and_there_is_no_shell() {
    let service = "my service; $(id)";
    assert_eq!(arguments(&Tool::SECRET_TOOL), ["lookup", "service", service, "account", "me"]);
    assert_eq!(arguments(&Tool::SECURITY), ["find-generic-password", "-s", service, "-a", "me", "-w"]);
}

#[test]
fn the_program_is_the_first_in_an_absolute_folder_that_can_be_run() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, mode) in [("a", 0o600), ("b", 0o700), ("c", 0o700)] {
        std::fs::create_dir(at(name)).unwrap();
        put(&at(name).join("tool"), "", mode);
    }
    std::fs::create_dir_all(at("d/tool")).unwrap();
    let folders = |names: &[&str]| {
        names.iter().map(|name| at(name).to_str().unwrap().to_owned()).collect::<Vec<_>>().join(":")
    };
    let found = find("tool", &folders(&["nothing", "d", "a", "b", "c"])).unwrap();
    assert_eq!(Path::new(&found), at("b/tool"));
    // The same folder by a way that starts at the current one.
    let up = std::env::current_dir().unwrap().components().map(|_| "..").collect::<PathBuf>();
    let relative = up.join(at("b").strip_prefix("/").unwrap());
    assert!(relative.join("tool").is_file());
    for none in ["", ".", relative.to_str().unwrap(), &folders(&["a", "d"])] {
        assert_eq!(find("tool", none), None, "{none}");
    }
}

#[test]
fn s40_a_keyring_without_a_key_says_what_to_do_and_repeats_nothing() {
    let folder = TempDir::new().unwrap();
    let folders = folder.path().to_str().unwrap();
    let read = || Source::Keyring(entry(folders)).read();
    let tool = Tool::OF_SYSTEM;
    let error = read().unwrap_err();
    assert!(matches!(error, ApiKeyProblem::NoKeyring { .. }), "{error:?}");
    assert!(error.to_string().contains(tool.program) && error.to_string().contains(tool.install), "{error}");
    put(&folder.path().join(tool.program), "echo sk-canary; exit 1", 0o700);
    let error = read().unwrap_err();
    assert!(matches!(error, ApiKeyProblem::NotInKeyring { .. }), "{error:?}");
    let text = format!("{error} {error:?}");
    assert!(text.contains(tool.store) && !text.contains("canary"), "{text}");
    put(&folder.path().join(tool.program), "echo sk-canary", 0o700);
    assert_eq!(read().unwrap().expose(), "sk-canary");
}
