//! What each role may do.

use agentstack_access::{Denial, Operation, Principal, Role};

use crate::support::{
    DELETE, END, HOUSEKEEPING, NAMESPACE, NAMESPACES, PRINCIPAL, SESSION, START, STORE, VERIFY, World, claim,
    shared, unnamed,
};

/// Who may do an operation, where it has a namespace to be done in: operator, developer, viewer.
const PERMISSIONS: &[(&Operation, [bool; 3])] = &[
    (&PRINCIPAL, [true, true, true]),
    (&SESSION, [true, true, true]),
    (&NAMESPACE, [true, true, true]),
    (&NAMESPACES, [true, true, true]),
    (&STORE, [true, true, false]),
    (&DELETE, [true, true, false]),
    (&START, [true, true, true]),
    (&END, [true, true, true]),
    (&VERIFY, [true, false, false]),
    (&HOUSEKEEPING, [true, false, false]),
];

#[tokio::test]
async fn s35_each_role_has_the_operations_of_the_table_and_no_other() {
    let roles = [Role::Operator, Role::Developer, Role::Viewer];
    for (operation, permitted) in PERMISSIONS {
        for (role, permitted) in roles.into_iter().zip(permitted) {
            let world = World::new();
            // The holder of the session is the principal of this name, in whatever role.
            let principal = Principal::embedded("planner", role);
            for namespace in [unnamed(), shared("notes")] {
                let claim = claim(Some(world.own), namespace);
                let granted = world.authorize(principal.clone(), operation, claim).await;
                assert_eq!(granted.is_ok(), *permitted, "{role:?} {}", operation.name);
                if let Err(denial) = granted {
                    assert!(
                        matches!(denial, Denial::Forbidden { permission } if permission == operation.name)
                    );
                    assert_eq!(denial.reason(), "policy");
                }
            }
        }
    }
}

#[tokio::test]
async fn s02_what_the_role_forbids_is_refused_before_the_session_is_looked_up() {
    let world = World::new();
    let mut told = Vec::new();
    for session in [world.own, world.foreign, world.unknown] {
        let viewer = Principal::embedded("planner", Role::Viewer);
        let denial = world.authorize(viewer, &STORE, claim(Some(session), unnamed())).await.unwrap_err();
        told.push(format!("{denial:?}"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn only_the_operators_constructors_make_an_operator() {
    let local = Principal::local("uid-0", agentstack_core::ProcessId::generate());
    assert_eq!(local.role(), Role::Developer);
    assert!(Principal::operator("uid-0").is_operator() && Principal::housekeeping().is_operator());
    // The same name under another kind of credential is another holder.
    let operator = Principal::operator("uid-0");
    let embedded = Principal::embedded("uid-0", Role::Operator);
    assert_ne!(operator.holder(), embedded.holder());
    assert_ne!(operator.name(), embedded.name());
}
