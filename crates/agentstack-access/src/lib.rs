//! Who may do what.
//!
//! [`Authorizer::authorize`] turns a verified [`Principal`], an [`Operation`] and a [`Claim`] into a
//! [`Scope`]. Every method of a store takes a `&Scope`, and a scope comes from nowhere else, so a
//! forgotten check does not compile (S04).
//!
//! **Invariant:** nothing in here knows a database, a transport or a global; the caller travels as a value (S06).

mod authenticate;
mod authorize;
mod operation;
mod policy;
mod principal;
mod role;
mod scope;

pub use authenticate::{Grant, TokenDirectory, Unauthenticated, authenticate, is_still_authentic};
pub use authorize::{
    Authorizer, Claim, Denial, DirectoryUnavailable, NamespaceClaim, SessionDirectory, Standing,
};
pub use operation::{Effect, Operation, Reach};
pub use policy::{
    BUILTIN as BUILTIN_POLICY, Explanation, Policy, PolicyError, PolicyFault, PolicyFile, Resource, Rule,
    Ruling, Subject, builtin_decisions, policy_schema,
};
pub use principal::{Caller, Holder, Limits, Principal};
pub use role::Role;
pub use scope::{Scope, SharedNamespaces};
