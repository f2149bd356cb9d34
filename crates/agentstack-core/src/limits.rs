//! The limits of the contract (S19). Lengths are in Unicode scalar values unless a name says bytes.

/// Longest memory key.
pub const KEY_CHARS: usize = 255;
/// Longest shared namespace name.
pub const NAMESPACE_CHARS: usize = 100;
/// Longest content of one entry.
pub const CONTENT_CHARS: usize = 1_000_000;
/// Longest search query.
pub const QUERY_CHARS: usize = 1_000;
/// Largest metadata object, as compact JSON.
pub const METADATA_BYTES: usize = 64 * 1024;
/// Deepest nesting of a metadata object.
pub const METADATA_DEPTH: usize = 32;
/// Most tags of one entry.
pub const TAGS: usize = 32;
/// Longest tag.
pub const TAG_CHARS: usize = 64;
/// Longest agent id or name.
pub const AGENT_CHARS: usize = 128;
/// Most items one answer may list.
pub const PAGE_ITEMS: u32 = 100;
/// Items a search answers when the caller does not say.
pub const SEARCH_ITEMS: u32 = 10;
/// Items a list answers when the caller does not say.
pub const LIST_ITEMS: u32 = 20;
/// Versions that are kept of one entry, besides the current one; the oldest goes first.
pub const VERSIONS_KEPT: u32 = 100;
/// Deepest nesting of any JSON that is taken in.
pub const JSON_DEPTH: usize = 64;
/// Largest message a transport takes in. The largest legal content, every character written as a
/// `\uXXXX` pair, is 12 MB.
pub const MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Largest answer, as it stands on the wire.
pub const RESPONSE_BYTES: usize = 256 * 1024;
/// How much text of entries one answer carries, counted as JSON string content.
///
/// MCP sends an answer twice, as `structuredContent` and as a text block in which each escape is
/// escaped again: what takes one byte in the first takes at most two in the second. So three times
/// this budget stays under [`RESPONSE_BYTES`].
pub const RESPONSE_CONTENT_BYTES: usize = 80 * 1024;
/// Idle time after which a session expires: 24 hours, in milliseconds.
pub const SESSION_IDLE_MS: i64 = 24 * 60 * 60 * 1_000;
/// Age at which a session expires: 30 days, in milliseconds.
pub const SESSION_AGE_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Most live sessions of one principal, unless configured otherwise.
pub const SESSIONS_PER_PRINCIPAL: u64 = 1_000;
/// Most entries of one session, unless configured otherwise.
pub const ENTRIES_PER_SESSION: u64 = 100_000;
/// Shortest `ttlSeconds` of a session.
pub const SESSION_TTL_MIN_SECONDS: u32 = 1;
/// Longest `ttlSeconds` of a session: its greatest age.
pub const SESSION_TTL_MAX_SECONDS: u32 = 30 * 24 * 60 * 60;
/// Longest life of a token that expires: ten years.
pub const TOKEN_AGE_MAX_SECONDS: u32 = 10 * 365 * 24 * 60 * 60;
/// Longest name of a kind of agent.
pub const AGENT_TYPE_CHARS: usize = 64;
/// Most agents of one session that have not stopped, unless configured otherwise.
pub const AGENTS_CONCURRENT: u32 = 20;
/// Most agents that a session has ever had.
pub const AGENTS_PER_SESSION: u32 = 1_000;
/// Most identities of one principal that are not retired.
pub const IDENTITIES_PER_PRINCIPAL: u32 = 1_000;
/// Longest description of an identity.
pub const DESCRIPTION_CHARS: usize = 1_000;
/// Most capabilities of one identity.
pub const CAPABILITIES: usize = 32;
/// Longest name of a capability.
pub const CAPABILITY_CHARS: usize = 64;
/// Longest version of a capability.
pub const CAPABILITY_VERSION_CHARS: usize = 32;
/// Longest input and output of a task. What is longer belongs into memory, under a key that the task names.
pub const TASK_CHARS: usize = 20_000;
/// Most tasks of one session, ended ones too, unless configured otherwise.
pub const TASKS_PER_SESSION: u32 = 10_000;
/// Most ancestors of a task, unless configured otherwise.
pub const TASK_DEPTH: u32 = 10;
/// Most tasks that are parts of one, unless configured otherwise.
pub const TASK_PARTS: u32 = 100;
/// Most tasks that a new one can name for one relation.
pub const TASK_RELATIONS: usize = 16;
/// Most versions of one namespace that are quarantined: whoever writes what is quarantined must not fill the disk with it.
pub const HELD_PER_NAMESPACE: u32 = 1_000;
/// Longest prompt of a run.
pub const PROMPT_CHARS: usize = 100_000;
/// Longest name of a model.
pub const MODEL_CHARS: usize = 200;
/// Most tokens that a run can ask for, whatever is configured.
pub const RUN_TOKENS_MAX: u32 = 1_000_000;
/// Most tokens of the answer of a run, unless configured otherwise.
pub const RUN_TOKENS: u32 = 8_192;
/// Longest run of an agent, unless configured otherwise: five minutes, in milliseconds.
pub const RUN_MS: u64 = 5 * 60 * 1_000;
/// Most entries that a run recalls.
pub const RECALL_ITEMS: u32 = 20;
/// Entries that a run recalls when the caller does not say.
pub const RECALL_ITEMS_USUAL: u32 = 5;
/// Days after which shared entries that nobody has verified expire, unless the configuration says otherwise (S20).
pub const UNVERIFIED_DAYS: u32 = 90;
/// Longest name of a user or an organization of a code host.
pub const LOGIN_CHARS: usize = 39;
/// Longest name of a repository.
pub const REPOSITORY_NAME_CHARS: usize = 100;
/// Longest name of a branch: with `refs/heads/` before it, 255.
pub const BRANCH_CHARS: usize = 244;
/// Longest title of an issue or a pull request.
pub const ISSUE_TITLE_CHARS: usize = 256;
/// Longest body of an issue or a pull request.
pub const ISSUE_BODY_CHARS: usize = 65_536;
/// Longest name of a label of an issue.
pub const ISSUE_LABEL_CHARS: usize = 50;
/// Most labels that a new issue is given.
pub const ISSUE_LABELS: usize = 20;
/// Most people that a new issue is assigned to.
pub const ISSUE_ASSIGNEES: usize = 10;
/// The greatest number of an issue: that of GraphQL's `Int`.
pub const ISSUE_NUMBER_MAX: u32 = 2_147_483_647;
