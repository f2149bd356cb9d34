//! What a package is made of besides the binaries: manual pages, and what shells complete with.

use std::collections::BTreeSet;
use std::process::Command;

use crate::Workplace;

/// Every command, as its words, as the help tells them.
fn commands(workplace: &Workplace) -> Vec<Vec<String>> {
    let mut found = vec![];
    let mut open = vec![vec![]];
    while let Some(words) = open.pop() {
        let mut line: Vec<&str> = words.iter().map(String::as_str).collect();
        line.push("--help");
        let help = workplace.expect(&line, 0);
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for command in listed.take_while(|line| !line.is_empty()) {
            let name = command.split_whitespace().next().unwrap();
            if name != "help" {
                open.push(words.iter().cloned().chain([name.to_owned()]).collect());
            }
        }
        found.push(words);
    }
    found
}

#[test]
fn each_command_and_each_server_has_a_manual_page_and_nothing_else_has() {
    let workplace = Workplace::new();
    let said = workplace.expect(&["man", "--out", "share/man"], 0);
    assert_eq!(said, "the manual pages are in share/man\n");
    let written = std::fs::read_dir(workplace.path().join("share/man")).unwrap();
    let written: BTreeSet<String> =
        written.map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    let own = commands(&workplace).into_iter().map(|words| {
        let name: Vec<String> = ["agentstack".to_owned()].into_iter().chain(words).collect();
        format!("{}.1", name.join("-"))
    });
    let servers = ["agentstack-mcp.1", "agentstack-rest.8"].map(str::to_owned);
    assert_eq!(written, own.chain(servers).collect());
    for name in &written {
        let page = std::fs::read_to_string(workplace.path().join("share/man").join(name)).unwrap();
        let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.starts_with(&format!(".TH {} ", name.replace('.', " "))), "{title}");
        for section in [".SH NAME", ".SH SYNOPSIS", ".SH DESCRIPTION", ".SH OPTIONS"] {
            assert!(page.lines().any(|line| line == section), "{name}: {section}");
        }
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let workplace = Workplace::new();
    std::fs::write(workplace.path().join("file"), "").unwrap();
    let said = workplace.expect(&["man", "--out", "file/man"], 3);
    assert!(said.contains("file/man"), "{said}");
}

#[test]
fn completions_know_every_command_in_each_shell() {
    let workplace = Workplace::new();
    let words: BTreeSet<String> = commands(&workplace).into_iter().flatten().collect();
    assert!(words.contains("audit") && words.contains("revoke-origin"), "{words:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = workplace.expect(&["completions", shell], 0);
        let known: BTreeSet<&str> = script
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .filter(|word| !word.is_empty())
            .collect();
        let missing: Vec<_> = words.iter().filter(|word| !known.contains(word.as_str())).collect();
        assert!(missing.is_empty(), "{shell}: {missing:?}");
    }
}

#[test]
fn bash_completes_with_them() {
    let workplace = Workplace::new();
    std::fs::write(workplace.path().join("script"), workplace.expect(&["completions", "bash"], 0)).unwrap();
    for (typed, completed) in [
        ("agentstack quaran", "quarantine"),
        ("agentstack audit ver", "verify"),
        ("agentstack token create --exp", "--expires-in-days"),
        ("agentstack completions z", "zsh"),
        ("agentstack audit nosuch", ""),
    ] {
        let ask = format!(
            "set -euo pipefail; source ./script; COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _agentstack agentstack \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\" || true; \
             echo \"${{COMPREPLY[*]-}}\""
        );
        let output = Command::new("bash").args(["-c", &ask]).current_dir(workplace.path()).output().unwrap();
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!((out.trim_end(), err.as_str()), (completed, ""), "{typed}");
    }
}

#[test]
fn a_shell_that_nobody_knows_is_exit_code_2_and_a_script_has_no_json_form() {
    let workplace = Workplace::new();
    workplace.expect(&["completions", "tcsh"], 2);
    workplace.expect(&["completions", "bash", "--json"], 3);
    let said = workplace.expect(&["man", "--out", "pages", "--json"], 0);
    assert_eq!(said, "{\"folder\":\"pages\"}\n");
}
