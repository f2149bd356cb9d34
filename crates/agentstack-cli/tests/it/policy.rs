//! `agentstack policy`, which needs neither a database nor a key.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use crate::Workplace;

const RULES: &str = r#"@id("agents-write-builds")
@why("the build agents share what they learn")
permit (principal in Role::"agent", action == Action::"memory_store", resource == Namespace::"builds");

@id("operators")
permit (principal in Role::"operator", action, resource);
"#;

impl Workplace {
    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    }

    /// A workplace whose configuration names a policy of these rules.
    fn ruled(rules: &str) -> Self {
        let workplace = Self::new();
        workplace.write("policy/rules.cedar", rules);
        workplace.write("home/agentstack/config.json", r#"{"security": {"policy": "policy"}}"#);
        workplace
    }

    fn has_nothing_made(&self) -> bool {
        !self.key().exists() && !self.path().join("data").exists()
    }
}

#[test]
fn the_built_in_policy_is_checked_and_explained() {
    let workplace = Workplace::new();
    assert!(
        workplace.expect(&["policy", "check"], 0).starts_with("the built-in policy can be used: 12 rules")
    );
    for (arguments, shown) in [
        (
            &["--role", "viewer", "--operation", "memory_get"][..],
            "allow, decided by\n  everybody-reads (permit, ",
        ),
        (&["--role", "viewer", "--operation", "memory_store"], "deny: no rule permits it\n"),
        (&["--role", "agent", "--operation", "memory_store"], "allow, decided by\n  agents-write-their-own "),
        (
            &["--role", "agent", "--operation", "memory_store", "--namespace", "notes"],
            "deny: no rule permits it\n",
        ),
        (
            &["--role", "operator", "--operation", "session_end", "--session", "foreign"],
            "allow, decided by\n",
        ),
        (
            &["--role", "developer", "--operation", "session_end", "--session", "foreign"],
            "deny, decided by\n  foreign-sessions-are-closed (forbid, ",
        ),
        (
            &["--role", "developer", "--operation", "token_list"],
            "deny, decided by\n  only-operators-look-after-the-installation (forbid, builtin.cedar:",
        ),
    ] {
        let said = workplace.expect(&[&["policy", "explain"], arguments].concat(), 0);
        assert!(said.starts_with(shown), "{arguments:?}\n{said}");
    }
    assert!(workplace.has_nothing_made());
}

#[test]
fn a_policy_of_ones_own_is_checked_and_explained() {
    let workplace = Workplace::ruled(RULES);
    assert!(
        workplace.expect(&["policy", "check"], 0).contains("policy can be used: 2 rules, version files-")
    );
    let arguments =
        ["policy", "explain", "--role", "agent", "--operation", "memory_store", "--namespace", "builds"];
    let said = workplace.expect(&arguments, 0);
    assert_eq!(
        said,
        "allow, decided by\n  agents-write-builds (permit, rules.cedar:1)\n    why: the build agents share what they \
         learn\n"
    );
    let said = workplace.expect(&[&["--json"], &arguments[..]].concat(), 0);
    for part in
        ["\"decision\": \"allow\"", "\"id\": \"agents-write-builds\"", "\"line\": 1", "\"policy\": \"files-"]
    {
        assert!(said.contains(part), "{said}");
    }
    assert!(workplace.has_nothing_made());
}

#[test]
fn s36_a_broken_policy_names_the_file_the_line_and_the_reason() {
    let workplace = Workplace::ruled("\npermit (principal, action == Action::\"memory_gte\", resource);");
    for arguments in [&["policy", "check"][..], &["policy", "check", "policy"]] {
        let said = workplace.expect(arguments, 1);
        assert!(said.contains("\nrules.cedar:2: ") && said.contains("memory_gte"), "{said}");
    }
    let said = workplace.expect(&["--json", "policy", "check"], 1);
    for part in ["\"ok\": false", "\"file\": \"rules.cedar\"", "\"line\": 2"] {
        assert!(said.contains(part), "{said}");
    }
    // Nothing can be asked of it, and nothing starts with it.
    workplace.expect(&["policy", "explain", "--role", "agent", "--operation", "memory_get"], 3);
    workplace.expect(&["policy", "check", "no/such/folder"], 1);
    assert!(workplace.has_nothing_made());
}

#[test]
fn s36_no_command_runs_under_a_broken_policy() {
    let workplace = Workplace::ruled(RULES);
    workplace.expect(&["quickstart"], 0);
    let config = workplace.path().join("aistack.config.json");
    let text = std::fs::read_to_string(&config)
        .unwrap()
        .replace("\"security\": {", "\"security\": { \"policy\": \"policy\",");
    std::fs::write(&config, text).unwrap();
    let command = ["--config", "aistack.config.json", "session", "list"];
    workplace.expect(&command, 0);
    workplace.write("policy/rules.cedar", "permit (");
    assert!(workplace.expect(&command, 3).contains("rules.cedar:1: "));
}

#[test]
fn a_policy_that_forgets_housekeeping_is_told_so() {
    let workplace = Workplace::ruled("permit (principal, action in Action::\"read\", resource);");
    assert!(workplace.expect(&["policy", "check"], 0).contains("note: no rule permits `housekeeping`"));
    assert!(workplace.expect(&["--json", "policy", "check"], 0).contains("housekeeping"));
}

#[test]
fn a_policy_is_held_against_cases() {
    let workplace = Workplace::ruled(RULES);
    let cases = r#"[
        {"name": "agents write builds", "role": "agent", "principal": "token:ci", "operation": "memory_store",
         "namespace": "builds", "expect": "allow"},
        {"name": "and nothing else", "role": "agent", "operation": "memory_store", "namespace": "notes",
         "expect": "deny"},
        {"role": "operator", "operation": "session_end", "session": "foreign", "expect": "allow"}
    ]"#;
    workplace.write("cases.json", cases);
    assert!(workplace.expect(&["policy", "test", "cases.json"], 0).starts_with("3 of 3 cases as expected"));
    workplace.write("wrong.json", &cases.replace("\"deny\"", "\"allow\""));
    let said = workplace.expect(&["policy", "test", "wrong.json"], 1);
    assert!(said.starts_with("and nothing else: expected allow, but deny (no rule)\n2 of 3 cases"), "{said}");
    let said = workplace.expect(&["--json", "policy", "test", "wrong.json"], 1);
    assert!(said.contains("\"ok\": false") && said.contains("\"name\": \"and nothing else\""), "{said}");
    assert!(workplace.has_nothing_made());
}

#[test]
fn cases_that_cannot_be_meant_are_no_test() {
    let workplace = Workplace::new();
    for (case, what) in [
        (
            r#"{"role": "agent", "operation": "memory_gte", "expect": "deny"}"#,
            "memory_gte: there is no such operation",
        ),
        (r#"{"role": "boss", "operation": "memory_get", "expect": "deny"}"#, "role must be one of"),
        (r#"{"role": "agent", "operation": "memory_get", "expect": "no"}"#, "expect"),
        (r#"{"role": "agent", "operation": "memory_get", "expect": "deny", "sesion": "own"}"#, "sesion"),
        (
            r#"{"role": "agent", "operation": "memory_get", "session": "foreign", "expect": "deny"}"#,
            "never reached",
        ),
        (
            r#"{"role": "agent", "operation": "token_list", "namespace": "a", "expect": "deny"}"#,
            "neither a session",
        ),
        ("", "no case"),
    ] {
        workplace.write("cases.json", &format!("[{case}]"));
        let said = workplace.expect(&["policy", "test", "cases.json"], 3);
        assert!(said.contains(what), "{case}\n{said}");
    }
    workplace.expect(&["policy", "test", "no-such-file.json"], 3);
    workplace.expect(&["policy", "explain", "--role", "agent", "--operation", "memory_gte"], 2);
    workplace.expect(&["policy", "explain", "--role", "boss", "--operation", "memory_get"], 2);
}
