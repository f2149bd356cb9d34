//! Draws `layers.toml` for the documents: a picture of the crates, and a table of what each may name.

use std::collections::BTreeSet;

use crate::layers::{Layer, Layers};

/// The product's crates as a mermaid graph; an arrow that a longer way implies is left out.
pub(crate) fn mermaid(layers: &Layers) -> String {
    let mut lines = vec!["```mermaid".to_owned(), "flowchart TD".to_owned()];
    for (name, _) in layers.product() {
        lines.push(format!("    {}[\"{name}\"]", node(name)));
    }
    for (name, layer) in layers.product() {
        for to in layer.uses.iter().filter(|to| !implied(layers, layer, to)) {
            lines.push(format!("    {} --> {}", node(name), node(to)));
        }
    }
    lines.push("```".to_owned());
    lines.join("\n")
}

/// One row for each of the product's crates.
pub(crate) fn table(layers: &Layers) -> String {
    let mut lines = vec![
        "| crate | what it is for | may depend on | may name |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for (name, layer) in layers.product() {
        let (uses, may_name) = (list(&layer.uses), list(&layer.may_name));
        lines.push(format!("| `{name}` | {} | {uses} | {may_name} |", layer.what));
    }
    lines.join("\n")
}

/// Whether another of the crate's dependencies reaches `to` as well.
fn implied(layers: &Layers, layer: &Layer, to: &str) -> bool {
    layer.uses.iter().filter(|other| *other != to).any(|other| reaches(layers, other, to))
}

/// Cargo refuses cycles between libraries, but the file can hold one until cargo has seen it.
fn reaches(layers: &Layers, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        let Some(layer) = layers.crates.get(name).filter(|_| seen.insert(name)) else { continue };
        if layer.uses.contains(to) {
            return true;
        }
        open.extend(layer.uses.iter().map(String::as_str));
    }
    false
}

fn node(name: &str) -> String {
    name.replace('-', "_")
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "–".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        let text = r#"
            fenced = ["sqlx"]
            [crates.a-core]
            what = "words"
            [crates.store]
            what = "keeps"
            uses = ["a-core"]
            may_name = ["sqlx"]
            [crates.top]
            what = "joins"
            uses = ["a-core", "store"]
            [crates.xtask]
            what = "checks"
        "#;
        Layers::parse(text).unwrap()
    }

    #[test]
    fn the_graph_has_a_node_for_each_product_crate_and_no_implied_arrow() {
        let expected = "```mermaid\nflowchart TD\n    a_core[\"a-core\"]\n    store[\"store\"]\n    top[\"top\"]\n    \
                        store --> a_core\n    top --> store\n```";
        assert_eq!(mermaid(&layers()), expected);
    }

    #[test]
    fn the_table_lists_every_permission() {
        let table = table(&layers());
        assert!(table.contains("| `store` | keeps | `a-core` | `sqlx` |"), "{table}");
        assert!(table.contains("| `top` | joins | `a-core`, `store` | – |"), "{table}");
        assert!(!table.contains("xtask"), "{table}");
    }

    #[test]
    fn a_cycle_in_the_file_does_not_hang() {
        let text = "fenced = []\n[crates.a]\nwhat = \"a\"\nuses = [\"b\"]\n[crates.b]\nwhat = \"b\"\nuses = [\"a\"]\n";
        assert!(mermaid(&Layers::parse(text).unwrap()).contains("a --> b"));
    }
}
