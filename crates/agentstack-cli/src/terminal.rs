//! How the program talks: to a person at a terminal, or to another program.

use std::borrow::Cow;
use std::fmt;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use agentstack::core::Secret;
use agentstack::keys::private_text;
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// How long something may take before it is said how far it is.
const PATIENCE: Duration = Duration::from_millis(500);
/// Fewest characters of a passphrase.
const PASSPHRASE_CHARS: usize = 12;

/// What became of standard output, if it takes nothing more: the exit code that says so.
static LOST: AtomicU8 = AtomicU8::new(0);
/// What a shell says of a program whose reader has gone, as behind `| head`: 128 and the number of SIGPIPE.
const READER_GONE: u8 = 141;
const NOT_WRITTEN: u8 = 3;

/// Whether nothing is written for now.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Says whether lines are kept back from now on.
pub(crate) fn be_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Release);
}

/// Writes a line to standard output, as long as that takes any.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if lost().is_some() || QUIET.load(Ordering::Acquire) {
        return;
    }
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.write_all(b"\n")) {
        lose(&error);
    }
}

/// Notes that standard output takes nothing more. What is being done is finished all the same.
pub(crate) fn lose(error: &std::io::Error) {
    let code = if error.kind() == ErrorKind::BrokenPipe { READER_GONE } else { NOT_WRITTEN };
    if LOST.swap(code, Ordering::AcqRel) == 0 && code == NOT_WRITTEN {
        eprintln!("agentstack: standard output cannot be written to: {error}");
    }
}

/// The exit code of a program whose standard output was lost, if it was.
pub(crate) fn lost() -> Option<u8> {
    Some(LOST.load(Ordering::Acquire)).filter(|code| *code != 0)
}

/// Whether a person says so. Where nobody can be asked, something else on the command line has to.
pub(crate) fn confirm(question: &str, instead: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: {instead}");
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// A passphrase: from a private file, or from a person, who says a new one twice.
pub(crate) fn passphrase(file: Option<&Path>, is_new: bool) -> anyhow::Result<Secret<String>> {
    let words = match file {
        Some(file) => private_text(file)?.trim_end_matches(['\r', '\n']).to_owned(),
        None if !std::io::stdin().is_terminal() => {
            bail!("nobody can be asked here: name a private file with --passphrase-file")
        }
        None => {
            let words = rpassword::prompt_password("Passphrase: ").context("asking for the passphrase")?;
            if is_new && rpassword::prompt_password("Once more: ")? != words {
                bail!("the two passphrases are not the same");
            }
            words
        }
    };
    if is_new && words.chars().count() < PASSPHRASE_CHARS {
        bail!(
            "a passphrase has at least {PASSPHRASE_CHARS} characters: whoever has the file can try as many as they like"
        );
    }
    Ok(Secret::new(words))
}

/// A bar on standard error, drawn when something takes long, and only for people.
pub(crate) struct Meter {
    begun: Instant,
    bar: Option<ProgressBar>,
    is_shown: bool,
    template: &'static str,
}

impl Meter {
    /// Of bytes.
    pub(crate) fn of_bytes(as_json: bool) -> Self {
        Self::new(as_json, "{msg} {bar:40} {bytes}/{total_bytes} {eta}")
    }

    /// Of things.
    pub(crate) fn of_things(as_json: bool) -> Self {
        Self::new(as_json, "{msg} {bar:40} {pos}/{len} {eta}")
    }

    fn new(as_json: bool, template: &'static str) -> Self {
        let is_shown = !as_json && std::io::stderr().is_terminal();
        Self { begun: Instant::now(), bar: None, is_shown, template }
    }

    /// Says how far it is.
    pub(crate) fn at(&mut self, what: impl Into<Cow<'static, str>>, done: u64, total: u64) {
        if !self.is_shown || (self.bar.is_none() && self.begun.elapsed() < PATIENCE) {
            return;
        }
        let template = self.template;
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar
        });
        bar.set_length(total.max(done));
        bar.set_message(what);
        bar.set_position(done);
    }
}

/// The lines of what was not taken, each under its title.
pub(crate) fn print_not_taken(lines: impl Iterator<Item = (bool, String)>) {
    let (refused, left): (Vec<_>, Vec<_>) = lines.partition(|(is_refusal, _)| *is_refusal);
    for (title, lines) in [("Refused:", refused), ("Left out:", left)] {
        if !lines.is_empty() {
            println!("{title}");
        }
        for (_, line) in lines {
            println!("  {line}");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
