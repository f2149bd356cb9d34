//! What the exact schema of a field says besides its brief one, for fields whose rule a newtype of the core holds.
//!
//! A field takes it over by `#[schemars(extend("x-exact" = …))]`. Patterns are written so that ECMA-262 (which JSON
//! Schema asks for) and the engines of Python and Rust read them alike.

use agentstack_core::limits;
use serde_json::{Value, json};

const ID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
const ID_EXAMPLE: &str = "01983b2e-5c00-7000-8000-000000000001";
const ID_CHARS: usize = ID_EXAMPLE.len();
const NAME: &str = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}";

/// An id in its one spelling.
pub(super) fn id() -> Value {
    json!({
        "description": "A UUID in its canonical lower-case form",
        "format": "uuid",
        "pattern": format!("^{ID}$"),
        "minLength": ID_CHARS,
        "maxLength": ID_CHARS,
        "examples": [ID_EXAMPLE],
    })
}

/// At least one of some texts that may each be left out.
pub(super) fn any_of(fields: &[&str]) -> Value {
    let given = |field: &&str| json!({ "required": [field], "properties": { *field: { "type": "string" } } });
    json!({ "anyOf": fields.iter().map(given).collect::<Vec<_>>() })
}

/// The id of a version.
pub(super) fn version_id() -> Value {
    json!({
        "description": "The id of an entry, a dot and the number of a version",
        "pattern": format!(r"^{ID}\.[1-9][0-9]{{0,8}}$"),
        "minLength": ID_CHARS + 2,
        "maxLength": ID_CHARS + 10,
        "examples": [format!("{ID_EXAMPLE}.1")],
    })
}

/// A key, which has no rule but its length.
pub(super) fn key() -> Value {
    json!({ "examples": ["payments-rollback"] })
}

/// The text of an entry.
pub(super) fn content() -> Value {
    json!({ "examples": ["Redeploy the previous tag, then replay the queue."] })
}

/// A question.
pub(super) fn query() -> Value {
    json!({ "examples": ["how do we roll back payments?"] })
}

/// A session's own namespace or a shared one.
pub(super) fn namespace() -> Value {
    json!({
        "description": "A shared name, or `session:` and the id of a session",
        "pattern": format!("^(?:session:{ID}|{NAME})$"),
        "minLength": 1,
        "maxLength": limits::NAMESPACE_CHARS,
    })
}

/// The name of a shared namespace, and of whom a token stands for.
pub(super) fn shared_name() -> Value {
    json!({
        "description": "Letters, digits, `.`, `_` and `-`, starting with a letter or a digit",
        "pattern": format!("^{NAME}$"),
        "minLength": 1,
        "maxLength": limits::NAMESPACE_CHARS,
        "examples": ["ci"],
    })
}

/// A principal, as a label names it.
pub(super) fn principal() -> Value {
    json!({ "examples": ["token:ci"] })
}

/// An agent's id or name.
pub(super) fn agent() -> Value {
    json!({
        "description": "No control characters",
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        "minLength": 1,
        "maxLength": limits::AGENT_CHARS,
    })
}

/// A kind of agent.
pub(super) fn agent_type() -> Value {
    json!({
        "description": "Lower-case letters, digits and `-`, starting with a letter",
        "pattern": "^[a-z][a-z0-9-]{0,63}$",
        "minLength": 1,
        "maxLength": limits::AGENT_TYPE_CHARS,
        "examples": ["coder"],
    })
}

/// What is to be done.
pub(super) fn task() -> Value {
    json!({ "examples": ["Write the tests for the rollback."] })
}

/// The name of a provider.
pub(super) fn provider() -> Value {
    json!({
        "description": "One that is configured; the default one, if not given",
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        "minLength": 1,
        "maxLength": limits::MODEL_CHARS,
        "examples": ["ollama"],
    })
}

/// The name of a model.
pub(super) fn model() -> Value {
    json!({
        "description": "No control characters; the provider's configured model, if not given",
        "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
        "minLength": 1,
        "maxLength": limits::MODEL_CHARS,
        "examples": ["llama3.2"],
    })
}

/// What is to be recalled.
pub(super) fn recall() -> Value {
    json!({ "minLength": 1, "maxLength": limits::QUERY_CHARS, "examples": ["how do we roll back payments?"] })
}

/// The key of what is to be stored besides.
pub(super) fn stored_key() -> Value {
    json!({ "minLength": 1, "maxLength": limits::KEY_CHARS, "examples": ["payments-rollback"] })
}

/// The most tokens of an answer.
pub(super) fn max_tokens() -> Value {
    json!({ "description": "At most what the configuration permits, and what is left of the agent's allowance" })
}

/// Ids, each in its one spelling.
pub(super) fn ids() -> Value {
    let mut id = id();
    if let Some(object) = id.as_object_mut() {
        object.remove("description");
        object.insert("type".to_owned(), "string".into());
    }
    json!({ "items": id })
}

/// A point in time.
pub(super) fn time() -> Value {
    json!({ "format": "date-time", "examples": ["2026-01-15T08:00:00Z"] })
}

/// A text without control characters.
pub(super) fn printable() -> Value {
    json!({ "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$" })
}

/// Tags: what each of them may be.
pub(super) fn tags() -> Value {
    json!({ "items": { "type": "string", "minLength": 1, "maxLength": limits::TAG_CHARS } })
}

/// Operations by name, those included that no request asks for.
pub(super) fn operations() -> Value {
    let names: Vec<&str> = crate::all_operations().iter().map(|operation| operation.name).collect();
    json!({ "items": { "type": "string", "enum": names } })
}

/// Shared namespaces by name.
pub(super) fn shared_names() -> Value {
    let mut name = shared_name();
    if let Some(object) = name.as_object_mut() {
        object.remove("description");
        object.insert("type".to_owned(), "string".into());
    }
    json!({ "items": name })
}

/// A caller's own object. A schema cannot count its bytes or its levels.
pub(super) fn metadata() -> Value {
    json!({ "description": "At most 64 KiB as JSON, at most 32 levels deep" })
}

/// A user or an organization of a code host.
pub(super) fn login() -> Value {
    json!({
        "description": "Letters, digits, `-` and `_`, starting with a letter or a digit",
        "pattern": LOGIN,
        "minLength": 1,
        "maxLength": limits::LOGIN_CHARS,
        "examples": ["octo-org"],
    })
}

const LOGIN: &str = "^[A-Za-z0-9][A-Za-z0-9_-]*$";

/// Users of a code host.
pub(super) fn logins() -> Value {
    json!({
        "items": { "type": "string", "pattern": LOGIN, "minLength": 1, "maxLength": limits::LOGIN_CHARS }
    })
}

/// The name of a repository.
pub(super) fn repository_name() -> Value {
    json!({
        "description": "Letters, digits, `.`, `_` and `-`, not starting with `-`, and not `.` or `..`",
        "pattern": r"^(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\.[A-Za-z0-9_-][A-Za-z0-9._-]*|\.\.[A-Za-z0-9._-]+)$",
        "minLength": 1,
        "maxLength": limits::REPOSITORY_NAME_CHARS,
        "examples": ["tools"],
    })
}

/// One line that is not only white space.
const LINE: &str =
    r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";

/// A title.
pub(super) fn issue_title() -> Value {
    json!({ "pattern": LINE, "minLength": 1, "maxLength": limits::ISSUE_TITLE_CHARS, "examples": ["Found a bug"] })
}

/// What an issue says.
pub(super) fn issue_body() -> Value {
    json!({
        "pattern": r"^[^\u0000]*$",
        "minLength": 1,
        "maxLength": limits::ISSUE_BODY_CHARS,
        "examples": ["It happens when the queue is empty."],
    })
}

/// Labels: what each of them may be.
pub(super) fn issue_labels() -> Value {
    json!({
        "items": { "type": "string", "pattern": LINE, "minLength": 1, "maxLength": limits::ISSUE_LABEL_CHARS }
    })
}

/// What may stand between the dots and slashes of a branch.
const WORD: &str = r"[^\u0000-\u0020\u007f-\u009f~^:?*\[\\{./]";
const BRANCH_RULE: &str =
    "Parts between `/`, words with one `.` between them, and none of what git does not permit";

fn branch_pattern() -> String {
    let first = WORD.replace("./]", "./-]");
    format!(r"{first}{WORD}*(?:[./]{WORD}+)*")
}

/// A branch.
pub(super) fn branch() -> Value {
    json!({
        "description": BRANCH_RULE,
        "pattern": format!("^{}$", branch_pattern()),
        "minLength": 1,
        "maxLength": limits::BRANCH_CHARS,
        "examples": ["main"],
    })
}

/// A branch, here or in a fork.
pub(super) fn head_branch() -> Value {
    json!({
        "description": BRANCH_RULE,
        "pattern": format!("^(?:[A-Za-z0-9][A-Za-z0-9_-]{{0,38}}:)?{}$", branch_pattern()),
        "minLength": 1,
        "maxLength": limits::BRANCH_CHARS,
        "examples": ["feature/queue"],
    })
}

/// The name of a plugin.
pub(super) fn plugin_name() -> Value {
    json!({
        "description": "Lower-case letters, digits and `-`, starting with a letter and not ending in `-`; no family of operations",
        "pattern": "^[a-z](?:[a-z0-9-]*[a-z0-9])?$",
        "minLength": 1,
        "maxLength": 31,
        "examples": ["greeter"],
    })
}

/// The name of a tool in its plugin.
pub(super) fn tool_name() -> Value {
    json!({
        "description": "Lower-case letters, digits and `_`, starting with a letter",
        "pattern": "^[a-z][a-z0-9_]*$",
        "minLength": 1,
        "maxLength": 32,
        "examples": ["say_hello"],
    })
}

/// What `session_start` showed.
pub(super) fn resume_token() -> Value {
    json!({ "pattern": "^asr_[0-9a-f]{64}$", "minLength": 68, "maxLength": 68 })
}
