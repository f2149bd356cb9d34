//! What one decision leaves behind: who did what, with what result, and never any content (S43).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use agentstack_core::hex::digits;
use agentstack_core::{AgentId, IdentityId, RequestId, SessionId, Timestamp};
use serde::{Deserialize, Deserializer};

use crate::{Malformed, ResourceHash};

/// How many characters of a principal's name a record keeps. A longer name ends in `…` there.
pub const PRINCIPAL_CHARS: usize = 256;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The call was let in.
    Allow,
    /// It was not.
    Deny,
}

impl Decision {
    /// The word of the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// What came of it: `ok`, or the code of the error that the caller was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// The input broke a rule.
    InvalidInput,
    /// No credential, or a bad one.
    Unauthenticated,
    /// The policy said no.
    Forbidden,
    /// Absent, or not the caller's.
    NotFound,
    /// The state or the version was another.
    Conflict,
    /// The input or the answer was too large.
    TooLarge,
    /// The caller was too fast.
    RateLimited,
    /// Something it depends on was down.
    Unavailable,
    /// It failed for a reason of ours.
    Internal,
    /// Whoever asked for it did not wait for it.
    Cancelled,
}

impl Outcome {
    /// The word of the record: the contract's error code, but for what has no answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::InvalidInput => "invalid_input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A record before it has its place in the log.
///
/// No field can carry content: words are constants of the program, a resource is a keyed hash, and what
/// a credential or a caller named (principal, agent) is bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When the decision was taken.
    pub at: Timestamp,
    /// Who called: the principal's name. The record keeps [`PRINCIPAL_CHARS`] of it.
    pub principal: String,
    /// The agent on whose behalf.
    pub agent: Option<AgentId>,
    /// The identity that was spoken of, or that the agent was spawned with.
    pub identity: Option<IdentityId>,
    /// The session it was in.
    pub session: Option<SessionId>,
    /// The operation's name.
    pub operation: &'static str,
    /// What it was about.
    pub resource: Option<ResourceHash>,
    /// What was decided.
    pub decision: Decision,
    /// Why, in one word.
    pub reason: &'static str,
    /// The version of the policy that was in force.
    pub policy: Arc<str>,
    /// The id of the call, as the caller was told it.
    pub request: RequestId,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// How much of what it touched, such as the entries that the end of a session removed. A name that
    /// occurs twice counts with its last value.
    pub counts: Vec<(&'static str, u64)>,
}

impl Draft {
    /// The record as one line of JSON: fixed order of fields, no spaces, printable ASCII only (S46).
    ///
    /// Every other character is a `\u` escape. So no name can break a line, move a terminal's cursor,
    /// turn the reading direction or pass for another name that looks alike.
    #[must_use]
    pub fn encode(&self, sequence: u64) -> String {
        let counts: BTreeMap<_, _> = self.counts.iter().copied().collect();
        let mut body = Body::default();
        body.number("sequence", sequence);
        body.text("at", &self.at.to_string());
        body.text("principal", &bounded(&self.principal));
        body.optional("agentId", self.agent.as_ref());
        body.optional("identityId", self.identity);
        body.optional("sessionId", self.session);
        body.text("operation", self.operation);
        body.optional("resource", self.resource);
        body.text("decision", self.decision.as_str());
        body.text("reason", self.reason);
        body.text("policy", &self.policy);
        body.text("requestId", &self.request.to_string());
        body.text("outcome", self.outcome.as_str());
        body.number("durationUs", self.duration_us);
        if !counts.is_empty() {
            let mut object = Body::default();
            for (name, count) in counts {
                object.number(name, count);
            }
            body.raw("counts", &object.finish());
        }
        body.finish()
    }
}

/// The name, cut where it is too long, in a way that shows.
fn bounded(name: &str) -> String {
    match name.char_indices().nth(PRINCIPAL_CHARS) {
        None => name.to_owned(),
        Some(_) => name.chars().take(PRINCIPAL_CHARS - 1).chain(['…']).collect(),
    }
}

/// A JSON object that is being written. By hand, because nothing can fail here.
#[derive(Default)]
struct Body(String);

impl Body {
    fn raw(&mut self, name: &str, value: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.string(name);
        self.0.push(':');
        self.0.push_str(value);
    }

    fn number(&mut self, name: &str, value: u64) {
        self.raw(name, &value.to_string());
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, "");
        self.string(value);
    }

    fn optional(&mut self, name: &str, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.text(name, &value.to_string());
        }
    }

    fn string(&mut self, text: &str) {
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                ' '..='~' => self.0.push(character),
                _ => self.escape(character),
            }
        }
        self.0.push('"');
    }

    /// Beyond U+FFFF, JSON escapes the two halves of the UTF-16 form (RFC 8259, section 7).
    fn escape(&mut self, character: char) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            self.0.push_str("\\u");
            self.0.extend(unit.to_be_bytes().into_iter().flat_map(digits));
        }
    }

    fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// A record as it is read back. A name in it may hold any character again: show the line, not the name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// Its place in the log.
    pub sequence: u64,
    /// When the decision was taken: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// Who called.
    pub principal: String,
    /// The agent on whose behalf.
    #[serde(rename = "agentId", default, deserialize_with = "parsed")]
    pub agent: Option<AgentId>,
    /// The identity that was spoken of, or that the agent was spawned with.
    #[serde(rename = "identityId", default)]
    pub identity: Option<IdentityId>,
    /// The session it was in.
    #[serde(rename = "sessionId", default)]
    pub session: Option<SessionId>,
    /// The operation's name.
    pub operation: String,
    /// What it was about.
    #[serde(default, deserialize_with = "parsed")]
    pub resource: Option<ResourceHash>,
    /// What was decided.
    pub decision: Decision,
    /// Why, in one word.
    pub reason: String,
    /// The version of the policy that was in force.
    pub policy: String,
    /// The id of the call.
    #[serde(rename = "requestId")]
    pub request: RequestId,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// How much of what it touched.
    #[serde(default)]
    pub counts: BTreeMap<String, u64>,
}

impl Record {
    /// Reads what [`Draft::encode`] wrote.
    ///
    /// # Errors
    /// When the text is not a record. The parser's own words stay here: they quote the text.
    pub fn parse(body: &str) -> Result<Self, Malformed> {
        serde_json::from_str(body).map_err(|_| Malformed::Record)
    }
}

/// Reads an optional value through its `FromStr`.
fn parsed<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}
