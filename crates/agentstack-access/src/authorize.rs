//! The one place that makes a scope.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use agentstack_core::{AgentId, Clock, Namespace, SessionId, SharedName, Timestamp};
use async_trait::async_trait;

use crate::{Caller, Holder, Operation, Policy, Principal, Reach, Resource, Ruling, Scope, SharedNamespaces};

/// Whose session it is and until when, as far as the asking holder may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the session expires if nothing happens.
    pub expires_at: Timestamp,
}

/// The sessions could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("looking up a session")]
pub struct DirectoryUnavailable(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Where the authorizer looks sessions up.
#[async_trait]
pub trait SessionDirectory: Send + Sync {
    /// The standing of a live session: of any one for `None`, else of one that `holder` holds.
    ///
    /// The answer may be some seconds old. It decides nothing alone: a store proves it again in the
    /// transaction of the call.
    ///
    /// # Errors
    /// When the sessions cannot be read.
    async fn standing(
        &self,
        session: SessionId,
        holder: Option<&Holder>,
        now: Timestamp,
    ) -> Result<Option<Standing>, DirectoryUnavailable>;

    /// The names of the shared namespaces there are.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn shared_namespaces(&self) -> Result<Vec<SharedName>, DirectoryUnavailable>;
}

/// The namespace a call names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamespaceClaim {
    /// None: what the operation means without one.
    Unnamed {
        /// Whether a search or list takes in the shared namespaces.
        include_shared: bool,
    },
    /// This one.
    Named(Namespace),
}

/// What a call says it is about. None of it is believed before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The session it names.
    pub session: Option<SessionId>,
    /// The namespace it names.
    pub namespace: NamespaceClaim,
    /// The agent it names.
    pub agent: Option<AgentId>,
}

impl Claim {
    /// A claim to nothing in particular.
    #[must_use]
    pub fn none() -> Self {
        Self { session: None, namespace: NamespaceClaim::Unnamed { include_shared: false }, agent: None }
    }

    /// A claim to a session.
    #[must_use]
    pub fn session(session: SessionId) -> Self {
        Self { session: Some(session), ..Self::none() }
    }
}

/// Why a call was not authorized.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The session is another's, has ended, has expired or never was. The caller must not learn which.
    #[error("the session is not the caller's")]
    NotYours,
    /// What changes a namespace names no session.
    #[error("no session is named")]
    NoSession,
    /// The policy does not permit the operation.
    #[error("the policy does not permit `{permission}`")]
    Forbidden {
        /// What the principal lacks.
        permission: &'static str,
    },
    /// A rule of the policy could not be evaluated (S36).
    #[error("the policy could not be evaluated for `{permission}`: {cause}")]
    PolicyFailed {
        /// What was asked for.
        permission: &'static str,
        /// What went wrong, for the operator's log.
        cause: String,
    },
    /// The caller is bound to another agent than the one it names.
    #[error("the caller is bound to another agent")]
    OtherAgent,
    /// The sessions could not be looked up.
    #[error(transparent)]
    Unavailable(#[from] DirectoryUnavailable),
}

impl Denial {
    /// The word under which the audit log keeps the reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotYours => "session_not_held",
            Self::NoSession => "no_session",
            Self::Forbidden { .. } => "policy",
            Self::PolicyFailed { .. } => "policy_error",
            Self::OtherAgent => "other_agent",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

/// Decides, and hands out scopes.
#[derive(Clone)]
pub struct Authorizer {
    policy: Arc<RwLock<Policy>>,
    directory: Arc<dyn SessionDirectory>,
    clock: Arc<dyn Clock>,
    default_namespace: SharedName,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("policy", self.policy().version()).finish_non_exhaustive()
    }
}

impl Authorizer {
    /// An authorizer over the sessions of `directory`. `default_namespace` is what a call in one
    /// namespace means when it names neither a session nor a namespace.
    #[must_use]
    pub fn new(
        policy: Policy,
        directory: Arc<dyn SessionDirectory>,
        clock: Arc<dyn Clock>,
        default_namespace: SharedName,
    ) -> Self {
        Self { policy: Arc::new(RwLock::new(policy)), directory, clock, default_namespace }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another policy into force, in all clones of this authorizer: for every call that is authorized from now on
    /// (S36).
    pub fn replace_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Whether the principal could do the operation on anything at all. What it may not do is not offered to it.
    #[must_use]
    pub fn offers(&self, principal: &Principal, operation: &Operation) -> bool {
        may_ever(principal, operation) && self.policy().may_permit(principal, operation)
    }

    /// Checks a call and says what it may touch.
    ///
    /// # Errors
    /// The reason why it may not. For everything about a session the reason is the same,
    /// whether the session is foreign, ended, expired or unknown (S02).
    pub async fn authorize(
        &self,
        caller: &Caller,
        operation: &'static Operation,
        claim: Claim,
    ) -> Result<Scope, Denial> {
        let at = self.clock.now();
        let principal = &caller.principal;
        let (session, namespace) = self.resolve(operation, &claim)?;
        if session.is_none() && operation.changes_a_namespace() {
            return Err(Denial::NoSession);
        }
        let policy = self.policy();
        let forbidden = Denial::Forbidden { permission: operation.name };
        let limits = principal.limits();
        if !may_ever(principal, operation) || namespace.as_ref().is_some_and(|n| !limits.allow_namespace(n)) {
            return Err(forbidden);
        }
        // A session's standing comes after the policy: who may not do the operation at all learns nothing of it.
        let resource = match (&namespace, session) {
            (None, Some(session)) => Some(Resource::Session(session)),
            (None, None) if operation.reach == Reach::Principal => Some(Resource::Service),
            (Some(namespace), _) => Some(Resource::Namespace(namespace)),
            // A search in all shared namespaces and no other: each of them is asked for below.
            (None, None) => None,
        };
        if let Some(resource) = resource
            && !permitted(&policy, principal, operation, resource)?
        {
            return Err(forbidden);
        }
        // Whose the session is will not be asked then, so what is permitted on others' has to be on one's own too.
        let overseer = match resource {
            Some(Resource::Session(session)) => {
                permitted(&policy, principal, operation, Resource::ForeignSession(session))?
            }
            _ => false,
        };
        let wants_shared = matches!(claim.namespace, NamespaceClaim::Unnamed { include_shared: true })
            && operation.reach == Reach::Namespaces;
        let shared = if wants_shared {
            self.readable(&policy, principal, operation).await?
        } else {
            SharedNamespaces::Excluded
        };
        if resource.is_none() && !policy.may_permit(principal, operation) {
            return Err(forbidden);
        }
        if let Some(session) = session {
            let holder = (!overseer).then(|| principal.holder());
            self.directory.standing(session, holder, at).await?.ok_or(Denial::NotYours)?;
        }
        if claim.agent.as_ref().is_some_and(|named| !principal.speaks_for(named)) {
            return Err(Denial::OtherAgent);
        }
        let agent = principal.agent().cloned().or(claim.agent);
        Ok(Scope {
            principal: Arc::clone(principal),
            request: caller.request,
            operation,
            session,
            overseer,
            namespace,
            shared,
            agent,
            at,
        })
    }

    /// The shared namespaces that the principal may do the operation on.
    async fn readable(
        &self,
        policy: &Policy,
        principal: &Principal,
        operation: &'static Operation,
    ) -> Result<SharedNamespaces, Denial> {
        let permits = |name: &SharedName| {
            let namespace = Namespace::Shared(name.clone());
            permitted(policy, principal, operation, Resource::Namespace(&namespace))
        };
        let limited = principal.limits().namespaces.as_ref();
        if !policy.tells_shared_namespaces_apart() && !permits(&self.default_namespace)? {
            return Ok(SharedNamespaces::Excluded);
        }
        let candidates = match limited {
            Some(names) => names.iter().cloned().collect(),
            None if policy.tells_shared_namespaces_apart() => self.directory.shared_namespaces().await?,
            None => return Ok(SharedNamespaces::Included),
        };
        let mut readable = Vec::new();
        for name in candidates {
            if permits(&name)? {
                readable.push(name);
            }
        }
        Ok(SharedNamespaces::Only(readable.into()))
    }

    /// The shared namespace of calls that name none.
    #[must_use]
    pub fn default_namespace(&self) -> &SharedName {
        &self.default_namespace
    }

    /// The one namespace that a claim names or implies, unproven; for naming it in the audit log.
    #[must_use]
    pub fn named_namespace(&self, operation: &Operation, claim: &Claim) -> Option<Namespace> {
        self.resolve(operation, claim).ok().and_then(|(_, namespace)| namespace)
    }

    /// The session and the namespace that a claim comes to.
    fn resolve(
        &self,
        operation: &Operation,
        claim: &Claim,
    ) -> Result<(Option<SessionId>, Option<Namespace>), Denial> {
        match operation.reach {
            Reach::Principal => Ok((None, None)),
            Reach::Session => Ok((Some(claim.session.ok_or(Denial::NotYours)?), None)),
            Reach::Namespace | Reach::Namespaces => match (&claim.namespace, claim.session) {
                (NamespaceClaim::Named(Namespace::Session(named)), claimed) => {
                    // Naming one session and reaching into another is never right, whoever holds them.
                    if claimed.is_some_and(|claimed| claimed != *named) {
                        return Err(Denial::NotYours);
                    }
                    Ok((Some(*named), Some(Namespace::Session(*named))))
                }
                (NamespaceClaim::Named(shared), session) => Ok((session, Some(shared.clone()))),
                (NamespaceClaim::Unnamed { .. }, Some(session)) => {
                    Ok((Some(session), Some(Namespace::Session(session))))
                }
                (NamespaceClaim::Unnamed { include_shared: true }, None)
                    if operation.reach == Reach::Namespaces =>
                {
                    Ok((None, None))
                }
                (NamespaceClaim::Unnamed { .. }, None) => {
                    Ok((None, Some(Namespace::Shared(self.default_namespace.clone()))))
                }
            },
        }
    }
}

/// Whether any policy could permit it.
fn may_ever(principal: &Principal, operation: &Operation) -> bool {
    principal.limits().allow_operation(operation)
        && (principal.is_operator() || !operation.is_for_operators_alone())
}

/// Whether the policy permits it. That it cannot say is not a no like others.
fn permitted(
    policy: &Policy,
    principal: &Principal,
    operation: &'static Operation,
    resource: Resource<'_>,
) -> Result<bool, Denial> {
    match policy.rule(principal, operation, resource) {
        Ruling::Permitted => Ok(true),
        Ruling::Denied => Ok(false),
        Ruling::Failed => {
            let cause = policy.explain(principal.into(), operation, resource).errors.join("; ");
            Err(Denial::PolicyFailed { permission: operation.name, cause })
        }
    }
}
