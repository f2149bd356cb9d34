//! What holds for a row of the table by itself.

use super::{AGENT_RUN, Spec};
use crate::ErrorCode;

impl Spec {
    /// Whether it asks somebody outside of the service.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.operation.name == AGENT_RUN.operation.name
    }

    /// The errors that every operation can have.
    pub const COMMON_ERRORS: &'static [ErrorCode] = &[
        ErrorCode::InvalidInput,
        ErrorCode::Unauthenticated,
        ErrorCode::Forbidden,
        ErrorCode::TooLarge,
        ErrorCode::RateLimited,
        ErrorCode::Unavailable,
        ErrorCode::Internal,
    ];
}
