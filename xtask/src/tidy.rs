//! The rules for files that no compiler and no lint knows.

mod files;
mod links;
mod rust;

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail};

use crate::{process, workspace};

/// One text file of the repository; the path is relative to its root.
#[derive(Debug)]
struct File {
    path: String,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, end)| end == extension)
    }

    /// The lines with their numbers, counted from 1 as editors do.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split_terminator('\n').enumerate().map(|(index, line)| (index + 1, line))
    }

    fn problem(&self, line: usize, message: impl Into<String>) -> Problem {
        Problem { path: self.path.clone(), line, message: message.into() }
    }
}

/// Everything under version control, or about to be.
#[derive(Debug)]
struct Tree {
    files: Vec<File>,
    /// Every path, those of binary files too.
    paths: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// The rules that look at one file.
const FILE_RULES: &[fn(&File) -> Vec<Problem>] = &[
    rust::opens_with_a_description,
    rust::no_mod_rs,
    rust::nothing_forbidden,
    rust::no_sleep_in_tests,
    rust::not_too_long,
    rust::one_test_binary,
    files::clean_text,
    files::no_machine_paths,
    files::lints_of_the_workspace,
    files::one_unreleased_section,
];

/// The rules that look at all of them.
const TREE_RULES: &[fn(&Tree) -> Vec<Problem>] =
    &[links::relative_links_exist, files::changelog_exists, rust::sleep_exceptions_are_used];

pub(crate) fn run() -> Result<()> {
    let tree = load()?;
    let problems = check(&tree);
    if problems.is_empty() {
        println!("{} files are tidy", tree.paths.len());
        return Ok(());
    }
    for problem in &problems {
        println!("{problem}");
    }
    bail!("{} problems", problems.len())
}

fn check(tree: &Tree) -> BTreeSet<Problem> {
    let each_file = FILE_RULES.iter().flat_map(|rule| tree.files.iter().flat_map(rule));
    each_file.chain(TREE_RULES.iter().flat_map(|rule| rule(tree))).collect()
}

/// Asks git, because it knows what is ignored.
fn load() -> Result<Tree> {
    let list = process::capture(process::program_at_root(
        "git",
        &["ls-files", "--cached", "--others", "--exclude-standard", "-z"],
    ))?;
    let mut tree = Tree { files: Vec::new(), paths: BTreeSet::new() };
    for path in list.split_terminator('\0') {
        let full = workspace::root().join(path);
        // A file that was deleted and not yet committed is still listed.
        if !full.is_file() {
            continue;
        }
        let bytes = std::fs::read(&full).with_context(|| format!("reading {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            tree.files.push(File { path: path.to_owned(), text });
        }
        tree.paths.insert(path.to_owned());
    }
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let problems: Vec<String> = check(&load().unwrap()).iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }

    #[test]
    fn a_problem_is_shown_with_its_place() {
        let file = File { path: "a/b.rs".into(), text: "x\n".into() };
        assert_eq!(file.problem(3, "no").to_string(), "a/b.rs:3: no");
    }
}
