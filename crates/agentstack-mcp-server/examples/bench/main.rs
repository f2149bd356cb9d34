//! Measures `agentstack-mcp` against a server that keeps nothing: see `docs/performance.md`.
//!
//! Machines differ and are busy, so what is compared is measured in turns within one run, and what is
//! held against a goal is a ratio wherever it can be one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod client;
mod engine;
mod programs;
mod report;
mod series;
mod stdio;

use anyhow::{Result, bail};

use crate::programs::Programs;
use crate::report::Report;

const HELP: &str = "\
usage: cargo xtask bench [--quick] [--json] [--no-build] [PART…]

  --quick     fewer entries and rounds: minutes become half a minute, and figures rough
  --json      print the figures as JSON instead of a table
  --no-build  measure the binaries as they are
  PART        start, calls, memory, scopes, encryption, ending; all of them if none is named";

const PARTS: [&str; 6] = ["start", "calls", "memory", "scopes", "encryption", "ending"];

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Turns of the things that are compared.
    rounds: usize,
    /// Calls of one thing in one turn.
    calls: usize,
    /// Starts of each server.
    starts: usize,
    /// Entries of the database that a server starts with.
    entries_at_start: usize,
    /// Entries of the session that is searched and read.
    entries: usize,
    /// Sessions of 200 entries that share a database with the one that is searched.
    sessions: usize,
    /// Entries and tasks of the session that is ended.
    ending: (usize, usize),
}

const FULL: Effort = Effort {
    rounds: 21,
    calls: 100,
    starts: 31,
    entries_at_start: 10_000,
    entries: 2_000,
    sessions: 1_000,
    ending: (100_000, 10_000),
};
const QUICK: Effort = Effort {
    rounds: 9,
    calls: 40,
    starts: 9,
    entries_at_start: 2_000,
    entries: 2_000,
    sessions: 100,
    ending: (10_000, 1_000),
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (flags, parts): (Vec<&str>, Vec<&str>) =
        arguments.iter().map(String::as_str).partition(|word| word.starts_with('-'));
    let known = |flag: &&str| ["--quick", "--json", "--no-build"].contains(flag);
    if !flags.iter().all(known) || !parts.iter().all(|part| PARTS.contains(part)) {
        println!("{HELP}");
        return Ok(());
    }
    if cfg!(debug_assertions) {
        bail!("figures of a debug build say nothing: use `cargo xtask bench`");
    }
    let programs = Programs::find(!flags.contains(&"--no-build"))?;
    let effort = if flags.contains(&"--quick") { QUICK } else { FULL };
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let report = measure(&programs, effort, wanted)?;
    if flags.contains(&"--json") {
        println!("{:#}", report.json());
    } else {
        print!("{report}");
    }
    Ok(())
}

fn measure(programs: &Programs, effort: Effort, wanted: impl Fn(&str) -> bool) -> Result<Report> {
    let mut report = Report::default();
    if wanted("start") {
        eprintln!("start: {} starts of each server", effort.starts);
        stdio::start(programs, effort, &mut report)?;
    }
    if wanted("calls") {
        eprintln!("calls: {} rounds of {} calls", effort.rounds, effort.calls);
        stdio::calls(programs, effort, &mut report)?;
    }
    if wanted("memory") {
        eprintln!("memory: 2,000 stores of each size");
        stdio::memory(programs, &mut report)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if wanted("scopes") {
        eprintln!("scopes: {} sessions of {} entries", effort.sessions, engine::SESSION_ENTRIES);
        runtime.block_on(engine::scopes(effort, &mut report))?;
    }
    if wanted("encryption") {
        eprintln!("encryption: {} rounds with and without", effort.rounds);
        runtime.block_on(engine::encryption(effort, &mut report))?;
    }
    if wanted("ending") {
        eprintln!("ending: a session of {} entries and {} tasks", effort.ending.0, effort.ending.1);
        runtime.block_on(engine::ending(effort, &mut report))?;
    }
    Ok(report)
}
