//! The rules for text files of any kind, for manifests and for the changelog.

use crate::tidy::{File, Problem, Tree};

/// Kinds of files people write by hand; recorded ones may hold any byte their subject wrote.
const WRITTEN: &[&str] =
    &["css", "html", "json", "md", "mjs", "py", "rs", "sh", "sql", "toml", "ts", "txt", "yml"];
const WRITTEN_WITHOUT_EXTENSION: &[&str] = &[".ci/run", ".gitignore", "LICENSE"];
const RECORDED: &[&str] = &["/fixtures/", "/snapshots/"];

/// Folders at the root of a file system where a developer's checkout may lie.
const MACHINE_FOLDERS: &[&str] = &["root", "work"];

/// A note to oneself that nobody will read again; spelt in two parts so that this file may hold it.
const NOTE: &str = concat!("FIX", "ME");

pub(super) fn clean_text(file: &File) -> Vec<Problem> {
    if !is_written(file) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(file.problem(number, "white space at the end of the line"));
        }
        if line.contains('\t') {
            found.push(file.problem(number, "a tab; use spaces"));
        }
        if line.contains(NOTE) {
            found.push(file.problem(number, format!("{NOTE}: fix it now, or open an issue")));
        }
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push(file.problem(file.lines().count(), "no newline at the end of the file"));
    }
    found
}

pub(super) fn no_machine_paths(file: &File) -> Vec<Problem> {
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for folder in MACHINE_FOLDERS.iter().filter(|folder| names_folder(line, folder)) {
            found.push(
                file.problem(number, format!("`/{folder}/` is a path of one machine; make it relative")),
            );
        }
    }
    found
}

pub(super) fn lints_of_the_workspace(file: &File) -> Vec<Problem> {
    let is_member = file.path.starts_with("crates/") && file.path.matches('/').count() == 2;
    if !(is_member && file.path.ends_with("/Cargo.toml") || file.path == "xtask/Cargo.toml") {
        return Vec::new();
    }
    let inherits = |manifest: &toml::Table| manifest.get("lints")?.get("workspace")?.as_bool();
    match toml::from_str(&file.text) {
        Ok(manifest) if inherits(&manifest) == Some(true) => Vec::new(),
        Ok(_) => vec![file.problem(1, "add `[lints]` with `workspace = true`")],
        Err(error) => vec![file.problem(1, format!("not TOML: {}", error.message()))],
    }
}

pub(super) fn one_unreleased_section(file: &File) -> Vec<Problem> {
    if file.path != "CHANGELOG.md" {
        return Vec::new();
    }
    match file.lines().filter(|(_, line)| *line == "## Unreleased").count() {
        1 => Vec::new(),
        count => vec![file.problem(1, format!("{count} lines `## Unreleased`; there must be exactly one"))],
    }
}

pub(super) fn changelog_exists(tree: &Tree) -> Vec<Problem> {
    let path = "CHANGELOG.md".to_owned();
    if tree.paths.contains(&path) {
        return Vec::new();
    }
    vec![Problem { path, line: 1, message: "there is no changelog".to_owned() }]
}

fn is_written(file: &File) -> bool {
    let recorded = RECORDED.iter().any(|folder| file.path.contains(folder));
    let kind = WRITTEN.iter().any(|extension| file.has_extension(extension));
    !recorded && (kind || WRITTEN_WITHOUT_EXTENSION.contains(&file.path.as_str()))
}

/// Whether the line holds `/folder/` at the start of a path, not in the middle of one.
fn names_folder(line: &str, folder: &str) -> bool {
    let continues = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | '>' | ')' | '*');
    let mut rest = line;
    let pattern = format!("/{folder}/");
    while let Some((before, after)) = rest.split_once(&pattern) {
        if !before.ends_with(continues) {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn untidy_text_is_found_with_its_line() {
        let untidy =
            [("a \n", 1), ("a\r\n", 1), ("a\n\tb\n", 2), ("a\nb", 2), (concat!("a\nFIX", "ME\n"), 2)];
        for (text, line) in untidy {
            let found = clean_text(&file("docs/a.md", text));
            assert_eq!(found.iter().map(|problem| problem.line).collect::<Vec<_>>(), [line], "{text:?}");
        }
        assert!(clean_text(&file("docs/a.md", "a\n\nb\n")).is_empty());
        assert!(clean_text(&file("docs/a.md", "")).is_empty());
    }

    #[test]
    fn recorded_and_unknown_files_may_hold_anything() {
        for path in
            ["crates/a/tests/it/snapshots/x.json", "crates/a/tests/fixtures/x.json", "x.snap", "x.stderr"]
        {
            assert!(clean_text(&file(path, "a \t")).is_empty(), "{path}");
        }
        assert_eq!(clean_text(&file(".ci/run", "a \n")).len(), 1);
    }

    #[test]
    fn a_path_of_one_machine_is_found() {
        for folder in MACHINE_FOLDERS {
            let found = |text: String| no_machine_paths(&file("a.sh", &text)).len();
            assert_eq!(found(format!("cd /{folder}/x\n")), 1);
            assert_eq!(found(format!("cd target/{folder}/x; cd ${{HOME}}/{folder}/x\n")), 0);
            assert_eq!(found(format!("target/{folder}/x \"/{folder}/\"\n")), 1);
        }
    }

    #[test]
    fn a_manifest_inherits_the_lints() {
        let count = |path: &str, text: &str| lints_of_the_workspace(&file(path, text)).len();
        assert_eq!(count("crates/a/Cargo.toml", "[lints]\nworkspace = true\n"), 0);
        assert_eq!(count("crates/a/Cargo.toml", "[lints]\nworkspace = false\n"), 1);
        assert_eq!(count("xtask/Cargo.toml", "[package]\n"), 1);
        assert_eq!(count("crates/a/Cargo.toml", "[lints\n"), 1);
        assert_eq!(count("Cargo.toml", "[workspace]\n"), 0);
    }

    #[test]
    fn the_changelog_has_exactly_one_unreleased_section() {
        let count = |text: &str| one_unreleased_section(&file("CHANGELOG.md", text)).len();
        assert_eq!(count("# Changelog\n\n## Unreleased\n"), 0);
        assert_eq!(count("# Changelog\n"), 1);
        assert_eq!(count("## Unreleased\n## Unreleased\n"), 1);
    }

    #[test]
    fn a_missing_changelog_is_found() {
        let tree = Tree { files: Vec::new(), paths: ["README.md".to_owned()].into() };
        assert_eq!(changelog_exists(&tree).len(), 1);
    }
}
