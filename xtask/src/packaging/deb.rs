//! The Debian package: the three binaries with all that belongs to them, by cargo-deb and what crates/agentstack-cli says.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, program_at_root, require};
use crate::quickstart::tool_home;
use crate::{release, workspace};

/// The version we install.
const INSTALLED: &str = "^3.8";
/// The scripts of shells: whose, and what a package calls them.
const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "agentstack.bash"), ("fish", "agentstack.fish"), ("zsh", "_agentstack")];

/// Builds the package and shows what is in it.
pub(crate) fn run() -> Result<()> {
    require("dpkg-deb", "it shows what is in the package")?;
    let tool = find_or_install()?;
    let binaries = release::build()?;
    release::check_sizes()?;
    completions(&binaries)?;
    let package = workspace::metadata()?.target_directory.join("agentstack.deb");
    let mut build = program_at_root(tool, &["--no-build", "--no-strip", "-p", "agentstack-cli", "-o"]);
    build.arg(&package);
    process::run(build)?;
    let mut list = program_at_root("dpkg-deb", &["--contents"]);
    list.arg(&package);
    process::run(list)?;
    println!("{}", package.display());
    Ok(())
}

/// Writes the scripts of shells beside the binaries, where cargo-deb looks for what was built.
fn completions(binaries: &Path) -> Result<()> {
    let folder = binaries.join("completions");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    for (shell, name) in COMPLETIONS {
        let script = process::capture(program_at_root(binaries.join("agentstack"), &["completions", shell]))?;
        fs::write(folder.join(name), script).with_context(|| format!("writing {name}"))?;
    }
    Ok(())
}

/// On the path, else where an earlier run put it.
fn find_or_install() -> Result<PathBuf> {
    let tools = tool_home("CARGO_HOME", ".cargo")?.join("agentstack-tools");
    let own = tools.join("bin").join("cargo-deb");
    let works =
        |tool: &PathBuf| program_at_root(tool, &["--version"]).output().is_ok_and(|o| o.status.success());
    if let Some(found) = [PathBuf::from("cargo-deb"), own.clone()].into_iter().find(works) {
        return Ok(found);
    }
    let mut install = cargo(&["install", "cargo-deb", "--version", INSTALLED, "--locked", "--root"]);
    install.arg(&tools);
    process::run(install)?;
    if works(&own) {
        return Ok(own);
    }
    bail!("cargo-deb was installed, but {} does not run", own.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "crates/agentstack-cli";

    fn metadata() -> toml::Table {
        let manifest: toml::Table =
            toml::from_str(&workspace::read("crates/agentstack-cli/Cargo.toml").unwrap()).unwrap();
        manifest["package"]["metadata"]["deb"].as_table().unwrap().clone()
    }

    /// Source, place and mode of each file of the package.
    fn assets() -> Vec<[String; 3]> {
        let assets = metadata()["assets"].as_array().unwrap().clone();
        let text = |value: &toml::Value| value.as_str().unwrap().to_owned();
        let of = |asset: &toml::Value| {
            let words: Vec<String> = asset.as_array().unwrap().iter().map(text).collect();
            <[String; 3]>::try_from(words).unwrap()
        };
        assets.iter().map(of).collect()
    }

    #[test]
    fn what_the_debian_package_takes_is_there_or_is_built() {
        let built: Vec<String> = (release::BINARIES.iter().map(|(_, name)| (*name).to_owned()))
            .chain(COMPLETIONS.iter().map(|(_, name)| format!("completions/{name}")))
            .map(|name| format!("target/release/{name}"))
            .collect();
        let taken: Vec<String> = assets().into_iter().map(|[source, ..]| source).collect();
        for source in &built {
            assert!(taken.contains(source), "{source} is not in the package");
        }
        for source in taken.iter().filter(|source| !built.contains(source)) {
            let path = workspace::root().join(MANIFEST).join(source);
            let (folder, name) = (path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap());
            // Each pattern is all files with an ending.
            let ending = name.strip_prefix('*');
            let found = fs::read_dir(folder).unwrap().any(|file| {
                let file = file.unwrap().file_name().into_string().unwrap();
                ending.map_or(file == name, |ending| file.ends_with(ending))
            });
            assert!(found, "{source} is in the package and not in the repository");
        }
    }

    #[test]
    fn the_debian_package_leaves_programs_executable_and_configuration_alone() {
        let metadata = metadata();
        for [source, place, mode] in assets() {
            let program = place == "usr/bin/";
            assert_eq!(mode, if program { "755" } else { "644" }, "{source}");
            // What makes the user names the file as it is called here, not as it is installed.
            if place.starts_with("usr/lib/sysusers.d/") {
                assert_eq!(Path::new(&source).file_name(), Path::new(&place).file_name());
            }
        }
        let of_etc = assets().into_iter().map(|[_, place, _]| format!("/{place}"));
        let of_etc: Vec<toml::Value> =
            of_etc.filter(|place| place.starts_with("/etc/")).map(toml::Value::from).collect();
        assert_eq!(metadata["conf-files"].as_array().unwrap(), &of_etc);
    }
}
