//! The rules for Rust files: layout, what never stands in them, and tests that wait for events instead of time.

use crate::tidy::{File, Problem, Tree};

/// Longest file in a crate's `src`, in lines.
const MAX_LINES: usize = 500;

/// These files spell out what they forbid.
const RULES_THEMSELVES: &str = "xtask/src/tidy";

/// What never stands in a Rust file, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("#[allow(", "use #[expect(…, reason = \"…\")], which fails once it is not needed"),
    ("#![allow(", "use #![expect(…, reason = \"…\")], which fails once it is not needed"),
    ("#[ignore", "a test that is not run proves nothing; make it run or delete it"),
    ("should_panic", "assert on the error instead; it cannot tell one panic from another"),
    ("todo!", "finish it or return an error"),
];

/// Test files that may sleep, each with the reason.
const MAY_SLEEP: &[(&str, &str)] = &[];

pub(super) fn opens_with_a_description(file: &File) -> Vec<Problem> {
    if !file.is_rust() || file.text.starts_with("//!") {
        return Vec::new();
    }
    vec![file.problem(1, "open the file with a `//!` line that says what it is")]
}

pub(super) fn no_mod_rs(file: &File) -> Vec<Problem> {
    if file.path.rsplit('/').next() != Some("mod.rs") {
        return Vec::new();
    }
    vec![file.problem(1, "name the file after its module: `foo.rs` beside `foo/`, not `foo/mod.rs`")]
}

pub(super) fn nothing_forbidden(file: &File) -> Vec<Problem> {
    if !file.is_rust() || file.path.starts_with(RULES_THEMSELVES) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        for (pattern, instead) in FORBIDDEN.iter().filter(|(pattern, _)| line.contains(pattern)) {
            found.push(file.problem(number, format!("`{pattern}`: {instead}")));
        }
    }
    found
}

pub(super) fn no_sleep_in_tests(file: &File) -> Vec<Problem> {
    let exempt = MAY_SLEEP.iter().any(|(path, _)| *path == file.path);
    if !file.is_rust() || exempt || file.path.starts_with(RULES_THEMSELVES) {
        return Vec::new();
    }
    let mut in_tests = is_test_file(&file.path);
    let mut found = Vec::new();
    for (number, line) in file.lines() {
        // By our layout the tests of a module are the last thing in its file.
        in_tests |= line.trim_start().starts_with("#[cfg(test)]");
        if in_tests && sleeps(line) {
            let message = "wait for an event or move the clock; a sleep is slow and still flaky";
            found.push(file.problem(number, message));
        }
    }
    found
}

/// An exception that is no longer needed would hide the next sleep.
pub(super) fn sleep_exceptions_are_used(tree: &Tree) -> Vec<Problem> {
    let sleeping = |path: &str| tree.files.iter().any(|f| f.path == path && f.text.lines().any(sleeps));
    let stale = MAY_SLEEP.iter().filter(|(path, _)| !sleeping(path));
    stale
        .map(|(path, reason)| Problem {
            path: (*path).to_owned(),
            line: 1,
            message: format!("does not sleep; remove its exception ({reason}) from {RULES_THEMSELVES}"),
        })
        .collect()
}

pub(super) fn not_too_long(file: &File) -> Vec<Problem> {
    let in_src = file.path.starts_with("crates/") && file.path.contains("/src/");
    let lines = file.lines().count();
    if !file.is_rust() || !in_src || lines <= MAX_LINES {
        return Vec::new();
    }
    vec![file.problem(MAX_LINES, format!("{lines} lines; split the file, {MAX_LINES} is the most"))]
}

/// Each binary in `tests/` is linked on its own, so a crate has one: `tests/it/main.rs`.
pub(super) fn one_test_binary(file: &File) -> Vec<Problem> {
    // `crates/<name>/tests/…`; a module may be called `tests` too.
    let in_crate = file.path.strip_prefix("crates/").and_then(|path| path.split_once('/'));
    let Some(inside) = in_crate.and_then(|(_, path)| path.strip_prefix("tests/")) else {
        return Vec::new();
    };
    let is_binary = match inside.split_once('/') {
        None => file.is_rust(),
        Some((folder, name)) => folder != "it" && name == "main.rs",
    };
    if !is_binary {
        return Vec::new();
    }
    vec![file.problem(1, "a second test binary; make it a module of `tests/it/main.rs`")]
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn sleeps(line: &str) -> bool {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("sleep") {
        let is_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let is_import = before.ends_with("thread::") || before.ends_with("time::");
        let ends = !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if (is_word && after.starts_with('(')) || (is_import && ends) {
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
    fn a_rust_file_opens_with_a_description() {
        assert_eq!(opens_with_a_description(&file("build.rs", "//! What.\n")).len(), 0);
        assert_eq!(opens_with_a_description(&file("build.rs", "use a;\n//! What.\n")).len(), 1);
        assert_eq!(opens_with_a_description(&file("a.md", "text\n")).len(), 0);
    }

    #[test]
    fn mod_rs_is_refused() {
        assert_eq!(no_mod_rs(&file("crates/a/src/b/mod.rs", "")).len(), 1);
        assert_eq!(no_mod_rs(&file("crates/a/src/b/some_mod.rs", "")).len(), 0);
    }

    #[test]
    fn each_forbidden_pattern_is_found_with_its_line() {
        for (pattern, _) in FORBIDDEN {
            let found = nothing_forbidden(&file("crates/a/src/b.rs", &format!("//! x\n{pattern}\n")));
            assert_eq!(found.len(), 1, "{pattern}");
            assert_eq!(found[0].line, 2);
        }
        assert!(nothing_forbidden(&file("crates/a/src/b.rs", "#[expect(x, reason = \"y\")]\n")).is_empty());
    }

    #[test]
    fn sleeping_is_found_in_tests_only() {
        let call = "tokio::time::sleep(delay).await;\n";
        assert_eq!(no_sleep_in_tests(&file("crates/a/tests/it/b.rs", call)).len(), 1);
        assert_eq!(no_sleep_in_tests(&file("crates/a/src/b.rs", call)).len(), 0);
        let later = format!("{call}#[cfg(test)]\nmod tests {{\n{call}}}\n");
        let found = no_sleep_in_tests(&file("crates/a/src/b.rs", &later));
        assert_eq!(found.iter().map(|problem| problem.line).collect::<Vec<_>>(), [4]);
    }

    #[test]
    fn a_sleep_is_told_from_its_relatives() {
        for line in ["std::thread::sleep(d)", "use std::thread::sleep;", "sleep(d).await", "time::sleep(d)"] {
            assert!(sleeps(line), "{line}");
        }
        for line in ["sleep_until(d)", "// sleeps (a lot)", "a_sleep(d)", "\"sleep 10\"", "clock.advance(d)"]
        {
            assert!(!sleeps(line), "{line}");
        }
    }

    #[test]
    fn a_long_file_is_found_in_src_only() {
        let (fits, long) = ("x\n".repeat(MAX_LINES), "x\n".repeat(MAX_LINES + 1));
        assert_eq!(not_too_long(&file("crates/a/src/b.rs", &fits)).len(), 0);
        assert_eq!(not_too_long(&file("crates/a/src/b.rs", &long)).len(), 1);
        assert_eq!(not_too_long(&file("crates/a/tests/it/b.rs", &long)).len(), 0);
    }

    #[test]
    fn a_second_test_binary_is_found() {
        let count = |path: &str| one_test_binary(&file(path, "")).len();
        assert_eq!(count("crates/a/tests/it/main.rs"), 0);
        assert_eq!(count("crates/a/tests/it/memory.rs"), 0);
        assert_eq!(count("crates/a/tests/compile_fail/case.rs"), 0);
        assert_eq!(count("crates/a/tests/clients/python/suite.py"), 0);
        assert_eq!(count("crates/a/tests/memory.rs"), 1);
        assert_eq!(count("crates/a/tests/other/main.rs"), 1);
    }
}
