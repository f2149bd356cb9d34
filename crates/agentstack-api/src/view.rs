//! What callers are answered.
//!
//! Views carry content, so they have no `Debug`: they stay out of logs and panics. Cutting content to
//! what an answer may carry is the engine's work; a view says that it was done.

use agentstack_core::Metadata;
use serde::{Serialize, Serializer};

mod memory;
mod session;
mod system;
mod token;

pub use memory::{
    DeleteMemoryView, EntryView, GetMemoryView, HistoryView, LabelView, ListMemoryView, OriginView,
    RestoreMemoryView, SearchMemoryView, SearchResultView, StoreMemoryView, StoredEntryView, SummaryView,
    VersionView,
};
pub use session::{
    ActiveSessionsView, EndSessionView, RemovedView, SessionDetailView, SessionState, SessionStatusView,
    SessionView, StartSessionView,
};
pub use system::{
    CheckView, FeaturesView, Health, StorageView, SystemConfigView, SystemHealthView, SystemStatusView,
};
pub use token::{CreateTokenView, ListTokensView, RevokeTokenView, TokenView};

fn object<S: Serializer>(metadata: &Metadata, serializer: S) -> Result<S::Ok, S::Error> {
    metadata.as_object().serialize(serializer)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
