//! The fields of the file in one table: what is checked, said in errors, published as the schema and
//! compared with the documentation all comes from here. What is in force when a field is absent stands in
//! [`super::sections`].

use agentstack_core::limits::{RUN_TOKENS_MAX, SESSION_TTL_MIN_SECONDS};

use super::rules::Kind;
use super::{providers, reference};

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
const COUNT: Kind = Kind::Whole { least: 0, most: u32::MAX as u64 };
const CALLS: Kind = Kind::Whole { least: 1, most: 1_000_000 };

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
    field(
        "memory.vectorSearch.enabled",
        Kind::Switch,
        "Search by meaning: what is stored is sent to the provider, unless that is `local`.",
    ),
    field(
        "memory.vectorSearch.provider",
        Kind::Embedder,
        "Who computes the embeddings; `local` is this process, with the model in `folder`.",
    ),
    field("memory.vectorSearch.model", MODEL, "The embedding model."),
    field(
        "memory.vectorSearch.folder",
        Kind::Path,
        "The folder of the model, where the provider is `local`. A relative path starts at the current folder.",
    ),
    field(
        "providers.default",
        Kind::Choice(&["anthropic", "openai", "ollama"]),
        "The provider that is asked by whoever names none. It has to be there.",
    ),
    field(
        "agents.maxConcurrent",
        Kind::Whole { least: 1, most: 100 },
        "Most agents of one session that have not stopped, and most runs of one caller at one time.",
    ),
    field(
        "agents.types",
        Kind::AgentTypes,
        "Kinds of agents of your own, besides the built-in ones or in place of those with the same name.",
    ),
    field(
        "agents.defaultTimeout",
        Kind::Whole { least: 10, most: 3_600 },
        "Longest run of an agent, in seconds.",
    ),
    field(
        "agents.maxTokens",
        Kind::Whole { least: 1, most: RUN_TOKENS_MAX as u64 },
        "Most tokens of the answer of a run.",
    ),
    field("github.enabled", Kind::Switch, "Tools for GitHub."),
    field("github.useGhCli", Kind::Switch, "Reach GitHub through the `gh` program: the one way there is."),
    field(
        "github.repositories",
        Kind::Repositories,
        "The repositories that may be named. Without any, none may.",
    ),
    field("github.host", Kind::Host, "The host: github.com, or a server of one's own."),
    field(
        "github.token",
        Kind::Secret,
        "The token that `gh` is given; write `${VAR}`. Without one it uses its own login.",
    ),
    field("github.program", Kind::Path, "The `gh` program, if not the first one of the PATH."),
    field(
        "github.configDirectory",
        Kind::Path,
        "The folder with the configuration and the logins of `gh`, if not the user's.",
    ),
    field("github.sandbox", Kind::Switch, "Confine `gh` to its files and to HTTPS, where the system can."),
    field("plugins.enabled", Kind::Switch, "Plugins: those that are installed and enabled can be called."),
    field(
        "plugins.directory",
        Kind::Path,
        "Where the packages of installed plugins are kept. A relative path starts at the current folder.",
    ),
    field(
        "plugins.trustedKeys",
        Kind::PublicKeys,
        "Whose plugins are installed and loaded: public keys in minisign's form.",
    ),
    field(
        "plugins.revokedKeys",
        Kind::PublicKeys,
        "Keys that count no more, whatever else says that they do.",
    ),
    field(
        "plugins.settings",
        Kind::PluginSettings,
        "What plugins are told when they ask for a setting that they were granted; write `${VAR}` for a secret.",
    ),
    field(
        "mcp.transport",
        Kind::Choice(&["stdio", "http"]),
        "How MCP is served: `stdio` by `agentstack-mcp`, `http` by `agentstack-rest`.",
    ),
    field(
        "driftDetection.enabled",
        Kind::Switch,
        "Compares each new task with its ancestors: is it one of them again?",
    ),
    field(
        "driftDetection.similarity",
        Kind::Choice(&["embedding", "lexical"]),
        "By what tasks are compared: by their words, or by meaning, for which their inputs are sent to the provider of \
         `memory.vectorSearch`.",
    ),
    field(
        "driftDetection.threshold",
        Kind::Fraction,
        "From which likeness on a task is too much like an ancestor.",
    ),
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
        "What happens to a task that is too much like an ancestor: it is made with a warning, or not made.",
    ),
    field(
        "driftDetection.asyncEmbedding",
        Kind::Switch,
        "Accepted, and without effect: vectors of tasks are not kept.",
    ),
    field(
        "resourceExhaustion.enabled",
        Kind::Switch,
        "Holds each agent to an allowance: beyond it, its calls are refused until it is given a new one.",
    ),
    field(
        "resourceExhaustion.thresholds.maxApiCalls",
        COUNT,
        "Calls that name the agent. 0 is without end, here and below.",
    ),
    field("resourceExhaustion.thresholds.maxTokensConsumed", COUNT, "Tokens of language models."),
    field(
        "resourceExhaustion.thresholds.maxSubtasksSpawned",
        COUNT,
        "Tasks that are made under tasks assigned to it.",
    ),
    field(
        "resourceExhaustion.thresholds.maxTimeWithoutDeliverableMs",
        COUNT,
        "Milliseconds without a completed task.",
    ),
    field(
        "resourceExhaustion.warningThresholdPercent",
        Kind::Fraction,
        "From which part of its allowance on an agent is warned, 0 to 1.",
    ),
    field(
        "resourceExhaustion.autoTerminate",
        Kind::Switch,
        "Stops an agent for good that goes on to half as much again.",
    ),
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
        "limits.callsPerSecond",
        Kind::Whole { least: 1, most: 1_000_000 },
        "Calls of one operation that one token may make in a second, in the long run. Over HTTP.",
    ),
    field(
        "limits.callBurst",
        Kind::Whole { least: 1, most: 1_000_000 },
        "Calls of one operation that one token may make at once, after a pause. Over HTTP.",
    ),
    field(
        "limits.concurrentCalls",
        Kind::Whole { least: 1, most: 10_000 },
        "Calls of one token that may be under way at one time. Over HTTP.",
    ),
    field(
        "limits.sessionsPerPrincipal",
        Kind::Whole { least: 1, most: 1_000_000 },
        "Most live sessions of one principal.",
    ),
    field(
        "limits.entriesPerSession",
        Kind::Whole { least: 1, most: 100_000_000 },
        "Most memory entries of one session.",
    ),
    field(
        "limits.tasksPerSession",
        Kind::Whole { least: 1, most: 1_000_000 },
        "Most tasks of one session, ended ones too.",
    ),
    field("limits.taskDepth", Kind::Whole { least: 0, most: 100 }, "Most ancestors of a task."),
    field("limits.taskParts", Kind::Whole { least: 1, most: 100_000 }, "Most tasks that are parts of one."),
    field(
        "limits.failedAuthenticationsPerMinute",
        Kind::Whole { least: 1, most: 10_000 },
        "Failed authentications of one client address in a minute. Over HTTP.",
    ),
    field(
        "limits.connections",
        Kind::Whole { least: 1, most: 1_000_000 },
        "Most connections at one time. Over HTTP.",
    ),
    field(
        "limits.requests",
        Kind::Whole { least: 1, most: 100_000 },
        "Most requests under way at one time. Over HTTP.",
    ),
    field(
        "audit.checkpointEvery",
        Kind::Whole { least: 1, most: 1_000_000 },
        "How many audit records go by between signed checkpoints.",
    ),
    field("watch.enabled", Kind::Switch, "Whether calls are watched, and signals raised."),
    field(
        "watch.coolDownSeconds",
        Kind::Whole { least: 60, most: 7 * 24 * 60 * 60 },
        "Seconds for which a rule, when it has said something of a principal, says nothing more of it.",
    ),
    field("watch.thresholds.denialBurst", CALLS, "Refused calls of one principal in a minute."),
    field(
        "watch.thresholds.foreignSessionProbing",
        CALLS,
        "Calls of one principal in ten minutes for sessions that are not its own.",
    ),
    field("watch.thresholds.failedAuthentications", CALLS, "Credentials in a minute that were not accepted."),
    field("watch.thresholds.unusualExport", CALLS, "Calls of one principal in ten minutes that read memory."),
    field(
        "watch.thresholds.firstOperation",
        CALLS,
        "Calls after which it is worth a word that a principal changes something by an operation new to it.",
    ),
    field(
        "watch.thresholds.unusualRate",
        Kind::Whole { least: 2, most: 1_000 },
        "How many times as often as usual a principal calls one operation.",
    ),
    field(
        "watch.thresholds.errorRate",
        Kind::Whole { least: 1, most: 100 },
        "Percent of all calls in five minutes that fail because of this installation.",
    ),
    field("watch.thresholds.providerBurst", CALLS, "Runs of agents of one principal in ten minutes."),
    field(
        "watch.webhook.url",
        Kind::Webhook,
        "Where signals are posted; write `${VAR}`, as whoever knows the address may be able to post there.",
    ),
    field("watch.webhook.secret", Kind::Secret, "What the bodies are signed with; write `${VAR}`."),
    field(
        "retention.unverifiedDays",
        Kind::Whole { least: 1, most: 36_500 },
        "Days after which shared entries that nobody has verified expire, and what is held back.",
    ),
    field(
        "guard.enabled",
        Kind::Switch,
        "Whether what is stored is looked at for secrets, personal data and what is aimed at a model.",
    ),
    field(
        "guard.rules",
        Kind::GuardRules,
        "What follows from what is found, before the built-in rules; of two about the same the later one holds.",
    ),
    field(
        "egress.enabled",
        Kind::Switch,
        "Connections to others. They go to whom this file names; off, whatever needs one stops the start.",
    ),
    field("http.listen", Kind::Address, "Where `agentstack-rest` listens."),
    field(
        "http.metricsListen",
        Kind::Address,
        "A loopback address at which metrics are served without a token, if at any.",
    ),
    field(
        "http.allowedHosts",
        Kind::Texts { most: 255 },
        "The names, `host` or `host:port`, by which clients may call the server, besides those of the loopback interface.",
    ),
    field(
        "http.allowedOrigins",
        Kind::Texts { most: 255 },
        "The origins, such as `https://app.example.org`, whose pages may call the server, besides its own.",
    ),
    field(
        "http.behindProxy",
        Kind::Switch,
        "A proxy that ends TLS and sets X-Forwarded-For stands in front of the server.",
    ),
    field("http.tls.certificate", Kind::Path, "The certificate chain, PEM. With `http.tls.key`."),
    field("http.tls.key", Kind::Path, "The private key of the certificate, PEM, a private file."),
    field(
        "http.oauth.issuer",
        Kind::SecureUrl,
        "The issuer whose JSON Web Tokens are accepted, to the letter as in their claim `iss`.",
    ),
    field(
        "http.oauth.audience",
        Kind::SecureUrl,
        "What they must name in their claim `aud`: the address by which clients know this server.",
    ),
    field("http.oauth.jwksUri", Kind::SecureUrl, "Where the issuer's keys are fetched from."),
    field("http.oauth.jwksFile", Kind::Path, "The issuer's keys as a file, instead: a JWK set."),
];

/// Every field there is.
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    SERVED.iter().chain(providers::FIELDS.iter().flatten()).chain(reference::FIELDS)
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
