//! Runs the program that gives the key.

use std::io::{Error, ErrorKind, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

/// Most bytes of output that are read. The longest key is half as long, and white space may stand around it.
const MOST_BYTES: u64 = 8_192;
/// How often it is looked whether the program has ended, once its output has.
const PAUSE: Duration = Duration::from_millis(5);

/// Why a program gave no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandProblem {
    /// It did not start, or its output could not be read.
    #[error("it cannot be run")]
    Io(#[from] Error),
    /// It took too long, and was ended.
    #[error("it did not end within {} seconds", .0.as_secs())]
    Slow(Duration),
    /// It failed.
    #[error("it ended with {0}")]
    Failed(ExitStatus),
    /// Its output is no text.
    #[error("its output is not UTF-8")]
    NotText,
}

/// A program that has ended.
struct Finished {
    output: Zeroizing<Vec<u8>>,
    status: ExitStatus,
}

/// What the program writes to standard output. It reads nothing, and what it has to say to the operator
/// goes to our standard error.
pub(super) fn output(argv: &[String], patience: Duration) -> Result<Zeroizing<String>, CommandProblem> {
    let mut child = start(argv)?;
    let finished = finish(&mut child, Instant::now() + patience);
    if !matches!(finished, Ok(Some(_))) {
        // It may have ended by now; either way it is gone after `wait`.
        let _ = child.kill();
        child.wait()?;
    }
    let Finished { output, status } = finished?.ok_or(CommandProblem::Slow(patience))?;
    if !status.success() {
        return Err(CommandProblem::Failed(status));
    }
    let text = std::str::from_utf8(&output).map_err(|_| CommandProblem::NotText)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn start(argv: &[String]) -> Result<Child, Error> {
    let (program, arguments) = argv.split_first().ok_or(ErrorKind::InvalidInput)?;
    #[expect(clippy::disallowed_methods, reason = "the operator names this program as the source of the key")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

/// The output and how the program ended; `None` if it did not end in time.
///
/// A pipe cannot be read with a deadline, so a thread reads it. If the program leaves its output open to a
/// child of its own, the thread lasts as long as that child.
fn finish(child: &mut Child, deadline: Instant) -> Result<Option<Finished>, Error> {
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        std::thread::Builder::new().spawn(move || {
            // Room for all of it from the start, so that no copy stays behind.
            let mut bytes = Zeroizing::new(Vec::with_capacity(8_192));
            let read = stdout.take(MOST_BYTES).read_to_end(&mut bytes);
            // Nobody listens any more if it took too long.
            let _ = sender.send(read.map(|_| bytes));
        })?;
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let Ok(read) = receiver.recv_timeout(left) else { return Ok(None) };
    let output = read?;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(Finished { output, status })),
            None if Instant::now() < deadline => std::thread::sleep(PAUSE),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(argv: &[&str], patience: Duration) -> Result<String, CommandProblem> {
        let argv: Vec<String> = argv.iter().map(ToString::to_string).collect();
        output(&argv, patience).map(|text| text.to_string())
    }

    #[test]
    fn the_output_is_what_the_program_writes_without_a_shell() {
        let long = Duration::from_mins(1);
        assert_eq!(run(&["printf", "%s", "$HOME *"], long).unwrap(), "$HOME *");
        assert_eq!(run(&["cat"], long).unwrap(), "", "there is nothing to read");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let short = Duration::from_millis(50);
        let begun = Instant::now();
        for argv in [&["sleep", "60"][..], &["sh", "-c", "exec >&-; exec sleep 60"]] {
            assert!(matches!(run(argv, short), Err(CommandProblem::Slow(patience)) if patience == short));
        }
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_fails_gives_nothing() {
        let long = Duration::from_mins(1);
        assert!(matches!(run(&["sh", "-c", "echo canary; exit 3"], long), Err(CommandProblem::Failed(_))));
        assert!(matches!(run(&["/nowhere/canary"], long), Err(CommandProblem::Io(_))));
        assert!(matches!(run(&[], long), Err(CommandProblem::Io(_))));
        assert!(matches!(run(&["printf", "\\377"], long), Err(CommandProblem::NotText)));
        assert!(run(&["yes"], long).is_err(), "no more than a little is read");
    }
}
