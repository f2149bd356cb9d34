//! The built-in policy over the table: what it comes to, in full.

use std::fmt::Write;

use agentstack_access::{
    BUILTIN_POLICY, Effect, Operation, Policy, PolicyFile, Principal, Reach, Resource, Role, Ruling,
    builtin_decisions, policy_schema,
};
use agentstack_api::all_operations;
use agentstack_core::{Namespace, SessionId};

fn builtin() -> Policy {
    Policy::builtin(&all_operations())
}

fn session() -> SessionId {
    SessionId::from_bytes([0; 16])
}

fn own() -> Namespace {
    Namespace::Session(session())
}

fn shared() -> Namespace {
    Namespace::Shared("notes".parse().unwrap())
}

/// The kinds of resources that an operation can be done on.
fn resources<'a>(
    operation: &Operation,
    own: &'a Namespace,
    shared: &'a Namespace,
) -> Vec<(&'static str, Resource<'a>)> {
    match operation.reach {
        Reach::Principal => vec![("the service", Resource::Service)],
        Reach::Session => vec![
            ("own session", Resource::Session(session())),
            ("foreign session", Resource::ForeignSession(session())),
        ],
        Reach::Namespace | Reach::Namespaces => vec![
            ("own namespace", Resource::Namespace(own)),
            ("shared namespace", Resource::Namespace(shared)),
        ],
    }
}

/// What whoever uses plugins does; the rest is to look after them.
const PLUGIN_USE: [&str; 5] = ["plugin_call", "plugin_list", "plugin_show", "plugin_load", "plugin_fetch"];

/// What the built-in rules shall come to, in other words than theirs.
fn expected(role: Role, operation: &Operation, on: &str) -> bool {
    let (name, operator) = (operation.name, role == Role::Operator);
    if name.starts_with("audit_")
        || name.starts_with("db_")
        || name.starts_with("token_")
        || name.starts_with("quarantine_")
        || ["housekeeping", "embedding", "memory_export", "memory_import", "metrics:read"].contains(&name)
        || (name.starts_with("plugin_") && !PLUGIN_USE.contains(&name))
    {
        return operator;
    }
    if on == "foreign session" {
        return operator && ["session_status", "session_end"].contains(&name);
    }
    if ["agent_run", "github_issue_create", "github_pr_create"].contains(&name) {
        return operator || role == Role::Developer;
    }
    match (role, operation.effect) {
        (Role::Operator | Role::Developer, _) | (_, Effect::Read) => true,
        (Role::Agent, _) => on != "shared namespace",
        (Role::Viewer, _) => ["session_start", "session_end"].contains(&name),
    }
}

#[test]
fn s35_the_built_in_policy_is_as_published() {
    let (policy, own, shared) = (builtin(), own(), shared());
    let mut matrix =
        format!("{:48}{}\n", "", Role::ALL.map(|role| format!("{:<11}", role.as_str())).join(""));
    for operation in all_operations() {
        for (on, resource) in resources(operation, &own, &shared) {
            let row = Role::ALL.map(|role| {
                let principal = Principal::embedded("planner", role);
                let ruling = policy.rule(&principal, operation, resource);
                assert_ne!(ruling, Ruling::Failed, "{role} {} {on}", operation.name);
                let permitted = ruling == Ruling::Permitted;
                assert_eq!(permitted, expected(role, operation, on), "{role} {} {on}", operation.name);
                format!("{:<11}", if permitted { "permit" } else { "-" })
            });
            let what = format!("{} ({}), {on}", operation.name, operation.effect.as_str());
            let _ = writeln!(matrix, "{what:<48}{}", row.join("").trim_end());
        }
    }
    insta::assert_snapshot!(matrix);
}

#[test]
fn s35_the_built_in_policy_passes_the_checks_of_any_other_and_does_not_look_at_names() {
    let file = PolicyFile { name: "builtin.cedar".to_owned(), text: BUILTIN_POLICY.to_owned() };
    let (policy, warnings) = Policy::parse(&[file], &all_operations()).unwrap();
    assert_eq!(warnings, []);
    // What is taken for granted of the built-in policy without looking.
    assert!(!policy.tells_shared_namespaces_apart());
    assert_eq!(policy.rules(), builtin().rules());
}

#[test]
fn s35_every_rule_of_the_built_in_policy_decides_something() {
    let (policy, own, shared) = (builtin(), own(), shared());
    let mut unused: Vec<&str> =
        BUILTIN_POLICY.split("@id(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(unused.len(), policy.rules());
    for operation in all_operations() {
        for (_, resource) in resources(operation, &own, &shared) {
            for role in Role::ALL {
                let principal = Principal::embedded("planner", role);
                let decided = policy.explain((&principal).into(), operation, resource).rules;
                unused.retain(|id| decided.iter().all(|rule| rule.id != *id));
            }
        }
    }
    assert!(unused.is_empty(), "{unused:?}");
}

/// S35: an operation without a place in the policy's schema cannot be.
#[test]
fn s35_every_operation_is_an_action_of_the_schema() {
    let schema = policy_schema(&all_operations());
    for operation in all_operations() {
        let line =
            schema.lines().find(|line| line.starts_with(&format!("action \"{}\" in [", operation.name)));
        let line = line.unwrap_or_else(|| panic!("{} is missing", operation.name));
        assert!(line.contains(&format!("in [\"{}\"", operation.effect.as_str())), "{line}");
        assert!(operation.family().is_none_or(|family| line.contains(&format!("\"{family}\"]"))), "{line}");
    }
}

/// What was worked out beforehand, for every kind of caller.
#[test]
fn s35_what_was_decided_beforehand_is_what_the_rules_decide() {
    let (policy, own, shared) = (builtin(), own(), shared());
    for operation in all_operations() {
        for (on, resource) in resources(operation, &own, &shared) {
            for role in Role::ALL {
                let token = Principal::token(&"ci".parse().unwrap(), role);
                let bound = token.clone().bound_to("notes".parse().unwrap());
                for principal in [token, bound, Principal::embedded("planner", role)] {
                    let decided = policy.rule(&principal, operation, resource);
                    let asked = policy.explain((&principal).into(), operation, resource).ruling;
                    assert_eq!(decided, asked, "{} {role} {} {on}", principal.name(), operation.name);
                }
            }
        }
    }
    // All that there is, so that no start has to read the rules.
    let written = builtin_decisions(&all_operations());
    assert_eq!(written, include_str!("../../../agentstack-access/src/policy/builtin.decisions"));
}
