//! `cargo xtask …`: everything continuous integration does, as commands a person can type. It links no product crate.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]
#![expect(clippy::disallowed_methods, reason = "starting cargo, python and node is what this tool is for")]

mod bench;
mod ci;
mod clients;
mod codegen;
mod debian;
mod deny;
mod gh;
mod layers;
mod lint;
mod local_model;
mod minisign;
mod packaging;
mod plugins;
mod process;
mod quickstart;
mod readme;
mod release;
mod rest;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
usage: cargo xtask <command>

  ci [--corpora DIR]      everything below in order, as continuous integration runs it
  lint                    formatting and clippy, warnings are errors
  check-layers            hold the crates' dependencies against layers.toml
  tidy                    the rules for files that no compiler knows
  codegen [--check]       write the generated documents, or only say which are stale
  deny                    licenses, sources, bans and advisories of the dependencies
  test [--corpora DIR]    the README's test command, or the extended tests over the corpora
  test-clients [--corpora DIR]
                          the official Python and TypeScript MCP clients against agentstack-mcp
  test-rest               the OpenAPI document, schemathesis, MCP conformance and clients against agentstack-rest
  test-local-model        the local embedder with a real model, which is fetched once
  test-gh                 the GitHub tools with the real gh, which is fetched once
  test-minisign           minisign itself, which is fetched once, against our signatures and keys
  test-plugins            the example plugins, built from their sources with compilers that npm fetches
  test-unit               the systemd unit, by systemd's own tool
  quickstart [ARGS…]      build the release binaries and run `agentstack quickstart`
  check-quickstart        run the README's quickstart in a home directory of its own; the size of what it has built
  check-sizes             the size of the release binaries, which are there already
  deb                     build the Debian package of all three binaries, with cargo-deb
  bench [ARGS…]           measure agentstack-mcp
  bench-http [ARGS…]      measure agentstack-rest";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<()> {
    match words {
        ["ci"] => ci::run(ci::DEFAULT_CORPORA),
        ["ci", "--corpora", folder] => ci::run(folder),
        ["lint"] => lint::run(),
        ["check-layers"] => layers::run(),
        ["tidy"] => tidy::run(),
        ["codegen"] => codegen::run(codegen::Mode::Write),
        ["codegen", "--check"] => codegen::run(codegen::Mode::Check),
        ["deny"] => noted(deny::run),
        ["test"] => test::readme(),
        ["test", "--corpora", folder] => test::corpora(folder),
        ["test-clients"] => clients::run(None),
        ["test-clients", "--corpora", folder] => clients::run(Some(folder)),
        ["test-rest"] => rest::run(),
        ["test-local-model"] => local_model::run(),
        ["test-gh"] => gh::run(),
        ["test-minisign"] => minisign::run(),
        ["test-plugins"] => plugins::run(),
        ["test-unit"] => noted(packaging::test_unit),
        ["deb"] => packaging::deb(),
        ["check-sizes"] => release::check_sizes(),
        ["quickstart", rest @ ..] => quickstart::run(rest),
        ["check-quickstart"] => quickstart::check(),
        ["bench", rest @ ..] => bench::run(rest),
        ["bench-http", rest @ ..] => bench::run_http(rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        other => bail!("unknown arguments: {}\n\n{HELP}", other.join(" ")),
    }
}

/// Says what was left undone.
fn noted(check: impl FnOnce() -> Result<Vec<String>>) -> Result<()> {
    for note in check()? {
        println!("{note}");
    }
    Ok(())
}
