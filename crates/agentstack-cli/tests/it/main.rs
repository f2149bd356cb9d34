//! The operator's binary, run as a person would.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the tests start the binary, and fail loudly"
)]

#[cfg(test)]
mod audit;
#[cfg(test)]
mod db;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod forget;
#[cfg(test)]
mod import;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod plugin;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod quarantine;
#[cfg(test)]
mod reembed;
#[cfg(test)]
mod runbooks;

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder to work in, with a configuration folder of its own.
struct Workplace(TempDir);

impl Workplace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn key(&self) -> std::path::PathBuf {
        self.path().join("home/agentstack/agentstack.key")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_agentstack"))
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("XDG_CONFIG_HOME", self.path().join("home"))
            .output()
            .unwrap()
    }

    /// Standard output of a run that has to end with this code.
    fn expect(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
        out + &err
    }
}

/// Every command.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["quickstart", "--help"],
    &["init", "--help"],
    &["doctor", "--help"],
    &["audit", "--help"],
    &["audit", "query", "--help"],
    &["audit", "verify", "--help"],
    &["audit", "export", "--help"],
    &["audit", "checkpoint", "--help"],
    &["session", "--help"],
    &["session", "list", "--help"],
    &["session", "end", "--help"],
    &["quarantine", "--help"],
    &["quarantine", "list", "--help"],
    &["quarantine", "show", "--help"],
    &["quarantine", "approve", "--help"],
    &["quarantine", "reject", "--help"],
    &["memory", "--help"],
    &["memory", "search", "--help"],
    &["memory", "get", "--help"],
    &["memory", "list", "--help"],
    &["memory", "export", "--help"],
    &["memory", "import", "--help"],
    &["memory", "revoke-origin", "--help"],
    &["memory", "forget", "--help"],
    &["memory", "reembed", "--help"],
    &["db", "--help"],
    &["db", "import", "--help"],
    &["db", "backup", "--help"],
    &["db", "restore", "--help"],
    &["db", "rekey", "--help"],
    &["db", "check", "--help"],
    &["token", "--help"],
    &["token", "create", "--help"],
    &["token", "list", "--help"],
    &["token", "revoke", "--help"],
    &["plugin", "--help"],
    &["plugin", "keygen", "--help"],
    &["plugin", "sign", "--help"],
    &["plugin", "install", "--help"],
    &["plugin", "verify", "--help"],
    &["plugin", "list", "--help"],
    &["plugin", "show", "--help"],
    &["plugin", "enable", "--help"],
    &["plugin", "disable", "--help"],
    &["plugin", "remove", "--help"],
    &["config", "--help"],
    &["policy", "--help"],
    &["policy", "check", "--help"],
    &["policy", "explain", "--help"],
    &["policy", "test", "--help"],
    &["completions", "--help"],
    &["man", "--help"],
];

#[test]
fn the_help_is_as_published() {
    let workplace = Workplace::new();
    let help: Vec<String> = COMMANDS
        .iter()
        .map(|command| format!("$ agentstack {}\n{}", command.join(" "), workplace.expect(command, 0)))
        .collect();
    insta::assert_snapshot!(help.join("\n"));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let workplace = Workplace::new();
    for arguments in [&["nonsense"][..], &["session", "end", "not-an-id"], &["audit"]] {
        workplace.expect(arguments, 2);
    }
}

#[test]
fn quickstart_ends_with_a_hit_a_refusal_and_a_verified_log() {
    let workplace = Workplace::new();
    for name in ["agentstack-mcp", "agentstack-rest"] {
        let server = Path::new(env!("CARGO_BIN_EXE_agentstack")).with_file_name(name);
        assert!(server.is_file(), "{} is missing: run `cargo build --workspace` first", server.display());
    }
    let shown = workplace.expect(&["quickstart"], 0);
    assert!(shown.contains("architecture.md#"), "a search hit: {shown}");
    assert_eq!(shown.matches("→ not_found").count(), 3, "{shown}");
    assert!(
        shown.contains("without a token   → 401") && shown.contains("another's token   → 404"),
        "{shown}"
    );
    assert!(shown.contains("Audit log: ") && shown.contains("intact."), "{shown}");
    assert!(
        shown.contains("claude mcp add agentstack")
            && shown.contains("mcpServers")
            && shown.contains("\"servers\"")
    );
    assert!(workplace.key().is_file() && workplace.path().join("data/aistack.db").is_file());

    // And once more, with what is there.
    assert!(workplace.expect(&["quickstart"], 0).starts_with("Using "));
    assert!(workplace.expect(&["audit", "verify"], 0).starts_with("The audit log is intact: "));
    assert!(workplace.expect(&["--json", "audit", "verify"], 0).contains("\"intact\": true"));
    // Its tokens are gone with it.
    assert_eq!(workplace.expect(&["token", "list"], 0), "");
}

#[test]
fn init_makes_what_is_not_there_and_uses_what_is() {
    let workplace = Workplace::new();
    let said = workplace.expect(&["init"], 0);
    assert!(said.lines().take(2).all(|line| line.starts_with("Made ")), "{said}");
    assert!(workplace.key().is_file() && workplace.path().join("data/aistack.db").is_file());
    workplace.expect(&["doctor"], 0);
    let again: serde_json::Value = serde_json::from_str(&workplace.expect(&["--json", "init"], 0)).unwrap();
    assert_eq!((&again["madeConfig"], &again["madeDatabase"]), (&false.into(), &false.into()));
    let shown: serde_json::Value =
        serde_json::from_str(&workplace.expect(&["--json", "quickstart"], 0)).unwrap();
    assert_eq!((&shown["foreignSessionRefused"], &shown["auditLogIntact"]), (&true.into(), &true.into()));
}

#[test]
fn s44_a_checkpoint_that_was_kept_elsewhere_finds_a_log_that_was_exchanged() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    workplace.expect(&["session", "end", "01a20676-d460-7647-b7f0-f40ac2053627"], 1);
    let checkpoint = workplace.expect(&["audit", "checkpoint"], 0);
    assert!(checkpoint.starts_with("agentstack-checkpoint:v1:"), "{checkpoint}");
    std::fs::write(workplace.path().join("kept"), &checkpoint).unwrap();
    workplace.expect(&["audit", "verify", "--checkpoints", "kept"], 0);

    // Somebody with the key puts a new database in its place.
    std::fs::remove_dir_all(workplace.path().join("data")).unwrap();
    workplace.expect(&["quickstart"], 0);
    let shown = workplace.expect(&["audit", "verify", "--checkpoints", "kept"], 1);
    assert!(shown.starts_with("The audit log is NOT INTACT"), "{shown}");
}

#[test]
fn a_token_is_shown_once_listed_and_revoked() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    let made = workplace.run(&[
        "token",
        "create",
        "--subject",
        "ci",
        "--role",
        "agent",
        "--namespace",
        "team",
        "--expires-in-days",
        "90",
    ]);
    assert_eq!(made.status.code(), Some(0));
    // Standard output is the token and nothing else, so that it can be piped to where it belongs.
    let token = String::from_utf8(made.stdout).unwrap();
    assert!(token.starts_with("ast_") && token.trim_end().len() == 76, "{} bytes", token.len());
    let listed = workplace.expect(&["token", "list"], 0);
    assert!(listed.contains("  agent  ci  until ") && listed.contains("\"team\""), "{listed}");
    assert!(!listed.contains(token.get(4..20).unwrap()));
    let id = listed.get(..36).unwrap();
    workplace.expect(&["token", "revoke", id], 0);
    workplace.expect(&["token", "revoke", id], 1);
    assert_eq!(workplace.expect(&["token", "list"], 0), "");
    // What breaks a rule is named, with the rule.
    let wrong = workplace.expect(&["token", "create", "--subject", "a b", "--role", "agent"], 3);
    assert!(wrong.contains("`subject`"), "{wrong}");
    workplace.expect(&["token", "create", "--subject", "ci", "--role", "boss"], 2);
}

#[test]
fn a_missing_key_is_exit_code_3_and_nothing_is_changed() {
    let workplace = Workplace::new();
    workplace.expect(&["quickstart"], 0);
    workplace.expect(&["session", "list"], 0);
    std::fs::remove_file(workplace.key()).unwrap();
    let before = std::fs::read(workplace.path().join("data/aistack.db")).unwrap();
    let shown = workplace.expect(&["session", "list"], 3);
    assert!(shown.contains("is missing"), "{shown}");
    assert!(!workplace.key().exists());
    assert_eq!(std::fs::read(workplace.path().join("data/aistack.db")).unwrap(), before);
}

#[test]
fn where_there_is_no_database_nothing_is_verified_and_none_is_made() {
    let workplace = Workplace::new();
    let shown = workplace.expect(&["audit", "verify"], 3);
    assert!(shown.contains("there is no database at"), "{shown}");
    assert!(!workplace.key().exists() && !workplace.path().join("data").exists());
}

#[test]
fn a_configuration_that_cannot_be_used_names_the_field() {
    let workplace = Workplace::new();
    std::fs::write(workplace.path().join("aistack.config.json"), r#"{"memory": {"pth": "x"}}"#).unwrap();
    let shown = workplace.expect(&["config", "check"], 1);
    assert!(shown.contains("memory.pth"), "{shown}");
    assert!(workplace.expect(&["session", "list"], 3).contains("memory.pth"));
    assert!(!workplace.path().join("data").exists());
}

#[test]
fn s40_check_tries_the_keys_of_providers_and_show_says_whether_they_are_set() {
    let workplace = Workplace::new();
    let file = workplace.path().join("named.json");
    let named = |arguments: &[&'static str]| [&["--config", "named.json"], arguments].concat();
    let write = |answer: &str| {
        let openai = serde_json::json!({ "apiKeyCommand": ["printf", answer] });
        std::fs::write(&file, serde_json::json!({ "providers": { "openai": openai } }).to_string()).unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    };
    write("sk-canary canary");
    let checked = workplace.expect(&named(&["config", "check"]), 1);
    assert!(checked.contains("`providers.openai.apiKeyCommand` gives no key"), "{checked}");
    write("sk-canary\n");
    workplace.expect(&named(&["config", "check"]), 0);
    let shown = workplace.expect(&named(&["config", "show"]), 0);
    assert!(shown.contains(r#""apiKey": "set""#) && shown.contains(r#""apiKey": "not set""#), "{shown}");
    assert!(!checked.contains("canary") && !shown.contains("canary"), "{checked} {shown}");
    assert!(!shown.contains("apiKeyCommand") && !workplace.key().exists(), "{shown}");
}
