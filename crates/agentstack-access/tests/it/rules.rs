//! Policies of an operator's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use agentstack_access::{
    Caller, Claim, Denial, Limits, Operation, Policy, PolicyError, PolicyFile, Principal, Resource, Role,
    SharedNamespaces,
};
use agentstack_core::{Namespace, SessionId, SharedName};

use crate::support::{
    APPROVE, DELETE, END, HOUSEKEEPING, NAMESPACE, NAMESPACES, OPERATIONS, PRINCIPAL, SESSION, STORE, VERIFY,
    World, agent, claim, shared, unnamed, with_shared,
};

pub(crate) fn file(name: &str, text: &str) -> PolicyFile {
    PolicyFile { name: name.to_owned(), text: text.to_owned() }
}

fn parsed(text: &str) -> Result<Policy, PolicyError> {
    Policy::parse(&[file("rules.cedar", text)], OPERATIONS).map(|(policy, _)| policy)
}

fn policy(text: &str) -> Policy {
    parsed(text).unwrap()
}

/// What is wrong with a policy, as an operator is told.
fn wrong(text: &str) -> String {
    parsed(text).unwrap_err().to_string()
}

fn namespace(name: &str) -> Namespace {
    Namespace::Shared(name.parse().unwrap())
}

fn own() -> Namespace {
    Namespace::Session(SessionId::from_bytes([0; 16]))
}

fn limited(principal: Principal, names: &[&str]) -> Principal {
    let names: BTreeSet<SharedName> = names.iter().map(|name| name.parse().unwrap()).collect();
    principal.limited_to(Limits { operations: None, namespaces: Some(Arc::new(names)) })
}

#[test]
fn s35_an_operation_that_no_rule_names_is_denied() {
    let policy = policy(r#"permit (principal, action == Action::"memory_get", resource);"#);
    for operation in OPERATIONS {
        for role in Role::ALL {
            let principal = Principal::embedded("planner", role);
            let expected = operation.name == "memory_get";
            assert_eq!(policy.may_permit(&principal, operation), expected, "{role} {}", operation.name);
        }
    }
}

#[test]
fn s35_an_operation_outside_the_table_is_denied_whatever_the_rules_say() {
    static UNMAPPED: Operation = Operation { name: "memory_burn", ..NAMESPACE };
    static DISGUISED: Operation = Operation { name: "memory_get", ..PRINCIPAL };
    let policy = policy("permit (principal, action, resource);");
    let operator = Principal::operator("root");
    assert!(policy.permits(&operator, &NAMESPACE, Resource::Namespace(&own())));
    assert!(!policy.permits(&operator, &UNMAPPED, Resource::Namespace(&own())));
    assert!(!policy.permits(&operator, &DISGUISED, Resource::Service));
    assert!(!policy.permits(&operator, &NAMESPACE, Resource::Service));
}

#[test]
fn s35_a_prohibition_beats_a_permission() {
    let policy = policy(
        r#"permit (principal, action, resource);
           forbid (principal, action in Action::"destructive", resource) unless { principal in Role::"operator" };"#,
    );
    let permits =
        |principal: &Principal| policy.permits(principal, &DELETE, Resource::Namespace(&namespace("notes")));
    assert!(permits(&Principal::operator("root")) && !permits(&agent()));
    assert!(policy.permits(&agent(), &STORE, Resource::Namespace(&namespace("notes"))));
}

#[test]
fn s34_each_effect_is_a_permission_of_its_own() {
    for (group, operation) in [("read", &NAMESPACE), ("write", &STORE), ("destructive", &DELETE)] {
        let policy = policy(&format!("permit (principal, action in Action::\"{group}\", resource);"));
        for other in [&NAMESPACE, &STORE, &DELETE] {
            let permitted = policy.permits(&agent(), other, Resource::Namespace(&own()));
            assert_eq!(permitted, other == operation, "{group} {}", other.name);
        }
    }
}

#[test]
fn s36_a_broken_policy_is_none_and_says_where_it_is_broken() {
    for (text, line, what) in [
        ("permit (principal, action, resource)\n\n;;", 3, "unexpected token"),
        ("\npermit (principal, action == Action::\"memory_gte\", resource);", 2, "memory_gte"),
        ("\n\npermit (principal in Role::\"admin\", action, resource);", 3, "admin"),
        ("permit (principal in Team::\"a\", action, resource);", 1, "Team"),
        ("permit (principal, action, resource)\nwhen { principal.name == 1 };", 2, "not compatible"),
        ("permit (principal, action, resource)\nwhen { principal.agent == \"a\" };", 2, "agent"),
        ("permit (principal, action, resource is Namespace)\nwhen { resource.owner == \"a\" };", 2, "owner"),
        ("\npermit (principal == ?principal, action, resource);", 2, "template"),
        (
            "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            2,
            "taken by the rule at rules.cedar:1",
        ),
    ] {
        let said = wrong(text);
        assert!(said.starts_with(&format!("rules.cedar:{line}: ")) && said.contains(what), "{text}\n{said}");
    }
    for empty in ["", "  // nothing but a comment\n"] {
        assert!(matches!(parsed(empty), Err(PolicyError::Empty)));
    }
    assert!(matches!(Policy::parse(&[], OPERATIONS), Err(PolicyError::Empty)));
}

#[test]
fn s36_every_fault_is_told_at_once() {
    let files = [
        file("10.cedar", "permit (principal, action == Action::\"no_such\", resource);"),
        file("20.cedar", "permit (principal in Role::\"nobody\", action, resource);"),
    ];
    let said = Policy::parse(&files, OPERATIONS).unwrap_err().to_string();
    assert!(said.contains("10.cedar:1: ") && said.contains("20.cedar:1: "), "{said}");
}

/// Passes every check before it is asked, and then overflows.
const OVERFLOWS: &str = r#"permit (principal, action, resource);
    forbid (principal, action == Action::"memory_store", resource) when { 9223372036854775807 + 1 == 0 };"#;

#[tokio::test]
async fn s36_a_rule_that_cannot_be_evaluated_denies_and_says_why() {
    let world = World::new();
    world.authorizer.replace_policy(policy(OVERFLOWS));
    let claim = || claim(Some(world.agents), shared("notes"));
    let denial = world.authorize(agent(), &STORE, claim()).await.unwrap_err();
    assert_eq!(denial.reason(), "policy_error");
    assert!(matches!(&denial, Denial::PolicyFailed { cause, .. } if cause.contains("rules-2")), "{denial:?}");
    // Only the questions that the rule is about fail.
    assert!(world.authorize(agent(), &DELETE, claim()).await.is_ok());
    assert!(!world.authorizer.offers(&agent(), &STORE) && world.authorizer.offers(&agent(), &DELETE));
}

#[tokio::test]
async fn s36_a_search_is_denied_if_the_policy_fails_on_a_namespace_it_would_read() {
    let world = World::sharing(&["notes", "plans"]);
    world.authorizer.replace_policy(policy(
        r#"permit (principal, action, resource);
           forbid (principal, action, resource == Namespace::"plans") when { 9223372036854775807 + 1 == 0 };"#,
    ));
    let denial = world.authorize(agent(), &NAMESPACES, claim(None, with_shared())).await.unwrap_err();
    assert_eq!(denial.reason(), "policy_error");
}

#[tokio::test]
async fn s36_a_new_policy_is_in_force_from_the_next_call_on_in_all_clones() {
    let world = World::new();
    let clone = world.authorizer.clone();
    let caller = Caller::new(Arc::new(agent()));
    let call = async |policy: Policy| {
        world.authorizer.replace_policy(policy);
        let claim = || claim(Some(world.agents), shared("notes"));
        let granted = [
            clone.authorize(&caller, &STORE, claim()).await.is_ok(),
            clone.authorize(&caller, &NAMESPACE, claim()).await.is_ok(),
        ];
        (granted, clone.policy().version().to_string())
    };
    let writes = policy(r#"permit (principal, action in Action::"write", resource);"#);
    let version = writes.version().to_string();
    assert_eq!(call(writes.clone()).await, ([true, false], version.clone()));
    assert_eq!(call(Policy::unloadable()).await, ([false, false], "unloadable".to_owned()));
    assert_eq!(call(Policy::builtin(OPERATIONS)).await, ([false, true], "builtin-1".to_owned()));
    assert_eq!(call(writes).await, ([true, false], version));
}

#[test]
fn s36_what_stands_in_for_an_unloadable_policy_permits_nothing_to_anybody() {
    let policy = Policy::unloadable();
    for operation in OPERATIONS {
        for principal in [Principal::operator("root"), Principal::housekeeping(), agent()] {
            assert!(!policy.may_permit(&principal, operation), "{}", operation.name);
        }
    }
}

#[tokio::test]
async fn s15_a_rule_can_let_one_agent_write_one_namespace() {
    let world = World::new();
    let rule = r#"@id("ci-writes-builds")
        permit (principal == User::"token:ci", action == Action::"memory_store", resource == Namespace::"builds");"#;
    world.authorizer.replace_policy(policy(rule));
    let other = Principal::token(&"other".parse().unwrap(), Role::Agent);
    for (principal, name, granted) in [
        (agent(), "builds", true),
        (agent(), "notes", false),
        (agent(), "Builds", false),
        (other, "builds", false),
    ] {
        let call = world.authorize(principal.clone(), &STORE, claim(Some(world.agents), shared(name))).await;
        assert_eq!(call.is_ok(), granted, "{} {name}", principal.name());
    }
    let call = world.authorize(agent(), &STORE, claim(Some(world.agents), unnamed())).await;
    assert!(matches!(call, Err(Denial::Forbidden { .. })));
}

#[tokio::test]
async fn s13_no_policy_lets_anybody_but_operators_decide_on_trust() {
    let world = World::new();
    world.authorizer.replace_policy(policy("permit (principal, action, resource);"));
    let claim = || claim(None, unnamed());
    for role in Role::ALL {
        let principal = Principal::embedded("somebody", role);
        let is_operator = role == Role::Operator;
        let call = world.authorize(principal.clone(), &APPROVE, claim()).await;
        assert!(is_operator == call.is_ok(), "{role:?}: {call:?}");
        assert!(call.err().is_none_or(|denial| matches!(denial, Denial::Forbidden { .. })), "{role:?}");
        assert_eq!(world.authorizer.offers(&principal, &APPROVE), is_operator, "{role:?}");
        assert!(world.authorizer.offers(&principal, &VERIFY), "{role:?}");
    }
}

#[test]
fn a_rule_knows_the_agent_that_a_caller_is_bound_to() {
    let policy = policy(
        "permit (principal, action, resource is Namespace)
         when { principal has agent && resource.name == principal.agent };",
    );
    let bound = agent().bound_to("coder".parse().unwrap());
    let permits = |principal: &Principal, name| {
        policy.permits(principal, &STORE, Resource::Namespace(&namespace(name)))
    };
    assert!(permits(&bound, "coder") && !permits(&bound, "other") && !permits(&agent(), "coder"));
    // It is offered to whom there is a namespace for.
    assert!(policy.may_permit(&bound, &STORE) && !policy.may_permit(&agent(), &STORE));
}

#[tokio::test]
async fn a_search_reads_the_shared_namespaces_that_the_policy_permits_and_no_other() {
    let world = World::sharing(&["notes", "plans", "team-a", "team-b"]);
    let read = |names: &[&str]| {
        let names: Vec<SharedName> = names.iter().map(|name| name.parse().unwrap()).collect();
        SharedNamespaces::Only(names.into())
    };
    for (rules, expected) in [
        ("permit (principal, action, resource);", SharedNamespaces::Included),
        ("permit (principal, action, resource) unless { resource is Namespace && resource.shared };",
            SharedNamespaces::Excluded),
        ("permit (principal, action, resource) unless { resource == Namespace::\"plans\" };",
            read(&["notes", "team-a", "team-b"])),
        ("permit (principal, action, resource is Namespace) when { resource.name like \"team-*\" };
          permit (principal, action, resource == Namespace::\"session:own\");",
            read(&["team-a", "team-b"])),
        ("permit (principal, action, resource is Namespace) when { [\"notes\", \"x\"].contains(resource.name) };
          permit (principal, action, resource == Namespace::\"session:own\");",
            read(&["notes"])),
    ] {
        world.authorizer.replace_policy(policy(rules));
        let principal = Principal::embedded("planner", Role::Developer);
        let claim = claim(Some(world.own), with_shared());
        let scope = world.authorize(principal.clone(), &NAMESPACES, claim.clone()).await.unwrap();
        assert_eq!(*scope.shared(), expected, "{rules}");
        // A credential takes away from that and never gives.
        let few = limited(principal, &["notes", "team-b", "gone"]);
        let scope = world.authorize(few, &NAMESPACES, claim).await.unwrap();
        match scope.shared() {
            SharedNamespaces::Only(names) => assert!(names.iter().all(|name| name.as_str() != "team-a")),
            other => assert_eq!(*other, SharedNamespaces::Excluded, "{rules}"),
        }
    }
}

/// Rules, and whether they may permit the caller to store in some shared namespace: any, or those named "notes".
const OFFERED: &[(&str, bool, bool)] = &[
    ("permit (principal, STORE, resource == Namespace::\"builds\");", true, false),
    ("permit (principal, STORE, resource == Namespace::\"notes\");", true, true),
    ("permit (principal, STORE, resource) when { resource.name == \"not a name\" };", false, false),
    ("permit (principal, STORE, resource) when { resource.name == principal.name };", false, false),
    ("permit (principal, STORE, resource) unless { resource == Namespace::\"session:own\" };", true, true),
    ("permit (principal, STORE, resource) when { resource.name like \"build*\" };", true, false),
    // Nothing can be both. That it is offered is what cannot be decided.
    (
        "permit (principal, STORE, resource) when { resource.name like \"a*\" && resource.name == \"b\" };",
        true,
        false,
    ),
    // A prohibition by pattern does not take it away from the rest.
    (
        "permit (principal, STORE, resource); forbid (principal, action, resource is Namespace)
                 when { resource.name like \"secret-*\" || resource.name == \"session:own\" };",
        true,
        true,
    ),
    // Nor does it where the permission is by pattern too.
    (
        "permit (principal, STORE, resource) when { resource.name like \"build*\" };
                 forbid (principal, action, resource is Namespace) when { resource.name like \"*-secret\" };",
        true,
        false,
    ),
    // By no name can an agent be an operator.
    (
        "permit (principal in Role::\"operator\", STORE, resource) when { resource.name like \"a*\" };",
        false,
        false,
    ),
    // What compares the caller by `like` can be decided.
    ("permit (principal, STORE, resource) when { principal.name like \"oauth:*\" };", false, false),
];

#[test]
fn s22_what_is_offered_is_what_is_permitted_on_something() {
    for (rules, unlimited, to_notes) in OFFERED {
        let rules = rules.replace("STORE", "action == Action::\"memory_store\"");
        let policy = policy(&rules);
        assert_eq!(policy.may_permit(&agent(), &STORE), *unlimited, "{rules}");
        assert_eq!(policy.may_permit(&limited(agent(), &["notes"]), &STORE), *to_notes, "{rules}");
        assert!(!policy.may_permit(&agent(), &DELETE), "{rules}");
    }
}

#[tokio::test]
async fn others_sessions_are_for_whom_the_policy_permits_them_and_their_own() {
    let world = World::new();
    let lead = || Principal::embedded("planner", Role::Developer);
    for (rules, own, foreign) in [
        ("permit (principal, action, resource);", true, true),
        ("permit (principal, action, resource is Session) when { resource.held };", true, false),
        // Whose it is would have to be told for this one, so it is for nobody.
        ("permit (principal, action, resource is Session) when { !resource.held };", false, false),
    ] {
        world.authorizer.replace_policy(policy(rules));
        for operation in [&SESSION, &END] {
            for (session, expected) in [(world.own, own), (world.foreign, foreign)] {
                let call = world.authorize(lead(), operation, Claim::session(session)).await;
                assert_eq!(call.is_ok(), expected, "{rules} {}", operation.name);
            }
        }
    }
}

#[test]
fn housekeeping_is_a_permission_like_any_other() {
    let policy = policy(r#"permit (principal in Role::"operator", action in Action::"read", resource);"#);
    assert!(!policy.permits(&Principal::housekeeping(), &HOUSEKEEPING, Resource::Service));
}
