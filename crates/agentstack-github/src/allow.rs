//! The repositories that may be named at all.

use std::str::FromStr;

use agentstack_core::{InvalidName, Login, Repository, RepositoryName};

/// `owner/name`, or `owner/*` for all of an owner's. Case does not count, as it does not to GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPattern {
    owner: Login,
    /// Every one of the owner's, if there is no name.
    name: Option<RepositoryName>,
}

impl FromStr for RepositoryPattern {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let rule = InvalidName("must be an owner, `/` and the name of a repository or `*`");
        let (owner, name) = text.split_once('/').ok_or(rule)?;
        let name = if name == "*" { None } else { Some(name.parse().map_err(|_| rule)?) };
        Ok(Self { owner: owner.parse().map_err(|_| rule)?, name })
    }
}

impl RepositoryPattern {
    fn matches(&self, repository: &Repository) -> bool {
        let name = |name: &RepositoryName| name.as_str().eq_ignore_ascii_case(repository.name.as_str());
        self.owner.as_str().eq_ignore_ascii_case(repository.owner.as_str())
            && self.name.as_ref().is_none_or(name)
    }
}

/// The repositories that may be named. Without any, none may.
#[derive(Debug, Clone, Default)]
pub struct AllowedRepositories(Vec<RepositoryPattern>);

impl AllowedRepositories {
    /// Those that one of the patterns matches.
    #[must_use]
    pub fn new(patterns: Vec<RepositoryPattern>) -> Self {
        Self(patterns)
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn permit(&self, repository: &Repository) -> bool {
        self.0.iter().any(|pattern| pattern.matches(repository))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &[&str]) -> AllowedRepositories {
        AllowedRepositories::new(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
    }

    #[test]
    fn s47_a_repository_is_one_that_the_list_names() {
        let list = allowed(&["octo-org/tools", "mona/*"]);
        for (repository, permitted) in [
            ("octo-org/tools", true),
            ("Octo-Org/TOOLS", true),
            ("octo-org/tools2", false),
            ("octo-org/too", false),
            ("octo-org2/tools", false),
            ("mona/anything", true),
            ("mona2/anything", false),
        ] {
            assert_eq!(list.permit(&repository.parse().unwrap()), permitted, "{repository}");
        }
        assert!(!allowed(&[]).permit(&"octo-org/tools".parse().unwrap()), "an empty list permits none");
    }

    #[test]
    fn s47_a_pattern_is_a_name_or_all_of_one_owner() {
        for bad in ["", "*", "*/*", "*/x", "o", "o/", "o/x*", "o/**", "o/x/y", "/x", "-o/x", "o/-x", "o/.."] {
            assert!(bad.parse::<RepositoryPattern>().is_err(), "{bad}");
        }
    }
}
