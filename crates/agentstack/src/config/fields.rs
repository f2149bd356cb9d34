//! The fields of the file in one table: what is checked, said in errors, published as the schema and
//! compared with the documentation all comes from here. What is in force when a field is absent stands in
//! [`super::sections`].

use agentstack_core::limits::SESSION_TTL_MIN_SECONDS;

use super::reference;
use super::rules::Kind;

/// One field of the file.
#[derive(Debug)]
pub(super) struct Field {
    /// The names that lead to it, joined with dots.
    pub(super) path: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// What it is for. Nothing where we only let a section of the reference be.
    pub(super) about: &'static str,
}

pub(super) const fn field(path: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { path, kind, about }
}

/// Longest session lifetime that can be configured: 365 days.
const YEAR_SECONDS: u64 = 365 * 24 * 60 * 60;
const LIFETIME: Kind = Kind::Whole { least: SESSION_TTL_MIN_SECONDS as u64, most: YEAR_SECONDS };
const MODEL: Kind = Kind::Text { most: 200 };

/// The fields that are ours or shared with the reference.
const SERVED: &[Field] = &[
    field("$schema", Kind::Text { most: 2_048 }, "Where an editor finds the schema of this file."),
    field("version", Kind::Version, "The version of the file's format."),
    field("memory.path", Kind::Path, "The database file. A relative path starts at the current folder."),
    field(
        "memory.defaultNamespace",
        Kind::SharedName,
        "The namespace of shared memory that calls use by default.",
    ),
    field("memory.vectorSearch.enabled", Kind::Switch, "Search by meaning. Not served by this build."),
    field(
        "memory.vectorSearch.provider",
        Kind::Choice(&["openai", "ollama"]),
        "Who computes the embeddings.",
    ),
    field("memory.vectorSearch.model", MODEL, "The embedding model."),
    field(
        "providers.default",
        Kind::Choice(&["anthropic", "openai", "ollama"]),
        "The provider that is asked first.",
    ),
    field("providers.anthropic.apiKey", Kind::Secret, "The key of the Anthropic API; write `${VAR}`."),
    field("providers.anthropic.model", MODEL, "The model to ask for."),
    field("providers.openai.apiKey", Kind::Secret, "The key of the OpenAI API; write `${VAR}`."),
    field("providers.openai.model", MODEL, "The model to ask for."),
    field("providers.ollama.baseUrl", Kind::Url, "Where Ollama listens."),
    field("providers.ollama.model", MODEL, "The model to ask for."),
    field("agents.maxConcurrent", Kind::Whole { least: 1, most: 20 }, "Most agents that run at one time."),
    field(
        "agents.defaultTimeout",
        Kind::Whole { least: 10, most: 3_600 },
        "Longest run of an agent, in seconds.",
    ),
    field("github.enabled", Kind::Switch, "Tools for GitHub. Not served by this build."),
    field("github.useGhCli", Kind::Switch, "Reach GitHub through the `gh` program."),
    field("plugins.enabled", Kind::Switch, "Plugins. Not served by this build."),
    field("plugins.directory", Kind::Path, "Where plugins are."),
    field("mcp.transport", Kind::Choice(&["stdio", "http"]), "How MCP is served. This build serves `stdio`."),
    field("driftDetection.enabled", Kind::Switch, "Tells tasks that stray. Not served by this build."),
    field("driftDetection.threshold", Kind::Fraction, "From which likeness on a task strays."),
    field(
        "driftDetection.warningThreshold",
        Kind::Fraction,
        "From which likeness on to warn; below `threshold`.",
    ),
    field(
        "driftDetection.ancestorDepth",
        Kind::Whole { least: 1, most: 10 },
        "How many ancestors are compared.",
    ),
    field(
        "driftDetection.behavior",
        Kind::Choice(&["warn", "prevent"]),
        "What happens to a task that strays.",
    ),
    field("driftDetection.asyncEmbedding", Kind::Switch, "Whether tasks are embedded in the background."),
    field("security.encryption", Kind::Switch, "Whether the database is encrypted."),
    field(
        "security.policy",
        Kind::Path,
        "The folder of `.cedar` files that say who may do what, instead of the built-in policy.",
    ),
    field(
        "security.keySource.file",
        Kind::Path,
        "The key file: 64 hexadecimal digits, mode 0600, not beside the database.",
    ),
    field("security.keySource.env", Kind::Variable, "The environment variable that holds the key."),
    field(
        "security.keySource.command",
        Kind::Command,
        "The program and arguments, without a shell, whose output is the key.",
    ),
    field("limits.sessionIdleSeconds", LIFETIME, "Seconds without a call after which a session expires."),
    field("limits.sessionMaxAgeSeconds", LIFETIME, "Seconds after which a session expires in any case."),
    field(
        "audit.checkpointEvery",
        Kind::Whole { least: 1, most: 1_000_000 },
        "How many audit records go by between signed checkpoints.",
    ),
    field("retention", Kind::Nothing, "Reserved."),
    field("egress", Kind::Nothing, "Reserved."),
    field("http", Kind::Nothing, "Reserved."),
];

/// Every field there is.
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    SERVED.iter().chain(reference::FIELDS)
}

/// The field at `path`.
pub(super) fn find(path: &str) -> Option<&'static Field> {
    all().find(|field| field.path == path)
}

/// The names that stand directly in the section at `section`; the whole file is the section with no name.
/// Empty if there is no such section.
pub(super) fn names_in(section: &str) -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for field in all() {
        let inside = if section.is_empty() {
            Some(field.path)
        } else {
            field.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.'))
        };
        let name = inside.and_then(|rest| rest.split('.').next());
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// The path of `name` in `section`.
pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
