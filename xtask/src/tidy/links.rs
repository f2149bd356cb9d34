//! Relative links in Markdown files lead to files of the repository.

use crate::tidy::{File, Problem, Tree};

pub(super) fn relative_links_exist(tree: &Tree) -> Vec<Problem> {
    let documents = tree.files.iter().filter(|file| file.has_extension("md"));
    documents.flat_map(|file| broken(tree, file)).collect()
}

fn broken(tree: &Tree, file: &File) -> Vec<Problem> {
    let mut in_block = false;
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let targets = if in_block { Vec::new() } else { targets(line) };
        for target in targets.into_iter().filter(|target| is_relative(target)) {
            if !leads_somewhere(tree, &file.path, target) {
                found.push(file.problem(number, format!("the link `{target}` leads nowhere")));
            }
        }
    }
    found
}

/// The targets of `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let prose = line.split('`').step_by(2);
    let inline = prose.flat_map(|text| text.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
    let mut found: Vec<&str> = inline.map(|(target, _)| target).collect();
    if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
        found.push(target);
    }
    found.into_iter().filter_map(|target| target.split_whitespace().next()).collect()
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

fn leads_somewhere(tree: &Tree, document: &str, target: &str) -> bool {
    let path = target.split_once('#').map_or(target, |(path, _)| path);
    let Some(path) = resolve(document, path.trim_matches(['<', '>'])) else { return false };
    let folder = format!("{path}/");
    path.is_empty() || tree.paths.contains(&path) || tree.paths.iter().any(|known| known.starts_with(&folder))
}

/// The target as a path from the root; `None` if it leaves the repository.
fn resolve(document: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<usize> {
        let file = File { path: "docs/a.md".into(), text: text.into() };
        let paths = ["README.md", "docs/a.md", "docs/adr/0001-x.md"].map(str::to_owned).into();
        let tree = Tree { files: vec![file], paths };
        relative_links_exist(&tree).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn links_to_files_folders_anchors_and_other_sites_are_fine() {
        let text = "[a](../README.md) [b](adr) [c](./adr/0001-x.md#top \"title\") [d](#here)\n\
                    [e](https://example.com/x) [f](mailto:a@example.com)\n[g]: ../README.md\n";
        assert!(problems(text).is_empty());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        assert_eq!(problems("x\n[a](missing.md)\n"), [2]);
        assert_eq!(problems("[a](../README.md) and [b](../docs/b.md)\n"), [1]);
        assert_eq!(problems("[a](../../elsewhere.md)\n"), [1]);
        assert_eq!(problems("[g]: nothing.md\n"), [1]);
    }

    #[test]
    fn code_holds_no_links() {
        assert!(problems("```\n[a](missing.md)\n```\n`x[0](y)`\n").is_empty());
    }
}
