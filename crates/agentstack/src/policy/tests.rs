//! What is taken from a folder, and what is not.

use std::fs::Permissions;
use std::os::unix::fs::symlink;

use agentstack_access::{Principal, Role};
use tempfile::TempDir;

use super::*;

const ALL: &str = "permit (principal, action, resource);\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
        std::fs::set_permissions(folder.path().join(name), Permissions::from_mode(0o644)).unwrap();
    }
    folder
}

fn load(folder: &TempDir) -> Result<LoadedPolicy, PolicyProblem> {
    PolicySource::Folder(folder.path().to_owned()).load()
}

fn wrong(folder: &TempDir) -> String {
    load(folder).unwrap_err().to_string()
}

#[test]
fn all_cedar_files_of_a_folder_are_one_policy() {
    let forbid = r#"forbid (principal, action == Action::"memory_delete", resource);"#;
    let folder = folder(&[("20-all.cedar", ALL), ("10-less.cedar", forbid), ("notes.txt", "not a rule")]);
    let policy = load(&folder).unwrap().policy;
    assert_eq!(policy.rules(), 2);
    let developer = Principal::embedded("planner", Role::Developer);
    for operation in operations() {
        let expected = operation.name != "memory_delete";
        assert_eq!(policy.may_permit(&developer, operation), expected, "{}", operation.name);
    }
}

#[test]
fn s36_a_folder_that_holds_no_policy_is_refused_with_the_reason() {
    assert!(wrong(&folder(&[])).contains("holds no file"));
    assert!(wrong(&folder(&[("a.txt", ALL)])).contains("holds no file"));
    assert!(wrong(&folder(&[("a.cedar", "// nothing\n")])).contains("no rule"));
    let said = wrong(&folder(&[("a.cedar", ALL), ("b.cedar", "\npermit (nobody);")]));
    assert!(said.contains("\nb.cedar:2: "), "{said}");
    let missing = PolicySource::Folder("/no/such/folder".into()).load().unwrap_err();
    assert!(matches!(missing, PolicyProblem::File(FileProblem::Missing { .. })), "{missing}");
    let file = folder(&[("a.cedar", ALL)]);
    let file = PolicySource::Folder(file.path().join("a.cedar")).load().unwrap_err();
    assert!(matches!(file, PolicyProblem::File(FileProblem::NotFolder { .. })), "{file}");
}

#[test]
fn s36_a_folder_is_read_up_to_its_limits() {
    let comment = |bytes: usize| format!("//{}", "x".repeat(bytes - 2));
    let (most, over) = (BYTES - ALL.len(), BYTES - ALL.len() + 1);
    load(&folder(&[("a.cedar", ALL), ("b.cedar", &comment(most))])).unwrap();
    let files = folder(&[("a.cedar", ALL), ("b.cedar", &comment(over))]);
    assert!(matches!(load(&files), Err(PolicyProblem::TooLarge { .. })));
    let names: Vec<String> = (0..=FILES).map(|number| format!("{number:03}.cedar")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), ALL)).collect();
    load(&folder(&files[..FILES])).unwrap();
    assert!(matches!(load(&folder(&files)), Err(PolicyProblem::TooLarge { .. })));
    let binary = folder(&[]);
    std::fs::write(binary.path().join("a.cedar"), [0xff]).unwrap();
    std::fs::set_permissions(binary.path().join("a.cedar"), Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(load(&binary), Err(PolicyProblem::NotText { .. })));
}

#[test]
fn s42_rules_that_others_could_write_are_refused() {
    for (name, mode, refused) in
        [("", 0o775, true), ("", 0o757, true), ("", 0o755, false), ("", 0o700, false)].into_iter().chain([
            ("a.cedar", 0o664, true),
            ("a.cedar", 0o646, true),
            ("a.cedar", 0o400, false),
        ])
    {
        let folder = folder(&[("a.cedar", ALL)]);
        std::fs::set_permissions(folder.path().join(name), Permissions::from_mode(mode)).unwrap();
        let loaded = load(&folder);
        let open = matches!(loaded, Err(PolicyProblem::File(FileProblem::TooOpen { .. })));
        assert_eq!((open, loaded.is_ok()), (refused, !refused), "{name:?} {mode:o}");
    }
}

#[test]
fn s42_links_are_not_followed_to_rules() {
    let real = folder(&[("a.cedar", ALL)]);
    let linked = folder(&[]);
    symlink(real.path().join("a.cedar"), linked.path().join("a.cedar")).unwrap();
    assert!(matches!(load(&linked), Err(PolicyProblem::File(FileProblem::NotPlain { .. }))));
    let link = linked.path().join("policy");
    symlink(real.path(), &link).unwrap();
    let loaded = PolicySource::Folder(link).load();
    assert!(matches!(loaded, Err(PolicyProblem::File(FileProblem::NotFolder { .. }))));
}

#[test]
fn the_built_in_policy_taken_as_a_folder_is_the_built_in_policy() {
    let LoadedPolicy { policy, warnings } = load(&folder(&[("builtin.cedar", BUILTIN)])).unwrap();
    assert_eq!(warnings, []);
    assert!(!policy.tells_shared_namespaces_apart());
    let builtin = PolicySource::Builtin.load().unwrap().policy;
    assert_eq!(policy.rules(), builtin.rules());
}

/// The blocks of Cedar in the documentation.
fn documented() -> Vec<String> {
    let page = include_str!("../../../../docs/policy.md");
    let blocks = page.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(str::to_owned).collect()
}

#[test]
fn the_documentation_has_the_built_in_policy_in_full_and_its_examples_do_what_they_say() {
    let documented = documented();
    let [builtin, builds, dashboard] = documented.as_slice() else { panic!("{} blocks", documented.len()) };
    assert_eq!(builtin, BUILTIN);
    let folder =
        folder(&[("builtin.cedar", builtin), ("builds.cedar", builds), ("dashboard.cedar", dashboard)]);
    let LoadedPolicy { policy, warnings } = load(&folder).unwrap();
    assert_eq!(warnings, []);
    let permits = |subject: &str, role, name: &str, namespace: &str| {
        let principal = Principal::token(&subject.parse().unwrap(), role);
        let operation = operations().into_iter().find(|operation| operation.name == name).unwrap();
        policy.permits(&principal, operation, Resource::Namespace(&namespace.parse().unwrap()))
    };
    assert!(permits("ci", Role::Agent, "memory_store", "builds"));
    assert!(permits("ci", Role::Agent, "memory_search", "notes"));
    for (subject, name, namespace) in [
        ("ci", "memory_delete", "builds"),
        ("ci", "memory_store", "notes"),
        ("other", "memory_store", "builds"),
    ] {
        assert!(!permits(subject, Role::Agent, name, namespace), "{subject} {name} {namespace}");
    }
    assert!(permits("dashboard", Role::Developer, "memory_get", "notes"));
    assert!(!permits("dashboard", Role::Developer, "memory_store", "notes"));
    assert!(permits("other", Role::Developer, "memory_store", "notes"));
}
