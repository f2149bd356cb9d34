//! What operators decide.

use agentstack_access::Scope;
use agentstack_core::{SessionId, Timestamp, Trust, VersionId};
use async_trait::async_trait;

use crate::{
    Forgotten, OriginFilter, Pending, Readers, Recorded, Review, ReviewFilter, Reviews, Revocation,
    StorageError,
};

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

    /// Who has been shown versions of an origin that can be traced still: some of them, the newest sessions first.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn readers(&self, scope: &Scope, origin: &OriginFilter) -> Result<Readers, StorageError>;

    /// The sessions that a principal holds, live or not.
    ///
    /// # Errors
    /// When the backend cannot answer.
    async fn sessions_of(&self, scope: &Scope, principal: &str) -> Result<Vec<SessionId>, StorageError>;

    /// Deletes every version of an origin for good, wherever it is, with all that is made of it and every trace in the files
    /// (S08). What was derived from them stays, and can be traced to them no more. Of a principal as a whole: its
    /// identities, its tokens and what it has been shown, too. Of an agent as a whole: the agents of live sessions that have
    /// its name or id, and their tasks. Without `pending` nothing is changed: it says what would be.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn forget(
        &self,
        scope: &Scope,
        origin: &OriginFilter,
        pending: Option<Pending>,
    ) -> Result<(Forgotten, Option<Recorded>), StorageError>;

    /// Removes shared entries that nobody has verified and that were stored before `before` (S20), and what has been held back
    /// since before then: some at a time. An entry that has a verified version keeps that. Returns how many; if none, no
    /// record is written.
    ///
    /// # Errors
    /// When the backend cannot do it.
    async fn expire(&self, scope: &Scope, before: Timestamp, pending: Pending) -> Result<u64, StorageError>;
}
