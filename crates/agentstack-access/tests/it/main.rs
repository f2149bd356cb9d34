//! Who may do what, and that there is no other way to it.

mod authorize;
mod compile;
mod policy;
mod support;
