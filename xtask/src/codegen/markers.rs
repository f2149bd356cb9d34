//! The marked part of a document that belongs to a generator; all else belongs to people.

use anyhow::{Result, bail};

const END: &str = "<!-- /generated -->";

/// Puts `body` between `<!-- generated: NAME -->` and the end marker that follows it.
pub(super) fn fill(path: &str, text: &str, name: &str, body: &str) -> Result<String> {
    let begin = format!("<!-- generated: {name} -->");
    let Some((before, rest)) = text.split_once(&begin) else {
        bail!("{path}: the marker `{begin}` is missing");
    };
    let Some((_, after)) = rest.split_once(END) else {
        bail!("{path}: the marker `{END}` is missing after `{begin}`");
    };
    if rest.contains(&begin) {
        bail!("{path}: the marker `{begin}` stands there more than once");
    }
    Ok(format!("{before}{begin}\n\n{}\n\n{END}{after}", body.trim_matches('\n')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_part_changes() {
        let text = "# a\n<!-- generated: x -->\nold\n<!-- /generated -->\nb\n<!-- generated: y -->\n<!-- /generated -->\n";
        let filled = fill("a.md", text, "x", "new\n").unwrap();
        let expected = "# a\n<!-- generated: x -->\n\nnew\n\n<!-- /generated -->\nb\n<!-- generated: y -->\n<!-- /generated -->\n";
        assert_eq!(filled, expected);
        assert_eq!(fill("a.md", &filled, "x", "new").unwrap(), filled, "a second run changes nothing");
    }

    #[test]
    fn a_missing_or_doubled_marker_is_named_with_its_file() {
        let message = |text: &str| fill("docs/a.md", text, "x", "new").unwrap_err().to_string();
        assert_eq!(message("# a\n"), "docs/a.md: the marker `<!-- generated: x -->` is missing");
        assert!(message("<!-- generated: x -->\n").contains("docs/a.md: the marker `<!-- /generated -->`"));
        assert!(
            message("<!-- generated: x --><!-- generated: x --><!-- /generated -->")
                .contains("more than once")
        );
    }
}
