//! One run of `gh`: its input, its output within bounds, and its end, which nothing of its process group survives.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot;

use super::sandbox::{Confinement, Sandbox};
use crate::CodeHostError;

/// Most bytes that are taken of what it prints: a hundred issues in a list are about a tenth of that.
pub(super) const OUTPUT_BYTES: usize = 4 * 1024 * 1024;
/// Most bytes that are taken of its errors. What they say is for people; it is looked at for one phrase.
const ERROR_BYTES: usize = 64 * 1024;
/// How long its output may stay open once it has ended and what it has started was killed.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// What is run.
pub(super) struct Invocation {
    /// The program, by its absolute path.
    pub(super) program: PathBuf,
    /// Its arguments. None of them is a text of a caller's.
    pub(super) arguments: Vec<String>,
    /// The whole of its environment.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// The folder that it runs in.
    pub(super) folder: PathBuf,
    /// What it reads.
    pub(super) input: Vec<u8>,
    /// What it is confined to.
    pub(super) sandbox: Option<Sandbox>,
}

/// What came of it.
pub(super) struct Output {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) status: ExitStatus,
}

/// Runs it to its end. Whoever drops the future ends it.
pub(super) async fn run(invocation: Invocation, most: Duration) -> Result<Output, CodeHostError> {
    let work = async {
        let (running, input) = Running::start(invocation).await?;
        running.finish(input).await
    };
    // Dropped in the middle, it takes the whole group with it.
    tokio::time::timeout(most, work).await.unwrap_or(Err(CodeHostError::TimedOut(most)))
}

/// A process, and all that it has started, unless they have left its group.
struct Running {
    // Before the child, so that a group is killed while its leader has its number.
    group: Group,
    child: Child,
}

impl Running {
    fn of(child: Child) -> Self {
        let leader = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Self { group: Group(leader), child }
    }

    async fn start(invocation: Invocation) -> Result<(Self, Vec<u8>), CodeHostError> {
        let Invocation { program, arguments, environment, folder, input, sandbox } = invocation;
        #[expect(clippy::disallowed_methods, reason = "the operator has asked for `gh`; no shell is between")]
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(environment).current_dir(folder).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let started = match sandbox {
            Some(sandbox) => start_within(sandbox, command).await,
            None => command.spawn().map(Self::of),
        };
        Ok((started.map_err(CodeHostError::Start)?, input))
    }

    async fn finish(mut self, input: Vec<u8>) -> Result<Output, CodeHostError> {
        let (stdin, leader) = (self.child.stdin.take(), self.group.0);
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let talk = async {
            let write = async {
                write(stdin, &input).await;
                Ok(())
            };
            let read = (read(stdout, OUTPUT_BYTES), read(stderr, ERROR_BYTES));
            tokio::try_join!(write, read.0, read.1).map(|((), stdout, stderr)| (stdout, stderr))
        };
        tokio::pin!(talk);
        let has_ended = ended(leader);
        tokio::pin!(has_ended);
        let (stdout, stderr) = tokio::select! {
            said = &mut talk => {
                let said = said?;
                has_ended.await;
                said
            }
            () = &mut has_ended => {
                // Something that it left behind may hold its output open.
                self.group.kill();
                let said = tokio::time::timeout(LAST_OUTPUT, talk).await;
                said.unwrap_or(Err(CodeHostError::Malformed("its output stays open after its end")))?
            }
        };
        self.group.kill();
        let status = self.child.wait().await.map_err(CodeHostError::Start)?;
        self.group.0 = None;
        Ok(Output { stdout, stderr, status })
    }
}

/// A process group, until its leader has been waited for: from then on its number may be another's.
struct Group(Option<Pid>);

impl Group {
    fn kill(&self) {
        if let Some(leader) = self.0 {
            // There is nobody left, if that fails.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Returns when the process has ended. It is left to be waited for, so that its number stays its own.
async fn ended(leader: Option<Pid>) {
    let Some(leader) = leader else { return };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let wait = move || while matches!(waitid(WaitId::Pid(leader), options), Err(Errno::INTR)) {};
    // It ends at the latest when the group is killed.
    let _ = tokio::task::spawn_blocking(wait).await;
}

/// Starts it from a thread of its own, which has confined itself before: what a thread starts is confined as it is, and
/// no other thread is.
async fn start_within(sandbox: Sandbox, mut command: Command) -> io::Result<Running> {
    let (sender, receiver) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new().name("gh-sandbox".to_owned()).spawn(move || {
        let _runtime = runtime.enter();
        let started = match sandbox.enter() {
            // It could, when it was tried.
            Confinement::Impossible => Err(io::Error::other("it cannot be confined any more")),
            _ => command.spawn().map(Running::of),
        };
        // If nobody waits any more, it is dropped, and killed with all that it has started meanwhile.
        let _ = sender.send(started);
    })?;
    receiver.await.map_err(io::Error::other)?
}

/// Writes all of the input. A process that does not read it to its end says itself what it thinks of it.
async fn write(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
        let _ = stdin.shutdown().await;
    }
}

async fn read(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, CodeHostError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // One more shows that there is too much.
        let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        pipe.take(bound).read_to_end(&mut bytes).await.map_err(CodeHostError::Start)?;
    }
    if bytes.len() > most { Err(CodeHostError::TooLarge { most }) } else { Ok(bytes) }
}
