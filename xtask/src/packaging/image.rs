//! Holds the Dockerfile against the repository: there need not be an engine that builds images where the tests run.

use crate::{release, workspace};

const FOLDER: &str = "docs/packaging";

/// The instructions, each in one line and without what a comment says.
fn instructions() -> Vec<String> {
    let text = workspace::read(&format!("{FOLDER}/Dockerfile")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    lines.replace("\\\n", " ").lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// The words of all instructions of a kind.
fn words(kind: &str) -> Vec<String> {
    let of_kind = instructions().into_iter().filter(|line| line.starts_with(&format!("{kind} ")));
    of_kind.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_image_builds_the_binaries_as_the_release_does() {
    let run = words("RUN");
    for (package, name) in release::BINARIES {
        assert!(run.windows(2).any(|pair| pair == ["-p", package]), "{package}");
        assert!(run.contains(&format!("target/release/{name}")), "{name}");
    }
    assert_eq!(run.iter().filter(|word| *word == "-p").count(), release::BINARIES.len());
    assert!(run.contains(&"--locked".to_owned()) && run.contains(&"--release".to_owned()));
    let entrypoint = words("ENTRYPOINT").join(" ");
    assert_eq!(entrypoint, r#"ENTRYPOINT ["/usr/bin/agentstack-rest"]"#);
}

#[test]
fn the_image_takes_a_compiler_that_is_new_enough() {
    let manifest: toml::Table = toml::from_str(&workspace::read("Cargo.toml").unwrap()).unwrap();
    let needed = manifest["workspace"]["package"]["rust-version"].as_str().unwrap().to_owned();
    let from = words("FROM");
    let image = from.iter().find_map(|word| word.strip_prefix("rust:")).unwrap();
    let taken = image.split('-').next().unwrap();
    let number = |text: &str| -> Vec<u32> { text.split('.').map(|part| part.parse().unwrap()).collect() };
    assert!(number(taken) >= number(&needed), "{taken}, and {needed} is needed");
    // What it was linked with there is what it finds here.
    assert!(image.ends_with("-bookworm") && from.contains(&"debian:bookworm-slim".to_owned()), "{from:?}");
}

#[test]
fn what_the_image_copies_is_in_the_repository_and_in_the_context() {
    let ignore = workspace::read(&format!("{FOLDER}/Dockerfile.dockerignore")).unwrap();
    let admitted: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let used = words("RUN").into_iter().filter(|word| word.starts_with("docs/") || *word == "LICENSE");
    let mut used: Vec<String> = used.collect();
    assert!(used.contains(&format!("{FOLDER}/container.config.json")), "{used:?}");
    // What cargo cannot do without, and what sources take text from.
    used.extend(
        ["Cargo.toml", "Cargo.lock", "crates", "xtask", "docs/man", "docs/reference"].map(str::to_owned),
    );
    for path in used {
        assert!(workspace::root().join(&path).exists(), "{path} is not in the repository");
        let top = path.split('/').next().unwrap();
        assert!(admitted.contains(&top), "{path} is not in the context");
    }
}

#[test]
fn the_image_runs_as_nobody_in_particular_and_keeps_data_and_key_apart() {
    let all = instructions();
    let last = |kind: &str| all.iter().rfind(|line| line.starts_with(kind)).unwrap().clone();
    let user: u32 = last("USER ").trim_start_matches("USER ").split(':').next().unwrap().parse().unwrap();
    assert!(user >= 1_000);
    let volumes: Vec<String> = serde_json::from_str(last("VOLUME ").trim_start_matches("VOLUME ")).unwrap();
    assert_eq!(volumes.len(), 2);
    let config = workspace::read(&format!("{FOLDER}/container.config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let text = |pointer: &str| config.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    for path in [text("/memory/path"), text("/security/keySource/file"), text("/plugins/directory")] {
        let holders: Vec<_> =
            volumes.iter().filter(|folder| path.starts_with(&format!("{folder}/"))).collect();
        assert_eq!(holders.len(), 1, "{path} is in one of {volumes:?}");
    }
    let beside = |path: String| path.rsplit_once('/').unwrap().0.to_owned();
    assert_ne!(beside(text("/memory/path")), beside(text("/security/keySource/file")));
    let port = text("/http/listen").rsplit_once(':').unwrap().1.to_owned();
    assert_eq!(last("EXPOSE "), format!("EXPOSE {port}"));
}
