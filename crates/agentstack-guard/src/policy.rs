//! What follows from a finding (S50), and what does so unless somebody says otherwise.

use std::collections::BTreeMap;
use std::str::FromStr;

use agentstack_core::{InvalidName, Namespace, SharedName};

use crate::{Class, Confidence, Kind};

/// What is done, from nothing to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing, and nobody is told.
    Ignore,
    /// It is said in the label.
    Flag,
    /// It is taken out before anything is kept.
    Redact,
    /// The entry is kept, and is on no read path.
    Quarantine,
    /// The write is refused.
    Refuse,
}

impl FromStr for Action {
    type Err = InvalidName;

    fn from_str(word: &str) -> Result<Self, InvalidName> {
        match word {
            "ignore" => Ok(Self::Ignore),
            "flag" => Ok(Self::Flag),
            "redact" => Ok(Self::Redact),
            "quarantine" => Ok(Self::Quarantine),
            "refuse" => Ok(Self::Refuse),
            _ => Err(InvalidName("must be one of ignore, flag, redact, quarantine, refuse")),
        }
    }
}

/// What is done about a kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// A finding that is less sure than this is flagged at most.
    pub from: Confidence,
}

impl Rule {
    const FLAG: Self = Self { action: Action::Flag, from: Confidence::Low };

    /// What is done about a finding that is so sure.
    #[must_use]
    pub fn action_at(self, confidence: Confidence) -> Action {
        if confidence >= self.from { self.action } else { self.action.min(Action::Flag) }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// Every kind of a class that has no rule of its own.
    Class(Class),
    /// One kind.
    Kind(Kind),
}

/// The word of a class or of a kind; `instruction`, which is both, is the class.
impl FromStr for Subject {
    type Err = InvalidName;

    fn from_str(word: &str) -> Result<Self, InvalidName> {
        let class = || Class::ALL.iter().find(|class| class.word() == word);
        let kind = || Kind::ALL.iter().find(|kind| kind.word() == word);
        class()
            .map(|class| Self::Class(*class))
            .or_else(|| kind().map(|kind| Self::Kind(*kind)))
            .ok_or(InvalidName("must be a class or a kind of finding"))
    }
}

/// Where a rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Area {
    /// In the memory of every session.
    Session,
    /// In every shared namespace.
    Shared,
    /// In this shared namespace, before what holds in all of them.
    Named(SharedName),
}

type Rules = BTreeMap<Subject, Rule>;

/// What follows from a finding, by where the text is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    session: Rules,
    shared: Rules,
    named: BTreeMap<SharedName, Rules>,
}

/// The rules that hold where nothing else is said; `docs/guard.md` has the table.
impl Default for Policy {
    fn default() -> Self {
        let redact = Rule { action: Action::Redact, from: Confidence::Medium };
        let quarantine = |from| Rule { action: Action::Quarantine, from };
        let mut policy = Self::of(Rule::FLAG);
        for rules in [&mut policy.session, &mut policy.shared] {
            rules.insert(Subject::Class(Class::Secret), redact);
            // S18: nobody writes in tag characters who wants to be read by people.
            rules.insert(Subject::Kind(Kind::UnicodeTag), quarantine(Confidence::Medium));
        }
        // What is shared is read by those who never saw where it came from.
        policy.shared.insert(Subject::Class(Class::Instruction), quarantine(Confidence::High));
        policy
    }
}

impl Policy {
    /// Nothing follows from anything.
    #[must_use]
    pub fn off() -> Self {
        Self::of(Rule { action: Action::Ignore, from: Confidence::Low })
    }

    fn of(rule: Rule) -> Self {
        let rules: Rules = Class::ALL.iter().map(|class| (Subject::Class(*class), rule)).collect();
        Self { session: rules.clone(), shared: rules, named: BTreeMap::new() }
    }

    /// Sets the rule for a subject in an area, in the place of what was said before.
    pub fn set(&mut self, area: Area, subject: Subject, rule: Rule) {
        let rules = match area {
            Area::Session => &mut self.session,
            Area::Shared => &mut self.shared,
            Area::Named(name) => self.named.entry(name).or_default(),
        };
        rules.insert(subject, rule);
    }

    /// The rule for a kind: first what is said of the kind and then what of its class, each first for the namespace by
    /// its name. So the rule for tag characters (S18) goes only where somebody names them.
    #[must_use]
    pub fn rule(&self, namespace: &Namespace, kind: Kind) -> Rule {
        let (own, of_the_area) = match namespace {
            Namespace::Session(_) => (None, &self.session),
            Namespace::Shared(name) => (self.named.get(name), &self.shared),
        };
        let said = |subject| own.and_then(|rules| rules.get(&subject)).or_else(|| of_the_area.get(&subject));
        let rule = said(Subject::Kind(kind)).or_else(|| said(Subject::Class(kind.class())));
        rule.copied().unwrap_or(Rule::FLAG)
    }
}
