//! What is told of a policy to whoever looks after it.

use agentstack_access::{Policy, PolicyFile, Resource, Ruling};

use crate::rules::file;
use crate::support::{OPERATIONS, PRINCIPAL, START, agent};

#[test]
fn an_explanation_names_the_rules_that_decided() {
    let files = [
        file(
            "10-base.cedar",
            "// All.\n@id(\"all\")\n@why(\"small team\")\npermit (principal, action, resource);\n",
        ),
        file(
            "20-more.cedar",
            "permit (principal, action, resource);\n\nforbid (principal, action == Action::\"session_start\", resource);",
        ),
    ];
    let (policy, _) = Policy::parse(&files, OPERATIONS).unwrap();
    let ids = |operation| {
        let principal = agent();
        let explained = policy.explain((&principal).into(), operation, Resource::Service);
        let rules = explained.rules.iter().map(|rule| format!("{} {}:{}", rule.id, rule.file, rule.line));
        (explained.ruling, rules.collect::<Vec<_>>())
    };
    assert_eq!(
        ids(&PRINCIPAL),
        (Ruling::Permitted, vec!["all 10-base.cedar:2".to_owned(), "20-more-1 20-more.cedar:1".to_owned()])
    );
    assert_eq!(ids(&START), (Ruling::Denied, vec!["20-more-2 20-more.cedar:3".to_owned()]));
    let principal = agent();
    let explained = policy.explain((&principal).into(), &PRINCIPAL, Resource::Service);
    assert_eq!(explained.rules[0].annotations, [("why".to_owned(), "small team".to_owned())]);
}

#[test]
fn a_version_names_exactly_these_files() {
    let rule = "permit (principal, action, resource);";
    let version = |files: &[PolicyFile]| {
        let (policy, _) = Policy::parse(files, OPERATIONS).unwrap();
        policy.version().to_string()
    };
    let first = version(&[file("a.cedar", rule)]);
    assert!(first.starts_with("files-") && first.len() == 18, "{first}");
    assert_eq!(first, version(&[file("a.cedar", rule)]));
    assert_ne!(first, version(&[file("b.cedar", rule)]));
    assert_ne!(first, version(&[file("a.cedar", &format!("{rule} "))]));
}

#[test]
fn what_is_odd_but_no_fault_is_told() {
    let files = [file(
        "a.cedar",
        "permit (principal, action, resource)\nwhen { principal.role == \"agent\" && false };",
    )];
    let (_, odd) = Policy::parse(&files, OPERATIONS).unwrap();
    assert!(
        odd.iter().any(|fault| fault.file == "a.cedar" && fault.reason.contains("impossible")),
        "{odd:?}"
    );
}
