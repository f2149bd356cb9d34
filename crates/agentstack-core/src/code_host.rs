//! What a host of code calls its things: repositories, branches, labels, logins, under GitHub's own rules.
//!
//! Sources: GitHub's REST API documentation (issues, pulls), the limits that its API answers with, and
//! git-check-ref-format(1) for branches.

use std::fmt;
use std::str::FromStr;

use crate::agent::words;
use crate::name::bounded;
use crate::{InvalidName, limits};

words! {
    /// Which issues are listed.
    IssueFilter, "must be one of open, closed, all" {
        /// Those that are open.
        Open = "open",
        /// Those that are closed.
        Closed = "closed",
        /// Both.
        All = "all",
    }

    /// Which pull requests are listed.
    PullRequestFilter, "must be one of open, closed, merged, all" {
        /// Those that are open.
        Open = "open",
        /// Those that were closed without being merged.
        Closed = "closed",
        /// Those that were merged.
        Merged = "merged",
        /// All.
        All = "all",
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $fits:path, $rule:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text, as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                if $fits(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName($rule)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A user or an organization: 1 to 39 of letters, digits, `-` and `_`, the first a letter or a digit. Case does not
    /// count to the host.
    Login, is_login, "must be 1 to 39 of letters, digits, `-` and `_`, starting with a letter or a digit";
    /// The name of a repository: 1 to 100 of letters, digits, `.`, `_` and `-`. One that starts with `-`, which the host
    /// would take, is refused, and so are `.` and `..`.
    RepositoryName, is_repository_name,
        "must be 1 to 100 of letters, digits, `.`, `_` and `-`, not starting with `-`, and not `.` or `..`";
    /// A branch by its name: 1 to 244 characters in parts between `/`, each of words with one `.` between them, and none of
    /// what git does not permit. Git permits a little more, and the host a little less.
    BranchName, is_branch, BRANCH_RULE;
}

fn is_login(text: &str) -> bool {
    text.len() <= limits::LOGIN_CHARS
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_repository_name(text: &str) -> bool {
    (1..=limits::REPOSITORY_NAME_CHARS).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && !text.starts_with('-')
        && !matches!(text, "." | "..")
}

const BRANCH_RULE: &str =
    "must be 1 to 244 characters that git permits in the name of a branch, not starting with `-`";

/// Within the rules of git-check-ref-format(1). Regular, so that a schema can say all of it.
fn is_branch(text: &str) -> bool {
    let is_permitted =
        |c: char| !c.is_control() && !matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\' | '{');
    bounded(text, limits::BRANCH_CHARS, BRANCH_RULE).is_ok()
        && text.chars().all(is_permitted)
        && text.split(['/', '.']).all(|word| !word.is_empty())
        && !text.starts_with('-')
}

/// A repository: `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Repository {
    /// Whose it is.
    pub owner: Login,
    /// Its name.
    pub name: RepositoryName,
}

impl FromStr for Repository {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (owner, name) =
            text.split_once('/').ok_or(InvalidName("must be an owner, `/` and the name of a repository"))?;
        Ok(Self { owner: owner.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The branch that a pull request wants to have merged, in the repository itself or in a fork of it: at most 244
/// characters with the owner of the fork.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HeadBranch {
    /// Whose fork it is in.
    pub fork: Option<Login>,
    /// The branch.
    pub branch: BranchName,
}

impl FromStr for HeadBranch {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        bounded(text, limits::BRANCH_CHARS, BRANCH_RULE)?;
        match text.split_once(':') {
            Some((fork, branch)) => Ok(Self { fork: Some(fork.parse()?), branch: branch.parse()? }),
            None => Ok(Self { fork: None, branch: text.parse()? }),
        }
    }
}

impl fmt::Display for HeadBranch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fork {
            Some(fork) => write!(f, "{fork}:{}", self.branch),
            None => fmt::Display::fmt(&self.branch, f),
        }
    }
}

/// The number of an issue or a pull request in its repository: 1 to 2,147,483,647.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IssueNumber(u32);

impl IssueNumber {
    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for IssueNumber {
    type Error = InvalidName;

    fn try_from(number: u32) -> Result<Self, InvalidName> {
        if (1..=limits::ISSUE_NUMBER_MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidName("must be 1 to 2,147,483,647"))
        }
    }
}

impl fmt::Display for IssueNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident, $most:expr, $fits:path, $rule:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text, as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                bounded(&text, $most, $rule)?;
                if $fits(&text) { Ok(Self(text)) } else { Err(InvalidName($rule)) }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // They are content: they stay out of logs and panics (S40, S43).
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    )*};
}

texts! {
    /// The title of an issue or a pull request: one line of 1 to 256 characters.
    IssueTitle, limits::ISSUE_TITLE_CHARS, is_line, "must be one line of 1 to 256 characters, not only white space";
    /// What an issue or a pull request says: any 1 to 65,536 characters but the null character.
    IssueBody, limits::ISSUE_BODY_CHARS, has_no_null, "must be 1 to 65,536 characters, none the null character";
    /// A label: one line of 1 to 50 characters.
    IssueLabel, limits::ISSUE_LABEL_CHARS, is_line, "must be one line of 1 to 50 characters, not only white space";
}

fn is_line(text: &str) -> bool {
    !text.contains(char::is_control) && !text.trim().is_empty()
}

fn has_no_null(text: &str) -> bool {
    !text.contains('\0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_that_the_host_takes() {
        for (text, good) in [
            ("octo-org", true),
            ("a", true),
            ("9", true),
            ("mona_acme", true),
            ("", false),
            ("-a", false),
            ("_a", false),
            ("a.b", false),
            ("a/b", false),
            ("ä", false),
            ("a\n", false),
            ("dependabot[bot]", false),
        ] {
            assert_eq!(text.parse::<Login>().is_ok(), good, "{text:?}");
        }
        assert!("a".repeat(39).parse::<Login>().is_ok() && "a".repeat(40).parse::<Login>().is_err());
        for (text, good) in [
            (".github", true),
            ("a.b_c-d", true),
            ("...", true),
            ("", false),
            (".", false),
            ("..", false),
            ("..a", true),
            ("-x", false),
            ("a/b", false),
            ("a b", false),
            ("a%2e", false),
            ("a\0", false),
        ] {
            assert_eq!(text.parse::<RepositoryName>().is_ok(), good, "{text:?}");
        }
        assert!("a".repeat(100).parse::<RepositoryName>().is_ok());
        assert!("a".repeat(101).parse::<RepositoryName>().is_err());
        for (text, good) in [("o/r", true), ("o/r/x", false), ("o", false), ("/r", false), ("o/", false)] {
            assert_eq!(text.parse::<Repository>().is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn branches_are_those_that_git_takes() {
        for good in ["main", "feature/x", "a.b", "x@y", "ä", "a-", "release/1.0", "@a", "a/-b", "a#1"] {
            assert_eq!(good.parse::<BranchName>().map(|branch| branch.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "", "-x", "/x", "x/", "a//b", ".a", "a/.b", "a./b", "a..b", "a b", "a~1", "a^", "a:b", "a?",
            "a*", "a[", "a\\b", "a\n", "a\u{7f}", "a\u{85}", "a.", "a@{1}",
        ] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!(
            "ä".repeat(244).parse::<BranchName>().is_ok() && "ä".repeat(245).parse::<BranchName>().is_err()
        );
        let long = format!("mona:{}", "a".repeat(239));
        assert!(long.parse::<HeadBranch>().is_ok() && format!("{long}a").parse::<HeadBranch>().is_err());
        let head: HeadBranch = "octocat:feature/x".parse().unwrap();
        assert_eq!((head.fork.is_some(), head.to_string().as_str()), (true, "octocat:feature/x"));
        assert!("main".parse::<HeadBranch>().unwrap().fork.is_none());
        for bad in [":x", "a:", "a:b:c", "-a:b", "a:-b"] {
            assert!(bad.parse::<HeadBranch>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn texts_have_their_lengths_and_titles_are_one_line() {
        let title = |text: &str| IssueTitle::try_from(text.to_owned());
        let body = |text: &str| IssueBody::try_from(text.to_owned());
        let label = |text: &str| IssueLabel::try_from(text.to_owned());
        assert!(title(&"ä".repeat(256)).is_ok() && title(&"ä".repeat(257)).is_err());
        assert!(body(&"ä".repeat(65_536)).is_ok() && body(&"ä".repeat(65_537)).is_err());
        assert!(label(&"ä".repeat(50)).is_ok() && label(&"ä".repeat(51)).is_err());
        for bad in ["", " ", "a\nb", "a\0", "a\u{1b}[31m"] {
            assert!(title(bad).is_err() && label(bad).is_err(), "{bad:?}");
        }
        assert!(body("a\nb\u{1b}[31m").is_ok() && body("").is_err() && body("a\0").is_err());
        assert!(title("-rf").is_ok() && label("-x").is_ok(), "they never stand among arguments");
    }

    #[test]
    fn numbers_are_those_of_the_host() {
        for (number, good) in [(0, false), (1, true), (i32::MAX as u32, true), (i32::MAX as u32 + 1, false)] {
            assert_eq!(IssueNumber::try_from(number).is_ok(), good, "{number}");
        }
    }

    proptest! {
        // What may stand in a path or among arguments has no way out of its place.
        #[test]
        fn s47_a_name_cannot_leave_its_place(text in any::<String>(), odd in "[-@./:?#%&=\\\\ a-z]{0,12}") {
            for text in [&text, &odd] {
                for name in [
                    text.parse::<Login>().map(|name| name.to_string()),
                    text.parse::<RepositoryName>().map(|name| name.to_string()),
                ].into_iter().flatten() {
                    prop_assert!(!name.starts_with('-') && name != "." && name != "..");
                    prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)));
                }
            }
        }
    }
}
