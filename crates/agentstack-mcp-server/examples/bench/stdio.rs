//! What a client sees: starts, round trips and memory of the server processes.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Effort;
use crate::client::Peer;
use crate::engine::{COMMON, content, rare};
use crate::programs::Programs;
use crate::report::Report;
use crate::series::Series;

const SMALL: usize = 90;
const LARGE: usize = 2_000;
const PAGE: [u8; 4096] = [7; 4096];

/// From before the process is to its first answers.
pub(crate) fn start(programs: &Programs, effort: Effort, report: &mut Report) -> Result<()> {
    let home = tempfile::tempdir()?;
    let (mut peer, _) = Peer::start(programs.ours(home.path()))?;
    fill(&mut peer, effort.entries_at_start, SMALL)?;
    peer.close()?;
    let mut times: [Series; 4] = Default::default();
    for _ in 0..effort.starts {
        let [echo, echo_call, ours, ours_call] = &mut times;
        let (mut peer, took) = Peer::start(programs.echo())?;
        echo.note(took);
        echo_call.note(took + peer.call("echo", &json!({"text": "x"}))?);
        peer.close()?;
        let (mut peer, took) = Peer::start(programs.ours(home.path()))?;
        ours.note(took);
        ours_call.note(took + peer.call("system_status", &json!({}))?);
        peer.close()?;
    }
    let [echo, echo_call, ours, ours_call] = &times;
    report.time("echo: start to initialize", echo);
    report.time("echo: start to first call", echo_call);
    report.time("start to initialize", ours);
    report.time("start to first call", ours_call);
    report.figure("start to initialize, of echo's", ours.ratio(echo), "×", Some(4.0));
    report.figure("start to first call, of echo's", ours_call.ratio(echo_call), "×", Some(4.0));
    Ok(())
}

/// Round trips in turns: the yardstick, ours, the disk.
pub(crate) fn calls(programs: &Programs, effort: Effort, report: &mut Report) -> Result<()> {
    let home = tempfile::tempdir()?;
    let (mut echo, _) = Peer::start(programs.echo())?;
    let (mut ours, _) = Peer::start(programs.ours(home.path()))?;
    let session = fill(&mut ours, effort.entries, SMALL)?;
    // What is stored meanwhile goes elsewhere, so that what is searched stays as it is.
    let aside = new_session(&mut ours)?;
    let mut disk = File::create(home.path().join("sync"))?;
    let mut used = used_file(home.path(), effort.calls)?;
    let mut times: [Series; 9] = Default::default();
    for round in 0..=effort.rounds {
        let numbers = || (round * effort.calls)..((round + 1) * effort.calls);
        let [echo_small, echo_large, get, search_rare, search_common, small, large, sync, over] = &mut times;
        echo_small.round(numbers(), |n| echo.call("echo", &json!({"text": content(n, SMALL)})))?;
        get.round(numbers(), |n| ours.call("memory_get", &get_arguments(&session, n * 7 % effort.entries)))?;
        search_rare
            .round(numbers(), |n| ours.call("memory_search", &search(&session, &rare(n % effort.entries))))?;
        search_common.round(numbers(), |_| ours.call("memory_search", &search(&session, COMMON)))?;
        small.round(numbers(), |n| {
            ours.call("memory_store", &store(&aside, &format!("small-{n}"), n, SMALL))
        })?;
        sync.round(numbers(), |_| write_page(&mut disk))?;
        used.rewind()?;
        over.round(numbers(), |_| write_page(&mut used))?;
        large.round(numbers(), |n| {
            ours.call("memory_store", &store(&aside, &format!("large-{n}"), n, LARGE))
        })?;
        echo_large.round(numbers(), |n| echo.call("echo", &json!({"text": content(n, LARGE)})))?;
        if round == 0 {
            // The first one warms up.
            times = Default::default();
        }
    }
    let [echo_small, echo_large, get, search_rare, search_common, small, large, sync, over] = &times;
    report.time("echo 90 B", echo_small);
    report.time("echo 2 kB", echo_large);
    report.time("fdatasync of 4 kB, appended", sync);
    report.time("fdatasync of 4 kB, written over others", over);
    report.time("memory_get", get);
    report.time("memory_search, rare word", search_rare);
    report.time("memory_search, word in all", search_common);
    report.time("memory_store 90 B", small);
    report.time("memory_store 2 kB", large);
    report.figure("get, of echo", get.ratio(echo_small), "×", Some(1.3));
    report.figure("search rare, of echo", search_rare.ratio(echo_small), "×", Some(2.0));
    report.figure("search common, of echo", search_common.ratio(echo_small), "×", None);
    report.figure(
        "store 90 B less sync, of echo",
        small.ratio_beyond(Some(sync), echo_small),
        "×",
        Some(3.0),
    );
    report.figure(
        "store 2 kB less sync, of echo",
        large.ratio_beyond(Some(sync), echo_large),
        "×",
        Some(3.0),
    );
    let bytes = u32::try_from(ours.answer_bytes("tools/list")?)?;
    report.figure("tools/list", f64::from(bytes), "B", Some(28_300.0));
    echo.close()?;
    ours.close()
}

/// Resident memory after the first answer and after 2,000 stores.
pub(crate) fn memory(programs: &Programs, report: &mut Report) -> Result<()> {
    let (mut echo, _) = Peer::start(programs.echo())?;
    echo.call("echo", &json!({"text": "x"}))?;
    report.figure("echo: resident at start", megabytes(&echo)?, "MB", None);
    for n in 0..2_000 {
        echo.call("echo", &json!({"text": content(n, LARGE)}))?;
    }
    report.figure("echo: resident after 2,000 calls of 2 kB", megabytes(&echo)?, "MB", None);
    echo.close()?;
    for (size, name) in [(SMALL, "90 B"), (LARGE, "2 kB")] {
        let home = tempfile::tempdir()?;
        let (mut ours, _) = Peer::start(programs.ours(home.path()))?;
        new_session(&mut ours)?;
        if size == SMALL {
            report.figure("resident at start", megabytes(&ours)?, "MB", None);
        }
        fill(&mut ours, 2_000, size)?;
        report.figure(&format!("resident after 2,000 stores of {name}"), megabytes(&ours)?, "MB", Some(20.0));
        ours.close()?;
        report.figure(&format!("on disk after 2,000 stores of {name}"), on_disk(home.path())?, "MB", None);
    }
    Ok(())
}

fn new_session(peer: &mut Peer) -> Result<Value> {
    let mut started = peer.read("session_start", &json!({}))?;
    started.pointer_mut("/session/id").map(Value::take).context("a session has an id")
}

/// Fills a new session; returns its id.
fn fill(peer: &mut Peer, entries: usize, size: usize) -> Result<Value> {
    let session = new_session(peer)?;
    for n in 0..entries {
        peer.call("memory_store", &store(&session, &format!("entry-{n}"), n, size))?;
    }
    Ok(session)
}

fn store(session: &Value, key: &str, n: usize, size: usize) -> Value {
    json!({"sessionId": session, "key": key, "content": content(n, size)})
}

fn get_arguments(session: &Value, n: usize) -> Value {
    json!({"sessionId": session, "key": format!("entry-{n}")})
}

fn search(session: &Value, word: &str) -> Value {
    json!({"sessionId": session, "query": word})
}

/// A file of so many pages, to be written over from its beginning.
fn used_file(home: &Path, pages: usize) -> Result<File> {
    let mut file = File::create(home.join("used"))?;
    file.write_all(&vec![7; PAGE.len() * pages])?;
    file.sync_all()?;
    Ok(file)
}

/// Writes a page to a file and waits for the disk, as the end of a transaction does: at first it appends to the
/// write-ahead log, later it writes over what has been copied from there, which costs the file system less.
fn write_page(file: &mut File) -> Result<Duration> {
    let begun = Instant::now();
    file.write_all(&PAGE)?;
    file.sync_data()?;
    Ok(begun.elapsed())
}

fn megabytes(peer: &Peer) -> Result<f64> {
    Ok(f64::from(u32::try_from(peer.resident()?)?) / 1024.0)
}

fn on_disk(home: &Path) -> Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(home.join("data"))? {
        bytes += entry?.metadata()?.len();
    }
    Ok(f64::from(u32::try_from(bytes)?) / 1024.0 / 1024.0)
}
