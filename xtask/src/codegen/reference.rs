//! `docs/reference/`: what agentstack-api says about its operations. Nothing in that folder is written by hand. And what
//! of it is the source of a crate.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::codegen::Wanted;
use crate::process::{self, program_at_root};
use crate::{test, workspace};

const FOLDER: &str = "docs/reference";
/// What is no document: its name, and where it belongs.
const DECISIONS: (&str, &str) =
    ("builtin.decisions", "crates/agentstack-access/src/policy/builtin.decisions");

pub(super) type Files = BTreeMap<String, Vec<u8>>;

pub(super) fn wanted() -> Result<Vec<Wanted>> {
    let output = workspace::metadata()?.target_directory.join("codegen").join("reference");
    if output.exists() {
        std::fs::remove_dir_all(&output).with_context(|| format!("emptying {}", output.display()))?;
    }
    std::fs::create_dir_all(&output).with_context(|| format!("making {}", output.display()))?;
    let mut command = program_at_root(test::example("documents")?, &[]);
    command.arg(&output);
    process::run(command)?;
    let mut fresh = files(&output)?;
    let decisions = fresh.remove(DECISIONS.0).context("the example `documents` wrote no decisions")?;
    if fresh.is_empty() {
        bail!("the example `documents` of agentstack-api wrote nothing");
    }
    let mut wanted = whole_folder(FOLDER, fresh)?;
    wanted.push(Wanted { path: DECISIONS.1.to_owned(), content: Some(decisions) });
    Ok(wanted)
}

/// A folder of the repository that holds these files and no others.
pub(super) fn whole_folder(folder: &str, fresh: Files) -> Result<Vec<Wanted>> {
    let path = workspace::root().join(folder);
    let present = if path.is_dir() { files(&path)? } else { Files::new() };
    Ok(merge(folder, fresh, present))
}

/// Everything fresh, and the removal of what has no source any more.
fn merge(folder: &str, fresh: Files, present: Files) -> Vec<Wanted> {
    let gone = present.into_keys().filter(|name| !fresh.contains_key(name)).map(|name| (name, None));
    let gone: Vec<(String, Option<Vec<u8>>)> = gone.collect();
    let fresh = fresh.into_iter().map(|(name, content)| (name, Some(content)));
    fresh.chain(gone).map(|(name, content)| Wanted { path: format!("{folder}/{name}"), content }).collect()
}

/// The files below a folder, by their path within it.
pub(super) fn files(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("listing {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let content = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let name = path.strip_prefix(folder).context("a file outside its folder")?;
            found.insert(name.to_string_lossy().replace('\\', "/"), content);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_source_any_more_is_removed() {
        let files = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), b"x".to_vec())).collect();
        let merged = merge(FOLDER, files(&["a.md", "b.json"]), files(&["b.json", "old.md"]));
        let states: Vec<(&str, bool)> =
            merged.iter().map(|w| (w.path.as_str(), w.content.is_some())).collect();
        let expected = [
            ("docs/reference/a.md", true),
            ("docs/reference/b.json", true),
            ("docs/reference/old.md", false),
        ];
        assert_eq!(states, expected);
    }
}
