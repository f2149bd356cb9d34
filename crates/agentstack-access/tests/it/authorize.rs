//! What each claim comes to, for each reach.

use std::sync::Arc;

use agentstack_access::{
    Caller, Claim, Denial, NamespaceClaim, Operation, Principal, Role, SharedNamespaces,
};
use agentstack_core::ProcessId;

use crate::support::{
    DELETE, END, NAMESPACE, NAMESPACES, NOW, PRINCIPAL, SESSION, START, STORE, World, claim, developer,
    session_namespace, shared, unnamed, with_shared,
};

/// What is granted for a claim: `session | namespace`, with `+` if all shared namespaces may be read besides,
/// or the reason why nothing is.
async fn granted(world: &World, operation: &'static Operation, claim: Claim) -> String {
    match world.authorize(developer(), operation, claim).await {
        Ok(scope) => {
            let session = scope.session().map_or("-".to_owned(), |id| id.to_string());
            let namespace = scope.namespace().map_or("-".to_owned(), ToString::to_string);
            let more = if *scope.shared() == SharedNamespaces::Included { " +" } else { "" };
            let text = format!("{session} | {namespace}{more}");
            text.replace(&world.own.to_string(), "own").replace(&world.foreign.to_string(), "foreign")
        }
        Err(denial) => denial.reason().to_owned(),
    }
}

const NO: &str = "session_not_held";
/// What changes a namespace names a session, whatever namespace it is (S12).
const NONE: &str = "no_session";

/// For each reach and each session that is claimed: what comes of claiming no namespace, none but with the
/// shared ones, the own session's, a foreign session's, and a shared one.
const GRANTS: &[(&Operation, &str, [&str; 5])] = &[
    (&PRINCIPAL, "none", ["- | -", "- | -", "- | -", "- | -", "- | -"]),
    (&PRINCIPAL, "own", ["- | -", "- | -", "- | -", "- | -", "- | -"]),
    (&PRINCIPAL, "foreign", ["- | -", "- | -", "- | -", "- | -", "- | -"]),
    (&SESSION, "none", [NO, NO, NO, NO, NO]),
    (&SESSION, "own", ["own | -", "own | -", "own | -", "own | -", "own | -"]),
    (&SESSION, "foreign", [NO, NO, NO, NO, NO]),
    (&SESSION, "expired", [NO, NO, NO, NO, NO]),
    (&SESSION, "unknown", [NO, NO, NO, NO, NO]),
    (&NAMESPACE, "none", ["- | commons", "- | commons", "own | session:own", NO, "- | notes"]),
    (&NAMESPACE, "own", ["own | session:own", "own | session:own", "own | session:own", NO, "own | notes"]),
    (&NAMESPACE, "foreign", [NO, NO, NO, NO, NO]),
    (&NAMESPACE, "expired", [NO, NO, NO, NO, NO]),
    (&NAMESPACE, "unknown", [NO, NO, NO, NO, NO]),
    (&STORE, "none", [NONE, NONE, "own | session:own", NO, NONE]),
    (&STORE, "own", ["own | session:own", "own | session:own", "own | session:own", NO, "own | notes"]),
    (&STORE, "foreign", [NO, NO, NO, NO, NO]),
    (&DELETE, "none", [NONE, NONE, "own | session:own", NO, NONE]),
    (&DELETE, "own", ["own | session:own", "own | session:own", "own | session:own", NO, "own | notes"]),
    (&DELETE, "foreign", [NO, NO, NO, NO, NO]),
    (&NAMESPACES, "none", ["- | commons", "- | - +", "own | session:own", NO, "- | notes"]),
    (
        &NAMESPACES,
        "own",
        ["own | session:own", "own | session:own +", "own | session:own", NO, "own | notes"],
    ),
    (&NAMESPACES, "foreign", [NO, NO, NO, NO, NO]),
    (&NAMESPACES, "expired", [NO, NO, NO, NO, NO]),
    (&NAMESPACES, "unknown", [NO, NO, NO, NO, NO]),
];

#[tokio::test]
async fn s02_a_scope_reaches_what_the_claim_names_and_the_caller_holds() {
    let world = World::new();
    for (operation, session, expected) in GRANTS {
        let claimed = match *session {
            "none" => None,
            "own" => Some(world.own),
            "foreign" => Some(world.foreign),
            "expired" => Some(world.expired),
            _ => Some(world.unknown),
        };
        let namespaces: [NamespaceClaim; 5] = [
            unnamed(),
            with_shared(),
            session_namespace(world.own),
            session_namespace(world.foreign),
            shared("notes"),
        ];
        for (namespace, expected) in namespaces.into_iter().zip(expected) {
            let what = format!("{:?}, session {session}, {namespace:?}", operation.reach);
            assert_eq!(granted(&world, operation, claim(claimed, namespace)).await, *expected, "{what}");
        }
    }
}

#[tokio::test]
async fn s02_two_held_sessions_in_one_claim_are_refused_too() {
    let world = World::new();
    for operation in [&NAMESPACE, &NAMESPACES, &STORE, &DELETE] {
        for (session, namespace) in [(world.own, world.expired), (world.expired, world.own)] {
            let denial =
                world.authorize(developer(), operation, claim(Some(session), session_namespace(namespace)));
            assert!(matches!(denial.await, Err(Denial::NotYours)), "{}", operation.name);
        }
    }
}

#[tokio::test]
async fn s02_the_reason_does_not_tell_foreign_from_ended_from_unknown() {
    let world = World::new();
    for operation in [&SESSION, &END, &NAMESPACE, &NAMESPACES, &STORE, &DELETE] {
        let mut told = Vec::new();
        for session in [world.foreign, world.expired, world.unknown] {
            let denial =
                world.authorize(developer(), operation, claim(Some(session), unnamed())).await.unwrap_err();
            told.push(format!("{denial} {denial:?} {}", denial.reason()));
        }
        told.dedup();
        assert_eq!(told.len(), 1, "{}: {told:?}", operation.name);
    }
}

#[tokio::test]
async fn s02_another_process_of_the_same_user_is_another_holder() {
    let [one, other] = [(); 2].map(|()| Principal::local("uid-1000", ProcessId::generate()));
    assert_eq!(one.name(), other.name());
    assert_ne!(one.holder(), other.holder());
}

#[tokio::test]
async fn a_scope_says_who_asked_for_what_and_when() {
    let world = World::new();
    let caller = Caller::new(Arc::new(developer()));
    let claim = claim(Some(world.own), unnamed());
    let scope = world.authorizer.authorize(&caller, &STORE, claim).await.unwrap();
    assert_eq!(scope.principal(), &developer());
    assert_eq!(scope.holder(), developer().holder());
    assert_eq!(scope.request(), caller.request);
    assert_eq!(scope.operation(), &STORE);
    assert_eq!(scope.at(), NOW);
    assert!(!scope.is_overseer());
}

#[tokio::test]
async fn a_bound_caller_speaks_for_its_agent_alone() {
    let world = World::new();
    let bound = || developer().bound_to("coder".parse().unwrap());
    let naming = |agent: Option<&str>| Claim {
        agent: agent.map(|agent| agent.parse().unwrap()),
        ..claim(Some(world.own), unnamed())
    };
    // Unnamed it is stamped, its own name it may say, another's not.
    for named in [None, Some("coder")] {
        let scope = world.authorize(bound(), &STORE, naming(named)).await.unwrap();
        assert_eq!(scope.agent().map(ToString::to_string).as_deref(), Some("coder"));
        assert_eq!(scope.bound_agent(), scope.agent());
    }
    for operation in [&STORE, &NAMESPACE, &NAMESPACES, &DELETE, &SESSION, &START] {
        let denial = world.authorize(bound(), operation, naming(Some("Coder"))).await.unwrap_err();
        assert!(matches!(denial, Denial::OtherAgent), "{}", operation.name);
    }
}

#[tokio::test]
async fn an_unbound_caller_speaks_for_whom_it_names() {
    let world = World::new();
    for named in [None, Some("coder")] {
        let agent = named.map(|agent| agent.parse().unwrap());
        let claim = Claim { agent, ..claim(Some(world.own), unnamed()) };
        let scope = world.authorize(developer(), &STORE, claim).await.unwrap();
        assert_eq!(scope.agent().map(ToString::to_string).as_deref(), named);
        assert_eq!(scope.bound_agent(), None);
    }
}

#[tokio::test]
async fn s02_a_bound_caller_learns_nothing_of_a_foreign_session_from_its_agent() {
    let world = World::new();
    let bound = developer().bound_to("coder".parse().unwrap());
    let claim = Claim { agent: Some("other".parse().unwrap()), ..claim(Some(world.foreign), unnamed()) };
    assert!(matches!(world.authorize(bound, &STORE, claim).await, Err(Denial::NotYours)));
}

#[tokio::test]
async fn s09_an_operator_sees_and_ends_any_session_and_reads_none() {
    let world = World::new();
    let operator = || Principal::operator("root");
    for session in [world.own, world.foreign, world.expired] {
        for operation in [&SESSION, &END] {
            let scope = world.authorize(operator(), operation, Claim::session(session)).await.unwrap();
            assert!(scope.is_overseer() && scope.session() == Some(session));
        }
        for operation in [&NAMESPACE, &NAMESPACES, &STORE, &DELETE] {
            let denial = world.authorize(operator(), operation, claim(Some(session), unnamed())).await;
            assert!(matches!(denial, Err(Denial::NotYours)), "{}", operation.name);
        }
    }
    let unknown = world.authorize(operator(), &END, Claim::session(world.unknown)).await;
    assert!(matches!(unknown, Err(Denial::NotYours)));
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_not_granted() {
    let world = World::down();
    for principal in [developer(), Principal::operator("root"), Principal::embedded("viewer", Role::Viewer)] {
        let denial = world.authorize(principal, &SESSION, Claim::session(world.own)).await.unwrap_err();
        assert_eq!(denial.reason(), "unavailable");
    }
}
