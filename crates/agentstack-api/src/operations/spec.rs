//! What holds for a row of the table by itself.

use super::Spec;
use super::table::{AGENT_RUN, PLUGIN_CALL};
use crate::ErrorCode;

impl Spec {
    /// Whether it asks somebody outside of the service.
    #[must_use]
    pub fn reaches_out(&self) -> bool {
        self.operation.name == AGENT_RUN.operation.name
            || self.operation.name == PLUGIN_CALL.operation.name
            || self.operation.is_of_a_code_host()
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
