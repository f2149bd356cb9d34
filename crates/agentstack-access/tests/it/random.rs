//! Random policies and questions, against an evaluator that shares no code with Cedar (S35).

use std::fmt::Write;

use agentstack_access::{Effect, Operation, Policy, PolicyFile, Reach, Resource, Role, Ruling, Subject};
use agentstack_core::{AgentId, Namespace, SessionId};

use crate::support::OPERATIONS;

const USERS: [&str; 4] = ["token:ci", "token:web", "local:uid-1000", "embedded:planner"];
const NAMES: [&str; 4] = ["notes", "plans", "team-a", "team-b"];
const AGENTS: [&str; 2] = ["coder", "notes"];
const FAMILIES: [&str; 3] = ["memory", "session", "audit"];

/// Who asks for what, on what.
struct Question {
    user: &'static str,
    role: Role,
    agent: Option<AgentId>,
    operation: &'static Operation,
    on: On,
}

#[derive(Clone, Copy, PartialEq)]
enum On {
    Service,
    Session { held: bool },
    OwnNamespace,
    Shared(&'static str),
}

/// A rule in this test's own words: each part is a text for Cedar and a condition for us.
struct Rule {
    permits: bool,
    who: Who,
    what: What,
    which: Which,
    when: Vec<(bool, Test)>,
}

enum Who {
    Anybody,
    User(&'static str),
    Role(Role),
}

enum What {
    Anything,
    One(&'static Operation),
    Effect(Effect),
    Families(Vec<&'static str>),
}

enum Which {
    Any,
    Service,
    Session,
    Namespace,
    One(&'static str),
}

/// What stands in `when` and `unless`. Each can be evaluated for every question.
enum Test {
    Held,
    Shared,
    Named(&'static str),
    Like(&'static str),
    OfAgent,
    BoundTo(&'static str),
    CallerLike(&'static str),
    Role(Role),
}

/// `SplitMix64` (<https://prng.di.unimi.it/splitmix64.c>): the same cases on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap() % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn question(&mut self) -> Question {
        let operation = self.of(OPERATIONS);
        let on = match operation.reach {
            Reach::Principal => On::Service,
            Reach::Session => On::Session { held: self.below(2) == 0 },
            Reach::Namespace | Reach::Namespaces if self.below(4) == 0 => On::OwnNamespace,
            Reach::Namespace | Reach::Namespaces => On::Shared(self.of(&NAMES)),
        };
        let agent = (self.below(2) == 0).then(|| self.of(&AGENTS).parse().unwrap());
        Question { user: self.of(&USERS), role: self.of(&Role::ALL), agent, operation, on }
    }

    fn rule(&mut self) -> Rule {
        let who = match self.below(4) {
            0 => Who::Anybody,
            1 => Who::User(self.of(&USERS)),
            _ => Who::Role(self.of(&Role::ALL)),
        };
        let what = match self.below(5) {
            0 => What::Anything,
            1 => What::One(self.of(OPERATIONS)),
            2 => What::Families((0..=self.below(2)).map(|_| self.of(&FAMILIES)).collect()),
            _ => What::Effect(self.of(&Effect::ALL)),
        };
        let which = match self.below(8) {
            0 => Which::Service,
            1 => Which::Session,
            2 | 3 => Which::Namespace,
            4 => Which::One(self.of(&NAMES)),
            _ => Which::Any,
        };
        let when = (0..self.below(3)).map(|_| (self.below(2) == 0, self.test())).collect();
        Rule { permits: self.below(3) > 0, who, what, which, when }
    }

    fn test(&mut self) -> Test {
        match self.below(8) {
            0 => Test::Held,
            1 => Test::Shared,
            2 => Test::Named(self.of(&NAMES)),
            3 => Test::Like(self.of(&["team-", "n", ""])),
            4 => Test::OfAgent,
            5 => Test::BoundTo(self.of(&AGENTS)),
            6 => Test::CallerLike(self.of(&["token:", "local:"])),
            _ => Test::Role(self.of(&Role::ALL)),
        }
    }
}

impl Rule {
    fn text(&self) -> String {
        let who = match self.who {
            Who::Anybody => "principal".to_owned(),
            Who::User(name) => format!("principal == User::\"{name}\""),
            Who::Role(role) => format!("principal in Role::\"{role}\""),
        };
        let what = match &self.what {
            What::Anything => "action".to_owned(),
            What::One(operation) => format!("action == Action::\"{}\"", operation.name),
            What::Effect(effect) => format!("action in Action::\"{}\"", effect.as_str()),
            What::Families(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("Action::\"{name}\"")).collect();
                format!("action in [{}]", names.join(", "))
            }
        };
        let which = match self.which {
            Which::Any => "resource".to_owned(),
            Which::Service => "resource is Service".to_owned(),
            Which::Session => "resource is Session".to_owned(),
            Which::Namespace => "resource is Namespace".to_owned(),
            Which::One(name) => format!("resource == Namespace::\"{name}\""),
        };
        let effect = if self.permits { "permit" } else { "forbid" };
        let mut text = format!("{effect} ({who}, {what}, {which})");
        for (positive, test) in &self.when {
            let word = if *positive { "when" } else { "unless" };
            let _ = write!(text, "\n{word} {{ {} }}", test.text());
        }
        text + ";\n"
    }

    fn applies(&self, question: &Question) -> bool {
        let who = match self.who {
            Who::Anybody => true,
            Who::User(name) => name == question.user,
            Who::Role(role) => role == question.role,
        };
        let what = match &self.what {
            What::Anything => true,
            What::One(operation) => operation.name == question.operation.name,
            What::Effect(effect) => *effect == question.operation.effect,
            What::Families(names) => {
                names.iter().any(|name| question.operation.name.starts_with(&format!("{name}_")))
            }
        };
        let which = match self.which {
            Which::Any => true,
            Which::Service => question.on == On::Service,
            Which::Session => matches!(question.on, On::Session { .. }),
            Which::Namespace => matches!(question.on, On::OwnNamespace | On::Shared(_)),
            Which::One(name) => question.on == On::Shared(name),
        };
        who && what && which && self.when.iter().all(|(positive, test)| test.holds(question) == *positive)
    }
}

impl Test {
    fn text(&self) -> String {
        match self {
            Self::Held => "resource is Session && resource.held".to_owned(),
            Self::Shared => "resource is Namespace && resource.shared".to_owned(),
            Self::Named(name) => format!("resource is Namespace && resource.name == \"{name}\""),
            Self::Like(start) => format!("resource is Namespace && resource.name like \"{start}*\""),
            Self::OfAgent => {
                "principal has agent && resource is Namespace && resource.name == principal.agent".to_owned()
            }
            Self::BoundTo(agent) => format!("principal has agent && principal.agent == \"{agent}\""),
            Self::CallerLike(start) => format!("principal.name like \"{start}*\""),
            Self::Role(role) => format!("principal.role == \"{role}\""),
        }
    }

    fn holds(&self, question: &Question) -> bool {
        let name = match question.on {
            On::Shared(name) => Some(name),
            On::OwnNamespace => Some("session:own"),
            On::Service | On::Session { .. } => None,
        };
        let agent = question.agent.as_ref().map(AgentId::as_str);
        match self {
            Self::Held => question.on == On::Session { held: true },
            Self::Shared => matches!(question.on, On::Shared(_)),
            Self::Named(named) => name == Some(named),
            Self::Like(start) => name.is_some_and(|name| name.starts_with(start)),
            Self::OfAgent => agent.is_some() && name == agent,
            Self::BoundTo(bound) => agent == Some(bound),
            Self::CallerLike(start) => question.user.starts_with(start),
            Self::Role(role) => question.role == *role,
        }
    }
}

/// What Cedar makes of the question.
fn ruling(policy: &Policy, question: &Question) -> Ruling {
    let session = SessionId::from_bytes([0; 16]);
    let subject = Subject { name: question.user, role: question.role, agent: question.agent.as_ref() };
    let namespace = match question.on {
        On::Shared(name) => Namespace::Shared(name.parse().unwrap()),
        _ => Namespace::Session(session),
    };
    let resource = match question.on {
        On::Service => Resource::Service,
        On::Session { held: true } => Resource::Session(session),
        On::Session { held: false } => Resource::ForeignSession(session),
        On::OwnNamespace | On::Shared(_) => Resource::Namespace(&namespace),
    };
    policy.explain(subject, question.operation, resource).ruling
}

/// Runs so many policies with so many questions each, and returns how many were answered and how many permitted.
fn run(seed: u64, policies: usize, questions: usize) -> (usize, usize) {
    let mut random = Random(seed);
    let (mut asked, mut permitted) = (0, 0);
    for _ in 0..policies {
        let rules: Vec<Rule> = (0..=random.below(6)).map(|_| random.rule()).collect();
        let text: String = rules.iter().map(Rule::text).collect();
        let file = PolicyFile { name: "random.cedar".to_owned(), text };
        // Some cannot be meant: a service that is held. They are rules all the same, and never apply.
        let (policy, _) = Policy::parse(std::slice::from_ref(&file), OPERATIONS)
            .unwrap_or_else(|error| panic!("{error}\n{}", file.text));
        for _ in 0..questions {
            let question = random.question();
            let applies =
                |permits| rules.iter().any(|rule| rule.permits == permits && rule.applies(&question));
            let expected = applies(true) && !applies(false);
            let ruling = ruling(&policy, &question);
            let expected = if expected { Ruling::Permitted } else { Ruling::Denied };
            assert_eq!(
                ruling, expected,
                "{} {} {:?} {}\n{}",
                question.user, question.role, question.agent, question.operation.name, file.text
            );
            asked += 1;
            permitted += usize::from(ruling == Ruling::Permitted);
        }
    }
    (asked, permitted)
}

#[test]
fn s35_a_million_random_cases_are_decided_as_a_small_evaluator_does() {
    const CASES: usize = 1_000_000;
    const QUESTIONS: usize = 500;
    const THREADS: usize = 4;
    let (mut asked, mut permitted) = (0, 0);
    std::thread::scope(|scope| {
        let threads = (1..=THREADS)
            .map(|seed| scope.spawn(move || run(seed as u64, CASES / QUESTIONS / THREADS, QUESTIONS)));
        for thread in threads.collect::<Vec<_>>() {
            let counts = thread.join().unwrap();
            (asked, permitted) = (asked + counts.0, permitted + counts.1);
        }
    });
    assert_eq!(asked, CASES);
    // Neither answer is rare, or the comparison would show little.
    assert!(permitted * 10 > asked && permitted * 10 < asked * 9, "{permitted} of {asked} were permitted");
}
