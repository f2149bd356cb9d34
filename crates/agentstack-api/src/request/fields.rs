//! Parsing of the fields that many requests have.

use std::fmt::Display;
use std::str::FromStr;

use agentstack_access::{Claim, NamespaceClaim};
use agentstack_core::{AgentId, Metadata, SessionId, Tag};
use serde_json::{Map, Value};

use crate::InputError;

/// Parses a field's text. The parser's error says the rule.
pub(super) fn text<T>(field: &str, text: &str) -> Result<T, InputError>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|rule| InputError::new(field, rule))
}

/// Takes over a field's value. The conversion's error says the rule.
pub(super) fn value<V, T>(field: &str, value: V) -> Result<T, InputError>
where
    T: TryFrom<V, Error: Display>,
{
    value.try_into().map_err(|rule| InputError::new(field, rule))
}

pub(super) fn agent(id: Option<&str>) -> Result<Option<AgentId>, InputError> {
    id.map(|id| text("agentId", id)).transpose()
}

pub(super) fn metadata(object: Option<Map<String, Value>>) -> Result<Metadata, InputError> {
    object.map_or_else(|| Ok(Metadata::default()), |object| value("metadata", object))
}

/// Each tag once, in the order of their first mention.
pub(super) fn tags(texts: Option<Vec<String>>) -> Result<Vec<Tag>, InputError> {
    let mut tags = Vec::new();
    for (index, text) in texts.unwrap_or_default().into_iter().enumerate() {
        let tag = Tag::try_from(text).map_err(|rule| InputError::new(format!("tags[{index}]"), rule))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// The claim of a call about memory.
pub(super) fn claim(
    session: Option<&str>,
    namespace: Option<&str>,
    include_shared: bool,
) -> Result<Claim, InputError> {
    let session: Option<SessionId> = session.map(|id| text("sessionId", id)).transpose()?;
    let namespace = match namespace {
        Some(name) => NamespaceClaim::Named(text("namespace", name)?),
        None => NamespaceClaim::Unnamed { include_shared },
    };
    Ok(Claim { session, namespace, agent: None })
}

/// The claim of a call about one session.
pub(super) fn session_claim(session: &str) -> Result<Claim, InputError> {
    Ok(Claim::session(text("sessionId", session)?))
}
