//! A directory of sessions in memory, an authorizer over it, and operations of every kind.

use std::sync::Arc;

use agentstack_access::{
    Authorizer, Caller, Claim, Denial, DirectoryUnavailable, Effect, Holder, NamespaceClaim, Operation,
    Policy, Principal, Reach, Role, Scope, SessionDirectory, Standing,
};
use agentstack_core::time::ManualClock;
use agentstack_core::{Namespace, SessionId, SharedName, Timestamp};
use async_trait::async_trait;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

macro_rules! operations {
    ($($row:ident $name:literal $effect:ident $reach:ident;)*) => {
        $(pub(crate) static $row: Operation =
            Operation { name: $name, effect: Effect::$effect, reach: Reach::$reach };)*

        /// All of them.
        pub(crate) static OPERATIONS: &[&Operation] = &[$(&$row),*];
    };
}

operations! {
    PRINCIPAL "session_active" Read Principal;
    SESSION "session_status" Read Session;
    NAMESPACE "memory_get" Read Namespace;
    NAMESPACES "memory_search" Read Namespaces;
    STORE "memory_store" Write Namespace;
    DELETE "memory_delete" Destructive Namespace;
    START "session_start" Write Principal;
    END "session_end" Destructive Session;
    APPROVE "quarantine_approve" Write Principal;
    VERIFY "audit_verify" Read Principal;
    HOUSEKEEPING "housekeeping" Write Principal;
}

/// Sessions, each with its holder and the end of its life.
struct Directory {
    sessions: Vec<(SessionId, Holder, Timestamp)>,
    shared: Vec<SharedName>,
    is_down: bool,
}

#[async_trait]
impl SessionDirectory for Directory {
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable> {
        if self.is_down {
            return Err(DirectoryUnavailable("the disk is gone".into()));
        }
        let known = self.sessions.iter().find(|(id, ..)| *id == session);
        let fits =
            known.filter(|(_, holds, ends)| holder.is_none_or(|holder| holder == holds && *ends > now));
        Ok(fits.map(|(.., ends)| Standing { expires_at: *ends }))
    }

    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable> {
        Ok(self.shared.clone())
    }
}

/// An authorizer, two principals, and sessions of theirs.
pub(crate) struct World {
    pub(crate) authorizer: Authorizer,
    pub(crate) own: SessionId,
    pub(crate) agents: SessionId,
    pub(crate) foreign: SessionId,
    pub(crate) expired: SessionId,
    pub(crate) unknown: SessionId,
}

/// The principal whose `own` session is.
pub(crate) fn developer() -> Principal {
    Principal::embedded("planner", Role::Developer)
}

/// The principal whose the session `agents` is.
pub(crate) fn agent() -> Principal {
    Principal::token(&"ci".parse().unwrap(), Role::Agent)
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(false, &[])
    }

    /// One with these shared namespaces.
    pub(crate) fn sharing(names: &[&str]) -> Self {
        Self::with(false, names)
    }

    /// One whose sessions cannot be looked up.
    pub(crate) fn down() -> Self {
        Self::with(true, &[])
    }

    fn with(is_down: bool, shared: &[&str]) -> Self {
        let [own, agents, foreign, expired, unknown] = [(); 5].map(|()| SessionId::generate());
        let later = NOW.plus_millis(1);
        let holder = developer().holder().clone();
        let other = Principal::embedded("somebody else", Role::Developer).holder().clone();
        let sessions = vec![
            (own, holder.clone(), later),
            (agents, agent().holder().clone(), later),
            (foreign, other, later),
            (expired, holder, NOW),
        ];
        let shared = shared.iter().map(|name| name.parse().unwrap()).collect();
        let directory = Arc::new(Directory { sessions, shared, is_down });
        let clock = Arc::new(ManualClock::at(NOW));
        let authorizer =
            Authorizer::new(Policy::builtin(OPERATIONS), directory, clock, "commons".parse().unwrap());
        Self { authorizer, own, agents, foreign, expired, unknown }
    }

    pub(crate) async fn authorize(
        &self,
        principal: Principal,
        operation: &'static Operation,
        claim: Claim,
    ) -> Result<Scope, Denial> {
        self.authorizer.authorize(&Caller::new(Arc::new(principal)), operation, claim).await
    }
}

/// A claim without an agent.
pub(crate) fn claim(session: Option<SessionId>, namespace: NamespaceClaim) -> Claim {
    Claim { session, namespace, agent: None }
}

pub(crate) fn unnamed() -> NamespaceClaim {
    NamespaceClaim::Unnamed { include_shared: false }
}

pub(crate) fn with_shared() -> NamespaceClaim {
    NamespaceClaim::Unnamed { include_shared: true }
}

pub(crate) fn session_namespace(id: SessionId) -> NamespaceClaim {
    NamespaceClaim::Named(Namespace::Session(id))
}

pub(crate) fn shared(name: &str) -> NamespaceClaim {
    NamespaceClaim::Named(Namespace::Shared(name.parse().unwrap()))
}
