//! The table in docs/security.md: each security requirement with the tests that show it.

mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::codegen::{Wanted, markers};
use crate::workspace;

const REQUIREMENTS: &str = "docs/security-requirements.toml";
const DOCUMENT: &str = "docs/security.md";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirements {
    requirement: Vec<Requirement>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    text: String,
}

/// From a requirement's id to the names of its tests.
type Proofs = BTreeMap<String, BTreeSet<String>>;

pub(super) fn wanted() -> Result<Vec<Wanted>> {
    let requirements = parse(&workspace::read(REQUIREMENTS)?)?;
    let mut proofs = Proofs::new();
    for path in rust_files(&workspace::root().join("crates"))? {
        let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let relative = path.strip_prefix(workspace::root())?.to_string_lossy().replace('\\', "/");
        for proof in scan::proofs(&relative, &text) {
            proofs.entry(proof.id).or_default().insert(proof.test);
        }
    }
    let body = table(&requirements, &proofs)?;
    let text = markers::fill(DOCUMENT, &workspace::read(DOCUMENT)?, "proofs", &body)?;
    Ok(vec![Wanted::text(DOCUMENT, text)])
}

fn parse(text: &str) -> Result<Vec<Requirement>> {
    let file: Requirements = toml::from_str(text).with_context(|| format!("reading {REQUIREMENTS}"))?;
    let mut seen = BTreeSet::new();
    for requirement in &file.requirement {
        if !seen.insert(&requirement.id) {
            bail!("{REQUIREMENTS}: {} stands there twice", requirement.id);
        }
    }
    Ok(file.requirement)
}

fn table(requirements: &[Requirement], proofs: &Proofs) -> Result<String> {
    let known: BTreeSet<&str> = requirements.iter().map(|requirement| requirement.id.as_str()).collect();
    if let Some((id, tests)) = proofs.iter().find(|(id, _)| !known.contains(id.as_str())) {
        let tests: Vec<&str> = tests.iter().map(String::as_str).collect();
        bail!("{id} is not in {REQUIREMENTS}, but these tests name it: {}", tests.join(", "));
    }
    let mut lines = vec!["| id | what must hold | tests |".to_owned(), "|---|---|---|".to_owned()];
    for Requirement { id, text } in requirements {
        let tests = proofs.get(id).map_or_else(|| "–".to_owned(), cell);
        lines.push(format!("| {id} | {text} | {tests} |"));
    }
    Ok(lines.join("\n"))
}

fn cell(tests: &BTreeSet<String>) -> String {
    let names: Vec<String> = tests.iter().map(|name| format!("`{name}`")).collect();
    names.join("<br>")
}

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("listing {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements() -> Vec<Requirement> {
        let text =
            "[[requirement]]\nid = \"S01\"\ntext = \"one\"\n[[requirement]]\nid = \"S02\"\ntext = \"two\"\n";
        parse(text).unwrap()
    }

    #[test]
    fn each_requirement_has_a_row_and_one_without_a_test_shows_it() {
        let tests = ["a::b::s02_x", "a::c"].map(str::to_owned).into();
        let table = table(&requirements(), &Proofs::from([("S02".to_owned(), tests)])).unwrap();
        assert!(table.contains("\n| S01 | one | – |\n| S02 | two | `a::b::s02_x`<br>`a::c` |"), "{table}");
    }

    #[test]
    fn a_test_that_names_an_unknown_requirement_is_refused() {
        let proofs = Proofs::from([("S99".to_owned(), ["a::b".to_owned()].into())]);
        let error = table(&requirements(), &proofs).unwrap_err().to_string();
        assert!(error.contains("S99") && error.contains("a::b"), "{error}");
    }

    #[test]
    fn a_doubled_id_is_refused() {
        let text = "[[requirement]]\nid = \"S01\"\ntext = \"one\"\n".repeat(2);
        assert!(parse(&text).unwrap_err().to_string().contains("S01"));
    }
}
