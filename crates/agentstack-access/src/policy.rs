//! Who may do what: rules in Cedar, and what they come to.
//!
//! What no rule permits is denied, a prohibition beats a permission (S35), and a question that cannot be answered
//! denies too and says so (S36). What the rules speak of is in `docs/policy.md`.

mod decided;
mod load;
mod memo;
mod model;
mod names;
mod schema;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use agentstack_core::{Namespace, SessionId, SharedName};
use cedar_policy::{Authorizer, Decision, PolicySet};

pub use decided::builtin_decisions;
pub use load::{PolicyError, PolicyFault, PolicyFile, Rule};
pub use model::Subject;
pub use schema::schema as policy_schema;

use decided::Decided;
use load::RuleSet;
use memo::{Memo, Question};
use names::Names;

use crate::{Operation, Principal, Reach};

/// The text of the policy that is in force unless the operator names another.
pub const BUILTIN: &str = include_str!("policy/builtin.cedar");
/// The name of the file that it stands in.
const BUILTIN_FILE: &str = "builtin.cedar";

/// What a call would touch, as the policy sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The service itself, or what belongs to the principal as a whole.
    Service,
    /// A session that the principal holds.
    Session(SessionId),
    /// A session that it does not hold: seen and ended by those alone who look after the installation.
    ForeignSession(SessionId),
    /// A namespace; a session's is the principal's own.
    Namespace(&'a Namespace),
}

impl Resource<'_> {
    /// Whether an operation of this reach is done on such a thing.
    fn fits(self, reach: Reach) -> bool {
        match self {
            Self::Service => reach == Reach::Principal,
            Self::Session(_) | Self::ForeignSession(_) => reach == Reach::Session,
            Self::Namespace(_) => matches!(reach, Reach::Namespace | Reach::Namespaces),
        }
    }
}

/// What a policy says to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// A rule permits it and none forbids it.
    Permitted,
    /// A rule forbids it, or none permits it.
    Denied,
    /// A rule could not be evaluated. That denies, and somebody should look (S36).
    Failed,
}

/// A ruling, and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The ruling.
    pub ruling: Ruling,
    /// The rules that decided. None if nothing permits it.
    pub rules: Vec<Rule>,
    /// What went wrong while rules were evaluated.
    pub errors: Vec<String>,
}

/// A policy. Cheap to clone; the clones share what they have decided.
#[derive(Debug, Clone)]
pub struct Policy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    version: Arc<str>,
    operations: BTreeMap<&'static str, Reach>,
    rules: Rules,
    memo: Memo,
}

#[derive(Debug)]
enum Rules {
    /// Their answers, and the rules themselves for what has none: these are read when they are asked. That they are
    /// right, the tests have shown.
    Builtin(Decided, OnceLock<Box<Result<RuleSet, PolicyError>>>),
    Files(Box<RuleSet>),
    /// Nothing is permitted.
    None,
}

impl Policy {
    /// The safe policy that is in force unless the operator names another, over the operations there are.
    #[must_use]
    pub fn builtin(operations: &[&'static Operation]) -> Self {
        Self::new("builtin-1".into(), operations, Rules::Builtin(Decided::read(), OnceLock::new()))
    }

    /// The policy in these files, taken as one set of rules; and what is odd in it but no fault.
    ///
    /// # Errors
    /// All that is wrong with it: its form, a name that the schema does not have, a type.
    pub fn parse(
        files: &[PolicyFile],
        operations: &[&'static Operation],
    ) -> Result<(Self, Vec<PolicyFault>), PolicyError> {
        let (rules, warnings) = load::parse_strictly(files, operations)?;
        let policy = Self::new(load::version(files).into(), operations, Rules::Files(Box::new(rules)));
        Ok((policy, warnings))
    }

    /// What is in force while the policy that should be cannot be loaded: nothing is permitted to anybody (S36).
    #[must_use]
    pub fn unloadable() -> Self {
        Self::new("unloadable".into(), &[], Rules::None)
    }

    fn new(version: Arc<str>, operations: &[&'static Operation], rules: Rules) -> Self {
        let operations = operations.iter().map(|operation| (operation.name, operation.reach)).collect();
        Self(Arc::new(Inner { version, operations, rules, memo: Memo::default() }))
    }

    /// Names the rules, for the audit log.
    #[must_use]
    pub fn version(&self) -> &Arc<str> {
        &self.0.version
    }

    /// How many rules there are.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rule_set().map_or(0, |rules| rules.rules.len())
    }

    /// Whether the principal may do the operation on the resource.
    #[must_use]
    pub fn permits(&self, principal: &Principal, operation: &Operation, resource: Resource<'_>) -> bool {
        self.rule(principal, operation, resource) == Ruling::Permitted
    }

    /// What the policy says to a question.
    #[must_use]
    pub fn rule(&self, principal: &Principal, operation: &Operation, resource: Resource<'_>) -> Ruling {
        let fits = self.0.operations.get(operation.name) == Some(&operation.reach);
        if let Rules::Builtin(decided, _) = &self.0.rules
            && let Some(ruling) = decided.ruling(principal.role(), operation, resource).filter(|_| fits)
        {
            return ruling;
        }
        let apart = self.tells_shared_namespaces_apart();
        let question = Question::new(principal, operation.name, resource, apart);
        self.0.memo.get(question, || self.explain(principal.into(), operation, resource).ruling)
    }

    /// What the policy says to a question, and why. Nothing is remembered, and the caller need not exist.
    #[must_use]
    pub fn explain(
        &self,
        subject: Subject<'_>,
        operation: &Operation,
        resource: Resource<'_>,
    ) -> Explanation {
        let known = self.0.operations.get(operation.name);
        if !known.is_some_and(|reach| *reach == operation.reach && resource.fits(*reach)) {
            return Explanation { ruling: Ruling::Denied, rules: vec![], errors: vec![] };
        }
        match (self.rule_set(), &self.0.rules) {
            (Some(rules), _) => ask(&rules.set, Some(rules), subject, operation, resource),
            (None, Rules::Builtin(_, unread)) => {
                let error = unread.get().and_then(|read| read.as_ref().as_ref().err());
                let errors = error.map(ToString::to_string).into_iter().collect();
                Explanation { ruling: Ruling::Failed, rules: vec![], errors }
            }
            (None, _) => Explanation { ruling: Ruling::Denied, rules: vec![], errors: vec![] },
        }
    }

    /// Whether there may be a resource on which the principal may do the operation. Errs towards yes, and only where
    /// rules compare the names of namespaces by `like`.
    #[must_use]
    pub fn may_permit(&self, principal: &Principal, operation: &Operation) -> bool {
        let session = SessionId::from_bytes([0; 16]);
        match operation.reach {
            Reach::Principal => self.permits(principal, operation, Resource::Service),
            Reach::Session => self.permits(principal, operation, Resource::Session(session)),
            Reach::Namespace | Reach::Namespaces => {
                let own = Namespace::Session(session);
                self.permits(principal, operation, Resource::Namespace(&own))
                    || self.may_permit_shared(principal, operation)
            }
        }
    }

    /// The same, on a shared namespace.
    fn may_permit_shared(&self, principal: &Principal, operation: &Operation) -> bool {
        let no_names = Names::default();
        let names = match &self.0.rules {
            Rules::Files(rules) => &rules.names,
            Rules::Builtin(..) | Rules::None => &no_names,
        };
        let permits = |name: &SharedName| {
            let namespace = Namespace::Shared(name.clone());
            self.permits(principal, operation, Resource::Namespace(&namespace))
        };
        // A credential that is good for a few namespaces is asked about these.
        if let Some(limited) = &principal.limits().namespaces {
            return limited.iter().any(permits);
        }
        let of_caller = principal.agent().and_then(|agent| agent.as_str().parse::<SharedName>().ok());
        let candidates: Vec<SharedName> =
            names.mentioned.iter().cloned().chain(of_caller).chain(names.unmentioned()).collect();
        if candidates.iter().any(permits) {
            return true;
        }
        names.generous.as_ref().is_some_and(|generous| {
            candidates.into_iter().map(Namespace::Shared).any(|namespace| {
                let resource = Resource::Namespace(&namespace);
                ask(generous, None, principal.into(), operation, resource).ruling == Ruling::Permitted
            })
        })
    }

    /// Whether a rule can tell one shared namespace from another. If not, what is permitted on one is on all.
    #[must_use]
    pub fn tells_shared_namespaces_apart(&self) -> bool {
        match &self.0.rules {
            Rules::Files(rules) => rules.names.apart,
            // The tests have shown that the built-in rules do not.
            Rules::Builtin(..) | Rules::None => false,
        }
    }

    fn rule_set(&self) -> Option<&RuleSet> {
        match &self.0.rules {
            Rules::Files(rules) => Some(rules),
            Rules::Builtin(_, rules) => {
                rules.get_or_init(|| Box::new(load::parse(&[builtin_file()]))).as_ref().as_ref().ok()
            }
            Rules::None => None,
        }
    }
}

fn builtin_file() -> PolicyFile {
    PolicyFile { name: BUILTIN_FILE.to_owned(), text: BUILTIN.to_owned() }
}

/// Puts a question to rules. One rule that cannot be evaluated spoils the answer: Cedar would go on without it, and
/// what it forbids would be permitted.
fn ask(
    set: &PolicySet,
    origins: Option<&RuleSet>,
    subject: Subject<'_>,
    operation: &Operation,
    resource: Resource<'_>,
) -> Explanation {
    let (request, entities) = match model::question(subject, operation, resource) {
        Ok(question) => question,
        Err(error) => {
            return Explanation { ruling: Ruling::Failed, rules: vec![], errors: vec![error.to_string()] };
        }
    };
    let response = Authorizer::new().is_authorized(&request, set, &entities);
    let errors: Vec<String> = response.diagnostics().errors().map(ToString::to_string).collect();
    let ruling = match response.decision() {
        _ if !errors.is_empty() => Ruling::Failed,
        Decision::Allow => Ruling::Permitted,
        Decision::Deny => Ruling::Denied,
    };
    let mut rules: Vec<Rule> = origins
        .into_iter()
        .flat_map(|origins| {
            response.diagnostics().reason().filter_map(|id| origins.rules.get(AsRef::<str>::as_ref(id)))
        })
        .cloned()
        .collect();
    rules.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
    Explanation { ruling, rules, errors }
}
