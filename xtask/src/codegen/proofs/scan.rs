//! Finds the tests that name a security requirement: `s05_…` in their name, or `S05` in their doc comment.
//!
//! It reads lines as rustfmt leaves them, not Rust. A function of a conformance suite counts as a test, because a macro
//! makes tests of it.

use std::collections::BTreeSet;

/// One test and one requirement it names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) id: String,
    pub(super) test: String,
}

/// What stands directly above the next function.
#[derive(Default)]
struct Above {
    ids: BTreeSet<String>,
    is_test: bool,
}

pub(super) fn proofs(path: &str, text: &str) -> Vec<Proof> {
    let mut modules = Modules::default();
    let mut above = Above::default();
    let mut found = Vec::new();
    for line in text.lines() {
        modules.see(line);
        let code = line.trim();
        if let Some(doc) = code.strip_prefix("///") {
            above.ids.extend(ids_in_prose(doc));
        } else if code.starts_with('#') {
            above.is_test |= is_test_attribute(code);
        } else if let Some(name) = function_name(code) {
            if above.is_test || path.contains("conformance") {
                above.ids.extend(ids_in_name(name));
                let full_name = format!("{}::{name}", modules.path_from(path));
                found.extend(above.ids.iter().map(|id| Proof { id: id.clone(), test: full_name.clone() }));
            }
            above = Above::default();
        } else if !code.starts_with("//") {
            above = Above::default();
        }
    }
    found
}

/// The modules that are open at a line, by the indentation rustfmt gives their braces.
#[derive(Default)]
struct Modules {
    open: Vec<(usize, String)>,
}

impl Modules {
    fn see(&mut self, line: &str) {
        let indent = line.len() - line.trim_start().len();
        let code = line.trim();
        if code == "}" && self.open.last().is_some_and(|(depth, _)| *depth == indent) {
            self.open.pop();
        }
        let words: Vec<&str> = code.split_whitespace().collect();
        if let ["mod", name, "{"] | [_, "mod", name, "{"] = words.as_slice() {
            self.open.push((indent, (*name).to_owned()));
        }
    }

    /// `crates/a-b/src/c/d.rs` is `a-b::c::d`, `crates/a-b/tests/it/c.rs` is `a-b::it::c`.
    fn path_from(&self, path: &str) -> String {
        let file = path.strip_prefix("crates/").unwrap_or(path);
        let parts = file.strip_suffix(".rs").unwrap_or(file).split('/');
        let parts = parts.filter(|part| !matches!(*part, "src" | "tests" | "lib" | "main"));
        let open = self.open.iter().map(|(_, name)| name.as_str());
        parts.chain(open).collect::<Vec<_>>().join("::")
    }
}

fn is_test_attribute(code: &str) -> bool {
    let name = code.trim_start_matches("#[");
    let name = name.split(['(', ']']).next().unwrap_or_default();
    name == "test" || name.ends_with("::test")
}

/// The name of the function that a line begins to define.
fn function_name(code: &str) -> Option<&str> {
    let (before, after) =
        code.strip_prefix("fn ").map(|after| ("", after)).or_else(|| code.split_once(" fn "))?;
    let is_modifier = |word: &str| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub");
    if !before.split_whitespace().all(is_modifier) {
        return None;
    }
    after.split(['(', '<']).next().filter(|name| !name.is_empty())
}

/// `s05_s06_what_holds` names S05 and S06.
fn ids_in_name(name: &str) -> impl Iterator<Item = String> {
    name.split('_').filter(|part| is_id(part, 's')).map(str::to_uppercase)
}

fn ids_in_prose(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| is_id(word, 'S')).map(str::to_owned)
}

fn is_id(word: &str, letter: char) -> bool {
    word.strip_prefix(letter).is_some_and(|n| n.len() == 2 && n.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<(String, String)> {
        proofs(path, text).into_iter().map(|proof| (proof.id, proof.test)).collect()
    }

    fn pair(id: &str, test: &str) -> (String, String) {
        (id.to_owned(), test.to_owned())
    }

    #[test]
    fn a_name_and_a_doc_comment_both_count() {
        let text = "#[test]\nfn s05_answers_are_alike() {\n}\n\n/// Any string is a query (S31), bound (S32).\n\
                    #[tokio::test(flavor = \"current_thread\")]\nasync fn operators_are_words() {\n}\n";
        let expected = [
            pair("S05", "agentstack-engine::it::memory::s05_answers_are_alike"),
            pair("S31", "agentstack-engine::it::memory::operators_are_words"),
            pair("S32", "agentstack-engine::it::memory::operators_are_words"),
        ];
        assert_eq!(found("crates/agentstack-engine/tests/it/memory.rs", text), expected);
    }

    #[test]
    fn the_path_follows_the_modules() {
        let text = "mod outer {\n    fn x() {\n    }\n    mod inner {\n        #[test]\n        fn s01_a() {}\n    }\n\
                    \x20   #[test]\n    fn s02_b() {}\n}\n#[test]\nfn s03_c() {}\n";
        let expected = [
            pair("S01", "agentstack-core::ids::outer::inner::s01_a"),
            pair("S02", "agentstack-core::ids::outer::s02_b"),
            pair("S03", "agentstack-core::ids::s03_c"),
        ];
        assert_eq!(found("crates/agentstack-core/src/ids.rs", text), expected);
        assert_eq!(
            found("crates/agentstack-core/src/lib.rs", "#[test]\nfn s03_c() {}\n"),
            [pair("S03", "agentstack-core::s03_c")]
        );
    }

    #[test]
    fn a_function_that_is_no_test_does_not_count() {
        let text = "/// Keeps S05.\nfn helper() {}\nfn s05_helper() {}\n// S31 in a comment\nlet x = 1;\n";
        assert_eq!(found("crates/agentstack-core/src/ids.rs", text), []);
    }

    #[test]
    fn a_comment_between_does_not_part_a_test_from_its_words_but_code_does() {
        let text = "/// (S08)\n// why\n#[test]\nfn a() {}\n/// (S09)\nstruct B;\n#[test]\nfn b() {}\n";
        assert_eq!(found("crates/a/src/x.rs", text), [pair("S08", "a::x::a")]);
    }

    #[test]
    fn a_conformance_suite_counts_without_the_attribute() {
        let text = "/// (S16)\npub async fn quarantined_is_not_read<S: Store>(store: &S) {\n}\n";
        let expected = [pair("S16", "agentstack-storage::conformance::memory::quarantined_is_not_read")];
        assert_eq!(found("crates/agentstack-storage/src/conformance/memory.rs", text), expected);
    }

    #[test]
    fn only_two_digits_make_an_id() {
        let text = "/// S256, S3, FS31 and S31st.\n#[test]\nfn s3_and_s256_and_s() {}\n";
        assert_eq!(found("crates/a/src/x.rs", text), []);
    }
}
