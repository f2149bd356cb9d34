//! Markdown files as entries: one for each paragraph, under the headings above it.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// A paragraph and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// File, heading and number: unique in its folder.
    pub(crate) key: String,
    /// The headings above, and the paragraph.
    pub(crate) content: String,
}

/// The sections of all Markdown files of a folder, in the order of their names.
pub(crate) fn read_folder(folder: &Path) -> anyhow::Result<Vec<Section>> {
    let mut files = vec![];
    collect(folder, &mut files).with_context(|| format!("reading {}", folder.display()))?;
    files.sort();
    let mut sections = vec![];
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        sections.extend(split(&name, &text));
    }
    Ok(sections)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    Ok(())
}

/// The sections of one text.
pub(crate) fn split(name: &str, text: &str) -> Vec<Section> {
    let mut sections = vec![];
    let mut headings: Vec<(usize, String)> = vec![];
    let mut paragraph = String::new();
    let mut code = false;
    for line in text.lines().chain([""]) {
        if line.starts_with("```") {
            code = !code;
        }
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading =
            !code && (1..=6).contains(&level) && line.get(level..).is_some_and(|l| l.starts_with(' '));
        if is_heading || (line.trim().is_empty() && !code) {
            push(&mut sections, name, &headings, &mut paragraph);
        } else {
            paragraph.push_str(line);
            paragraph.push('\n');
        }
        if is_heading {
            headings.retain(|(above, _)| *above < level);
            headings.push((level, line.get(level..).unwrap_or_default().trim().to_owned()));
        }
    }
    push(&mut sections, name, &headings, &mut paragraph);
    sections
}

fn push(sections: &mut Vec<Section>, name: &str, headings: &[(usize, String)], paragraph: &mut String) {
    let text = std::mem::take(paragraph);
    let text = text.trim();
    if text.is_empty() || text.starts_with("<!--") {
        return;
    }
    let titles: Vec<&str> = headings.iter().map(|(_, title)| title.as_str()).collect();
    let last: String = titles.last().unwrap_or(&"").chars().take(120).collect();
    let key = format!("{name}#{last}/{}", sections.len() + 1);
    let content =
        if titles.is_empty() { text.to_owned() } else { format!("{}\n\n{text}", titles.join(" › ")) };
    sections.push(Section { key, content });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_paragraph_stands_under_its_headings() {
        let text = "# A\nfirst\n\n## B\nsecond\n\n```sh\n# no heading\n\nstill code\n```\n\n# C\nthird";
        let sections = split("x.md", text);
        let keys: Vec<&str> = sections.iter().map(|section| section.key.as_str()).collect();
        assert_eq!(keys, ["x.md#A/1", "x.md#B/2", "x.md#B/3", "x.md#C/4"]);
        assert_eq!(sections[1].content, "A › B\n\nsecond");
        assert!(sections[2].content.contains("# no heading\n\nstill code"));
        assert_eq!(sections[3].content, "C\n\nthird");
    }
}
