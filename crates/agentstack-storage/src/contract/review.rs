//! What operators decide.

use agentstack_access::Scope;
use agentstack_core::{Timestamp, Trust, VersionId};
use async_trait::async_trait;

use crate::{OriginFilter, Pending, Review, ReviewFilter, Reviews, Revocation, StorageError};

/// What operators decide about the trust of versions. Whose they are is no matter here: the scope says that its caller may
/// decide about all. A mutation and its audit record are one transaction.
#[async_trait]
pub trait ReviewStore: Send + Sync {
    /// Versions in a state, the newest first: those that are held back, or current ones of shared namespaces.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn reviews(&self, scope: &Scope, filter: ReviewFilter) -> Result<Reviews, StorageError>;

    /// A version with its content, whatever its state. `None` if there is none.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn review(&self, scope: &Scope, id: VersionId) -> Result<Option<(Review, String)>, StorageError>;

    /// Brings a version into another state: `Trusted` or `Revoked`. One that is held back and becomes trusted goes where its
    /// number says: it is current if that is the highest. Where a current version is taken away, the newest that is left
    /// becomes current. `None` if there is no such version; then no record is written.
    ///
    /// # Errors
    /// [`StorageError::State`] when it cannot come into the state.
    async fn decide(
        &self,
        scope: &Scope,
        id: VersionId,
        to: Trust,
        pending: Pending,
    ) -> Result<Option<Review>, StorageError>;

    /// Revokes every version of an origin, and quarantines all that sessions have written after they were shown one, and
    /// so on (S21). Without `pending` nothing is changed: it says what would be.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn revoke_origin(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<Revocation, StorageError>;

    /// Removes shared entries that nobody has verified and that were stored before `before` (S20), and what has been held back
    /// since before then: some at a time. An entry that has a verified version keeps that. Returns how many; if none, no
    /// record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn expire(&self, scope: &Scope, before: Timestamp, pending: Pending) -> Result<u64, StorageError>;
}
