//! The sections about what is found in contents, and how long what nobody verifies stays.

use std::str::FromStr;

use agentstack_core::limits::UNVERIFIED_DAYS;
use agentstack_core::{Confidence, SharedName};
use agentstack_guard::{Action, Area, Class, Kind, Policy, Rule, Subject};
use serde::{Deserialize, Serialize};

/// How long what is kept stays.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Retention {
    /// Days after which shared entries that nobody has verified expire.
    pub unverified_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { unverified_days: UNVERIFIED_DAYS }
    }
}

/// What is looked for in contents, and what follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Guard {
    /// Whether it is on.
    pub enabled: bool,
    /// What is to follow, before the built-in rules.
    pub rules: Vec<GuardRule>,
}

impl Default for Guard {
    fn default() -> Self {
        Self { enabled: true, rules: vec![] }
    }
}

/// What follows from a finding.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct GuardRule {
    /// Where the rule holds: `sessions`, `shared`, or `shared:` and the name of a namespace.
    #[serde(rename = "in", deserialize_with = "area")]
    pub area: String,
    /// A class or a kind of finding.
    #[serde(deserialize_with = "known::<_, Subject>")]
    pub find: String,
    /// What follows.
    #[serde(deserialize_with = "known::<_, Action>")]
    pub action: String,
    /// From which confidence on; below it, the finding is only flagged.
    #[serde(default)]
    pub from: Option<Confidence>,
}

impl GuardRule {
    /// Every word that `find` may be.
    pub(crate) fn subjects() -> Vec<&'static str> {
        let classes = Class::ALL.iter().map(|class| class.word());
        // `instruction` is both, and means the class.
        let kinds = Kind::ALL.iter().map(|kind| kind.word());
        let mut words: Vec<&str> = classes.chain(kinds).collect();
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// A word that something can be parsed from.
fn known<'de, D: serde::Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<String, D::Error> {
    let word = String::deserialize(deserializer)?;
    T::from_str(&word).map_err(|_| serde::de::Error::custom("not one of the words"))?;
    Ok(word)
}

fn area<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let word = String::deserialize(deserializer)?;
    parse_area(&word).ok_or_else(|| serde::de::Error::custom("not a place"))?;
    Ok(word)
}

fn parse_area(word: &str) -> Option<Area> {
    match word {
        "sessions" => Some(Area::Session),
        "shared" => Some(Area::Shared),
        named => SharedName::from_str(named.strip_prefix("shared:")?).ok().map(Area::Named),
    }
}

impl Guard {
    /// The policy that the section asks for.
    #[must_use]
    pub fn policy(&self) -> Policy {
        if !self.enabled {
            return Policy::off();
        }
        let mut policy = Policy::default();
        for rule in &self.rules {
            // All of them were checked when the configuration was read.
            if let (Some(area), Ok(find), Ok(action)) =
                (parse_area(&rule.area), rule.find.parse(), rule.action.parse())
            {
                let from = rule.from.unwrap_or(Confidence::Medium);
                policy.set(area, find, Rule { action, from });
            }
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use agentstack_core::{Namespace, SessionId};
    use serde_json::json;

    use super::*;

    #[test]
    fn s50_rules_go_before_the_built_in_ones() {
        let guard: Guard = serde_json::from_value(json!({ "rules": [
            { "in": "shared", "find": "pii", "action": "redact" },
            { "in": "shared:customers", "find": "pii-email", "action": "refuse", "from": "high" },
            { "in": "sessions", "find": "secret", "action": "flag" },
        ] }))
        .unwrap();
        let policy = guard.policy();
        let shared = |name: &str| Namespace::Shared(name.parse().unwrap());
        let session = Namespace::Session(SessionId::generate());
        let medium = |action| Rule { action, from: Confidence::Medium };
        assert_eq!(policy.rule(&shared("team"), Kind::PiiEmail), medium(Action::Redact));
        let refuse = Rule { action: Action::Refuse, from: Confidence::High };
        assert_eq!(policy.rule(&shared("customers"), Kind::PiiEmail), refuse);
        assert_eq!(policy.rule(&session, Kind::SecretJwt), medium(Action::Flag));
        assert_eq!(policy.rule(&shared("team"), Kind::SecretJwt), medium(Action::Redact), "as built in");
        assert_eq!(Guard { enabled: false, ..guard }.policy(), Policy::off());
    }

    #[test]
    fn a_rule_is_taken_as_it_is_meant_or_not_at_all() {
        let right = json!({ "in": "shared", "find": "pii", "action": "redact", "from": "low" });
        assert!(serde_json::from_value::<GuardRule>(right.clone()).is_ok());
        for (field, value) in [
            ("in", json!("everywhere")),
            ("in", json!("shared:session:x")),
            ("find", json!("bugs")),
            ("action", json!("Redact")),
            ("from", json!("very")),
            ("when", json!("now")),
        ] {
            let mut wrong = right.clone();
            wrong[field] = value;
            assert!(serde_json::from_value::<GuardRule>(wrong).is_err(), "{field}");
        }
    }
}
