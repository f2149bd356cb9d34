//! What continuous integration runs, in order, with the time of each step; the first failure ends it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{
    clients, codegen, deny, gh, layers, lint, local_model, minisign, packaging, plugins, quickstart, rest,
    test, tidy,
};

/// Where the corpora of the extended tests lie, from the workspace's root, unless told otherwise.
pub(crate) const DEFAULT_CORPORA: &str = "../shared/corpora";

/// A step and what it could not do.
type Step<'a> = Box<dyn Fn() -> Result<Vec<String>> + 'a>;

pub(crate) fn run(corpora: &str) -> Result<()> {
    let started = Instant::now();
    let steps = steps(corpora);
    let mut times = Vec::new();
    let mut not_run = Vec::new();
    for (index, (command, step)) in steps.iter().enumerate() {
        println!("\n==> [{}/{}] cargo xtask {command}", index + 1, steps.len());
        let begun = Instant::now();
        let notes =
            step().with_context(|| format!("CI failed; to see it again: cargo xtask {command}\n  cause"))?;
        println!("<== cargo xtask {command}: {}", shown(begun.elapsed()));
        times.push((command, begun.elapsed()));
        not_run.extend(notes);
    }
    println!("\nCI passed in {}", shown(started.elapsed()));
    for (command, time) in times {
        println!("{:>10}  {command}", shown(time));
    }
    println!("not run: {}", if not_run.is_empty() { "nothing".to_owned() } else { not_run.join("; ") });
    Ok(())
}

/// Quick checks come first, so that a slip is not found after an hour.
fn steps(corpora: &str) -> Vec<(String, Step<'_>)> {
    vec![
        ("lint".to_owned(), complete(lint::run)),
        ("check-layers".to_owned(), complete(layers::run)),
        ("tidy".to_owned(), complete(tidy::run)),
        ("deny".to_owned(), Box::new(deny::run)),
        ("test".to_owned(), complete(test::readme)),
        // It asks a program for what it holds the documents against, which is built by now.
        ("codegen --check".to_owned(), complete(|| codegen::run(codegen::Mode::Check))),
        (format!("test --corpora {corpora}"), complete(move || test::corpora(corpora))),
        (format!("test-clients --corpora {corpora}"), complete(move || clients::run(Some(corpora)))),
        ("test-rest".to_owned(), complete(rest::run)),
        ("test-local-model".to_owned(), complete(local_model::run)),
        ("test-gh".to_owned(), complete(gh::run)),
        ("test-minisign".to_owned(), complete(minisign::run)),
        ("test-plugins".to_owned(), complete(plugins::run)),
        ("test-unit".to_owned(), Box::new(packaging::test_unit)),
        ("check-quickstart".to_owned(), complete(quickstart::check)),
    ]
}

/// A step that either did all of its work or failed.
fn complete<'a>(step: impl Fn() -> Result<()> + 'a) -> Step<'a> {
    Box::new(move || step().map(|()| Vec::new()))
}

fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_for_people() {
        assert_eq!(shown(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn each_step_is_a_command_one_can_type() {
        for (command, _) in steps("some/where") {
            let name = command.split(' ').next().unwrap_or_default();
            assert!(crate::HELP.contains(&format!("\n  {name}")), "{command}");
        }
    }
}
