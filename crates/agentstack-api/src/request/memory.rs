//! The requests about memory.

use agentstack_access::Claim;
use agentstack_core::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::exact;
use super::fields::{agent, claim, metadata, tags, value};
use crate::InputError;
use crate::command::{
    Cursor, DeleteMemory, GetMemory, ListMemory, MatchRule, MemoryHistory, MinTrust, PageStart,
    RestoreMemory, SearchMemory, SearchMode, StoreMemory,
};

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct StoreMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    #[schemars(extend("x-exact" = exact::key()))]
    key: String,
    #[schemars(length(min = 1, max = limits::CONTENT_CHARS))]
    #[schemars(extend("x-exact" = exact::content()))]
    content: String,
    /// Shared namespace that outlives the session
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
    #[schemars(extend("x-exact" = exact::metadata()))]
    metadata: Option<Map<String, Value>>,
    #[garde(length(max = limits::TAGS))]
    #[schemars(extend("x-exact" = exact::tags()))]
    tags: Option<Vec<String>>,
    #[schemars(extend("x-exact" = exact::agent()))]
    agent_id: Option<String>,
    generate_embedding: Option<bool>,
    /// Store only if this is the current version; 0 = only if the key is free
    if_version: Option<u32>,
}

impl TryFrom<StoreMemoryRequest> for StoreMemory {
    type Error = InputError;

    fn try_from(request: StoreMemoryRequest) -> Result<Self, InputError> {
        let mut claim = claim(Some(&request.session_id), request.namespace.as_deref(), false)?;
        // Who writes for an agent must be allowed to speak for it.
        claim.agent = agent(request.agent_id.as_deref())?;
        Ok(Self {
            claim,
            key: value("key", request.key)?,
            content: value("content", request.content)?,
            metadata: metadata(request.metadata)?,
            tags: tags(request.tags)?,
            if_version: request.if_version,
            generate_embedding: request.generate_embedding.unwrap_or(true),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct SearchMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: Option<String>,
    /// Words or a question
    #[schemars(length(min = 1, max = limits::QUERY_CHARS))]
    #[schemars(extend("x-exact" = exact::query()))]
    query: String,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::SEARCH_ITEMS))]
    limit: Option<u32>,
    #[schemars(extend("default" = "auto"))]
    mode: Option<SearchMode>,
    /// How the words must occur
    #[serde(rename = "match")]
    #[schemars(extend("default" = "any"))]
    matching: Option<MatchRule>,
    #[garde(length(max = limits::TAGS))]
    #[schemars(extend("x-exact" = exact::tags()))]
    tags: Option<Vec<String>>,
    #[schemars(extend("x-exact" = exact::agent()))]
    agent_id: Option<String>,
    #[schemars(extend("default" = true))]
    include_shared: Option<bool>,
    #[garde(range(min = 0.0, max = 1.0))]
    threshold: Option<f64>,
    min_trust: Option<MinTrust>,
    /// Also as fenced text
    as_text: Option<bool>,
    use_vector: Option<bool>,
    #[schemars(length(min = 1, max = Cursor::CHARS))]
    cursor: Option<String>,
}

impl TryFrom<SearchMemoryRequest> for SearchMemory {
    type Error = InputError;

    fn try_from(request: SearchMemoryRequest) -> Result<Self, InputError> {
        let include_shared = request.include_shared.unwrap_or(true);
        // `useVector` is how the reference says it; `mode` says more and wins.
        let mode = match (request.mode, request.use_vector) {
            (Some(mode), _) => mode,
            (None, Some(false)) => SearchMode::Text,
            // The best there is: without an embedder that is text, as in the reference.
            (None, Some(true) | None) => SearchMode::Auto,
        };
        let agent = agent(request.agent_id.as_deref())?;
        let claim = claim(request.session_id.as_deref(), request.namespace.as_deref(), include_shared)?;
        Ok(Self {
            claim: Claim { agent: agent.clone(), ..claim },
            query: value("query", request.query)?,
            limit: request.limit.unwrap_or(limits::SEARCH_ITEMS),
            mode,
            matching: request.matching.unwrap_or_default(),
            tags: tags(request.tags)?,
            agent,
            threshold: request.threshold,
            min_trust: request.min_trust.unwrap_or_default(),
            as_text: request.as_text.unwrap_or(false),
            cursor: request.cursor.map(|cursor| value("cursor", cursor)).transpose()?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct GetMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: Option<String>,
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    #[schemars(extend("x-exact" = exact::key()))]
    key: String,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
    #[garde(range(min = 1))]
    version: Option<u32>,
    /// Characters to skip
    offset: Option<u32>,
    #[garde(range(min = 1, max = LENGTH_MOST))]
    length: Option<u32>,
    min_trust: Option<MinTrust>,
    /// Also as fenced text
    as_text: Option<bool>,
}

/// Most characters of a content that can be asked for: a whole one.
pub(super) const LENGTH_MOST: u32 = 1_000_000;
const _: () = assert!(LENGTH_MOST as usize == limits::CONTENT_CHARS);

impl TryFrom<GetMemoryRequest> for GetMemory {
    type Error = InputError;

    fn try_from(request: GetMemoryRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: claim(request.session_id.as_deref(), request.namespace.as_deref(), false)?,
            key: value("key", request.key)?,
            version: request.version,
            offset: request.offset.unwrap_or(0),
            length: request.length,
            min_trust: request.min_trust.unwrap_or_default(),
            as_text: request.as_text.unwrap_or(false),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct ListMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: Option<String>,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
    offset: Option<u32>,
    /// nextCursor of the page before
    #[schemars(length(min = 1, max = Cursor::CHARS))]
    cursor: Option<String>,
    #[schemars(extend("x-exact" = exact::agent()))]
    agent_id: Option<String>,
    #[schemars(extend("default" = false))]
    include_shared: Option<bool>,
    #[garde(length(max = limits::TAGS))]
    #[schemars(extend("x-exact" = exact::tags()))]
    tags: Option<Vec<String>>,
}

impl TryFrom<ListMemoryRequest> for ListMemory {
    type Error = InputError;

    fn try_from(request: ListMemoryRequest) -> Result<Self, InputError> {
        let include_shared = request.include_shared.unwrap_or(false);
        let start = match (request.cursor, request.offset) {
            (Some(_), Some(_)) => return Err(InputError::new("offset", "must not be given beside `cursor`")),
            (Some(cursor), None) => PageStart::Cursor(value("cursor", cursor)?),
            (None, offset) => PageStart::Offset(offset.unwrap_or(0)),
        };
        let agent = agent(request.agent_id.as_deref())?;
        let claim = claim(request.session_id.as_deref(), request.namespace.as_deref(), include_shared)?;
        Ok(Self {
            claim: Claim { agent: agent.clone(), ..claim },
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
            start,
            tags: tags(request.tags)?,
            agent,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct DeleteMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    #[schemars(extend("x-exact" = exact::key()))]
    key: String,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
}

impl TryFrom<DeleteMemoryRequest> for DeleteMemory {
    type Error = InputError;

    fn try_from(request: DeleteMemoryRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: claim(Some(&request.session_id), request.namespace.as_deref(), false)?,
            key: value("key", request.key)?,
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct MemoryHistoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    #[schemars(extend("x-exact" = exact::key()))]
    key: String,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
    #[garde(range(min = 1, max = limits::PAGE_ITEMS))]
    #[schemars(extend("default" = limits::LIST_ITEMS))]
    limit: Option<u32>,
}

impl TryFrom<MemoryHistoryRequest> for MemoryHistory {
    type Error = InputError;

    fn try_from(request: MemoryHistoryRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: claim(Some(&request.session_id), request.namespace.as_deref(), false)?,
            key: value("key", request.key)?,
            limit: request.limit.unwrap_or(limits::LIST_ITEMS),
        })
    }
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[garde(allow_unvalidated)]
pub(crate) struct RestoreMemoryRequest {
    #[schemars(extend("x-exact" = exact::id()))]
    session_id: String,
    #[schemars(length(min = 1, max = limits::KEY_CHARS))]
    #[schemars(extend("x-exact" = exact::key()))]
    key: String,
    #[garde(range(min = 1))]
    version: u32,
    #[schemars(extend("x-exact" = exact::namespace()))]
    namespace: Option<String>,
}

impl TryFrom<RestoreMemoryRequest> for RestoreMemory {
    type Error = InputError;

    fn try_from(request: RestoreMemoryRequest) -> Result<Self, InputError> {
        Ok(Self {
            claim: claim(Some(&request.session_id), request.namespace.as_deref(), false)?,
            key: value("key", request.key)?,
            version: request.version,
        })
    }
}
