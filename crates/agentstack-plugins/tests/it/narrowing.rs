//! A plugin's calls are its caller's, narrowed to what it was granted (S48).

use std::sync::Arc;

use agentstack_access::{
    Authorizer, Caller, Claim, Denial, DirectoryUnavailable, Holder, Limits, NamespaceClaim, Operation,
    Policy, Principal, Role, Scope, SessionDirectory, SharedNamespaces, Standing,
};
use agentstack_core::time::ManualClock;
use agentstack_core::{Namespace, SessionId, SharedName, Timestamp};
use agentstack_plugins::{Granted, MemoryOperation, Place};
use async_trait::async_trait;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::json;

use crate::grants::some_grants;
use crate::support::grants;

const NAMES: [&str; 3] = ["notes", "plans", "else"];

/// One session, and who holds it.
struct One {
    session: SessionId,
    holder: Holder,
}

#[async_trait]
impl SessionDirectory for One {
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable> {
        let held = session == self.session && holder.is_none_or(|holder| *holder == self.holder);
        Ok(held.then_some(Standing { expires_at: now }))
    }

    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable> {
        Ok(NAMES.map(|name| name.parse().unwrap()).to_vec())
    }
}

struct World {
    authorizer: Authorizer,
    session: SessionId,
}

impl World {
    fn new(principal: &Principal) -> Self {
        let session = SessionId::generate();
        let directory = Arc::new(One { session, holder: principal.holder().clone() });
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let policy = Policy::builtin(&agentstack_api::all_operations());
        Self { authorizer: Authorizer::new(policy, directory, clock, "commons".parse().unwrap()), session }
    }

    fn authorize(&self, caller: &Caller, operation: MemoryOperation, claim: Claim) -> Result<Scope, Denial> {
        let operation: &'static Operation = &agentstack_api::find(operation.name()).unwrap().operation;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.authorizer.authorize(caller, operation, claim))
    }

    /// Whether the caller itself could do it.
    fn caller_can(&self, caller: &Caller, operation: MemoryOperation, place: &Place) -> bool {
        let namespace = match place {
            Place::Session => Namespace::Session(self.session),
            Place::Shared(name) => Namespace::Shared(name.clone()),
        };
        let claim = Claim { namespace: NamespaceClaim::Named(namespace), ..Claim::session(self.session) };
        self.authorize(caller, operation, claim).is_ok()
    }
}

fn places() -> Vec<Place> {
    let shared = NAMES.map(|name| Place::Shared(name.parse().unwrap()));
    [vec![Place::Session], shared.to_vec()].concat()
}

fn some_limits() -> impl Strategy<Value = Limits> {
    let operations = subsequence(vec!["memory_get", "memory_search", "memory_store", "session_end"], 0..=4);
    let names = subsequence(NAMES.to_vec(), 0..=3);
    (proptest::option::of(operations), proptest::option::of(names)).prop_map(|(operations, names)| Limits {
        operations: operations.map(|all| Arc::new(all.into_iter().map(str::to_owned).collect())),
        namespaces: names.map(|all| Arc::new(all.into_iter().map(|name| name.parse().unwrap()).collect())),
    })
}

fn some_role() -> impl Strategy<Value = Role> {
    proptest::sample::select(Role::ALL.to_vec())
}

#[test]
fn s48_a_plugin_searches_one_namespace_and_never_the_shared_ones_besides() {
    let principal = Principal::embedded("planner", Role::Developer);
    let world = World::new(&principal);
    let caller = Caller::new(Arc::new(principal));
    let requested = grants(json!({"memory": {"session": ["search"], "shared": {"notes": ["search"]}}}));
    let granted = Granted::new(&requested, requested.clone()).unwrap();
    let wide = Claim {
        namespace: NamespaceClaim::Unnamed { include_shared: true },
        ..Claim::session(world.session)
    };
    for place in [Place::Session, Place::Shared("notes".parse().unwrap())] {
        let (narrowed, claim) =
            granted.narrow(&caller, &wide, "greeter_say_hello", MemoryOperation::Search, &place).unwrap();
        let scope = world.authorize(&narrowed, MemoryOperation::Search, claim).unwrap();
        assert_eq!(scope.shared(), &SharedNamespaces::Excluded);
        assert_eq!(scope.holder(), caller.principal.holder());
        assert_eq!(scope.request(), caller.request);
    }
}

#[test]
fn s48_a_plugin_that_is_called_outside_of_a_session_has_none() {
    let caller = Caller::new(Arc::new(Principal::embedded("planner", Role::Developer)));
    let requested = grants(json!({"memory": {"session": ["get"]}}));
    let granted = Granted::new(&requested, requested.clone()).unwrap();
    let narrowed =
        granted.narrow(&caller, &Claim::none(), "greeter_say_hello", MemoryOperation::Get, &Place::Session);
    assert!(narrowed.is_err());
}

#[test]
fn s48_a_plugin_has_no_way_into_another_session() {
    let owner = Principal::embedded("owner", Role::Developer);
    let world = World::new(&owner);
    let stranger = Caller::new(Arc::new(Principal::embedded("stranger", Role::Developer)));
    let requested = grants(json!({"memory": {"session": ["get", "search", "store"]}}));
    let granted = Granted::new(&requested, requested.clone()).unwrap();
    for operation in MemoryOperation::ALL {
        let claim = Claim::session(world.session);
        let (caller, claim) =
            granted.narrow(&stranger, &claim, "greeter_say_hello", operation, &Place::Session).unwrap();
        assert!(matches!(world.authorize(&caller, operation, claim), Err(Denial::NotYours)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn s48_a_plugin_can_do_what_both_its_caller_and_its_grants_allow_and_nothing_else(
        given in some_grants(), limits in some_limits(), role in some_role(),
    ) {
        let principal = Principal::embedded("planner", role).limited_to(limits);
        let world = World::new(&principal);
        let caller = Caller::new(Arc::new(principal));
        let granted = Granted::new(&given, given.clone()).unwrap();
        for operation in MemoryOperation::ALL {
            for place in places() {
                let claim = Claim::session(world.session);
                let narrowed = granted.narrow(&caller, &claim, "greeter_say_hello", operation, &place);
                prop_assert_eq!(narrowed.is_ok(), given.allow_memory(operation, &place));
                let Ok((narrow, claim)) = narrowed else { continue };
                prop_assert!(narrow.principal.limits().are_within(caller.principal.limits()));
                let can = world.authorize(&narrow, operation, claim).is_ok();
                prop_assert_eq!(can, world.caller_can(&caller, operation, &place), "{} {}", operation, place);
                // What it was narrowed to is good for nothing else.
                for (other, elsewhere) in MemoryOperation::ALL.into_iter().flat_map(|other| {
                    places().into_iter().map(move |elsewhere| (other, elsewhere))
                }) {
                    let same = elsewhere == place || elsewhere == Place::Session;
                    if other != operation || !same {
                        prop_assert!(!world.caller_can(&narrow, other, &elsewhere), "{} {}", other, elsewhere);
                    }
                }
            }
        }
    }

    #[test]
    fn s48_narrowing_is_never_wider_than_either_side(
        one in some_limits(), other in some_limits(), third in some_limits(),
    ) {
        let both = one.meet(&other);
        prop_assert!(both.are_within(&one) && both.are_within(&other));
        prop_assert_eq!(&both, &other.meet(&one));
        prop_assert_eq!(&one.meet(&one), &one);
        prop_assert_eq!(&one.meet(&Limits::default()), &one);
        prop_assert!(both.meet(&third).are_within(&one.meet(&third)));
        prop_assert_eq!(one.are_within(&other), both == one);
        let principal = Principal::embedded("planner", Role::Developer).limited_to(one.clone());
        let narrowed = principal.narrowed_to(&other);
        prop_assert_eq!(narrowed.limits(), &both);
        for operation in agentstack_api::all_operations() {
            let allowed = one.allow_operation(operation) && other.allow_operation(operation);
            prop_assert_eq!(both.allow_operation(operation), allowed);
        }
        for name in NAMES.map(|name| Namespace::Shared(name.parse().unwrap())) {
            let allowed = one.allow_namespace(&name) && other.allow_namespace(&name);
            prop_assert_eq!(both.allow_namespace(&name), allowed);
        }
    }
}
