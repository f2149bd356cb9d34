//! The reference store is held to the suite that it is the measure of.

#[cfg(test)]
mod quality;

use std::sync::Arc;

use agentstack_audit::SigningKey;
use agentstack_core::Secret;
use agentstack_storage::conformance::Opened;
use agentstack_storage::reference::ReferenceStore;

async fn open() -> Opened {
    let store = ReferenceStore::new(SigningKey::new(&Secret::new([7; 32])));
    Opened { verifying: store.verifying_key(), store: Arc::new(store), keep: Box::new(()) }
}

#[cfg(test)]
mod reference {
    agentstack_storage::conformance_tests!(crate::open);
}
