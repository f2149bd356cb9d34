//! Who may do what.
//!
//! [`Authorizer::authorize`] turns a verified [`Principal`], an [`Operation`] and a [`Claim`] into a
//! [`Scope`]. Every method of a store takes a `&Scope`, and a scope comes from nowhere else, so a
//! forgotten check does not compile (S04).
//!
//! **Invariant:** nothing in here knows a database, a transport or a global; the caller travels as a value (S06).

mod authorize;
mod operation;
mod policy;
mod principal;
mod scope;

pub use authorize::{
    Authorizer, Claim, Denial, DirectoryUnavailable, NamespaceClaim, SessionDirectory, Standing,
};
pub use operation::{Effect, Operation, Reach};
pub use policy::{Policy, Role};
pub use principal::{Caller, Holder, Principal};
pub use scope::{Scope, SharedNamespaces};
