//! The embedded backend: the suite of all backends, and what is SQLite's own.

mod support;

mod encrypted {
    agentstack_storage::conformance_tests!(crate::support::encrypted);
}
mod unencrypted {
    agentstack_storage::conformance_tests!(crate::support::unencrypted);
}
