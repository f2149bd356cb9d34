//! Holds the dependencies cargo reports against the permissions in `layers.toml`.

use std::collections::BTreeSet;
use std::fmt;

use crate::layers::Layers;
use crate::workspace::Package;

/// One difference between the file and the workspace.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Violation {
    /// A member of the workspace that the file does not know.
    UnlistedCrate { name: String },
    /// An entry of the file without a member.
    MissingCrate { name: String },
    /// An edge between two members that is not permitted.
    UnlistedEdge { from: String, to: String, list: List },
    /// A fenced outside crate named without permission.
    Fenced { from: String, to: String, list: List },
    /// A permission nobody needs.
    Unused { from: String, to: String, list: List, why: Why },
}

/// The list of an entry in `layers.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Uses,
    MayName,
    Dev,
}

/// Why a permission is not needed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    NotNamed,
    OnlyInTests,
    PermittedAnyway,
    NotFenced,
}

/// Every violation, sorted, so that the report is the same on each run.
pub(crate) fn check(layers: &Layers, packages: &[Package]) -> BTreeSet<Violation> {
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = BTreeSet::new();
    for name in layers.crates.keys().filter(|name| !members.contains(name.as_str())) {
        found.insert(Violation::MissingCrate { name: name.clone() });
    }
    for package in packages {
        found.extend(check_package(layers, &members, package));
    }
    found
}

fn check_package(layers: &Layers, members: &BTreeSet<&str>, package: &Package) -> Vec<Violation> {
    let Some(layer) = layers.crates.get(&package.name) else {
        return vec![Violation::UnlistedCrate { name: package.name.clone() }];
    };
    let named = Named::of(package);
    let mut found = Vec::new();
    for to in &named.shipped {
        let (from, to) = (package.name.clone(), to.to_string());
        if members.contains(to.as_str()) && !layer.uses.contains(&to) {
            found.push(Violation::UnlistedEdge { from, to, list: List::Uses });
        } else if layers.fenced.contains(&to) && !layer.may_name.contains(&to) {
            found.push(Violation::Fenced { from, to, list: List::MayName });
        }
    }
    for to in &named.tests {
        let (from, to) = (package.name.clone(), to.to_string());
        let permitted = layer.dev.contains(&to) || layer.uses.contains(&to) || layer.may_name.contains(&to);
        if permitted {
            continue;
        }
        if members.contains(to.as_str()) {
            found.push(Violation::UnlistedEdge { from, to, list: List::Dev });
        } else if layers.fenced.contains(&to) {
            found.push(Violation::Fenced { from, to, list: List::Dev });
        }
    }
    found.extend(unused(layers, members, &package.name, &named));
    found
}

/// The names in a member's dependency tables; a build script ships as much as the library does.
struct Named<'a> {
    shipped: BTreeSet<&'a str>,
    tests: BTreeSet<&'a str>,
}

impl<'a> Named<'a> {
    fn of(package: &'a Package) -> Self {
        let is_test = |kind: &Option<String>| kind.as_deref() == Some("dev");
        let names = |tests: bool| {
            let wanted = package.dependencies.iter().filter(|d| is_test(&d.kind) == tests);
            wanted.map(|d| d.name.as_str()).collect()
        };
        Self { shipped: names(false), tests: names(true) }
    }
}

fn unused(layers: &Layers, members: &BTreeSet<&str>, from: &str, named: &Named<'_>) -> Vec<Violation> {
    let Some(layer) = layers.crates.get(from) else { return Vec::new() };
    let report =
        |to: &String, list, why| Violation::Unused { from: from.to_owned(), to: to.clone(), list, why };
    let mut found = Vec::new();
    for (list, permissions) in [(List::Uses, &layer.uses), (List::MayName, &layer.may_name)] {
        for to in permissions {
            if list == List::MayName && !layers.fenced.contains(to) {
                found.push(report(to, list, Why::NotFenced));
            } else if named.tests.contains(to.as_str()) && !named.shipped.contains(to.as_str()) {
                found.push(report(to, list, Why::OnlyInTests));
            } else if !named.shipped.contains(to.as_str()) {
                found.push(report(to, list, Why::NotNamed));
            }
        }
    }
    for to in &layer.dev {
        if layer.uses.contains(to) || layer.may_name.contains(to) {
            found.push(report(to, List::Dev, Why::PermittedAnyway));
        } else if !members.contains(to.as_str()) && !layers.fenced.contains(to) {
            found.push(report(to, List::Dev, Why::NotFenced));
        } else if !named.tests.contains(to.as_str()) {
            found.push(report(to, List::Dev, Why::NotNamed));
        }
    }
    found
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uses => "uses",
            Self::MayName => "may_name",
            Self::Dev => "dev",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnlistedCrate { name } => {
                write!(f, "layers.toml: {name} is a member but has no entry; add [crates.{name}] with `what`")
            }
            Self::MissingCrate { name } => {
                write!(
                    f,
                    "layers.toml: [crates.{name}] has no such member in the workspace; remove the entry"
                )
            }
            Self::UnlistedEdge { from, to, list } => write!(
                f,
                "{}: depends on {to}, which is not in `{list}` of [crates.{from}] in layers.toml; \
                 drop the dependency, or permit it there if the layer really needs it",
                manifest(from)
            ),
            Self::Fenced { from, to, list } => write!(
                f,
                "{}: names {to}, which is fenced; go through the crate that may name it, \
                 or add it to `{list}` of [crates.{from}] in layers.toml",
                manifest(from)
            ),
            Self::Unused { from, to, list, why } => {
                write!(f, "layers.toml: [crates.{from}] permits {to} in `{list}`, but ")?;
                match why {
                    Why::NotNamed => write!(f, "{} does not name it; remove the permission", manifest(from)),
                    Why::OnlyInTests => write!(f, "only its tests name it; move it to `dev`"),
                    Why::PermittedAnyway => {
                        write!(f, "another list permits it already; remove it from `dev`")
                    }
                    Why::NotFenced => {
                        write!(f, "it is neither a member nor in `fenced`; remove it or fence it")
                    }
                }
            }
        }
    }
}

fn manifest(name: &str) -> String {
    if name == super::TOOLING { "xtask/Cargo.toml".to_owned() } else { format!("crates/{name}/Cargo.toml") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Dependency;

    const LAYERS: &str = r#"
        fenced = ["sqlx", "rmcp"]
        [crates.core]
        what = "words"
        [crates.store]
        what = "keeps"
        uses = ["core"]
        may_name = ["sqlx"]
        dev = ["rmcp"]
    "#;

    fn package(name: &str, shipped: &[&str], tests: &[&str]) -> Package {
        let line = |name: &&str, kind: Option<&str>| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        let shipped = shipped.iter().map(|name| line(name, None));
        let tests = tests.iter().map(|name| line(name, Some("dev")));
        Package { name: name.to_owned(), dependencies: shipped.chain(tests).collect() }
    }

    fn violations(layers: &str, packages: &[Package]) -> Vec<Violation> {
        check(&Layers::parse(layers).unwrap(), packages).into_iter().collect()
    }

    fn good() -> Vec<Package> {
        vec![
            package("core", &["serde"], &[]),
            package("store", &["core", "sqlx"], &["core", "rmcp", "insta"]),
        ]
    }

    fn unused(to: &str, list: List, why: Why) -> Violation {
        Violation::Unused { from: "store".into(), to: to.into(), list, why }
    }

    #[test]
    fn a_workspace_that_keeps_to_the_file_has_no_violations() {
        assert_eq!(violations(LAYERS, &good()), []);
    }

    #[test]
    fn a_member_without_an_entry_is_found() {
        let mut packages = good();
        packages.push(package("extra", &[], &[]));
        assert_eq!(violations(LAYERS, &packages), [Violation::UnlistedCrate { name: "extra".into() }]);
    }

    #[test]
    fn an_entry_without_a_member_is_found() {
        let layers = format!("{LAYERS}\n[crates.gone]\nwhat = \"was\"\n");
        assert_eq!(violations(&layers, &good()), [Violation::MissingCrate { name: "gone".into() }]);
    }

    #[test]
    fn an_unlisted_edge_is_found_in_the_library_and_in_the_tests() {
        for (shipped, tests, list) in
            [(["store"].as_slice(), [].as_slice(), List::Uses), (&[], &["store"], List::Dev)]
        {
            let mut packages = good();
            packages[0] = package("core", shipped, tests);
            let expected = Violation::UnlistedEdge { from: "core".into(), to: "store".into(), list };
            assert_eq!(violations(LAYERS, &packages), [expected]);
        }
    }

    #[test]
    fn a_fenced_crate_is_found_in_the_library_and_in_the_tests() {
        for (shipped, tests, list) in
            [(["rmcp"].as_slice(), [].as_slice(), List::MayName), (&[], &["rmcp"], List::Dev)]
        {
            let mut packages = good();
            packages[0] = package("core", shipped, tests);
            let expected = Violation::Fenced { from: "core".into(), to: "rmcp".into(), list };
            assert_eq!(violations(LAYERS, &packages), [expected]);
        }
    }

    #[test]
    fn a_build_dependency_counts_as_shipped() {
        let mut packages = good();
        packages[0].dependencies.push(Dependency { name: "sqlx".into(), kind: Some("build".into()) });
        let expected = Violation::Fenced { from: "core".into(), to: "sqlx".into(), list: List::MayName };
        assert_eq!(violations(LAYERS, &packages), [expected]);
    }

    #[test]
    fn each_unused_permission_is_found_in_its_own_list() {
        let mut packages = good();
        packages[1] = package("store", &[], &[]);
        let expected = [
            unused("core", List::Uses, Why::NotNamed),
            unused("rmcp", List::Dev, Why::NotNamed),
            unused("sqlx", List::MayName, Why::NotNamed),
        ];
        assert_eq!(violations(LAYERS, &packages), expected);
    }

    #[test]
    fn a_permission_that_only_tests_need_belongs_in_dev() {
        let mut packages = good();
        packages[1] = package("store", &["sqlx"], &["core", "rmcp"]);
        assert_eq!(violations(LAYERS, &packages), [unused("core", List::Uses, Why::OnlyInTests)]);
    }

    #[test]
    fn a_permission_given_twice_or_for_nothing_fenced_is_found() {
        let layers = LAYERS
            .replace(r#"dev = ["rmcp"]"#, r#"dev = ["rmcp", "core", "insta"]"#)
            .replace(r#"fenced = ["sqlx", "rmcp"]"#, r#"fenced = ["rmcp"]"#);
        let found = violations(&layers, &good());
        let expected = [
            unused("core", List::Dev, Why::PermittedAnyway),
            unused("insta", List::Dev, Why::NotFenced),
            unused("sqlx", List::MayName, Why::NotFenced),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn every_message_names_the_file_to_edit() {
        let (from, to) = (String::from("store"), String::from("core"));
        let edge =
            Violation::UnlistedEdge { from: from.clone(), to: to.clone(), list: List::Uses }.to_string();
        assert!(
            edge.starts_with("crates/store/Cargo.toml: depends on core") && edge.contains("layers.toml"),
            "{edge}"
        );
        let fenced = Violation::Fenced { from: "xtask".into(), to, list: List::MayName }.to_string();
        assert!(fenced.starts_with("xtask/Cargo.toml: names core"), "{fenced}");
        let unused = unused("core", List::Uses, Why::NotNamed).to_string();
        assert!(unused.starts_with("layers.toml: [crates.store] permits core in `uses`"), "{unused}");
    }
}
