//! Where a page goes on. Opaque to callers; of no use for what they may not see, since every page is
//! read under a scope of its own.

use agentstack_api::InputError;
use agentstack_api::command::Cursor;
use agentstack_core::Timestamp;
use agentstack_storage::{ListPosition, ReviewPosition};

fn broken() -> InputError {
    InputError::new("cursor", "must be the nextCursor of an answer")
}

/// The cursor of a place in a list.
pub(crate) fn of_position(position: ListPosition) -> String {
    format!("l.{}.{}", position.updated_at.as_millis(), position.id)
}

/// The place in a list that a cursor stands for.
pub(crate) fn position(cursor: &Cursor) -> Result<ListPosition, InputError> {
    let parse = || {
        let (millis, id) = cursor.as_str().strip_prefix("l.")?.split_once('.')?;
        Some(ListPosition { updated_at: Timestamp::from_millis(millis.parse().ok()?), id: id.parse().ok()? })
    };
    parse().ok_or_else(broken)
}

/// The cursor of a place in a list of reviews.
pub(crate) fn of_review(position: ReviewPosition) -> String {
    format!("v.{}.{}", position.since.as_millis(), position.id)
}

/// The place in a list of reviews that a cursor stands for.
pub(crate) fn review(cursor: &Cursor) -> Result<ReviewPosition, InputError> {
    let parse = || {
        let (millis, id) = cursor.as_str().strip_prefix("v.")?.split_once('.')?;
        Some(ReviewPosition { since: Timestamp::from_millis(millis.parse().ok()?), id: id.parse().ok()? })
    };
    parse().ok_or_else(broken)
}

/// The cursor of a place in the audit log.
pub(crate) fn of_record(sequence: u64) -> String {
    format!("a.{sequence}")
}

/// The place in the audit log that a cursor stands for.
pub(crate) fn record(cursor: &Cursor) -> Result<u64, InputError> {
    cursor.as_str().strip_prefix("a.").and_then(|sequence| sequence.parse().ok()).ok_or_else(broken)
}

/// The cursor of a place in a ranking.
pub(crate) fn of_rank(offset: u32) -> String {
    format!("r.{offset}")
}

/// The place in a ranking that a cursor stands for.
pub(crate) fn rank(cursor: &Cursor) -> Result<u32, InputError> {
    cursor.as_str().strip_prefix("r.").and_then(|offset| offset.parse().ok()).ok_or_else(broken)
}
